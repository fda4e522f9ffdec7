"""Metrics of codes: information about classes, activity of units, distance to the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.checks.arrays import as_array
from zoo.checks.data import true_labels
from zoo.inference.compiled import run_in_batches
from zoo.nn.network_properties import activation_of_code
from zoo.training.posterior_collapse import active_units as active_units

if TYPE_CHECKING:
    from zoo.models import Autoencoder
    from zoo.models.autoencoder import BaseAutoencoder


def nearest_neighbor_accuracy(
    model: BaseAutoencoder,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    neighbors: int = 5,
) -> float:
    """Accuracy of scikit-learn's nearest-neighbor classifier on codes.

    Args:
        model: a model that is not conditional.
        train: images, float [n, *input_shape], whose codes vote, and labels, integers [n].
        test: images to classify, float [m, *input_shape], and labels, integers [m].
        neighbors: the number of codes that vote, at least 1.

    Returns:
        the accuracy in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model, or a conditional model.

    Examples:
        >>> train, test = zoo.data.load("digits")
        >>> round(zoo.metrics.nearest_neighbor_accuracy(zoo.load("vae_digits"), train, test))
        87
    """
    from sklearn.neighbors import KNeighborsClassifier

    (codes, y), (test_codes, y_test) = (_codes_and_labels(model, data) for data in (train, test))
    classifier = KNeighborsClassifier(neighbors, algorithm="brute").fit(codes, y)
    return 100.0 * float(np.mean(classifier.predict(test_codes) == y_test))


def linear_probe_accuracy(
    model: BaseAutoencoder,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> float:
    """Accuracy of scikit-learn's logistic regression on standardized codes.

    Args:
        model: a model that is not conditional.
        train: images to fit, float [n, *input_shape], and labels, integers [n].
        test: images to classify, float [m, *input_shape], and labels, integers [m].

    Returns:
        the accuracy in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model, or a conditional model.

    Examples:
        >>> train, test = zoo.data.load("digits")
        >>> 70 < zoo.metrics.linear_probe_accuracy(zoo.load("vae_digits"), train, test) < 90
        True

    Source: Alain and Bengio 2016 (arXiv 1610.01644).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    probe.fit(*_codes_and_labels(model, train))
    return 100.0 * float(probe.score(*_codes_and_labels(model, test)))


def flat_codes(model: BaseAutoencoder, x: np.ndarray) -> np.ndarray:
    """Return the codes of images [n, *input_shape] as vectors, float32 [n, latent_dim]."""
    codes = model.encode(x)
    return codes.reshape(len(codes), -1)


def _codes_and_labels(model, data):
    x, y = data
    codes = flat_codes(model, x)
    return codes, true_labels(y, len(codes))


