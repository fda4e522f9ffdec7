"""Measures of the experiments on attributes, and the encoder that sees turned images."""

import numpy as np
import pytest
from support.few_images import few_images

from zoo import data, recipes
from zoo.data.variants import rotated
from zoo.experiments import attributes


@pytest.fixture(scope="module")
def digits():
    (x, y), _ = few_images(data.load)("mnist")
    return x[:6], y[:6]


def test_angles_are_found_and_turned_back(digits):
    x, _ = digits
    decoded = np.stack([rotated(x, angle) for angle in attributes.ANGLES])
    found = attributes.angles_of(decoded, x)
    assert found.shape == (10, 6)
    np.testing.assert_array_equal(found, np.repeat(attributes.ANGLES, 6).reshape(10, 6))
    back = attributes.turned_back(decoded)
    inside = np.s_[..., 8:20, 8:20, :]  # corners were turned out of the image
    for one in back:
        assert np.abs(one[inside] - x[inside]).mean() < 0.1
    assert np.abs(decoded[0][inside] - x[inside]).mean() > 0.15


def test_images_of_all_levels_are_counted_that_are_read_rightly():
    class Reader:
        def predict(self, images, **options):
            return np.eye(10)[images.astype(int)]

    at_levels = [np.array([1, 2, 3]), np.array([1, 2, 9])]
    assert attributes.percent_read(at_levels, Reader(), np.array([1, 2, 3])) == 83.33


def test_levels_are_read_from_codes_that_hold_them_alone():
    draw = np.random.default_rng(0)
    levels = draw.integers(0, 10, 2000)
    holds = levels[:, None] + 0.1 * draw.normal(size=(2000, 2))
    assert attributes.level_in(holds, levels) > 0.99
    assert attributes.level_in(draw.normal(size=(2000, 2)), levels) < 0.05


def test_the_encoder_sees_turned_images_in_training_alone(digits):
    x, _ = digits
    recipe = recipes.get(attributes.PRESET)
    model = attributes.sees_turned(recipe)
    first, again = (np.asarray(model.encoder(x, training=True)) for _ in range(2))
    assert not np.allclose(first, again, atol=1e-3)
    codes = model.encode(x)
    np.testing.assert_allclose(np.asarray(model.encoder(x, training=False)), codes, atol=1e-5)
    np.testing.assert_array_equal(codes, model.encode(x))
    blank = np.zeros((2, 28, 28, 1), "float32")  # turned, it is the same
    same = np.asarray(model.encoder(blank, training=True))
    np.testing.assert_allclose(same, model.encode(blank), atol=1e-5)
    assert model.conditional_discriminator
