"""Importance sampling: log p(x) as the mean of weights p(x, z) / q(z | x)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels
from zoo.inference.compiled import run_in_batches

IMAGES_AT_ONCE, VALUES_AT_ONCE = 20, 4_000_000


class Estimate(NamedTuple):
    """An estimate for every image, and its standard error.

    Attributes:
        value: float64 [n].
        standard_error: the standard error of each value, by the delta method, float64 [n]; NaN for
            one sample.
    """

    value: np.ndarray
    standard_error: np.ndarray


def log_mean_weights(model: Any, x: ArrayLike, labels: Labels, samples: int, seed: int) -> Estimate:
    """Return ln 1/S sum_s p(x, z_s) / q(z_s | x) of every image.

    Args:
        model: a model with `importance_log_weights(x, noise, label)`.
        x: checked images [n, ...]. labels: int32 [n], or None.
        samples: the number of samples S. seed: the seed of the noise.
    """
    samples = whole("samples", samples, least=1)
    generator = np.random.default_rng(seed)
    pieces = []
    for i in range(0, len(x), IMAGES_AT_ONCE):
        rows = slice(i, i + IMAGES_AT_ONCE)
        label = None if labels is None else labels[rows]
        pieces.append(_of_few_images(model, x[rows], label, samples, generator))
    return Estimate(*np.concatenate(pieces, axis=1))


def _of_few_images(model, x, label, samples, generator):
    """Return the logarithms of the mean weights and their standard errors, [2, n]."""
    largest, total, squares = np.full(len(x), -np.inf), np.zeros(len(x)), np.zeros(len(x))
    values = math.prod(model.decoder.output.shape[1:])
    at_once = max(1, VALUES_AT_ONCE // (IMAGES_AT_ONCE * values))
    for start in range(0, samples, at_once):
        size = (len(x), min(at_once, samples - start), model.latent_dim)
        noise = generator.standard_normal(size, np.float32)
        log_w = run_in_batches(
            model.importance_log_weights, (x, noise), label, batch_size=len(x)
        ).astype("float64")
        before, largest = largest, np.maximum(largest, log_w.max(axis=1))
        w, shrink = np.exp(log_w - largest[:, None]), np.exp(before - largest)
        total = total * shrink + w.sum(axis=1)
        squares = squares * shrink**2 + np.square(w).sum(axis=1)
    mean = total / samples
    variance = np.maximum(squares / samples - mean**2, 0.0)
    spread = np.sqrt(variance / (samples - 1)) if samples > 1 else np.nan
    return np.stack([largest + np.log(mean), spread / mean])
