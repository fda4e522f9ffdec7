"""Compare scores of detectors and log-densities, which may lie near 0."""

import numpy as np


def assert_same_scores(found, expected, tolerance=1e-4):
    """Compare in units of the spread, too: near 0 a relative error has no bound."""
    spread = np.std(expected)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * spread)
