"""The grids of codes that experiments decode for their pictures."""

import numpy as np
from scipy.stats import norm

from zoo.experiments import variational


def test_a_grid_has_the_quantiles_of_a_normal_distribution_in_both_dimensions():
    grid = norm.cdf(variational.quantiles(4).reshape(4, 4, 2))
    shares = [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_allclose(grid[..., 0], [shares] * 4, atol=1e-6)
    np.testing.assert_allclose(grid[..., 1].T, [shares[::-1]] * 4, atol=1e-6)  # upward
