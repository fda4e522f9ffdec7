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


def gabor(center, sigma, frequency, angle, phase):
    y, x = np.meshgrid(np.arange(12) - center[0], np.arange(12) - center[1], indexing="ij")
    wave = np.cos(2 * np.pi * frequency * (np.sin(angle) * y + np.cos(angle) * x) + phase)
    return np.exp(-(x**2 + y**2) / (2 * sigma**2)) * wave


def test_gabor_functions_have_a_high_edge_score_and_independent_weights_have_not():
    listed = [gabor((5, 6), 2.4, 0.2, np.pi / 4, phase) for phase in (0, 0.7, 1.9)]
    np.testing.assert_allclose(filters.edge_score(np.stack(listed)), 1, rtol=1e-4)
    between = gabor((5.3, 5.3), 2.2, 0.18, 0.4, 0.7)
    found = filters.edge_score(np.stack([between, -3 * between]))
    assert found[0] > 0.85
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    noise = np.random.default_rng(0).normal(size=(100, 12, 12))
    assert np.median(filters.edge_score(noise)) < 0.15


def test_a_round_spot_inside_of_a_patch_is_no_edge():
    places = np.arange(12)
    spots = [
        np.exp(-((places[:, None] - a) ** 2 + (places - b) ** 2) / (2 * deviation**2))
        for deviation in (0.1, 0.5, 1.0, 1.5, 2.0, 3.0)
        for a in (4, 4.5, 5.5, 7)
        for b in (4, 5.3, 6)
    ]
    assert filters.edge_score(np.stack(spots)).max() < filters.EDGE


def test_pairs_of_gabor_functions_are_orthonormal():
    pairs = filters.gabors(12)[::500]
    products = np.einsum("nap,nbp->nab", pairs, pairs)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(2), products.shape), atol=1e-5)


def test_extremes_replace_this_share_of_the_values():
    x = np.zeros((100, 12, 12, 1), "float32")
    noisy = filters.Extremes(0.1, 5.0).sample(x, seed=0)
    assert set(np.unique(noisy)) == {-5.0, 0.0, 5.0}
    assert np.mean(noisy > 0) == pytest.approx(0.05, abs=0.01)
    assert np.mean(noisy < 0) == pytest.approx(0.05, abs=0.01)


def test_a_wave_is_multiplied_by_the_filter_at_its_frequency():
    """In gray, as the weights of the colors add up to 1."""
    places = np.arange(64)
    for cycles in (4, 16):
        wave = np.sin(2 * np.pi * cycles / 64 * places)
        squares = np.broadcast_to(wave[:, None, None], (1, 64, 64, 3)).astype("float32")
        f = cycles / 64
        expected = f * np.exp(-((f / filters.CUT) ** 4)) * wave[8:-8, None]
        found = filters.whitened(squares)
        assert found.shape == (1, 48, 48)
        np.testing.assert_allclose(found[0], np.tile(expected, (1, 48)), atol=1e-5)


def test_patches_are_cut_from_each_photograph():
    images = np.broadcast_to(np.arange(3.0)[:, None, None], (3, 20, 20))
    found = filters.patches(images)
    assert found.shape == (3 * filters.PATCHES, 12, 12, 1)
    assert [np.sum(found[:, 0, 0, 0] == i) for i in range(3)] == [filters.PATCHES] * 3


def test_random_mixtures_have_the_power_of_the_filters():
    generator = np.random.default_rng(0)
    turn, _ = np.linalg.qr(generator.normal(size=(16, 16)))
    x = (generator.normal(size=(50_000, 16)) * np.arange(1, 17)) @ turn.T  # columns of turn
    x = x.reshape(-1, 4, 4, 1)
    one = 3 * turn[:, 9].reshape(1, 4, 4)
    found = filters.mixtures(one, x).reshape(-1, 16)
    assert np.mean(found**2) * 16 == pytest.approx(1, rel=0.15)
    assert np.mean((found @ turn[:, 9]) ** 2) == pytest.approx(np.mean(found**2) * 16, rel=0.01)
    both = np.concatenate([one, turn[:, 2].reshape(1, 4, 4)])
    found = filters.mixtures(both, x).reshape(-1, 16) @ turn
    np.testing.assert_allclose(np.mean(found**2, axis=0)[[2, 9]], 0.5, rtol=0.2)
