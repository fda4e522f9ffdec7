"""Detectors of rows with missing values: scores, blamed columns, files and exports."""

import csv

import keras
import numpy as np
import pandas
import pytest
from scipy.stats import entropy, norm

import export
import zoo
from zoo.anomaly import Detector, load
from zoo.anomaly.neighbors import LEAST, Neighbors
from zoo.anomaly.report import unusual_columns
from zoo.cli.main import main

RNG = np.random.default_rng(0)
FULL = (RNG.normal(size=(300, 1)) * [2.0, 100.0, -0.5, 1.0] + [0, 500, 0, 3]).astype("float32")
FULL += RNG.normal(size=FULL.shape).astype("float32") * np.float32([0.2, 10, 0.05, 0.1])
HOLES = RNG.random(FULL.shape) < 0.2
X = np.where(HOLES, np.float32(np.nan), FULL)
NAMES = ("a", "b", "c", "d")


def likelihood(x=X, missing="learn"):
    return zoo.GaussianColumns.adapted(x, NAMES, missing=missing)


@pytest.fixture(scope="module")
def detector():
    model = {"latent_dim": 1, "hidden_units": (16,), "likelihood": likelihood()}
    options = {"epochs": 30, "batch_size": 60, "optimizer": keras.optimizers.Adam(3e-3)}
    detector = Detector("VAE", quantile=0.99, **model)
    return detector.fit(X, validation_data=X, verbose=0, **options)


def test_unseen_values_count_with_their_entropy():
    columns = zoo.GaussianColumns([1.0, 2], [3.0, 0.1], stddev=0.7, missing="learn")
    rows = np.array([[np.nan, 2.0], [1, np.nan], [np.nan, np.nan], [1, 2]], "float32")
    x = keras.ops.convert_to_tensor(rows)
    found = columns.unseen_entropy(x, np.zeros((4, 2), "float32"))
    one, two = norm.entropy(scale=2.1), norm.entropy(scale=0.07)
    np.testing.assert_allclose(found, [one, two, one + two, 0], rtol=1e-5)