def sliced_wasserstein(
    a: np.ndarray, b: np.ndarray, *, directions: int = 200, seed: int = 0
) -> float:
    """Sliced 2-Wasserstein distance between two samples, such as codes and samples of the prior.

    It is the root of the mean squared distance between the sorted projections of both samples,
    where the mean is also over random directions. It is 0 for equal samples.

    Args:
        a, b: both float [n, latent_dim].
        directions: the number of directions in the average, at least 1.
        seed: seed of the directions.

    Returns:
        the distance, at least 0, in units of a code.

    Raises:
        ValueError: the shapes differ.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> codes = model.encode(zoo.data.load("digits")[1][0], sample=True, seed=0)
        >>> distance = zoo.metrics.sliced_wasserstein(codes, model.prior.sample(len(codes), seed=0))
        >>> 0 < distance < 1
        True

    Source: Bonneel et al. 2015 (doi 10.1007/s10851-014-0506-3).
    """
    a, b = as_array(a, "a"), as_array(b, "b")
    if a.shape != b.shape:
        raise ValueError(f"The samples have shapes {a.shape} and {b.shape}; they must agree.")
    axes = np.random.default_rng(seed).standard_normal((a.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    sorted_a, sorted_b = (np.sort(np.asarray(s, "float64") @ axes, axis=0) for s in (a, b))
    return float(np.sqrt(np.mean((sorted_a - sorted_b) ** 2)))


def jacobian_norm(model: Autoencoder, x: np.ndarray, *, squared: bool = False) -> float:
    """Frobenius norm of the encoder's Jacobian dz/dx, averaged over images.

    It has a closed form for one dense layer with a sigmoid, a tanh or no activation. Otherwise each
    row of the Jacobian is computed by a backward pass; a code of d dimensions needs d passes.

    Args:
        model: a `zoo.Autoencoder` or a variant of it.
        x: images, float [n, *input_shape].
        squared: whether to average the squared norm instead.

    Returns:
        the norm, at least 0, in units of a code per unit of a pixel.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> model = zoo.ContractiveAutoencoder((8, 8, 1), 16)
        >>> zoo.metrics.jacobian_norm(model, x) > 0
        True

    Source: Rifai et al. 2011, Contractive auto-encoders (ICML), equation 6.
    """
    x, _ = model.checked_images(x, None)
    norms = run_in_batches(model.squared_jacobian_norm, x, batch_size=64)  # [n]
    norms = norms.astype("float64")
    return float(np.mean(norms if squared else np.sqrt(norms)))


def mean_activity(model: BaseAutoencoder, x: np.ndarray) -> float:
    """Mean value of a unit of the code, averaged over units and images.

    Args:
        model: a model whose code has bounds, such as a `zoo.SparseAutoencoder`.
        x: images, float [n, *input_shape].

    Returns:
        the mean, in the range of the code's activation: [0, 1] for a sigmoid.

    Raises:
        ValueError: images that do not fit the model.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> 0 < zoo.metrics.mean_activity(zoo.SparseAutoencoder((8, 8, 1), 16), x) < 1
        True
    """
    return float(model.encode(x).mean())


def saturation(model: BaseAutoencoder, x: np.ndarray) -> float:
    """Percentage of units that are saturated, below 0.05 or above 0.95, averaged over images.

    Args:
        model: a model with codes in [0, 1]. Codes of tanh units are mapped from [-1, 1] to [0, 1].
        x: images, float [n, *input_shape].

    Returns:
        the share in percent, from 0 to 100.

    Raises:
        ValueError: images that do not fit the model.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> 0 <= zoo.metrics.saturation(zoo.SparseAutoencoder((8, 8, 1), 16), x) <= 100
        True

    Source: Rifai et al. 2011, Contractive auto-encoders (ICML), table 1.
    """
    codes = model.encode(x)
    if activation_of_code(model.encoder) == "tanh":
        codes = (codes + 1) / 2
    return 100.0 * float(np.mean((codes < 0.05) | (codes > 0.95)))


def angle_to_principal_subspace(model: Autoencoder, x: np.ndarray) -> float:
    """Largest principal angle between the subspace of a linear decoder and the subspace of PCA.

    Args:
        model: a linear autoencoder, with one layer each way and no activation.
        x: the images that PCA is fitted to, float [n, *input_shape]: the training images of the
            model.

    Returns:
        the angle in radians, from 0 to pi / 2; 0 at the optimum of the squared error.

    Examples:
        >>> x = zoo.data.load("digits")[0][0]
        >>> linear = {"hidden_units": (), "likelihood": "squared_error"}
        >>> model = zoo.Autoencoder((8, 8, 1), 4, **linear)  # not trained yet
        >>> 0.1 < zoo.metrics.angle_to_principal_subspace(model, x) < 1.6
        True

    Source: Baldi and Hornik 1989 (doi 10.1016/0893-6080(89)90014-2).
    """
    from scipy.linalg import subspace_angles
    from sklearn.decomposition import PCA

    x = as_array(x, "x", getattr(model.likelihood, "names", None))
    x = model.likelihood.standardized(np.asarray(x))
    pca = PCA(model.latent_dim, svd_solver="covariance_eigh").fit(np.reshape(x, (len(x), -1)))
    codes = np.concatenate([np.zeros((1, model.latent_dim)), np.eye(model.latent_dim)])
    origin, *ends = model.likelihood.standardized(model.decode(codes.astype("float32")))
    columns = np.stack(ends) - origin
    angles = subspace_angles(columns.reshape(model.latent_dim, -1).T, pca.components_.T)
    return float(np.max(angles))
