"""Errors of reconstructions agree with scikit-learn's and with those of PCA."""

import keras
import numpy as np
import pytest
from scipy.signal import convolve2d
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


WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the five scales


def multi_scale_by_hand(a, b):
    """MS-SSIM of two images [height, width], by the formulas of Wang, Simoncelli and Bovik 2003."""
    window = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2

    def filtered(image):
        return convolve2d(image, window, "valid")

    found = []
    for _ in WEIGHTS:
        mean_a, mean_b = filtered(a), filtered(b)
        var_a, var_b = filtered(a * a) - mean_a**2, filtered(b * b) - mean_b**2
        both = filtered(a * b) - mean_a * mean_b
        contrast = (2 * both + 0.03**2) / (var_a + var_b + 0.03**2)
        luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
        found.append((contrast.mean(), (luminance * contrast).mean()))
        a, b = (i.reshape(i.shape[0] // 2, 2, i.shape[1] // 2, 2).mean((1, 3)) for i in (a, b))
    terms = [*(contrast for contrast, _ in found[:-1]), found[-1][1]]
    return np.prod(np.array(terms) ** WEIGHTS)


def test_multi_scale_similarity_is_its_formula():
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:192, :224] / 20
    a = 0.5 + 0.25 * np.sin(rows) * np.cos(columns) + generator.normal(0, 0.05, rows.shape)
    b = a + generator.normal(0, 0.1, a.shape)
    found = zoo.metrics.ms_ssim(b[None, ..., None], a[None, ..., None])
    assert found == pytest.approx(multi_scale_by_hand(a, b), abs=2e-4)
    colors = [np.stack([one, 0.5 * one, one], -1)[None] for one in (b, a)]
    by_channel = np.mean([multi_scale_by_hand(s * a, s * b) for s in (1, 0.5, 1)])
    assert zoo.metrics.ms_ssim(*colors) == pytest.approx(by_channel, abs=2e-4)


def test_multi_scale_similarity_needs_large_images():
    with pytest.raises(ValueError, match="at least 161 pixels a side"):
        zoo.metrics.ms_ssim(np.zeros((1, 160, 200, 1)), np.zeros((1, 160, 200, 1)))
