"""Detectors as ONNX files and SavedModels: raw input to score, decision and map."""

import copy
import json

import numpy as np
import onnxruntime
import pytest
from support.scores import assert_same_scores

import export
import zoo
from zoo.anomaly import Detector, load

X = np.random.default_rng(0).normal(size=(300, 5)) * [1, 10, 1e3, 1e-3, 7] + [0, 500, -50, 2, 1e4]


def fitted(model, **options):
    return Detector(model, **options).fit(zoo.data.load("digits")[0][0][:200], train=False)


@pytest.fixture(scope="module")
def of_table():
    detector = Detector("VAE", latent_dim=2, hidden_units=(8,), standardize=True, quantile=0.9)
    return detector.fit(X, epochs=1, verbose=0)


@pytest.mark.slow
def test_a_table_goes_in_as_it_is(of_table, tmp_path):
    export.export_model(of_table, tmp_path / "out", formats=("onnx",))
    found = export.load(tmp_path / "out" / "detector")(x=X)
    assert_same_scores(found["score"], of_table.scores(X))
    np.testing.assert_array_equal(found["is_anomaly"] == 1, of_table.predict(X) == -1)
    assert 0 < found["is_anomaly"].sum() < len(X) / 2
    np.testing.assert_allclose(found["map"], of_table.explain(X), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_both_formats_are_proved_and_belong_to_one_threshold(of_table, tmp_path):
    report = export.export_model(of_table, tmp_path / "out")
    assert {result["format"] for result in report["detector"]["results"]} == {"onnx", "saved_model"}
    assert export.verify(tmp_path / "out", of_table)["detector"]["same_artefact"]
    other = copy.copy(of_table)
    other.threshold += 1.0
    with pytest.raises(export.ParityError, match="is_anomaly"):
        export.verify(tmp_path / "out", other)


MODELS = {
    "reconstruction": lambda: zoo.Autoencoder((8, 8, 1), 2, hidden_units=(8,)),
    "elbo_at_mean": lambda: zoo.VAE((8, 8, 1), 2, hidden_units=(8,), likelihood="gaussian"),
    "prior": lambda: zoo.VAE((8, 8, 1), 2, hidden_units=(8,), prior=zoo.GaussianMixture.petals(3)),
    "energy": lambda: zoo.RBM((8, 8, 1), 4),
    "discriminator": lambda: zoo.AAE((8, 8, 1), 2, hidden_units=(8,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("score", MODELS)
def test_every_score_without_draws_is_exported(score, tmp_path):
    detector = fitted(MODELS[score](), score=score)
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    x = zoo.data.load("digits")[1][0]
    found = export.load(tmp_path / "out" / "detector")(x=x)
    expected = detector.scores(x)
    assert_same_scores(found["score"], expected)
    np.testing.assert_array_equal(found["is_anomaly"] == 1, found["score"] > detector.threshold)
    assert found["map"].shape == x.shape


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", [zoo.Poisson, zoo.NegativeBinomial])
def test_a_detector_of_counts_is_exported(likelihood, tmp_path):
    counts = np.random.default_rng(0).negative_binomial(2, 0.05, (200, 6)).astype("float32")
    model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=likelihood.adapted(counts))
    detector = Detector(model).fit(counts, train=False)
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    found = export.load(tmp_path / "out" / "detector")(x=counts)
    np.testing.assert_allclose(found["score"], detector.scores(counts), rtol=1e-4)
    np.testing.assert_array_equal(found["is_anomaly"] == 1, detector.predict(counts) == -1)
    with pytest.raises(ValueError, match="NaN"):  # the logarithm of 1 + count
        export.load(tmp_path / "out" / "detector")(x=counts - 1)


def test_scores_made_of_draws_are_refused_with_those_that_work(vae, tmp_path):
    for score in ("elbo", "log_likelihood"):
        detector = fitted(vae, score=score, samples=2)
        with pytest.raises(ValueError, match="one of elbo_at_mean, prior, reconstruction"):
            export.export_model(detector, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_detector_is_refused_before_fit(vae, tmp_path):
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        export.export_model(Detector(vae), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_detector_of_eight_bits_finds_the_same_beside_an_outlier(tmp_path):
    """One row of a thousand times the size made anomalies of all the normal rows beside it."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(300, 3)) @ generator.normal(size=(3, 20))
    rows += 0.1 * generator.normal(size=rows.shape)
    # Not a network that starts at PCA: it reconstructs these rows up to errors of rounding.
    settings = {"latent_dim": 3, "hidden_units": (32,), "network": "dense"}
    detector = Detector("Autoencoder", **settings, quantile=0.95, seed=0)
    detector.fit(rows, epochs=10, verbose=0)
    options = {"formats": "onnx", "variants": "int8", "images": rows[:100]}
    export.export_model(detector, tmp_path / "out", **options)
    session = export.load(tmp_path / "out" / "detector", variant="int8")
    alone, rows[0] = session(x=rows), rows[0] * 1000
    beside = session(x=rows)
    assert beside["is_anomaly"][0] == 1
    assert beside["score"][0] > 1e4 * alone["score"][1:].max()
    for name, found in alone.items():
        np.testing.assert_array_equal(beside[name][1:], found[1:])
    wrong = np.sum(beside["is_anomaly"] != (detector.predict(rows) == -1))
    assert wrong <= 0.05 * len(rows)
    each = np.concatenate([session(x=row[None])["is_anomaly"] for row in rows[:20]])
    np.testing.assert_array_equal(each, beside["is_anomaly"][:20])


@pytest.mark.slow
def test_the_threshold_can_be_given_with_the_rows(of_table, tmp_path):
    export.export_model(of_table, tmp_path / "out", formats="onnx", images=X.astype("float32"))
    session = export.load(tmp_path / "out" / "detector")
    assert session.optional == {"threshold": pytest.approx(of_table.threshold)}
    found = session(x=X)
    for threshold in (found["score"].min() - 1, np.median(found["score"]), of_table.threshold):
        again = session(x=X, threshold=threshold)
        above = found["score"] > np.float32(threshold)
        np.testing.assert_array_equal(again["is_anomaly"] == 1, above)
        np.testing.assert_array_equal(again["score"], found["score"])
    session.rows_at_once = 7  # in pieces
    np.testing.assert_array_equal(session(x=X, threshold=-1e9)["is_anomaly"], 1)
    with pytest.raises(TypeError, match="threshold is 'high'"):
        session(x=X, threshold="high")
    with pytest.raises(ValueError, match="threshold is nan"):
        session(x=X, threshold=np.nan)
    with pytest.raises(ValueError, match="if you want, threshold"):
        session(x=X, thresholds=1.0)


def test_onnxruntime_alone_takes_the_threshold(of_table, tmp_path):
    export.export_onnx(of_table, tmp_path / "detector.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "detector.onnx")
    assert [tensor.name for tensor in session.get_inputs()] == ["x"]
    rows = X[:20].astype("float32")
    found = session.run(["score", "is_anomaly"], {"x": rows})
    np.testing.assert_array_equal(found[1] == 1, found[0] > np.float32(of_table.threshold))
    flags = session.run(["is_anomaly"], {"x": rows, "threshold": np.float32([-1e9])})[0]
    assert flags.all()


@pytest.mark.slow
def test_smaller_files_take_the_threshold(tmp_path):
    x = zoo.data.load("digits")[1][0]
    detector = fitted(MODELS["reconstruction"](), score="reconstruction")
    options = {"formats": "onnx", "variants": ("float16", "int8"), "images": x}
    export.export_model(detector, tmp_path / "out", **options)
    for variant in options["variants"]:
        session = export.load(tmp_path / "out" / "detector", variant=variant)
        found = session(x=x)
        for threshold in (0.0, float(np.median(found["score"]))):
            above = found["score"] > np.float32(threshold)
            again = session(x=x, threshold=threshold)
            np.testing.assert_array_equal(again["is_anomaly"] == 1, above)


@pytest.mark.slow
def test_an_invalid_default_of_a_signature_is_refused(of_table, tmp_path):
    export.export_model(of_table, tmp_path / "out", formats="onnx")
    path = tmp_path / "out" / "detector" / "signature.json"
    content = json.loads(path.read_text())
    for entry in ({"name": "threshold"}, {**content["optional_inputs"][0], "default": "0"}):
        path.write_text(json.dumps(content | {"optional_inputs": [entry]}))
        with pytest.raises(ValueError, match="threshold"):
            export.load(path.parent)
    path.write_text(json.dumps(content | {"optional_inputs": []}))
    with pytest.raises(ValueError, match="its signature lists"):
        export.load(path.parent)


@pytest.mark.slow
def test_buffers_keep_the_threshold_of_the_file(of_table, tmp_path):
    export.export_model(of_table, tmp_path / "out", formats="onnx")
    bound = export.load(tmp_path / "out" / "detector").bind(3)
    with pytest.raises(ValueError, match="give threshold= to the session itself"):
        bound(x=X[:3], threshold=1.0)


@pytest.mark.parametrize(("values", "of_files"), [("pixels", True), ("others", False)])
def test_steps_from_a_file_are_stated_for_pixels_alone(values, of_files, tmp_path):
    x = np.random.default_rng(0).random((40, 16, 16, 1)).astype("float32")
    x = x if of_files else 50 * x
    settings = {"latent_dim": 2, "hidden_units": (4,), "likelihood": zoo.Gaussian(1.0)}
    detector = Detector("Autoencoder", quantile=0.8, **settings).fit(x, epochs=1, verbose=0)
    detector.save(tmp_path / "saved")
    for name, one in {"new": detector, "loaded": load(tmp_path / "saved")}.items():
        (info,) = one.parts()["detector"].inputs
        assert bool(info.image_file) is of_files, name
