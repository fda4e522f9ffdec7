"""Errors of reconstructions agree with scikit-learn's and with those of PCA."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from support.stand_in import StandIn

import zoo
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
    model = StandIn(reconstruct=lambda x, labels, batch_size: images)
    total = np.sum(((flat - pca.mean_) @ (np.eye(64) - pca.components_.T @ pca.components_)) ** 2)
    assert metrics.reconstruction_error(model, x_test) == pytest.approx(total / 360)


def test_every_image_has_an_error_of_its_own():
    x = np.random.default_rng(0).random((5, 4, 4, 1), "float32")
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(5,))
    errors = model.reconstruction_error(x, batch_size=2)
    expected = [sum((x[i] - model.reconstruct(x[i : i + 1])[0]).ravel() ** 2) for i in range(5)]
    np.testing.assert_allclose(errors, expected, rtol=1e-4)
    np.testing.assert_allclose(model.reconstruction_error(Batches(x)), errors, rtol=1e-5)


class Batches(keras.utils.PyDataset):
    """Images in batches of two."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return -(-len(self.x) // 2)

    def __getitem__(self, i):
        return (self.x[2 * i : 2 * i + 2],)


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.squared_error])
def test_images_of_other_shapes_are_refused(measure):
    with pytest.raises(
        ValueError, match=r"have the shape \(3, 1\), but the originals have \(3, 4\)"
    ):
        measure(np.zeros((3, 1)), np.zeros((3, 4)))
