"""Graphs of neighbors, and labels that spread over them, against dense computations."""

import numpy as np

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


def test_spread_labels_are_the_fixed_point_of_the_paper():
    codes, y = blobs()
    few = np.where(np.arange(len(y)) < 6, y, -1)
    graph = label_propagation.neighbor_graph(codes, neighbors=5)
    affinity = graph.toarray()
    root = np.sqrt(affinity.sum(axis=1))
    smooth = affinity / root[:, None] / root[None]
    start = (few[:, None] == np.arange(2)).astype(float)
    limit = np.linalg.solve(np.eye(len(y)) - 0.9 * smooth, start)
    found = label_propagation.spread(codes, few, neighbors=5, alpha=0.9)
    np.testing.assert_array_equal(found, limit.argmax(axis=1))
    again = label_propagation.spread(codes, few, alpha=0.9, graph=graph)
    np.testing.assert_array_equal(found, again)
