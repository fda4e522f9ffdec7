"""Posterior collapse: the codes of a VAE hold no information about the image."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np


def active_units(model: Any, x: Any, labels: Any = None, *, threshold: float = 0.01) -> int:
    """Count the latent dimensions that hold information about the image.

    A dimension is active if the variance of its posterior mean over images exceeds `threshold`. If
    the prior depends on the label, each mean is first standardized by the prior of its label.

    Args:
        model: a `VAE`.
        x: images [n, *input_shape]. labels: integers [n] for conditional models.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> zoo.metrics.active_units(zoo.load("vae_digits"), x)
        4

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), section 5.2.
    """
    mean, _ = model.posterior_moments(x, labels)
    if model.conditional:
        mean = model.style(mean, labels)
    return int(np.sum(np.var(mean, axis=0) > threshold))


def warn_of_collapse(model: Any, x: Any, labels: Any = None) -> None:
    """Warn if at most a tenth of the dimensions are active; arguments as in `active_units`."""
    active = active_units(model, x, labels)
    if active <= model.latent_dim // 10:
        warnings.warn(
            f"{type(model).__name__} hardly uses its codes: {active} of {model.latent_dim} "
            "dimensions are active, the others are the same for all images (posterior collapse). "
            'Train longer, lower beta=, or give free_bits=. With likelihood="squared_error" or a '
            'fixed zoo.Gaussian(stddev), errors may cost too little: use likelihood="gaussian", '
            "which is calibrated. In this model, codes from encode(x, sample=True) may decode "
            "better than the mean codes of reconstruct().",
            stacklevel=4,
        )
