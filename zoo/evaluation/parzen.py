"""The Parzen-window estimate of log-likelihoods, by which adversarial models were compared."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

BANDWIDTHS = np.logspace(-1.0, 0.0, 10)
BLOCK = 1 << 22  # distances that are in memory together


def parzen_log_likelihood(x, samples, bandwidth: float) -> np.ndarray:
    """Log-density of images under Gaussian windows around samples, in nats, float64 [n].

    ln 1/S sum_s N(x; x_s, bandwidth^2 I), over all pixels. Images are taken some at a time, so that
    memory does not grow with their number.

    Args:
        x: images [n, ...]. samples: of a model, [S, ...].
        bandwidth: standard deviation of a window, above 0, in units of a pixel.

    Source: Breuleux, Bengio and Vincent 2011 (doi 10.1162/NECO_a_00158). Theis et al. 2016
    (arXiv 1511.01844) show how little it says of a model; it is here for comparison.
    """
    return _log_likelihoods(x, samples, [bandwidth])[0]


def fitting_bandwidth(x, samples, bandwidths=BANDWIDTHS) -> float:
    """Return the bandwidth under which images [n, ...] kept for the choice are most probable."""
    means = _log_likelihoods(x, samples, bandwidths).mean(axis=1)
    return float(bandwidths[int(np.argmax(means))])


def _log_likelihoods(x, samples, bandwidths) -> np.ndarray:
    """Return the log-densities under windows of every bandwidth, [bandwidths, n]."""
    for bandwidth in bandwidths:
        if not bandwidth > 0:
            raise ValueError(f"bandwidth is {bandwidth}; a window is wider than 0.")
    x, samples = (np.reshape(a, (len(a), -1)).astype("float64") for a in (x, samples))
    if x.shape[1] != samples.shape[1]:
        raise ValueError(
            f"Images have {x.shape[1]} pixels and samples {samples.shape[1]}; they must agree."
        )
    lengths = np.sum(samples**2, axis=1)
    rows = max(1, BLOCK // len(samples))
    values = np.empty((len(bandwidths), len(x)))
    for start in range(0, len(x), rows):
        some = x[start : start + rows]
        squared = np.sum(some**2, axis=1)[:, None] + lengths - 2.0 * some @ samples.T
        squared = np.maximum(squared, 0.0)
        for i, bandwidth in enumerate(bandwidths):
            windows = logsumexp(-0.5 * squared / bandwidth**2, axis=1)
            values[i, start : start + rows] = windows
    width_of_all = x.shape[1] * np.log(np.multiply(bandwidths, np.sqrt(2.0 * np.pi)))
    return values - np.log(len(samples)) - width_of_all[:, None]


def parzen_estimate(model, x, validation, *, samples: int = 10_000, seed: int = 0):
    """Estimate the log-likelihood of images from a model's samples.

    Args:
        model: one that generates without labels, or with labels: then classes take turns.
        x: images [n, ...]. validation: other images, of which the bandwidth is chosen.
        samples: how many images are generated.

    Returns:
        the mean in nats, its standard error over images, and the bandwidth.
    """
    labels = np.arange(samples) % model.num_classes if model.conditional else None
    drawn = model.generate(samples, labels, seed=seed)
    bandwidth = fitting_bandwidth(validation, drawn)
    values = parzen_log_likelihood(x, drawn, bandwidth)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), bandwidth
