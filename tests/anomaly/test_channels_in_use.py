"""Signals whose channels have units, and detectors of a class: renewed, compared and watched."""

import csv

import numpy as np
import pytest
from support.command_line import run

import zoo
from zoo.anomaly import Detector, compare, drift

SIZES = np.array([1e-3, 1.0, 1e5])
NAMES, UNITS = ("vibration", "pressure", "load"), ("m", "bar", "N")
SETTINGS = {"latent_dim": 2, "hidden_units": (8,)}


def signals(n, seed, noise=0.1):
    """Return sines in three channels of different sizes, [n, 12, 3]."""
    generator = np.random.default_rng(seed)
    start = generator.uniform(0, 2 * np.pi, (n, 1, 1))
    x = np.sin(start + np.arange(12)[:, None] * 0.5 + np.arange(3))
    return (x + noise * generator.normal(size=x.shape) + 4.0) * SIZES


@pytest.fixture(scope="module")
def detector():
    made = Detector("VAE", standardize=True, quantile=0.9, names=NAMES, units=UNITS, **SETTINGS)
    return made.fit(signals(100, 0), epochs=1, verbose=0)


def same_but_for(again, detector):
    """Assert that the scale, names and units are as before, and the normal errors are not."""
    np.testing.assert_array_equal(again.mean, detector.mean)
    np.testing.assert_array_equal(again.deviation, detector.deviation)
    assert (again.names, again.units) == (NAMES, UNITS)
    assert (again.normal_error != detector.normal_error).all()


@pytest.mark.slow
@pytest.mark.parametrize("train", [True, False])
def test_channels_keep_their_scale_and_get_new_normal_errors(train, detector, tmp_path):
    detector.save(tmp_path / "detector")
    again = zoo.anomaly.load(tmp_path / "detector")
    x = 2 * signals(60, 1, noise=0.5)
    again.fit(x, train=train, epochs=2, validation_split=0, verbose=0)
    same_but_for(again, detector)
    assert (again.retrained is not None) == train
    kept = again.scores(x) <= np.float32(again.threshold)
    errors = again.explain(x[kept]).mean(axis=1)
    np.testing.assert_allclose(again.normal_error, np.quantile(errors, 0.95, axis=0), rtol=1e-4)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_signals_are_renewed_compared_and_watched_by_commands(detector, tmp_path, capsys):
    x = signals(40, 2, noise=0.3)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "days.npy", np.datetime64("2026-01-20") + np.arange(40))
    old, new, out = (tmp_path / name for name in ("old", "new", "report"))
    detector.save(old)
    trained = ("--train", "--epochs", 1)
    code, _, err = run(capsys, "renew", old, tmp_path / "x.npy", *trained, "--out", new)
    assert code == 0, err
    renewed = zoo.anomaly.load(new)
    same_but_for(renewed, detector)
    watched = ("--by", tmp_path / "days.npy", "--compare", old, "--out", out)
    code, printed, err = run(capsys, "detect", new, tmp_path / "x.npy", *watched)
    assert (code, err) == (0, "")
    assert compare(detector, renewed, x).described() in printed
    table = read(out / "scores.csv")
    assert list(table[0]) == ["item", "score", "is_anomaly", "channel", "step", "old_score", "flag"]
    worst = renewed.worst_channels(x)
    assert [row["channel"] for row in table] == [found.name for found in worst]
    np.testing.assert_allclose([float(r["old_score"]) for r in table], detector.scores(x), 1e-4)
    assert [row["items"] for row in read(out / "drift.csv")] == ["12", "28"]


@pytest.mark.slow
def test_a_detector_of_a_class_is_compared_and_watched(detector, tmp_path, capsys):
    x = signals(40, 2)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "days.npy", np.datetime64("2026-01-20") + np.arange(40))
    old, new, out = (tmp_path / name for name in ("old", "new", "report"))
    detector.save(old)
    asked = ("--standardize", "--epochs", 1, "--latent-dim", 2, "--hidden-units", 8, "--save", new)
    watched = ("--by", tmp_path / "days.npy", "--compare", old, "--out", out)
    code, printed, err = run(capsys, "detect", "VAE", tmp_path / "x.npy", *asked, *watched)
    assert (code, err) == (0, "")
    saved = zoo.anomaly.load(new)
    assert compare(detector, saved, x).described() in printed
    days = np.load(tmp_path / "days.npy")
    assert drift(saved, x, days).described() in printed


@pytest.mark.slow
def test_the_dates_of_a_table_are_not_learned(tmp_path, capsys):
    rows = np.random.default_rng(0).normal(size=(40, 2)) * [1, 100]
    days = np.datetime64("2026-01-20") + np.arange(40)
    lines = [f"{a:.6g},{b:.6g}" for a, b in rows]
    dated = [f"{line},{day}" for line, day in zip(lines, days, strict=True)]
    (tmp_path / "plain.csv").write_text("\n".join(["a,b", *lines]))
    (tmp_path / "dated.csv").write_text("\n".join(["a,b,date", *dated]))
    asked = ("--epochs", 1, "--latent-dim", 1, "--hidden-units", 4, "--by", "date")
    scores = []
    for train in ("plain.csv", "dated.csv", None):  # with and without the column, and the data
        out = tmp_path / f"report {train}"
        learned = () if train is None else ("--train-data", tmp_path / train)
        arguments = (tmp_path / "dated.csv", *learned, *asked, "--out", out)
        code, _, err = run(capsys, "detect", "VAE", *arguments)
        assert (code, err) == (0, "")
        assert [row["items"] for row in read(out / "drift.csv")] == ["12", "28"]
        scores.append([row["score"] for row in read(out / "scores.csv")])
    assert scores[0] == scores[1] == scores[2]
