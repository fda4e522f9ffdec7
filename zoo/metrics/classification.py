"""How often a model that classifies or clusters images is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.checks.data import true_labels

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder


def classification_error(model: BaseAutoencoder, x: np.ndarray, y: np.ndarray) -> float:
    """Percentage of images whose predicted label is not the true one.

    Args:
        model: one with `predict_labels`, such as `zoo.M2` or `zoo.SemiSupervisedAAE`.
        x: images, float [n, *input_shape], in the range of the model's likelihood.
        y: the true labels, integers [n].

    Returns:
        the error in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model.

    Examples:
        >>> x, y = zoo.data.load("digits")[1]
        >>> model = zoo.M1((8, 8, 1), 2, num_classes=10, hidden_units=(16,))  # not trained yet
        >>> zoo.metrics.classification_error(model, x, y) > 50
        True
    """
    found = model.predict_labels(x)
    return 100.0 * float(np.mean(found != true_labels(y, len(found))))


def clustering_error(model: BaseAutoencoder, x: np.ndarray, y: np.ndarray) -> float:
    """Percentage of images whose cluster represents a wrong label.

    A cluster represents the label of the image with the highest probability of belonging to it. A
    cluster to which no image is assigned does not count.

    Args:
        model: one with `predict_proba`, such as `zoo.ClusteringAAE`.
        x: images, float [n, *input_shape], in the range of the model's likelihood.
        y: the true labels, integers [n].

    Returns:
        the error in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model.

    Examples:
        >>> x, y = zoo.data.load("digits")[1]
        >>> model = zoo.ClusteringAAE((8, 8, 1), 2, num_classes=16, hidden_units=(16,))  # untrained
        >>> zoo.metrics.clustering_error(model, x, y) > 20
        True

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 6.
    """
    probability = model.predict_proba(x)  # [n, clusters]
    y = true_labels(y, len(probability))
    label_of_cluster = y[probability.argmax(axis=0)]  # [clusters]
    return 100.0 * float(np.mean(label_of_cluster[probability.argmax(axis=1)] != y))


def clustering_accuracy(model: BaseAutoencoder, x: np.ndarray, y: np.ndarray) -> float:
    """Percentage of images in the right cluster, if each cluster represents one label at most.

    Labels are assigned to clusters one to one, so that the accuracy is the highest possible. With
    more clusters than labels, the images of the remaining clusters count as wrong.

    Args:
        model: one with `predict_labels`, such as `zoo.VaDE` or `zoo.ClusteringAAE`.
        x: images, float [n, *input_shape], in the range of the model's likelihood.
        y: the true labels, integers [n].

    Returns:
        the accuracy in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model.

    Examples:
        >>> x, y = zoo.data.load("digits")[1]
        >>> model = zoo.VaDE((8, 8, 1), 2, num_classes=10, hidden_units=(16,))  # not trained yet
        >>> zoo.metrics.clustering_accuracy(model, x, y) < 60
        True

    Source: Jiang et al. 2017 (arXiv 1611.05148), equation 22.
    """
    found = model.predict_labels(x)
    y = true_labels(y, len(found))
    return float(100.0 * one_to_one(found, y).sum() / len(y))


def one_to_one(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return how many items each assigned pair of a cluster and a label has in common.

    The assignment makes their sum as large as possible (the Hungarian algorithm).

    Args:
        clusters, labels: integers [n], clusters at least 0.
    """
    from scipy.optimize import linear_sum_assignment

    labels = np.unique(labels, return_inverse=True)[1]
    counts = np.zeros((clusters.max() + 1, labels.max() + 1), int)
    np.add.at(counts, (clusters, labels), 1)
    return counts[linear_sum_assignment(counts, maximize=True)]
