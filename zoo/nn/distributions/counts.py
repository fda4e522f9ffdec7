"""The likelihoods of counts: Poisson and negative binomial.

Both are computed in the form of Loader 2000, Fast and accurate computation of binomial
probabilities. It avoids differences of the logarithms of large factorials, for which float32 is not
precise enough. With

    d(a) = ln Gamma(a + 1) - (a + 1/2) ln a + a - 1/2 ln(2 pi),

the small remainder of Stirling's formula, it is

    ln x! = (x + 1/2) ln x - x + 1/2 ln(2 pi) + d(x).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array
from zoo.checks.tables import column_names
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.normal import LOG_TWO_PI
from zoo.nn.layers import LogOfCounts

MOST_LOG_MEAN = math.log(2.0**24)  # float32 holds all whole numbers up to 2^24
LOG_DISPERSIONS = math.log(1e-3), math.log(1e6)
LEAST_MEAN = 1e-3  # for a column whose counts are nearly all 0


@keras.saving.register_keras_serializable(package="zoo")
class Poisson(Likelihood):
    """Every value is a count with mean m: log p(x) = sum(x ln m - m - ln x!).

    The decoder gives l, and m = c exp(l), which is bounded by 2^24. Networks built from settings
    begin with ln(1 + x), because counts may be large; let your own networks begin with
    `normalization()`. Noise is added to, and squared errors are computed from, the same logarithms.

    Args:
        means: c, a number above 0 or one for each column. Training begins near these means, and
            takes long if they are far from the means of the counts; `Poisson.adapted(x)` computes
            those.
        names: the names of the columns; None for none.

    Examples:
        >>> counts = np.random.default_rng(0).poisson(50.0, (32, 6)).astype("float32")
        >>> likelihood = zoo.Poisson.adapted(counts)
        >>> model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=likelihood)
        >>> model.compile("adam")
        >>> history = model.fit(counts, epochs=1, verbose=0)
        >>> bool((model.reconstruct(counts) > 0).all())  # means, not whole numbers
        True
    """

    low = 0.0
    whole = True
    in_own_units = True
    standardizes_to = "ln(1 + count)"
    reads, applies = "logarithms of means", "exponential"

    def __init__(self, means: Any = 1.0, names: Sequence[str] | None = None):
        means = np.asarray(means)
        right = means.ndim < 2 and means.size and means.dtype.kind in "fiu"
        if not right or not (np.isfinite(means).all() and (means > 0).all()):
            raise ValueError(
                f"means is {means!r}; give a number above 0, or one for each column, as "
                f"zoo.{type(self).__name__}.adapted(x) does."
            )
        self.means = means.astype("float32")
        self.log_means = np.log(self.means)
        self.names = None if names is None else tuple(map(str, names))
        if self.names is not None and self.means.shape != (len(self.names),):
            raise ValueError(
                f"There are {len(self.names)} names for means of shape {self.means.shape}."
            )

    @classmethod
    def adapted(cls, x: ArrayLike, names: Sequence[str] | None = None) -> Poisson:
        """Return the likelihood for counts like x, [n, ..., columns]: c is the mean of each column.

        Args:
            names: the names of the columns; for a table in memory, such as a `DataFrame`, its
                column names by default.
        """
        names = column_names(x) if names is None else names
        x = as_array(x, "x", names)
        means = x.reshape(-1, x.shape[-1]).mean(axis=0, dtype="float64")
        return cls(np.maximum(means, LEAST_MEAN), names)

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        if self.means.ndim and len(self.means) != image_shape[-1]:
            raise ValueError(
                f"{type(self).__name__} has {len(self.means)} means, and input_shape is "
                f"{tuple(image_shape)}; give one mean for each of {image_shape[-1]}, or one number."
            )
        return super().parameter_shape(image_shape)

    def standardized(self, x: Tensor) -> Tensor:
        return np.log1p(x) if isinstance(x, np.ndarray) else ops.log(1.0 + x)

    def raw(self, standardized: Tensor) -> Tensor:
        if isinstance(standardized, np.ndarray):
            return np.expm1(np.maximum(standardized, 0.0))
        return ops.exp(ops.relu(standardized)) - 1.0

    def normalization(self) -> keras.Layer:
        """Return a layer that takes ln(1 + x)."""
        return LogOfCounts(name="log_of_counts")

    def describe_rows(self) -> dict:
        """Return a distribution for synthetic rows, of about the size of the counts."""
        means = self.means.tolist()
        return {"kind": "normal", "mean": means, "scale": means}

    def log_mean(self, parameters: Tensor) -> Tensor:
        """Return ln m for decoder outputs, at most ln 2^24."""
        log_mean = parameters + ops.convert_to_tensor(self.log_means)
        return MOST_LOG_MEAN - ops.softplus(MOST_LOG_MEAN - log_mean)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        return _summed(log_poisson(x, self.log_mean(parameters)))

    def mean(self, parameters: Tensor) -> Tensor:
        return ops.exp(self.log_mean(parameters))

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return counts drawn from p(x | z) for decoder outputs, float32 [n, ...]."""
        mean = ops.convert_to_numpy(self.mean(ops.convert_to_tensor(parameters)))
        return generator.poisson(mean).astype("float32")

    def get_config(self) -> dict:
        names = None if self.names is None else list(self.names)
        return {"means": self.means.tolist(), "names": names}


