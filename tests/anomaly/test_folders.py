"""Detectors of images in folders: fit, the command, its report, and which paths are told."""

import csv
import re
import shutil
from html import unescape
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from support.command_line import run

import export
import zoo
from zoo.anomaly import Detector, load, write_report

ODD = "a b\" onerror=x'<b>&#1.png"  # a name that would end an attribute, or start a tag
SETTINGS = {"latent_dim": 2, "hidden_units": (8,), "likelihood": "gaussian"}
FIT = {"epochs": 1, "verbose": 0}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Photographs of parts: good and scratched, a file that is none, and an odd name."""
    folder = tmp_path_factory.mktemp("secret-customer") / "parts"
    draw = np.random.default_rng(0)
    for kind, n in (("good", 20), ("scratched", 4)):
        (folder / kind).mkdir(parents=True)
        for i in range(n):
            pixels = draw.normal(120, 10, (12, 12)).clip(0, 255).astype("uint8")
            if kind == "scratched":
                pixels[4] = 255
            Image.fromarray(pixels).save(folder / kind / f"{i:02}.png")
    shutil.copy(folder / "scratched" / "00.png", folder / "scratched" / ODD)
    return folder


@pytest.fixture(scope="module")
def images(parts):
    return zoo.data.from_folder(parts, 8, channels=1)


@pytest.fixture(scope="module")
def detector(images):
    return Detector("VAE", **SETTINGS).fit(images, **FIT)


def array(images):
    return np.asarray(images.images)


def test_all_images_are_learned_and_scored_in_the_order_of_the_files(images, detector):
    x = array(images)
    assert len(x) == 25
    assert len(detector.calibration) == 25
    expected = Detector("VAE", **SETTINGS).fit(x, **FIT)
    np.testing.assert_allclose(detector.scores(images), expected.scores(x), rtol=1e-4)
    np.testing.assert_array_equal(detector.predict(images), detector.predict(x))
    np.testing.assert_array_equal(detector.explain(images), detector.explain(x))
    sampled = Detector(detector.model, score="elbo", samples=2).fit(images)
    np.testing.assert_array_equal(sampled.scores(images), sampled.scores(x))


@pytest.mark.slow
def test_images_kept_for_validation_set_a_threshold_of_normal_data(images):
    _, (kept, _) = images
    found = Detector("VAE", **SETTINGS, quantile=0.5).fit(images, **FIT)
    np.testing.assert_allclose(found.calibration, found.scores(kept), rtol=1e-5)
    again = Detector(found.model, quantile=0.5).fit(images)  # nothing is trained: all set it
    assert len(again.calibration) == len(images.images)
    given = Detector("VAE", **SETTINGS, quantile=0.5).fit(images, validation_data=images, **FIT)
    assert len(given.calibration) == len(images.images)
    split = Detector("VAE", **SETTINGS, quantile=0.5).fit(images, validation_split=0.2, **FIT)
    assert len(split.calibration) == 5


def test_the_report_shows_images_with_maps_and_links_to_their_files(images, detector, tmp_path):
    write_report(detector, images, tmp_path / "report", top=25)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    with open(tmp_path / "report" / "scores.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == list(images.files)
    links = [unquote(unescape(link)) for link in re.findall(r'<a href="([^"]*)"', page)]
    order = np.argsort([-float(row["score"]) for row in rows], kind="stable")
    expected = [(images.folder / rows[i]["file"]).resolve() for i in order]
    assert [(tmp_path / "report" / link).resolve() for link in links] == expected
    assert all(path.is_file() for path in expected)
    assert page.count('<img alt="map"') == page.count('<img alt="reconstruction"') == 25
    assert ODD not in page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert not re.search(r"<[^>]*\sonerror=", re.sub(r'"[^"]*"', "", page))
    assert str(images.folder.parent) not in page


def test_files_that_cannot_be_read_are_named_on_the_page(parts, detector, tmp_path):
    (tmp_path / "some").mkdir()
    shutil.copy(parts / "good" / "00.png", tmp_path / "some")
    (tmp_path / "some" / "<i>.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="cannot be read"):
        some = zoo.data.from_folder(tmp_path / "some", 8, channels=1, validation=0)
    write_report(detector, some, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Files without a score, because they cannot be read: &lt;i&gt;.png." in page


@pytest.mark.slow
def test_nothing_but_the_report_tells_where_the_images_are(images, detector, tmp_path):
    detector.save(tmp_path / "saved")
    export.export_model(load(tmp_path / "saved"), tmp_path / "out", formats=("onnx",))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert b"secret-customer" not in path.read_bytes(), path
    session = export.load(tmp_path / "out" / "detector")
    np.testing.assert_allclose(
        session(x=array(images))["score"], detector.scores(images), rtol=1e-3, atol=1e-3
    )


@pytest.mark.slow
def test_the_command_takes_folders(parts, detector, tmp_path, capsys):
    zoo.save(detector.model, tmp_path / "model")
    code, printed, err = run(
        capsys,
        *("detect", tmp_path / "model", parts, "--train-data", parts / "good", "--quantile", 0.8),
        *("--labels", "from_subfolders", "--normal", "good", "--score", "reconstruction"),
        *("--out", tmp_path / "report", "--save", tmp_path / "saved", "--cache", tmp_path / "c"),
    )
    assert (code, err) == (0, "")
    assert "AUROC" in printed
    saved = load(tmp_path / "saved")
    good = zoo.data.from_folder(parts / "good", 8, channels=1)
    expected = Detector(saved.model, score="reconstruction", quantile=0.8).fit(good)
    assert saved.threshold == pytest.approx(expected.threshold, rel=1e-5)
    with open(tmp_path / "report" / "scores.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [
        str(int(row["file"].startswith("scratched"))) for row in rows
    ]
    saved_again = ("detect", tmp_path / "saved", parts / "scratched", "--out", tmp_path / "second")
    assert run(capsys, *saved_again)[0] == 0
    assert '<img alt="map"' in (tmp_path / "second" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--labels", "from_subfolders"), "name those with normal images, such as --normal good"),
        (("--labels", "from_subfolders", "--normal", "bad"), "good, scratched"),
        (("--array", "x"), "--array is for .npz files"),
        (("--id", "name"), "--id is for tables"),
    ],
)
def test_what_does_not_go_with_a_folder_is_refused(
    parts, detector, tmp_path, capsys, more, message
):
    detector.save(tmp_path / "saved")
    out = ("--out", tmp_path / "report")
    code, _, err = run(capsys, "detect", tmp_path / "saved", parts, *out, *more)
    assert code != 0
    assert message in err
    assert not (tmp_path / "report").exists()


def test_a_model_of_rows_takes_no_folder(parts, tmp_path, capsys):
    rows = np.random.default_rng(0).random((20, 3), "float32")
    Detector("VAE", **SETTINGS).fit(rows, **FIT).save(tmp_path / "saved")
    code, _, err = run(capsys, "detect", tmp_path / "saved", parts, "--out", tmp_path / "report")
    assert code == 1
    assert "items of shape (3,)" in err


def test_a_model_that_is_made_for_a_folder_has_the_calibrated_score(tmp_path):
    generator = np.random.default_rng(0)
    for i in range(12):
        pixels = generator.integers(0, 256, (16, 16)).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    images = zoo.data.from_folder(tmp_path, 16, channels=1, validation=0.4)
    settings = {"latent_dim": 2, "hidden_units": (8,)}
    detector = Detector("VAE", quantile=0.5, **settings).fit(images, epochs=1, verbose=0)
    assert detector.score == "calibrated_error"
    assert detector.maps(images).shape == (12, 16, 16)
    of_arrays = Detector("VAE", **settings).fit(array(images), epochs=1, verbose=0)
    assert of_arrays.score == "largest_error"
    given = Detector("VAE", score="reconstruction", **settings).fit(images, epochs=1, verbose=0)
    assert given.score == "reconstruction"
