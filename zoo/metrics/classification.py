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
