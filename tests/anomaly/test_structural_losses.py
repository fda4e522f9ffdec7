"""Detectors of models that are trained by structural similarity: their maps, export, and start."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

import export
import zoo
from zoo.anomaly import Detector, load


def images(n, seed):
    """Return images [n, 18, 16, 2] of stripes that begin anywhere, with a little noise."""
    generator = np.random.default_rng(seed)
    rows = np.arange(18)[:, None, None] + generator.uniform(0, 6, (n, 1, 1, 2))
    x = 0.5 + 0.3 * np.sin(rows) + 0.01 * generator.normal(size=(n, 18, 16, 2))
    return x.clip(0, 1).astype("float32")


X, NEW = images(80, 0), images(10, 1)


@pytest.fixture(scope="module", params=["ssim", "l1_ssim"])
def detector(request):
    settings = {"latent_dim": 4, "likelihood": request.param, "quantile": 0.9, "seed": 0}
    return Detector("Autoencoder", score="largest_error", **settings).fit(X, epochs=1, verbose=0)


def test_errors_are_squared_whatever_the_loss(detector):
    expected = np.square(NEW - detector.reconstruct(NEW))
    np.testing.assert_allclose(detector.explain(NEW), expected, atol=1e-6)
    means = uniform_filter(expected.mean(axis=-1), (0, 5, 5))[:, 2:-2, 2:-2]
    np.testing.assert_allclose(detector.scores(NEW), means.max(axis=(1, 2)), rtol=1e-4)


def test_training_starts_at_pca(detector):
    """One epoch of small steps stays near it; random weights would be far away."""
    rows = X.reshape(len(X), -1)
    mean = rows.mean(axis=0)
    components = np.linalg.svd(rows - mean, full_matrices=False)[2][:4]
    restored = (rows - mean) @ components.T @ components + mean
    assert zoo.metrics.ssim(detector.reconstruct(X), X) > 0.8
    apart = detector.reconstruct(X) - restored.reshape(X.shape)
    assert np.sqrt(np.mean(apart**2)) < 0.05


@pytest.mark.slow
def test_it_is_saved_and_exported_with_a_calibrated_map(detector, tmp_path):
    calibrated = Detector(detector.model, score="calibrated_error", quantile=0.9)
    calibrated.fit(X, train=False, validation_split=0.1).save(tmp_path / "mine")
    again = load(tmp_path / "mine")
    np.testing.assert_array_equal(again.maps(NEW), calibrated.maps(NEW))
    for name, one in {"plain": detector, "calibrated": again}.items():
        export.export_model(one, tmp_path / name, formats="onnx", images=NEW)
        found = export.load(tmp_path / name / "detector")(x=NEW)
        shown = one.maps(NEW) if name == "calibrated" else one.explain(NEW)
        np.testing.assert_allclose(found["map"], shown, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found["score"], one.scores(NEW), rtol=1e-4)
        np.testing.assert_array_equal(found["is_anomaly"] == 1, one.predict(NEW) == -1)


def test_images_out_of_range_are_refused(detector):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        detector.scores(2 * NEW)
    with pytest.raises(ValueError, match="standardize=True gives values of any size"):
        Detector("Autoencoder", likelihood="ssim", standardize=True).fit(X)
