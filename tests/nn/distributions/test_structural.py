"""Structural similarity against scikit-image, its gradient, and models that are trained by it."""

import keras
import numpy as np
import pytest
from keras import ops
from skimage.metrics import structural_similarity
from support.tiny import BACKEND, array, gradient, tensor

import zoo
from zoo.nn.distributions import structural

pytestmark = pytest.mark.backend

generator = np.random.default_rng(0)
SHAPE = (3, 17, 14, 2)
PAIRS = {
    "noise": (generator.random(SHAPE), generator.random(SHAPE)),
    "nearly equal": 2 * [generator.random(SHAPE)],
    "even and bright": (np.ones(SHAPE), 1 - 0.001 * generator.random(SHAPE)),
    "unlike": (np.zeros(SHAPE), np.ones(SHAPE)),
}
PAIRS["nearly equal"][1] = PAIRS["nearly equal"][0] + 0.02 * generator.standard_normal(SHAPE)


def of_scikit_image(x, y, sigma=1.5, data_range=1.0):
    """Return the similarity of each value of images [n, ...], and the mean of each image."""
    options = {"gaussian_weights": True, "sigma": sigma, "use_sample_covariance": False}
    options |= {"data_range": data_range, "channel_axis": -1, "full": True}
    found = [structural_similarity(*pair, **options) for pair in zip(x, y, strict=True)]
    return np.stack([values for _, values in found]), [mean for mean, _ in found]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("sigma", "data_range"), [(1.5, 1.0), (0.8, 2.0)])
def test_the_similarity_is_that_of_scikit_image(name, sigma, data_range):
    x, y = (np.asarray(a, "float32").astype("float64") for a in PAIRS[name])
    expected, means = of_scikit_image(x, y, sigma, data_range)
    found = array(structural.similarity(tensor(x), tensor(y), sigma, data_range))
    np.testing.assert_allclose(found, expected, atol=2e-6)
    crop = int(3.5 * sigma + 0.5)  # scikit-image's mean leaves out what the window does not fill
    inside = found[:, crop:-crop, crop:-crop].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(inside, means, atol=2e-6)


def test_images_smaller_than_the_window_are_continued_by_their_mirror_images():
    x, y = generator.random((2, 1, 4, 3, 1))
    period = [np.tile(np.concatenate([a, a[:, ::-1]], axis=1), (1, 3, 1, 1)) for a in (x, y)]
    period = [np.tile(np.concatenate([a, a[:, :, ::-1]], axis=2), (1, 1, 4, 1)) for a in period]
    expected, _ = of_scikit_image(*period)
    found = array(structural.similarity(tensor(x), tensor(y)))
    np.testing.assert_allclose(found, expected[:, 8:12, 12:15], atol=2e-6)


@pytest.mark.parametrize(
    ("alpha", "sigma", "data_range"), [(0.0, 1.5, 1.0), (0.3, 0.8, 2.0), (1.0, 1.5, 1.0)]
)
def test_the_loss_is_the_weighted_sum(alpha, sigma, data_range):
    x, y = (data_range * a for a in PAIRS["noise"])
    similar = of_scikit_image(x, y, sigma, data_range)[0]
    expected = alpha * (1 - similar) + (1 - alpha) * np.abs(x - y)
    likelihood = zoo.StructuralSimilarity(alpha, sigma, data_range)
    np.testing.assert_allclose(
        array(likelihood.dissimilarities(tensor(x), tensor(y))), expected, atol=2e-6
    )
    found = -array(likelihood.log_prob(tensor(x), tensor(y)))
    np.testing.assert_allclose(found, expected.sum(axis=(1, 2, 3)), rtol=1e-5)


def test_the_negative_of_an_image_costs_more_than_a_black_one():
    """SSIM(x, -x) = 1, which must not be where training ends."""
    x = PAIRS["noise"][0]
    np.testing.assert_allclose(array(structural.similarity(tensor(x), tensor(-x))), 1, atol=0.05)
    likelihood = zoo.StructuralSimilarity()
    negative, black = (-array(likelihood.log_prob(tensor(x), tensor(s * x))) for s in (-1, 0))
    np.testing.assert_allclose(negative - black, x.sum(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(array(likelihood.mean(tensor([[-0.5, 0.5, 1.5]]))), [[0, 0.5, 1]])


@pytest.mark.parametrize("alpha", [1.0, 0.84])
def test_the_gradient_is_that_of_finite_differences(alpha):
    x, y = generator.random((2, 1, 8, 7, 1))
    direction = generator.standard_normal(x.shape)

    def loss(t):
        moved = y + t * direction
        return np.sum(alpha * (1 - similar(x, moved)) + (1 - alpha) * np.abs(x - moved))

    expected = (loss(1e-6) - loss(-1e-6)) / 2e-6
    likelihood = zoo.StructuralSimilarity(alpha, sigma=0.8)
    found = gradient(lambda parameters: -ops.sum(likelihood.log_prob(tensor(x), parameters)), y)
    np.testing.assert_allclose(np.sum(found * direction), expected, rtol=1e-4)


def similar(x, y):
    return of_scikit_image(x, y, sigma=0.8)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alpha"), [("ssim", 1.0), ("l1_ssim", 0.84)])
@pytest.mark.parametrize("cls", [zoo.Autoencoder, zoo.VAE])
def test_a_model_trains_with_it(name, alpha, cls):
    rows = np.arange(12)[:, None] + generator.uniform(0, 6, (64, 1, 1))
    x = np.repeat(0.5 + 0.4 * np.sin(rows), 12, axis=2)[..., None].astype("float32")
    model = cls((12, 12, 1), 4, hidden_units=(32,), likelihood=name, seed=0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=BACKEND == "jax")
    model.fit(x, epochs=10, batch_size=16, verbose=0)
    restored = model.reconstruct(x)
    assert restored.min() >= 0
    assert restored.max() <= 1
    assert zoo.metrics.ssim(restored, x) > 0.8  # of the mean image: 0.02
    again = cls.from_config(model.get_config()).likelihood
    settings = {"alpha": alpha, "sigma": 1.5, "data_range": 1.0}
    assert again.get_config() == model.likelihood.get_config() == settings


def test_half_precision_is_computed_in_float32():
    x, y = PAIRS["noise"]
    halves = ops.cast(tensor(y), "bfloat16")
    found = zoo.StructuralSimilarity().log_prob(tensor(x), halves)
    expected = zoo.StructuralSimilarity().log_prob(tensor(x), ops.cast(halves, "float32"))
    np.testing.assert_array_equal(array(found), array(expected))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"alpha": 1.5}, "alpha"),
        ({"sigma": 0}, "sigma"),
        ({"sigma": 1e9}, "sigma is .* at most 100"),
        ({"data_range": -1}, "data_range"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        zoo.StructuralSimilarity(**settings)


def test_rows_and_signals_are_refused():
    for shape in ((8,), (16, 2)):
        with pytest.raises(ValueError, match="is for images, whose pixels have neighbors"):
            zoo.Autoencoder(shape, 2, hidden_units=(4,), likelihood="ssim")
