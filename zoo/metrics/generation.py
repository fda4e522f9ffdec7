"""Quality of generated images, according to a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo.checks.arrays import as_array
from zoo.metrics.coverage import last_hidden_layer

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder


def generated_class_accuracy(
    model: BaseAutoencoder, classifier: keras.Model, *, n: int = 10000, seed: int = 0
) -> float:
    """Percentage of generated images that a classifier assigns to the requested class.

    Args:
        model: a conditional model, such as `zoo.CVAE`.
        classifier: a Keras model from images to class scores [n, num_classes], from
            `load_reference_classifier`.
        n: the number of generated images; the classes take turns.
        seed: seed of the codes.

    Returns:
        the accuracy in percent, from 0 to 100.

    Examples:
        >>> classifier = zoo.metrics.load_reference_classifier("mnist")
        >>> model = zoo.load("cvae_mnist")
        >>> zoo.metrics.generated_class_accuracy(model, classifier, n=50) > 90
        True
    """
    labels = np.arange(n) % model.num_classes
    images = model.generate(labels=labels, seed=seed)
    scores = classifier.predict(images, batch_size=500, verbose=0)  # [n, num_classes]
    return 100.0 * float(np.mean(scores.argmax(axis=1) == labels))


def frechet_distance(images: np.ndarray, others: np.ndarray, classifier: keras.Model) -> float:
    """Squared Fréchet distance between two samples of images, in the features of a classifier.

    |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)), where m, m' and S, S' are the means and covariances of
    the input of the classifier's last layer. It is 0 for equal samples. Values can only be compared
    if the classifier and the sizes of the samples are the same.

    Args:
        images: float [n, *input_shape]; use some thousand, because the distance is biased upward
            for small samples.
        others: float [m, *input_shape].
        classifier: a Keras classifier of images, from `load_reference_classifier`.

    Returns:
        the squared distance, at least 0 up to rounding, in squared units of a feature.

    Examples:
        >>> import keras
        >>> x = zoo.data.load("digits")[1][0]
        >>> hidden, classes = keras.layers.Dense(4, "relu"), keras.layers.Dense(10, "softmax")
        >>> classifier = keras.Sequential(  # in place of zoo.metrics.load_reference_classifier
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), hidden, classes]
        ... )
        >>> generated = zoo.load("vae_digits").generate(len(x), seed=0)
        >>> zoo.metrics.frechet_distance(generated, x, classifier) > 0
        True

    Source: Heusel et al. 2017 (arXiv 1706.08500), who use Inception as the classifier.
    """
    from scipy.linalg import svdvals

    features = last_hidden_layer(classifier)
    samples = [
        features.predict(as_array(sample, "images"), batch_size=500, verbose=0)  # [n, features]
        for sample in (images, others)
    ]
    samples = [sample.astype("float64") for sample in samples]
    mean, other_mean = (sample.mean(axis=0) for sample in samples)
    a, b = (_root_of_covariance(sample) for sample in samples)
    # S S' = A^T A B^T B has the eigenvalues of (A B^T)^T (A B^T), without zeros: the squares of the
    # singular values of A B^T, whose sum is therefore tr (S S')^(1/2).
    shared = svdvals(a @ b.T).sum()
    squared = np.sum((mean - other_mean) ** 2)
    return float(squared + np.sum(a**2) + np.sum(b**2) - 2.0 * shared)


def _root_of_covariance(sample: np.ndarray) -> np.ndarray:
    """Return A [min(n, features), features]: A^T A is the covariance of a sample [n, features]."""
    if len(sample) <= sample.shape[1]:
        return (sample - sample.mean(axis=0)) / np.sqrt(len(sample) - 1)
    values, vectors = np.linalg.eigh(np.cov(sample, rowvar=False))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
