"""The command line: what it prints, what it writes, and how it says no."""

import argparse
import json
import os
import shutil
import subprocess
import sys

import keras
import pytest
from PIL import Image
from support.command_line import DIGITS, run

import zoo
from zoo import data
from zoo.cli import main, shared_options
from zoo.presets import catalog, loading
from zoo.recipes import training


def run_alone(*arguments):
    command = [sys.executable, "-m", "zoo.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    """A copy of a shipped preset that a test may change."""
    return shutil.copytree(catalog.preset_folder(DIGITS), tmp_path / "copy")


def commands():
    """Return the parsers of all commands, by name."""
    (sub,) = [a for a in main._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return sub.choices


def test_an_option_for_a_list_may_be_given_again():
    """`--drop id --drop name` leaves out both; of a size, the last one counts."""
    found = set()
    for parser in commands().values():
        for action in parser._actions:
            if not action.option_strings or action.nargs != "+":
                continue
            name = action.option_strings[0]
            found.add(name)
            values = (action.type or str)("1"), (action.type or str)("2")
            options = argparse.Namespace(**{action.dest: action.default})
            action(parser, options, [values[0]], name)
            action(parser, options, [values[1]], name)
            expected = values[1:] if name == "--size" else values
            assert getattr(options, action.dest) == list(expected), f"{parser.prog} {name}"
            assert not action.default
    assert found >= {"--drop", "--labels", "--normal", "--only", "--outputs", "--size", "--where"}


# Looking around


def test_without_a_command_all_commands_are_listed(capsys):
    code, _, err = run(capsys)
    assert code == 2
    assert "list the presets" in err
    assert "fine-tune" in err


def test_list_shows_every_preset_with_its_description(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == zoo.list_models()
    for line in lines:
        assert line.endswith(zoo.card(line.split()[0])["description"])


def test_list_takes_a_glob(capsys):
    code, out, _ = run(capsys, "list", "*_digits")
    assert (code, out.split()[0], len(out.splitlines())) == (0, DIGITS, 1)


def test_a_glob_without_matches_gives_all_names(capsys):
    code, out, err = run(capsys, "list", "vae_digitz")
    assert (code, out) == (2, "")
    assert "did you mean 'vae_digits'" in err


@pytest.mark.parametrize("name", zoo.list_models())
def test_card_shows_a_preset(name, capsys):
    code, out, _ = run(capsys, "card", name)
    assert (code, out) == (0, f"{zoo.card(name)}\n")
    code, out, _ = run(capsys, "card", name, "--json")
    assert code == 0
    assert json.loads(out) == zoo.card(name)


def test_card_takes_a_folder(digit_presets, capsys):
    code, out, _ = run(capsys, "card", digit_presets / "mine")
    assert code == 0
    assert out.startswith("mine: VAE")


def test_the_version_is_the_packages(capsys):
    assert run(capsys, "--version") == (0, f"{zoo.__version__}\n", "")


@pytest.mark.parametrize(
    "command", ["list", "card", "demo", "generate", "train", "evaluate", "export"]
)
def test_every_command_explains_itself(command, capsys):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"usage: zoo {command}")
    assert command in run(capsys, "--help")[1]


# Saying no


@pytest.mark.parametrize(
    "arguments",
    [
        ["card", "vae_digit"],
        ["demo", "vae_digit"],
        ["generate", "vae_digit"],
        ["train", "vae_digit", "--out", "out"],
        ["evaluate", "vae_digit"],
        ["export", "vae_digit", "out"],
        ["evaluate", DIGITS, "--data", "digitz"],
    ],
)
def test_the_error_for_an_unknown_name_has_the_nearest(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert err.startswith("zoo: There is no ")
    assert "did you mean" in err
    assert "digits'" in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["lits"],
        ["list", "--unheard-of"],
        ["card"],
        ["train", DIGITS],
        ["train", DIGITS, "--out", "out", "--epochs", "many"],
        ["train", DIGITS, "--out", "out", "--epochs", "0"],
        ["generate", DIGITS, "--n", "0"],
        ["generate", DIGITS, "--picture", "cubism"],
        ["generate", DIGITS, "--labels", "seven"],
        ["export", DIGITS, "out", "--opset", "3"],
        ["export", DIGITS, "out", "--format", "pickle"],
    ],
)
def test_a_wrong_command_line_has_another_exit_code_than_a_failure(arguments, capsys):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "usage: zoo" in err
    assert "error: " in err


@pytest.mark.parametrize(
    "seed", ["-1", "1.5", "one", 2**32, pytest.param("1" * 5000, id="5000 digits")]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", DIGITS],
        ["train", DIGITS, "--out", "out"],
        ["impute", DIGITS, "rows.csv", "--out", "full.csv"],
        ["compare", "rows.csv", "rows.csv"],
        ["detect", "VAE", "rows.csv"],
    ],
)
def test_a_seed_is_a_whole_number_of_32_bits(arguments, seed, capsys):
    code, _, err = run(capsys, *arguments, "--seed", seed)
    assert code == 2
    assert f"{seed} is not a whole number from 0 to 4,294,967,295" in err


def test_the_least_and_the_largest_seed_are_taken():
    assert [shared_options.seed(text) for text in ("0", "4294967295")] == [0, 2**32 - 1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", DIGITS, "--picture", "manifold"], "2 latent dimensions, not 4"),
        (["generate", DIGITS, "--picture", "styles"], "conditional model"),
        (["generate", DIGITS, "--labels", "7"], "takes no labels"),
        (["generate", "classes", "--labels", "1", "2", "--n", "1"], "2 classes for 1 images"),
        (["generate", "classes", "--picture", "styles", "--labels", "7"], "samples, traversal"),
        (
            ["generate", DIGITS, "--picture", "codes", "--seed", "7"],
            "samples, styles, restorations",
        ),
        (
            ["generate", DIGITS, "--picture", "filters", "--n", "7"],
            "has no effect on the picture",
        ),
        (["generate", DIGITS, "--picture", "codes", "--cmap", "hot"], "has no effect"),
        (["generate", "classes", "--picture", "traversal", "--labels", "1", "2"], "shows one"),
        (["generate", DIGITS, "--cmap", "unheard"], "unheard"),
        (["generate", "classes", "--labels", "10"], "from 0 to 9"),
        (["generate", DIGITS, "--out", "picture.unheard"], "unheard"),
        (["generate", "."], "holds no card.json"),
        (["evaluate", "mine"], "give --data"),
        (["generate", "mine", "--picture", "codes"], "does not say what it was trained on"),
        (["train", DIGITS, "--out", "mine"], "exists already"),
        (["export", DIGITS, "mine"], "exists already"),
    ],
)
def test_failures_give_one_line_and_write_nothing(
    arguments, says, digit_presets, capsys, monkeypatch
):
    monkeypatch.chdir(digit_presets)
    before = sorted(os.listdir(digit_presets))
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert err.startswith("zoo: ")
    assert says in err
    assert "Traceback" not in err
    assert sorted(os.listdir(digit_presets)) == before


def test_ctrl_c_has_another_exit_code_than_a_failure(capsys, monkeypatch, tmp_path):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupt)
    code, _, err = run(capsys, "train", DIGITS, "--out", tmp_path / "out")
    assert code == 130
    assert "interrupted" in err


BELOW = ["a_file/below", "a_file/deep/below"]


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", DIGITS, "--out"],
        ["train", DIGITS, "--out", "new", "--data", "images", "--cache"],
        ["export", DIGITS],
        ["demo", DIGITS, "--out"],
        ["generate", DIGITS, "--out"],
        ["generate", DIGITS, "--picture", "samples", "--out"],
        ["reproduce", "two_modes", "--out"],
        ["detect", DIGITS, "nothing.npy", "--out"],
        ["detect", DIGITS, "nothing.npy", "--out", "new", "--save"],
    ],
)
def test_a_target_below_a_file_is_refused_before_any_work(
    arguments, below, capsys, monkeypatch, tmp_path
):
    import zoo.experiments
    import zoo.search  # noqa: F401  # they keep what they import: not the replacements below
    from zoo.data import folders

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").write_text("mine")
    (tmp_path / "images").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "images" / "a.png")
    for place, name in ((loading, "load"), (folders, "_decode_into"), (data, "load")):
        monkeypatch.setattr(place, name, lambda *_, **__: pytest.fail("work began"))
    code, _, err = run(capsys, *arguments, below)
    assert code == 1
    assert "a_file is a file, not a folder: choose another place" in err
    assert sorted(os.listdir(tmp_path)) == ["a_file", "images"]


def test_an_interrupted_training_says_where_its_state_is_and_how_large(
    capsys, monkeypatch, tmp_path
):
    from zoo.training.callbacks import Progress

    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt  # after the state of the first epoch was written

    monkeypatch.setattr(Progress, "on_epoch_end", interrupt)
    code, _, err = run(capsys, "train", DIGITS, "--epochs", "3", "--out", tmp_path / "out")
    assert code == 130
    (progress,) = tmp_path.iterdir()
    size = sum(path.stat().st_size for path in progress.iterdir())
    first, second = err.splitlines()
    assert first == "zoo: interrupted; no incomplete preset or file was left"
    assert f"is kept in {progress} ({size / 1e6:.1f} MB): the same command continues" in second


def test_an_unavailable_data_set_gives_one_line(capsys, monkeypatch):
    def unreachable():
        raise RuntimeError("no route")

    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", unreachable)
    code, _, err = run(capsys, "evaluate", DIGITS, "--data", "mnist")
    assert code == 1
    assert "ZOO_DATA" in err


@pytest.mark.slow
def test_a_process_of_its_own_exits_with_the_same_codes(copy):
    unknown = run_alone("card", "vae_digit")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "did you mean" in unknown.stderr
    weights = copy / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])
    altered = run_alone("generate", copy, "--out", copy.parent / "picture.png")
    assert altered.returncode == 1
    assert altered.stderr.splitlines()[-1].startswith("zoo: ")
    assert "changed or is incomplete" in altered.stderr
    assert "Traceback" not in altered.stderr
    assert os.listdir(copy.parent) == ["copy"]


# Figures and trainings


def test_evaluate_gives_the_same_metrics_twice_and_updates_card_and_readme(copy, capsys):
    before = (copy / "card.json").read_bytes()
    first = run(capsys, "evaluate", copy)
    assert first[0] == 0
    assert "negative ELBO: " in first[1]
    assert (copy / "card.json").read_bytes() == before
    card = json.loads(before)
    card["figures"] = []
    (copy / "card.json").write_text(json.dumps(card))
    (copy / "README.md").write_text("old")
    second = run(capsys, "evaluate", copy, "--update")
    assert second[0] == 0
    assert second[1].startswith(first[1])
    assert "written into" in second[1]
    metrics = zoo.card(copy)["figures"]
    assert [m["name"] for m in metrics][:2] == ["reconstruction error", "negative ELBO"]
    for metric in metrics:
        assert metric["command"] == f"zoo evaluate {DIGITS} --update"
        assert f"{metric['name']}: {metric['value']}" in first[1]
        assert metric["protocol"] in (copy / "README.md").read_text()
    zoo.load(copy)


def test_train_writes_a_preset_that_evaluate_measures(capsys, tmp_path):
    out = tmp_path / "trained"
    code, printed, _ = run(capsys, "train", DIGITS, "--out", out, "--epochs", 1)
    assert code == 0
    assert f"{out} is written. Measure it: zoo evaluate {out} --update" in printed
    assert zoo.card(out)["recipe"]["epochs"] == 1
    assert run(capsys, "evaluate", out, "--update")[0] == 0
    assert zoo.card(out)["figures"]
    assert os.listdir(tmp_path) == ["trained"]
    _, (x, _) = data.load("digits")
    assert zoo.load(out).encode(x[:2]).shape == (2, 4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export needs TensorFlow")
def test_export_writes_proved_files(capsys, tmp_path):
    out = tmp_path / "out"
    code, printed, _ = run(capsys, "export", DIGITS, out, "--format", "onnx", "--variant", "int8")
    assert code == 0
    assert f"{out} is written." in printed
    assert "reconstruction error" in printed
    assert (out / "decoder" / "model.int8.onnx").is_file()
    assert (out / "decoder" / "model.onnx").is_file()
    assert (out / "encoder" / "parity.json").is_file()
    code, _, err = run(capsys, "export", DIGITS, out, "--format", "onnx")
    assert code == 1
    assert "exists already" in err


def test_reproduce_prints_the_table_that_it_writes(capsys, tmp_path, monkeypatch):
    from zoo import experiments

    table = experiments.Table("A comparison", "MNIST.", ("model", "error"), [["PCA", 13.87]])
    toy = experiments.Experiment("toy", lambda verbose: table, 1, "A toy.")
    monkeypatch.setitem(experiments.EXPERIMENTS, "toy", toy)
    code, printed, _ = run(capsys, "reproduce", "toy", "--out", tmp_path / "results")
    assert code == 0
    assert "A comparison" in printed
    assert "PCA" in printed
    assert os.listdir(tmp_path / "results") == ["toy.json"]
    (tmp_path / "results" / "toy.json").write_text("measured for days")
    code, _, err = run(capsys, "reproduce", "toy", "--out", tmp_path / "results")
    assert (code, "--overwrite" in err) == (1, True)
    assert (tmp_path / "results" / "toy.json").read_text() == "measured for days"
    again = "reproduce", "toy", "--out", tmp_path / "results", "--overwrite"
    assert run(capsys, *again)[0] == 0
    assert "PCA" in (tmp_path / "results" / "toy.json").read_text()
    code, _, err = run(capsys, "reproduce", "toi", "--out", tmp_path / "results")
    assert code == 2
    assert "'toy'" in err
    code, printed, _ = run(capsys, "reproduce", "toy", "--list")
    assert (code, "all rows together" in printed) == (0, True)
    code, printed, _ = run(capsys, "reproduce", "spread", "--list")
    assert (code, printed.splitlines()[0]) == (0, "vae_mnist")
    code, _, err = run(capsys, "reproduce", "spraed", "--list")
    assert (code, "'spread'" in err) == (2, True)
