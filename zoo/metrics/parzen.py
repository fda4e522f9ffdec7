"""The Parzen-window estimate of log-likelihoods, once used to compare adversarial models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.checks.arguments import number
from zoo.checks.arrays import as_array
from zoo.density import ParzenWindows

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder

BANDWIDTHS = np.logspace(-1.0, 0.0, 37)  # steps of 6.6 %: with 784 pixels they cost up to 0.8 nats


def parzen_log_likelihood(x: np.ndarray, samples: np.ndarray, bandwidth: float) -> np.ndarray:
    """Log-density of images under Gaussian windows around samples.

    ln 1/S sum_s N(x; x_s, bandwidth^2 I), over all pixels. Images are processed in blocks, so
    that memory does not grow with their number.

    Args:
        x: images, float [n, ...].
        samples: images that a model generated, float [S, ...].
        bandwidth: standard deviation of a window, above 0, in units of a pixel.

    Returns:
        the log-density of each image in nats, float64 [n].

    Raises:
        ValueError: images and samples have different numbers of pixels, or the bandwidth is not
            above 0.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> samples = zoo.load("vae_digits").generate(100, seed=0)
        >>> zoo.metrics.parzen_log_likelihood(x, samples, 0.2).shape
        (360,)

    Source: Breuleux, Bengio and Vincent 2011 (doi 10.1162/NECO_a_00158). Theis et al. 2016
    (arXiv 1511.01844) show that it is a poor measure of a model; use it for comparison only.
    """
    return _log_likelihoods(x, samples, [bandwidth])[0]


def choose_bandwidth(x: np.ndarray, samples: np.ndarray, bandwidths: Any = BANDWIDTHS) -> float:
    """Return the bandwidth that gives validation images [n, ...] the highest mean log-density."""
    means = _log_likelihoods(x, samples, bandwidths).mean(axis=1)  # [bandwidths]
    return float(bandwidths[int(np.argmax(means))])


def parzen_estimate(
    model: BaseAutoencoder,
    x: np.ndarray,
    validation: np.ndarray,
    *,
    samples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Estimate the log-likelihood of images by Parzen windows around a model's samples.

    Args:
        model: a model that generates images. If it is conditional, the classes take turns.
        x: images, float [n, *input_shape], n at least 2.
        validation: other images, float [m, *input_shape], for the choice of the bandwidth.
        samples: the number of generated images.
        seed: seed of the generated images.

    Returns:
        the mean log-density over images and its standard error, both in nats, and the bandwidth in
        units of a pixel.

    Raises:
        ValueError: images whose number of pixels differs from the model's.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> model = zoo.load("vae_digits")
        >>> nats, error, width = zoo.metrics.parzen_estimate(model, x[:180], x[180:], samples=200)
        >>> 0.1 <= width <= 1
        True

    Source: see `parzen_log_likelihood`.
    """
    labels = np.arange(samples) % model.num_classes if model.conditional else None
    return estimate_around(model.generate(samples, labels, seed=seed), x, validation)


def estimate_around(
    samples: np.ndarray, x: np.ndarray, validation: np.ndarray
) -> tuple[float, float, float]:
    """Estimate the log-likelihood of images around given samples, as `parzen_estimate` does."""
    bandwidth = choose_bandwidth(validation, samples)
    values = parzen_log_likelihood(x, samples, bandwidth)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), bandwidth


def _log_likelihoods(x, samples, bandwidths) -> np.ndarray:
    """Return the log-densities under windows of every bandwidth, [bandwidths, n]."""
    for bandwidth in bandwidths:
        number("bandwidth", bandwidth, above=0)
    x, samples = as_array(x, "x"), as_array(samples, "samples")
    x, samples = (np.reshape(a, (len(a), -1)) for a in (x, samples))
    if x.shape[1] != samples.shape[1]:
        raise ValueError(
            f"Images have {x.shape[1]} pixels and samples {samples.shape[1]}; they must agree."
        )
    density = ParzenWindows(1.0).fit(samples)
    return np.stack([density.use_width(width).score_samples(x) for width in bandwidths])
