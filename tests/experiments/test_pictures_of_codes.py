"""The grids and walks of codes that experiments decode for their pictures."""

import numpy as np
from scipy.stats import norm

import zoo
from zoo.experiments import adversarial, variational


def test_a_grid_has_the_quantiles_of_a_normal_distribution_in_both_dimensions():
    grid = norm.cdf(variational.quantiles(4).reshape(4, 4, 2))
    shares = [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_allclose(grid[..., 0], [shares] * 4, atol=1e-6)
    np.testing.assert_allclose(grid[..., 1].T, [shares[::-1]] * 4, atol=1e-6)  # upward


def test_a_walk_through_petals_begins_at_the_origin_and_stays_on_their_axes():
    prior = zoo.GaussianMixture.petals(5, radius=4.0, length=0.5)
    codes = adversarial.walk(prior, 12).reshape(5, 12, 2)
    np.testing.assert_allclose(codes[:, 0], 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(codes[:, -1], axis=1), 4.0 + 3 * 0.5, rtol=1e-5)
    across = codes[..., 0] * prior.means[:, None, 1] - codes[..., 1] * prior.means[:, None, 0]
    np.testing.assert_allclose(across, 0, atol=1e-4)


def test_a_walk_along_a_roll_passes_its_sections_in_turn_from_the_center():
    prior = zoo.SwissRoll(4, radius=6.0, turns=1.5, noise=0.3)
    codes = adversarial.walk(prior, 10)
    np.testing.assert_array_equal(prior.component_of(codes), np.repeat(np.arange(4), 10))
    share = (np.arange(40) + 0.5) / 40  # of the density, from the center
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 6.0 * np.sqrt(share), rtol=1e-5)
    angle = np.unwrap(np.arctan2(*codes.T[::-1]))
    np.testing.assert_allclose(
        angle - angle[0], 3 * np.pi * (share**0.5 - share[0] ** 0.5), rtol=1e-4, atol=1e-5
    )
