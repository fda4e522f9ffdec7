"""Errors of classifiers and of clusters, counted by hand."""

import itertools

import numpy as np
import pytest
from support.stand_in import StandIn

from zoo import metrics


def test_the_classification_error_counts_other_labels():
    model = StandIn(predict_labels=lambda x: np.array([0, 1, 2, 2]))
    assert metrics.classification_error(model, np.zeros(4), np.array([0, 1, 1, 2])) == 25


def test_a_cluster_represents_the_label_of_its_surest_image():
    probability = np.array(
        [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0], [0.4, 0.6, 0.0]]
    )
    # Cluster 0 represents label 5 and cluster 1 label 7; the third image and the last are wrong.
    model = StandIn(predict_proba=np.asarray)
    assert metrics.clustering_error(model, probability, [5, 5, 6, 7, 5]) == pytest.approx(40.0)


def test_labels_of_any_values_are_assigned():
    model = StandIn(predict_labels=lambda x: np.array([0, 0, 0, 1, 1, 1]))
    y = np.array([7, 7, 7, -1, -1, 7])
    assert metrics.clustering_accuracy(model, np.zeros(6), y) == pytest.approx(500 / 6)


def test_the_clustering_accuracy_is_that_of_the_best_of_all_assignments():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 4, 60)
    for clusters in (3, 4, 5):
        found = np.where(generator.random(60) < 0.5, y % clusters, generator.integers(0, clusters))
        model = StandIn(predict_labels=lambda x, found=found: found)
        best = max(
            np.mean(np.array(names)[found] == y)
            for names in itertools.permutations([*range(4), -1][: max(4, clusters)], clusters)
        )
        accuracy = metrics.clustering_accuracy(model, np.zeros(60), y)
        assert accuracy == pytest.approx(100 * best)
