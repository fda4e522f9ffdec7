"""`zoo detect` and its report."""

import csv
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.command_line import DIGITS, run

import zoo
import zoo.cli.main
from zoo.anomaly import Detector, write_report


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of data files: the test digits as bytes, their labels, and a detector."""
    folder = tmp_path_factory.mktemp("data")
    x, y = zoo.data.load("digits")[1]
    np.save(folder / "x.npy", np.round(255 * x[..., 0]).astype("uint8"))
    np.save(folder / "y.npy", y)
    np.savez(folder / "both.npz", x=x, y=y)
    Detector(zoo.load(DIGITS), quantile=0.95).fit(x).save(folder / "detector")
    return folder


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_preset_scores_a_file(data, tmp_path, capsys):
    out = tmp_path / "report"
    arguments = ("detect", DIGITS, data / "x.npy", "--out", out, "--contamination", 0.05)
    code, printed, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "18 of 360 items" in printed
    rows = rows_of(out / "scores.csv")
    assert sum(row["is_anomaly"] == "1" for row in rows) == 18
    pixels = np.load(data / "x.npy")[..., None].astype("float32") / 255
    expected = Detector(zoo.load(DIGITS)).scores(pixels)
    np.testing.assert_allclose([float(row["score"]) for row in rows], expected, rtol=1e-5)
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert "exists already" in err


def test_a_detector_keeps_its_threshold_and_labels_give_a_roc_curve(data, tmp_path, capsys):
    out = tmp_path / "report"
    arguments = ("--array", "x", "--labels", data / "y.npy", "--normal", 0, 1, "--out", out)
    code, printed, err = run(capsys, "detect", data / "detector", data / "both.npz", *arguments)
    assert (code, err) == (0, "")
    assert "18 of 360 items" in printed
    scores = [float(row["score"]) for row in rows_of(out / "scores.csv")]
    area = roc_auc_score(np.load(data / "y.npy") > 1, scores)
    assert f"AUROC {area:.4f}" in printed
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"{area:.4f}" in page
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 3
    assert not re.search(r'(src|href)="(?!data:)', page)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--normal", "0"], "give both"),
        (["--labels", "{y}", "--normal", "0", "12"], r"names the classes \[12\]"),
        (["--labels", "{y}"], "1 stands for anomalies"),
        (["--contamination", "0.7"], "contamination is 0.7"),
        (["--score", "energy"], "not for a VAE"),
        (["--train-data", "{both}"], "choose one with --array"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said, data, tmp_path, capsys):
    arguments = [a.format(y=data / "y.npy", both=data / "both.npz") for a in arguments]
    out = tmp_path / "report"
    code, _, err = run(capsys, "detect", DIGITS, data / "x.npy", "--out", out, *arguments)
    assert code == 1
    assert re.search(said, err)
    assert not out.exists()


def test_a_detector_takes_no_other_threshold(data, tmp_path, capsys):
    arguments = ("--out", tmp_path / "report", "--quantile", 0.9)
    code, _, err = run(capsys, "detect", data / "detector", data / "x.npy", *arguments)
    assert code == 1
    assert "leave out --quantile" in err


def test_files_that_hold_no_numbers_are_refused(data, tmp_path, capsys):
    (tmp_path / "text.npy").write_text("no numbers")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    for name in ("text.npy", "objects.npy"):
        code, _, err = run(capsys, "detect", DIGITS, tmp_path / name, "--out", tmp_path / "report")
        assert code == 1
        assert "is not an .npy or .npz file of numbers" in err


def test_an_unknown_preset_is_answered_with_the_nearest(data, tmp_path, capsys):
    code, _, err = run(capsys, "detect", "vae_digitz", data / "x.npy", "--out", tmp_path / "report")
    assert code == 2
    assert "did you mean 'vae_digits'" in err


def test_rows_of_a_table_are_drawn(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 4)) * [1, 10, 100, 1000]
    detector = Detector("Autoencoder", latent_dim=2, hidden_units=(4,), standardize=True)
    found = write_report(detector.fit(x, epochs=1, verbose=0), x, tmp_path / "report", top=3)
    assert (found["items"], found["anomalies"]) == (30, 3)
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("labels", [np.ones(360), np.zeros(10), np.arange(360)])
def test_labels_that_give_no_curve_are_refused(labels, data, tmp_path):
    detector = Detector(zoo.load(DIGITS))
    with pytest.raises(ValueError, match="labels"):
        write_report(detector, zoo.data.load("digits")[1][0], tmp_path / "out", is_anomaly=labels)
    assert not list(tmp_path.iterdir())


def test_the_page_names_the_columns_that_are_to_blame(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    names = ("age", "<b>", "weight")
    columns = zoo.GaussianColumns.adapted(rows, names)
    model = zoo.Autoencoder((3,), 2, hidden_units=(8,), likelihood=columns)
    detector = Detector(model).fit(rows, epochs=1, verbose=0)
    rows[7, 1] = 30
    write_report(detector, rows, tmp_path / "report", top=2)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<td>7</td>" in page
    assert "<td>&lt;b&gt; is 30, reconstructed " in page
    assert "<b>" not in page


@pytest.mark.slow
def test_a_saved_detector_orders_the_columns_of_a_file_by_name(tmp_path, capsys):
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 50.0] + [0.0, 400.0]
    table = pandas.DataFrame(x, columns=["small", "large"])
    options = {"latent_dim": 1, "hidden_units": (4,), "standardize": True}
    detector = zoo.anomaly.Detector("Autoencoder", **options).fit(table, epochs=1, verbose=0)
    detector.save(tmp_path / "detector")
    table[["large", "small"]].to_csv(tmp_path / "t.csv", index=False)
    paths = [str(tmp_path / name) for name in ("detector", "t.csv", "report")]
    assert zoo.cli.main.main(["detect", *paths[:2], "--out", paths[2]]) == 0
    assert "used in the order" not in capsys.readouterr().out
    with open(tmp_path / "report" / "scores.csv", encoding="utf-8") as file:
        scores = [float(row["score"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(scores, detector.scores(table), rtol=1e-5)
