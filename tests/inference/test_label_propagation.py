"""Graphs of neighbors, and labels that spread over them, against dense computations."""

import numpy as np
import pytest

from zoo.inference import label_propagation


def blobs(n=40):
    generator = np.random.default_rng(0)
    y = np.arange(n) % 2
    return generator.normal(size=(n, 3)) + 4.0 * y[:, None], y


def test_affinities_are_those_of_mutual_distances():
    codes, _ = blobs(12)
    squared = ((codes[:, None] - codes[None]) ** 2).sum(axis=2)
    order = np.argsort(squared, axis=1)[:, 1:4]  # without the code itself
    linked = np.zeros((12, 12), bool)
    linked[np.arange(12)[:, None], order] = True
    width = np.median(np.take_along_axis(squared, order[:, -1:], axis=1))
    expected = np.where(linked | linked.T, np.exp(-2.0 * squared / width), 0.0)
    found = label_propagation.neighbor_graph(codes, neighbors=3).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("labeled", [(3, 3), (2, 12)], ids=["equal", "unequal"])
def test_spread_labels_are_the_fixed_point_of_the_paper_with_equal_masses_of_classes(labeled):
    codes, y = blobs()
    few = np.full(len(y), -1)
    for label, count in enumerate(labeled):
        few[np.flatnonzero(y == label)[:count]] = label
    graph = label_propagation.neighbor_graph(codes, neighbors=5)
    affinity = graph.toarray()
    root = np.sqrt(affinity.sum(axis=1))
    smooth = affinity / root[:, None] / root[None]
    start = (few[:, None] == np.arange(2)) / np.array(labeled)
    limit = np.linalg.solve(np.eye(len(y)) - 0.9 * smooth, start)
    found = label_propagation.spread(codes, few, neighbors=5, alpha=0.9)
    np.testing.assert_array_equal(found, limit.argmax(axis=1))
    again = label_propagation.spread(codes, few, alpha=0.9, graph=graph)
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize(("alpha", "least"), [(None, 0.85), (0.99, 0.9)])
def test_a_class_with_many_labels_does_not_take_over_one_with_few(alpha, least):
    generator = np.random.default_rng(0)
    y = np.repeat([0, 1], [100, 200])
    codes = generator.normal(size=(300, 2)) + 2.5 * y[:, None]  # the classes touch
    few = np.where(np.isin(np.arange(300), [0, 1, 2, *range(100, 160)]), y, -1)
    found = label_propagation.spread(codes, few, alpha=alpha)
    # With the same weight for each label the class with few has 68 and 0 %.
    assert min(np.mean(found[y == label] == label) for label in (0, 1)) > least


@pytest.mark.parametrize(("labels", "steps"), [(10, 20), (160, 5)])
def test_labels_travel_farther_where_they_are_rare(labels, steps):
    generator = np.random.default_rng(0)
    y = np.arange(200) % 2
    codes = generator.normal(size=(200, 2)) + y[:, None]  # most of the classes overlap
    few = np.where(np.arange(200) < labels, y, -1)
    found = label_propagation.spread(codes, few)
    expected, other = (
        label_propagation.spread(codes, few, alpha=1 - 1 / t) for t in (steps, 25 - steps)
    )
    np.testing.assert_array_equal(found, expected)  # t = sqrt(20 * 200 / labels)
    assert (found != other).any()


@pytest.mark.parametrize("name", label_propagation.METHODS)
def test_labels_that_do_not_suffice_are_refused(name):
    codes, y = blobs()
    method = label_propagation.METHODS[name]
    with pytest.raises(ValueError, match="0 classes have a label"):
        method(codes, np.full(len(y), -1))
    with pytest.raises(ValueError, match=r"40 codes, and labels of shape \(39,\)"):
        method(codes, y[1:])
    if name != "spreading":
        with pytest.raises(ValueError, match="1 classes have a label, and 2 are needed"):
            method(codes, np.where(y == 1, 1, -1))


@pytest.mark.parametrize("name", label_propagation.METHODS)
def test_classes_need_not_begin_with_0(name):
    codes, y = blobs()
    few = np.where(np.arange(len(y)) < 12, y + 3, -1)
    np.testing.assert_array_equal(label_propagation.METHODS[name](codes, few), y + 3)
