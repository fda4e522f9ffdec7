"""The command line: the pictures that it draws of presets."""

import os

import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.command_line import DIGITS, run

import zoo


@pytest.mark.parametrize(
    "arguments",
    [
        [DIGITS],
        [DIGITS, "--n", "7", "--seed", "3"],
        [DIGITS, "--picture", "reconstructions"],
        [DIGITS, "--picture", "codes"],
        [DIGITS, "--picture", "traversal"],
        ["flat", "--picture", "manifold"],
        ["flat", "--picture", "bubbles"],
        ["flat", "--picture", "photographs", "--n", "3"],
        ["classes", "--picture", "interpolations"],
        ["classes", "--picture", "styles"],
        ["classes", "--picture", "analogies", "--n", "3"],
        ["classes", "--picture", "reconstructions"],
        ["classes", "--picture", "traversal", "--labels", "4"],
        ["classes", "--labels", "7", "--n", "5"],
        ["classes", "--labels", "1", "2", "3"],
        ["classes", "--picture", "styles", "--n", "3", "--seed", "2", "--cmap", "gray"],
        ["classes", "--picture", "interpolations", "--n", "2"],
    ],
)
def test_generate_writes_a_picture(arguments, digit_presets, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(digit_presets)
    out = tmp_path / "picture.png"
    assert run(capsys, "generate", *arguments, "--out", out) == (0, f"{out}\n", "")
    assert out.read_bytes()[1:4] == b"PNG"


def test_a_model_that_restores_images_shows_that(capsys, tmp_path, monkeypatch):
    model = zoo.DenoisingAutoencoder((8, 8, 1), 2, hidden_units=(4,))
    zoo.save(model, tmp_path / "restoring", about={"recipe": {"data": "digits"}})
    monkeypatch.chdir(tmp_path)
    expected = (0, "restoring_restorations.png\n", "")
    assert run(capsys, "generate", "./restoring") == expected


def test_labels_come_in_turn_and_rows_are_counted(digit_presets, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(digit_presets)
    asked = []
    for name in ("samples", "style_grid"):

        def picture(model, **options):
            asked.append(options)
            return Figure()

        monkeypatch.setattr(zoo.plots, name, picture)
    for arguments in (
        ["--labels", "0", "5", "9", "--n", "24"],
        ["--picture", "styles", "--n", "3"],
    ):
        run(capsys, "generate", "classes", *arguments, "--out", tmp_path / arguments[1])
    samples, styles = asked
    assert samples["labels"] == [0, 5, 9] * 8
    assert (samples["rows"], samples["columns"]) == (2, 12)
    assert styles["styles"] == 3


def test_a_manifold_is_shown_without_the_images_too(capsys, tmp_path, monkeypatch, digit_presets):
    def missing(name):
        raise OSError(f"{name} is not there")

    monkeypatch.setattr(zoo.data, "load", missing)
    out = tmp_path / "picture.png"
    arguments = "generate", digit_presets / "flat", "--out", out, "--picture"
    status, printed, complaint = run(capsys, *arguments, "manifold")
    assert (status, printed) == (0, f"{out}\n")
    assert complaint == "The codes of real images are left out: digits is not there\n"
    with Image.open(out) as image:
        assert image.width < 700  # one panel
    status, _, complaint = run(capsys, *arguments, "codes", "--overwrite")
    assert (status, "digits is not there" in complaint) == (1, True)


def test_a_picture_is_named_after_the_preset_and_its_kind(
    capsys, tmp_path, monkeypatch, digit_presets
):
    monkeypatch.chdir(tmp_path)
    run(capsys, "generate", DIGITS, "--n", 2)
    run(capsys, "generate", f"{digit_presets / 'flat'}{os.sep}", "--picture", "traversal")
    assert sorted(os.listdir(tmp_path)) == ["flat_traversal.png", "vae_digits_samples.png"]


def test_a_model_without_a_prior_shows_reconstructions(
    capsys, tmp_path, monkeypatch, digit_presets
):
    monkeypatch.chdir(tmp_path)
    zoo.save(
        zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,)),
        "plain",
        about={"recipe": {"data": "digits"}},
    )
    run(capsys, "generate", "plain")
    assert "plain_reconstructions.png" in os.listdir(tmp_path)


@pytest.mark.parametrize("picture", ["recolorings", "translations"])
def test_a_picture_of_another_kind_of_model_is_refused(picture, capsys, tmp_path):
    out = tmp_path / "picture.png"
    status, _, complaint = run(capsys, "generate", DIGITS, "--picture", picture, "--out", out)
    assert (status, out.exists()) == (1, False)
    assert "VAE does not" in complaint


def test_a_picture_is_replaced_only_when_asked(capsys, tmp_path):
    out = tmp_path / "picture.png"
    out.write_text("mine")
    code, _, err = run(capsys, "generate", DIGITS, "--out", out)
    assert code == 1
    assert "exists already" in err
    assert "--overwrite" in err
    assert out.read_text() == "mine"
    assert run(capsys, "generate", DIGITS, "--out", out, "--overwrite")[0] == 0
    assert out.read_bytes()[1:4] == b"PNG"


def test_a_seed_gives_the_same_picture(capsys, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(capsys, "generate", DIGITS, "--n", 4, "--seed", seed, "--out", tmp_path / f"{name}.png")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_picture_without_an_ending_is_a_png_that_is_named_and_kept(capsys, tmp_path):
    code, printed, _ = run(capsys, "generate", DIGITS, "--out", tmp_path / "mine")
    assert (code, printed.strip()) == (0, str(tmp_path / "mine.png"))
    before = (tmp_path / "mine.png").read_bytes()
    code, _, err = run(capsys, "generate", DIGITS, "--out", tmp_path / "mine", "--seed", 5)
    assert code == 1
    assert "mine.png exists already" in err
    assert (tmp_path / "mine.png").read_bytes() == before
