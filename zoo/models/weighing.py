"""The log-likelihood of a model with a latent variable, by importance sampling."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

IMAGES_AT_ONCE, VALUES_AT_ONCE = 20, 4_000_000


class Estimate(NamedTuple):
    """What sampling found: a value for every image, and how far off it may be.

    Attributes:
        value: float64 [n].
        standard_error: of every value, float64 [n].
    """

    value: np.ndarray
    standard_error: np.ndarray


class Weighing:
    """A model with `importance_weights(x, noise, label)`, log p(x, z) / q(z | x) as a tensor."""

    def log_likelihood(self, x, labels=None, *, samples: int = 5000, seed: int = 0) -> Estimate:
        """Estimate log p(x), or log p(x | label), by importance sampling from q(z | x).

        ln 1/S sum_s p(x, z_s) / q(z_s | x): a lower bound in the mean, the tighter the more
        samples. Memory does not grow with their number. On grey pixels a Bernoulli likelihood gives
        no log-likelihood, and the squared error none at all: see `binarize`.

        Args:
            x: images [n, *input_shape]; with `binarize="dynamic"`, binary ones are drawn of them.
            labels: integers [n] for conditional models.
            samples: S, at least 1.
            seed: the same seed gives the same estimate.

        Returns:
            an `Estimate`, in nats; its standard error is that of the sampling, by the delta
            method, for every image; unknown (NaN) with one sample.

        Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8.
        """
        x, labels = self._checked_images(x, labels)
        x, samples = self.prepared(x, seed), at_least_one(samples)
        generator = np.random.default_rng(seed)
        pieces = []
        for i in range(0, len(x), IMAGES_AT_ONCE):
            rows = slice(i, i + IMAGES_AT_ONCE)
            label = None if labels is None else labels[rows]
            pieces.append(self._log_mean_weight(x[rows], label, samples, generator))
        return Estimate(*np.concatenate(pieces, axis=1))

    def _log_mean_weight(self, x, label, samples, generator):
        """Return the logs of the mean weights of a few images and their standard errors, [2, n]."""
        largest, total, squares = np.full(len(x), -np.inf), np.zeros(len(x)), np.zeros(len(x))
        values = math.prod(self.decoder.output.shape[1:])
        at_once = max(1, VALUES_AT_ONCE // (IMAGES_AT_ONCE * values))
        for start in range(0, samples, at_once):
            size = (len(x), min(at_once, samples - start), self.latent_dim)
            noise = generator.standard_normal(size, np.float32)
            log_w = self._run("importance_weights", (x, noise), label, len(x)).astype("float64")
            before, largest = largest, np.maximum(largest, log_w.max(axis=1))
            w, shrink = np.exp(log_w - largest[:, None]), np.exp(before - largest)
            total = total * shrink + w.sum(axis=1)
            squares = squares * shrink**2 + np.square(w).sum(axis=1)
        mean = total / samples
        variance = np.maximum(squares / samples - mean**2, 0.0)
        spread = np.sqrt(variance / (samples - 1)) if samples > 1 else np.nan
        return np.stack([largest + np.log(mean), spread / mean])


def at_least_one(samples) -> int:
    """Return a number of samples, at least 1."""
    if not isinstance(samples, int | np.integer) or samples < 1:
        raise ValueError(f"samples is {samples}; draw a whole number of codes, at least 1.")
    return int(samples)
