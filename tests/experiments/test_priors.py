"""The ring that normal draws become."""

import numpy as np

from zoo.experiments import priors


def test_points_on_the_ring_keep_their_direction():
    z = np.random.default_rng(0).normal(size=(50, 2))
    moved = priors.on_ring(z)
    radius = np.linalg.norm(z, axis=1)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1 + radius / 10)
    np.testing.assert_allclose(np.arctan2(*moved.T), np.arctan2(*z.T))
