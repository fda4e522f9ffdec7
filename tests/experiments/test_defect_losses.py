"""Maps of the losses that models were trained by."""

import numpy as np
from skimage.metrics import structural_similarity

import zoo
from zoo.anomaly.calibration import window_means
from zoo.experiments import defect_losses

generator = np.random.default_rng(0)
X, NEW = generator.random((2, 24, 16, 16, 1), np.float32)
OF_PAPER = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}


def test_maps_of_a_loss_are_relative_to_the_usual_loss():
    model = zoo.Autoencoder((16, 16, 1), 2, hidden_units=(4,), likelihood="ssim", seed=0)

    def smoothed(x):
        options = OF_PAPER | {"data_range": 1.0, "channel_axis": -1}
        pairs = zip(x, model.reconstruct(x), strict=True)
        found = np.stack([1 - structural_similarity(a, b, **options)[1] for a, b in pairs])
        return np.asarray(window_means(found.astype("float32")))

    usual = smoothed(X).mean(axis=0)
    expected = smoothed(NEW) / (usual + 0.1 * usual.mean())
    np.testing.assert_allclose(defect_losses.maps_of_loss(model, NEW, X), expected, rtol=1e-4)