@keras.saving.register_keras_serializable(package="zoo")
class NegativeBinomial(Poisson):
    """Every value is a count with mean m and variance m + m^2 / r, r above 0.

    It is a Poisson distribution whose rate varies from item to item by a gamma distribution, for
    counts whose variance is larger than their mean. As r grows, it approaches `Poisson`.

    log p(x) = sum(ln Gamma(x + r) - ln Gamma(r) - ln x! + r ln(r / (r + m)) + x ln(m / (r + m))).

    The last axis of the decoder's output holds l for all columns, with m = c exp(l), then equally
    many numbers ln r, which are limited to the range from ln 1e-3 to ln 1e6.

    Args:
        means, names: as in `Poisson`.

    Examples:
        >>> counts = np.random.default_rng(0).negative_binomial(2, 0.1, (32, 6)).astype("float32")
        >>> likelihood = zoo.NegativeBinomial.adapted(counts)
        >>> model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=likelihood)
        >>> model.compile("adam")
        >>> history = model.fit(counts, epochs=1, verbose=0)
        >>> model.reconstruct(counts).shape
        (32, 6)

    Source: Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics (doi
    10.1038/s41592-018-0229-2), for counts from the decoder of a variational autoencoder.
    """

    values = 2
    reads, applies = "logarithms of means and of dispersions", None

    def moments(self, parameters: Tensor) -> Any:
        """Return ln m and ln r of every value, both of the shape of x."""
        log_mean, free = ops.split(parameters, 2, axis=-1)
        least, most = LOG_DISPERSIONS
        above = least + ops.softplus(free - least)
        return super().log_mean(log_mean), most - ops.softplus(most - above)

    def log_mean(self, parameters: Tensor) -> Tensor:
        return self.moments(parameters)[0]

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        return _summed(log_negative_binomial(x, *self.moments(parameters)))

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        both = self.moments(ops.convert_to_tensor(parameters))
        mean, r = (np.exp(ops.convert_to_numpy(log).astype("float64")) for log in both)
        return generator.poisson(generator.gamma(r, mean / r)).astype("float32")


def log_poisson(x: Tensor, log_mean: Any) -> Tensor:
    """Return ln p(x) of counts, with the shape of x; the mean is m = exp(log_mean)."""
    m, some = ops.exp(log_mean), ops.maximum(x, 1.0)
    remainder = 0.5 * (LOG_TWO_PI + ops.log(some)) + stirling_remainder(some)
    of_some = some * _minus_deviance(log_mean - ops.log(some)) - remainder
    return ops.where(x > 0.0, of_some, -m)


def log_negative_binomial(x: Tensor, log_mean: Any, log_r: Any) -> Tensor:
    """Return ln p(x) of counts with mean m and variance m + m^2 / r, with the shape of x."""
    m, r, some = ops.exp(log_mean), ops.exp(log_r), ops.maximum(x, 1.0)
    n = r + some
    a = _log1p((some - m) / (r + m))  # ln((r + x) / (r + m))
    remainder = stirling_remainder(n) - stirling_remainder(r) - stirling_remainder(some)
    factor = 0.5 * (log_r - ops.log(n) - LOG_TWO_PI - ops.log(some))
    deviances = r * _minus_deviance(a) + some * _minus_deviance(a + log_mean - ops.log(some))
    of_some = deviances + remainder + factor
    return ops.where(x > 0.0, of_some, -r * _log1p(m / r))


# ONNX has neither log1p nor expm1.


def _log1p(u):
    """Return ln(1 + u); the quotient corrects the rounding error of 1 + u (Kahan)."""
    w = 1.0 + u
    off = ops.where(ops.equal(w, 1.0), 1.0, w - 1.0)
    return ops.where(ops.equal(w, 1.0), u, ops.log(w) * u / off)


def _minus_deviance(d):
    """Return d + 1 - exp(d), which is at most 0; near d = 0 a series avoids rounding errors."""
    near = ops.clip(d, -0.3, 0.3)
    series = 1.0 + near / 3.0 * (1.0 + near / 4.0 * (1.0 + near / 5.0 * (1.0 + near / 6.0)))
    return ops.where(ops.abs(d) < 0.3, -0.5 * near * near * series, d + 1.0 - ops.exp(d))


def stirling_remainder(a: Tensor) -> Tensor:
    """Return d(a) for a > 0, because Keras lacks the logarithm of the gamma function.

    Three terms of Stirling's series suffice in float32 for a >= 8. For smaller a they are computed
    at a + 5, with ln Gamma(a + 1) = ln Gamma(a + 5) - sum_k=1..4 ln(a + k).
    """
    small, large = ops.minimum(a, 8.0), ops.maximum(a, 8.0)
    b = small + 5.0
    steps = sum(ops.log(1.0 - k / b) for k in (1.0, 2.0, 3.0, 4.0))
    of_small = (small + 0.5) * ops.log(1.0 + 5.0 / small) - 5.0 - steps + _series(b)
    return ops.where(a < 8.0, of_small, _series(large))


def _series(a):
    return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * a * a)) / (a * a)) / a


def _summed(log_prob):
    return ops.sum(log_prob, axis=tuple(range(1, len(log_prob.shape))))
