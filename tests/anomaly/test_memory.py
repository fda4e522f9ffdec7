"""The memory of normal features: its choice, distances and score by brute force."""

import itertools

import numpy as np
from scipy.spatial.distance import cdist

from zoo.anomaly import memory
from zoo.anomaly.memory import Memory, coreset

F = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")


def radius(chosen):
    return cdist(F[:12], F[:12][list(chosen)]).min(axis=1).max()


def test_the_choice_is_greedy():
    chosen = [7]
    while len(chosen) < 9:
        chosen.append(int(cdist(F, F[chosen]).min(axis=1).argmax()))
    assert coreset(F, 9, first=7).tolist() == chosen


def test_the_largest_distance_is_at_most_twice_the_least_possible():
    best = min(radius(some) for some in itertools.combinations(range(12), 3))
    assert best <= radius(coreset(F[:12], 3)) <= 2 * best


def test_equal_features_are_chosen_once_each_at_most():
    assert sorted(coreset(np.zeros((5, 2)), 5).tolist()) == [0, 1, 2, 3, 4]


def test_distances_are_those_to_the_nearest():
    kept = Memory.fitted(F.reshape(6, 10, 4), 15, seed=0)
    items = np.asarray(kept.items)
    assert items.shape == (15, 4)
    assert all((items == row).all(axis=1).sum() == 1 for row in items)
    new = np.random.default_rng(1).normal(size=(3, 10, 4)).astype("float32")
    expected = cdist(new.reshape(-1, 4), items).min(axis=1).reshape(3, 10)
    np.testing.assert_allclose(np.asarray(kept.distances(new)), expected, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(kept.distances(items[None])), 0)


def test_the_score_is_the_formula_of_the_paper():
    kept = Memory.fitted(F.reshape(6, 10, 4), 20, seed=0)
    items = np.asarray(kept.items, "float64")
    new = 3 * np.random.default_rng(1).normal(size=(5, 10, 4)).astype("float32")
    expected = []
    for image in new:
        distances = cdist(image, items)
        star = distances.min(axis=1).argmax()
        nearest = distances[star].argmin()
        around = np.argsort(cdist(items[nearest][None], items)[0])[: memory.NEIGHBORS]
        others = np.exp(distances[star][around])
        weight = 1 - np.exp(distances[star].min()) / others.sum()
        expected.append(weight * distances[star].min())
    found = kept.scored(new, kept.distances(new), None)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4)


def test_far_features_have_finite_scores():
    kept = Memory.fitted(F.reshape(6, 10, 4), 20, seed=0)
    far = np.full((1, 10, 4), 1e4, "float32")
    assert np.isfinite(np.asarray(kept.scored(far, kept.distances(far), None))).all()


def test_of_many_features_some_are_drawn(monkeypatch):
    monkeypatch.setattr(memory, "POOL", 30)
    one, again = (Memory.fitted(F.reshape(6, 10, 4), 50, seed=3) for _ in range(2))
    assert one.items.shape == (30, 4)
    np.testing.assert_array_equal(np.asarray(one.items), np.asarray(again.items))
    other = Memory.fitted(F.reshape(6, 10, 4), 50, seed=4)
    assert not np.array_equal(np.asarray(one.items), np.asarray(other.items))


def test_a_memory_of_two_has_neighbors():
    kept = Memory.fitted(F.reshape(6, 10, 4), 2, seed=0)
    assert kept.nearby.shape == (2, 2)
