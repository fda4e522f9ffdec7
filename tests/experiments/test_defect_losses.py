"""Maps of squared errors of models that were trained by another loss."""

import numpy as np

from zoo.anomaly import Detector
from zoo.experiments import defect_losses

generator = np.random.default_rng(0)
X, NEW = generator.random((2, 24, 16, 16, 1), np.float32)


def test_squared_errors_are_calibrated_as_a_detector_does():
    settings = {"latent_dim": 2, "hidden_units": (4,), "contamination": 0.1}
    detector = Detector("Autoencoder", score="calibrated_error", **settings)
    detector.fit(X, epochs=1, trim=0.0, verbose=0)
    found = defect_losses.squared(detector, NEW, X)
    np.testing.assert_allclose(found, detector.maps(NEW), rtol=1e-4)
