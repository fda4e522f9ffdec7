"""`zoo detect CLASS`: the command trains and finds the same as `Detector(CLASS)` in Python."""

import csv

import numpy as np
import pytest
from PIL import Image
from support.command_line import run

import zoo
from zoo.anomaly import Detector

FIT = {"epochs": 1, "verbose": 0}
SETTINGS = {"latent_dim": 2, "hidden_units": (8,), "seed": 3, "quantile": 0.8}
OPTIONS = ("--latent-dim", 2, "--hidden-units", 8, "--seed", 3, "--quantile", 0.8, "--epochs", 1)
GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(60, 4)).astype("float32") * [1, 100, 1e-3, 7] + [0, 1000, 0, 3]
SIGNALS = GENERATOR.normal(size=(40, 12, 3)) * [1e-3, 1, 1e4] + [0, 5, 0]
BYTES = GENERATOR.integers(0, 255, (40, 8, 8)).astype("uint8")


def found(folder):
    """Return the scores and decisions of a report."""
    with open(folder / "report" / "scores.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row["score"]), float(row["is_anomaly"])] for row in rows])


def same(detector, x, folder):
    scores = detector.scores(x)
    table = found(folder)
    np.testing.assert_allclose(table[:, 0], scores, rtol=1e-5)
    np.testing.assert_array_equal(table[:, 1] == 1, detector.predict(x) == -1)


def detect(capsys, folder, train, data, *options):
    paths = [folder / data, "--train-data", folder / train, "--out", folder / "report"]
    code, out, err = run(capsys, "detect", "VAE", *paths, *OPTIONS, *options)
    assert code == 0, err  # it warns that a quantile needs more items
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "options", "settings"),
    [
        (ROWS, ["--standardize"], {"standardize": True}),
        (SIGNALS, ["--standardize", "--names", "a", "b", "c"], {"standardize": True}),
        pytest.param(SIGNALS[..., :1] * 1e3, [], {}, marks=pytest.mark.slow),
        pytest.param(BYTES[..., None] / np.float32(255), [], {}, marks=pytest.mark.slow),
    ],
    ids=["rows", "signals", "one channel", "images"],
)
def test_arrays(x, options, settings, capsys, tmp_path):
    train, new = x[:30], x[30:]
    for name, part in (("train", train), ("new", new)):
        np.save(tmp_path / f"{name}.npy", part)
    out = detect(capsys, tmp_path, "train.npy", "new.npy", *options)
    assert f"training a VAE on 30 {zoo.checks.words.kind_of_items(x.shape[1:])}" in out
    x = x.astype("float32")
    same(Detector("VAE", **SETTINGS, **settings).fit(x[:30], **FIT), x[30:], tmp_path)


@pytest.mark.slow
def test_bytes_are_images_in_0_to_1(capsys, tmp_path):
    np.save(tmp_path / "x.npy", BYTES)
    detect(capsys, tmp_path, "x.npy", "x.npy")
    x = BYTES[..., None] / np.float32(255)
    same(Detector("VAE", **SETTINGS).fit(x, **FIT), x, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "standardize",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["likelihood", "numbers"],
)
def test_tables(standardize, capsys, tmp_path):
    lines = [f"{a:.6g},{b:.6g},{'old' if c > 0 else 'new'}" for a, b, c, _ in ROWS]
    for name, part in (("train", lines[:40]), ("new", lines[40:])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["size,speed,kind", *part]))
    options = ["--standardize"] if standardize else []
    detect(capsys, tmp_path, "train.csv", "new.csv", *options)
    table = zoo.data.from_table(tmp_path / "train.csv", validation=0)
    settings = {"standardize": True} if standardize else {"likelihood": table.likelihood()}
    detector = Detector("VAE", **SETTINGS, **settings).fit(table.rows, **FIT)
    new = zoo.data.from_table(tmp_path / "new.csv", columns=table.columns, validation=0)
    same(detector, new.rows, tmp_path)


@pytest.mark.slow
def test_normal_rows_need_no_labels_and_no_ids(capsys, tmp_path):
    lines = [f"{a:.6g},{b:.6g}" for a, b, *_ in ROWS]
    (tmp_path / "train.csv").write_text("\n".join(["size,speed", *lines[:40]]))
    new = [f"{line},{i},{i % 2}" for i, line in enumerate(lines[40:])]
    (tmp_path / "new.csv").write_text("\n".join(["size,speed,machine,broken", *new]))
    out = detect(capsys, tmp_path, "train.csv", "new.csv", "--id", "machine", "--labels", "broken")
    assert "AUROC" in out


def test_folders_of_images(capsys, tmp_path):
    for kind, part in (("train", BYTES[:30]), ("new", BYTES[30:])):
        (tmp_path / kind).mkdir()
        for i, pixels in enumerate(part):
            Image.fromarray(pixels).save(tmp_path / kind / f"{i:02}.png")
    detect(capsys, tmp_path, "train", "new", "--size", 8, "--channels", 1)
    folders = [
        zoo.data.from_folder(tmp_path / kind, 8, channels=1, validation=share)
        for kind, share in (("train", 0.1), ("new", 0))
    ]
    detector = Detector("VAE", **SETTINGS).fit(folders[0], **FIT)
    same(detector, folders[1], tmp_path)


@pytest.mark.slow
def test_without_train_data_the_data_themselves_are_learned(capsys, tmp_path):
    np.save(tmp_path / "x.npy", SIGNALS)
    options = ("--standardize", "--contamination", 0.2, "--latent-dim", 2, "--hidden-units", 8)
    paths = (tmp_path / "x.npy", "--out", tmp_path / "report", "--save", tmp_path / "kept")
    named = ("--names", "a", "b", "c", "--units", "m", "s", "kg")
    code, out, err = run(capsys, "detect", "VAE", *paths, *options, *named, "--epochs", 1)
    assert (code, err) == (0, "")
    assert "8 of 40 items" in out
    settings = {"latent_dim": 2, "hidden_units": (8,), "standardize": True}
    detector = Detector("VAE", contamination=0.2, **settings).fit(SIGNALS, **FIT)
    same(detector, SIGNALS, tmp_path)
    kept = zoo.anomaly.load(tmp_path / "kept")
    assert (kept.names, kept.units) == (("a", "b", "c"), ("m", "s", "kg"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["VAE", "{x}", "--latent-dims", 2], 1, "latent_dims"),
        (["VAE", "{x}", "--size", 8], 1, "for folders of images"),
        (["VAE", "{x}", "--drop", "a"], 1, "--drop is for tables"),
        (["vae_digits", "{x}", "--epochs", 1], 1, "--epochs is for a class"),
        (["CVAE", "{x}", "--latent-dim", 2], 1, "conditional"),
        (["Bernoulli", "{x}"], 2, "no preset"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, code, said, capsys, tmp_path):
    np.save(tmp_path / "x.npy", BYTES)
    arguments = [str(a).format(x=tmp_path / "x.npy") for a in arguments]
    found, _, err = run(capsys, "detect", *arguments, "--out", tmp_path / "report")
    assert (found, said in err) == (code, True), err
    assert not (tmp_path / "report").exists()


def test_settings_are_for_classes(capsys, tmp_path):
    arguments = ("vae_digits", "x.npy", "--out", tmp_path / "r", "--latent-dim", 2)
    code, _, err = run(capsys, "detect", *arguments)
    assert code == 2
    assert "unrecognized arguments: --latent-dim 2" in err
