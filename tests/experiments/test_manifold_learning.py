"""Measures of embeddings and of paths, against closed forms and brute force."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from zoo.experiments import manifold_learning, paths


def test_the_parameter_of_the_roll_is_its_angle():
    x, t = manifold_learning.swiss_roll(50)
    plane = np.stack([t * np.cos(t), t * np.sin(t)], axis=1)
    plane = plane - plane.mean(axis=0)
    scale = np.linalg.norm(plane) / np.linalg.norm(x[:, [0, 2]])
    np.testing.assert_allclose(scale * x[:, [0, 2]], plane, atol=1e-4)


def test_the_rank_correlation_is_the_best_of_all_directions():
    generator = np.random.default_rng(0)
    z, t = generator.normal(size=(40, 2)), generator.normal(size=40)
    angles = np.deg2rad(np.arange(180))
    expected = max(abs(spearmanr(z @ [np.cos(a), np.sin(a)], t)[0]) for a in angles)
    assert manifold_learning.rank_correlation(z, t) == pytest.approx(expected)
    along = np.stack([-np.exp(t), np.zeros(40)], axis=1)
    assert manifold_learning.rank_correlation(along, t) == pytest.approx(1)


def test_steps_and_pairs_of_a_circle_are_its_chords():
    n = 12
    angles = 2 * np.pi * np.arange(n) / n
    step, pair = paths.steps_and_pairs(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert step == pytest.approx(2 * np.sin(np.pi / n))
    assert pair == pytest.approx(2 / np.tan(np.pi / (2 * n)) / (n - 1))


def test_nearest_frames_are_those_before_and_after_on_a_line():
    line = np.cumsum(np.arange(1.0, 9.0))[:, None]
    assert paths.share_nearest(line) == 100
    assert paths.share_nearest(np.array([[0.0], [5], [1], [6], [0.1]])) == 0