def test_unseen_categories_count_with_their_entropy():
    columns = zoo.MixedColumns([1.0, 0, 0], [3.0, 1, 1], [(1, 3)], missing="learn")
    rows = np.array([[np.nan, 1, 0], [1, np.nan, np.nan]], "float32")
    parameters = np.array([[0, 1, 2, 0.5], [0, 1, -1, 0.5]], "float32")  # the last: ln s^2
    deviation = float(np.exp(0.5 * columns._log_var(parameters)[0, 0]))
    odds = np.exp([1.0, -1.0])
    expected = [norm.entropy(scale=3 * deviation), entropy(odds / odds.sum())]
    found = columns.unseen_entropy(keras.ops.convert_to_tensor(rows), parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_distances_are_those_of_the_seen_columns():
    stored = RNG.normal(size=(70, 4)).astype("float32")
    neighbors = Neighbors.drawn(stored, 0, False, np.ones(70, bool), missing=True)
    rows = np.array([[0.3, np.nan, 1, np.nan], [np.nan, np.nan, np.nan, 2], [1, 2, 3, 4]])
    expected = []
    for row in rows:
        seen, logs = ~np.isnan(row), []
        for group, uses in zip(neighbors.rows, neighbors.columns, strict=True):
            both = seen & (uses > 0)
            if both.any():
                least = np.square(group[:, both] - row[both]).mean(axis=1).min()
                logs.append(0.5 * np.log(least + LEAST**2))
        expected.append(np.mean(logs))
    found = neighbors.distances_to(rows.astype("float32"))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    plain = Neighbors(neighbors.rows, neighbors.columns)
    np.testing.assert_allclose(plain.distances_to(rows[2:].astype("float32")), found[2:], atol=1e-5)


@pytest.mark.parametrize("score", ["reconstruction", "elbo_at_mean", "elbo", "log_likelihood"])
def test_rows_without_holes_have_the_scores_of_a_model_without_a_mask(score):
    scored, weights = [], []
    for missing in ("refuse", "learn"):
        settings = {"hidden_units": (4,), "likelihood": likelihood(FULL, missing), "seed": 0}
        model = zoo.VAE((4,), 2, **settings)
        if scored:
            first, *others = weights
            weights = [np.concatenate([first, np.zeros_like(first)]), *others]
            model.encoder.set_weights(weights)
        weights = model.encoder.get_weights()
        options = {"score": score, "samples": 4, "quantile": 0.9}
        scored.append(Detector(model, **options).fit(FULL, train=False).scores(FULL[:20]))
    np.testing.assert_allclose(scored[0], scored[1], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("score", ["reconstruction", "elbo_at_mean", "elbo", "joined"])
def test_holes_alone_make_no_row_unusual(detector, score):
    other = Detector(detector.model, score=score, samples=8, quantile=0.99)
    other.fit(X, train=False)
    whole, holed = other.scores(FULL), other.scores(X)
    spread = np.quantile(whole, 0.9) - np.median(whole)
    assert abs(np.median(holed) - np.median(whole)) < spread
    assert np.isfinite(other.scores(np.full((1, 4), np.nan, "float32"))).all()


@pytest.mark.slow
def test_the_blamed_column_was_seen(detector):
    rows = X[:60].copy()
    wrong = np.arange(60) % 4
    rows[np.arange(60), wrong] = likelihood().means[wrong] + 8 * likelihood().deviations[wrong]
    errors = detector.explain(rows)
    assert (errors[np.isnan(rows)] == 0).all()
    assert (errors.argmax(axis=1) == wrong).mean() > 0.9
    assert (detector.predict(rows) == -1).mean() > 0.9
    assert (detector.predict(X[60:]) == 1).mean() > 0.95


@pytest.mark.slow
def test_a_detector_is_saved_with_what_it_does_with_holes(detector, tmp_path):
    detector.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    np.testing.assert_allclose(again.scores(X), detector.scores(X), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow exports")
@pytest.mark.parametrize("score", ["joined", "reconstruction"])
def test_an_exported_detector_takes_holes(detector, score, tmp_path):
    if score != detector.score:
        detector = Detector(detector.model, score=score, quantile=0.99).fit(X, train=False)
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    session = export.load(tmp_path / "out" / "detector")
    found = session(x=X)
    np.testing.assert_allclose(found["score"], detector.scores(X), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["map"], detector.explain(X), rtol=1e-3, atol=1e-4)
    named = [dict(zip(NAMES, row, strict=True)) for row in X.tolist()]
    named = [{k: None if np.isnan(v) else v for k, v in row.items()} for row in named]
    np.testing.assert_array_equal(session(x=named)["score"], found["score"])


@pytest.mark.parametrize("options", [{"standardize": True}, {}])
def test_holes_are_refused_with_the_way_to_learn_from_them(options):
    with pytest.raises(ValueError, match='missing="learn"'):
        Detector("VAE", latent_dim=1, hidden_units=(4,), **options).fit(X, epochs=1, verbose=0)


@pytest.mark.slow
def test_zoo_detect_learns_from_a_table_with_holes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = pandas.DataFrame(X, columns=NAMES).assign(kind=np.where(FULL[:, 0] > 0, "p", "q"))
    frame.loc[5, "kind"] = None
    frame.to_csv("holes.csv", index=False)
    train = ["--epochs", "1", "--latent-dim", "1", "--hidden-units", "4", "--save", "saved"]
    assert main(["detect", "VAE", "holes.csv", "--out", "report", *train]) == 1
    learn = ["--missing", "learn"]
    assert main(["detect", "VAE", "holes.csv", *learn, "--out", "report", *train]) == 0
    assert main(["detect", "./saved", "holes.csv", "--out", "again"]) == 0
    with open("again/scores.csv", newline="") as file:
        assert len([*csv.DictReader(file)]) == 300
    assert main(["detect", "./saved", "holes.csv", *learn, "--out", "third"]) == 1
    said = capsys.readouterr().err
    assert "--missing learn" in said
    assert "already trained" in said


@pytest.mark.slow
def test_masked_arrays_are_rows_with_holes(detector, tmp_path):
    masked = np.ma.MaskedArray(FULL, HOLES)
    np.testing.assert_array_equal(detector.scores(masked), detector.scores(X))
    np.testing.assert_array_equal(detector.explain(masked), detector.explain(X))
    errors = detector.model.reconstruction_error
    np.testing.assert_array_equal(errors(masked), errors(X))
    zoo.anomaly.write_report(detector, masked, tmp_path / "masked")
    zoo.anomaly.write_report(detector, X, tmp_path / "nan")
    scores = [(tmp_path / name / "scores.csv").read_text() for name in ("masked", "nan")]
    assert scores[0] == scores[1]
    again = Detector("VAE", latent_dim=1, hidden_units=(4,), likelihood=likelihood())
    again.fit(masked, epochs=1, verbose=0)
    plain = Detector("VAE", latent_dim=1, hidden_units=(4,))
    with pytest.raises(ValueError, match="is a masked array"):
        plain.fit(masked, epochs=1, verbose=0)


@pytest.mark.slow
def test_large_values_of_blamed_columns_are_written_without_exponents(detector):
    rows = FULL[:1].copy()
    rows[0, 1] = 46910.0
    (told,) = unusual_columns(detector, rows)
    assert told.startswith("b is 46910, reconstructed ")
