"""Data whose scale networks do not learn from, or that a likelihood does not describe."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from keras import ops

from zoo.nn.distributions.likelihoods import (
    Bernoulli,
    Gaussian,
    LearnedGaussian,
    SquaredError,
)

# Measured on one data set, multiplied by a factor: the error of a VAE is the same for factors from
# 0.1 to 8, and 2.3 times as high at 0.05; at 0.01 none of its codes is active.
LARGEST_SIZE, LEAST_SPREAD = 10.0, 0.05
_TAKES_ALL = (Gaussian, LearnedGaussian, SquaredError)


def check_units(model: Any, x: np.ndarray) -> None:
    """Refuse the first training data of a model if they are far too large; warn if too small.

    Some likelihoods accept all values, but networks do not learn from values of any scale. The
    check is left out for a user's own networks, for a likelihood whose standard deviation was
    given, and for a model that has been trained.

    Args:
        model: a compiled model. x: some of the data, float [n, *input_shape].

    Raises:
        ValueError: the root mean square of the values is above 10; for signals, in any channel.
    """
    likelihood = getattr(model.likelihood, "step", model.likelihood)  # of a step of a signal
    free = isinstance(likelihood, _TAKES_ALL) and not likelihood.in_own_units
    fixed = model.learns_variance and getattr(likelihood, "stddev", None) is not None
    trained = model.based_on or int(ops.convert_to_numpy(model.optimizer.iterations))
    if not free or fixed or trained or model.custom_networks:
        return
    x = np.asarray(x, "float64")
    values, where, fix = x.reshape(-1, 1), [""], "x = (x - x.mean()) / x.std()"
    if x.ndim == 2:
        fix = (
            "x = (x - x.mean(axis=0)) / x.std(axis=0), or make the model with "
            "likelihood=zoo.GaussianColumns.adapted(x)"
        )
    elif x.ndim == 3:  # signals, whose channels may have different units
        values = x.reshape(-1, x.shape[-1])
        where = [f" in channel {j}" for j in range(x.shape[-1])] if x.shape[-1] > 1 else [""]
        fix = (
            "x = (x - x.mean(axis=(0, 1))) / x.std(axis=(0, 1)); a zoo.anomaly.Detector does it "
            "with standardize=True"
        )
    sizes, spreads = np.sqrt(np.nanmean(np.square(values), axis=0)), np.nanstd(values, axis=0)
    largest, least = sizes.argmax(), np.where(spreads > 0, spreads, np.inf).argmin()
    if sizes[largest] > LARGEST_SIZE:
        raise ValueError(
            f"The values of x have a size of {sizes[largest]:.3g}{where[largest]} (root mean "
            f"square), and networks learn from numbers near 1. Standardize them: {fix}."
        )
    if 0 < spreads[least] < LEAST_SPREAD:
        warnings.warn(
            f"The values of x vary only by {spreads[least]:.2g}{where[least]} (standard "
            "deviation), and networks learn from numbers near 1. If codes stay unused, standardize "
            f"them: {fix}.",
            stacklevel=4,
        )


def warn_of_gray_pixels(model: Any, x: np.ndarray) -> None:
    """Warn if the log-likelihood of gray pixels is asked for, and pixels are 0 or 1 to the model.

    Args:
        model: a variational model. x: checked images, float [n, *input_shape].
    """
    if not isinstance(model.likelihood, Bernoulli) or model.binarize == "threshold":
        return
    gray = np.mean((x > 0) & (x < 1))
    if gray:
        warnings.warn(
            f"{gray:.0%} of the pixels lie between 0 and 1. With a Bernoulli likelihood, the "
            "result is a log-likelihood for pixels of 0 and 1 only: give (x > 0.5) as floats, or "
            'make the model with binarize="dynamic" or "threshold".',
            stacklevel=3,
        )
