"""Errors of reconstructions agree with scikit-learn's and with those of PCA."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from support.stand_in import StandIn

from zoo import metrics


def test_the_signal_to_noise_ratio_is_scikit_learns_error_in_decibels():
    x, noisy = np.random.default_rng(0).random((2, 3, 4, 4, 1))
    from sklearn.metrics import mean_squared_error

    errors = [mean_squared_error(a.ravel(), b.ravel()) for a, b in zip(x, noisy, strict=True)]
    assert metrics.psnr(noisy, x) == pytest.approx(np.mean(10 * np.log10(1 / np.array(errors))))


def test_the_reconstruction_error_is_that_of_pca(digits):
    (x, _), (x_test, _) = digits
    pca = PCA(5).fit(x.reshape(-1, 64))
    flat = x_test.reshape(-1, 64).astype("float64")
    images = pca.inverse_transform(pca.transform(flat)).reshape(x_test.shape)
    model = StandIn(reconstruct=lambda x, labels=None: images)
    total = np.sum(((flat - pca.mean_) @ (np.eye(64) - pca.components_.T @ pca.components_)) ** 2)
    assert metrics.reconstruction_error(model, x_test) == pytest.approx(total / 360)


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.squared_error])
def test_images_of_other_shapes_are_refused(measure):
    with pytest.raises(ValueError, match=r"have the shape \(3, 1\) and the originals \(3, 4\)"):
        measure(np.zeros((3, 1)), np.zeros((3, 4)))
