"""Compare scores and log-densities that may be 0, such as those of rows of a table."""

import numpy as np


def assert_same_scores(found, expected, tolerance=1e-4):
    """Allow an error relative to each value, and one relative to the spread of all values.

    The second one is for values near 0, whose relative error has no bound. Where all values are
    far from 0, `np.testing.assert_allclose` with `rtol` alone is stricter.
    """
    spread = np.std(expected)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * spread)
