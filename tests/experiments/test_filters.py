"""The sizes of filters, and how much they look like edges."""

import numpy as np
import pytest

import zoo
from zoo.experiments import filters


def gaussian(deviation, side=41):
    places = np.arange(side) - side // 2
    return np.exp(-(places[:, None] ** 2 + places**2) / (2 * deviation**2))[None]


def test_the_widths_of_a_gaussian_are_known():
    """Its autocorrelation is a Gaussian, sqrt(2) as wide; its square is 1 / sqrt(2) as wide."""
    spot = gaussian(3.0)
    expected = 2 * np.sqrt(2 * np.log(2)) * np.sqrt(2) * 3  # the full width at half height
    assert filters.lobe_width(spot)[0] == pytest.approx(expected, rel=0.01)
    assert filters.spread(spot)[0] == pytest.approx(3 / np.sqrt(2), rel=1e-3)
    moved = np.roll(spot, (3, -2), axis=(1, 2))
    np.testing.assert_allclose(filters.lobe_width(moved), filters.lobe_width(spot), rtol=1e-2)
    np.testing.assert_allclose(filters.spread(moved), filters.spread(spot), rtol=1e-2)


def test_independent_weights_have_a_width_of_about_one():
    noise = np.random.default_rng(0).normal(size=(200, 28, 28))
    assert np.median(filters.lobe_width(noise)) == pytest.approx(1, abs=0.1)


def test_the_window_with_the_largest_share_is_found():
    some = np.random.default_rng(0).normal(size=(3, 12, 11))
    side = filters.WINDOW
    best = [
        max(
            np.sum(one[i : i + side, j : j + side] ** 2)
            for i in range(12 - side + 1)
            for j in range(11 - side + 1)
        )
        / np.sum(one**2)
        for one in some
    ]
    np.testing.assert_allclose(filters.window_share(some), best)


def test_filters_are_the_weights_of_pixels_that_change():
    model = zoo.Autoencoder((3, 4, 1), 5, hidden_units=())
    x = np.random.default_rng(0).random((6, 3, 4, 1)).astype("float32")
    x[:, 1] = 0.5
    found = filters.filters_of(model, x)
    kernel = model.encoder.get_weights()[0]
    np.testing.assert_array_equal(found[:, 1], 0)
    np.testing.assert_allclose(found[2, 0, 3], kernel[3, 2])
    np.testing.assert_allclose(found[4, 2, 1], kernel[9, 4])
