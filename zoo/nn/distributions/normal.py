"""Diagonal Gaussians: posteriors q(z | x), and priors p(z) with a closed-form KL divergence."""

from __future__ import annotations

import copy
import math
from typing import Any

from keras import ops

from zoo.backend import backend
from zoo.checks.array_types import Tensor

LOG_TWO_PI = math.log(2.0 * math.pi)
LOG_VARIANCE_LIMIT = 12.0


class DiagonalNormal:
    """N(mean, diag(exp(log_var))) for every row of a batch, such as q(z | x).

    Args:
        z_mean, z_log_var: tensors [batch, n], the mean and the natural logarithm of the variance.
            Log-variances outside [-12, 12] are reduced, see `bounded_log_variance`.

    Attributes:
        mean, log_var: tensors [batch, n].

    Examples:
        >>> q = zoo.nn.distributions.DiagonalNormal(*np.zeros((2, 1, 2), "float32"))
        >>> float(q.log_prob(np.zeros((1, 1, 2), "float32"))[0, 0])  # -ln(2 pi)
        -1.8378...
        >>> tuple(q.draw(5, keras.random.SeedGenerator(0)).shape)
        (1, 5, 2)
    """

    def __init__(self, z_mean: Any, z_log_var: Any):
        self.mean, self.log_var = z_mean, bounded_log_variance(z_log_var)

    def draw(self, samples: int, seed_generator: Any) -> Tensor:
        """Return samples of every row, [batch, samples, n], differentiably."""
        rows, n = ops.shape(self.mean)[0], self.mean.shape[-1]
        return self.reparameterize(backend.normal((rows, samples, n), seed_generator))

    def reparameterize(self, noise: Tensor) -> Tensor:
        """Return z = mean + sigma * noise, for standard normal noise [batch, samples, n].

        Source: Kingma and Welling 2013 (arXiv 1312.6114), section 2.4.
        """
        mean, log_var = self.mean[:, None], self.log_var[:, None]  # [batch, 1, n]
        return mean + ops.exp(0.5 * log_var) * noise

    def without_gradient(self) -> DiagonalNormal:
        """Return the same distribution with mean and log-variance as constants."""
        fixed = copy.copy(self)
        fixed.mean, fixed.log_var = ops.stop_gradient(self.mean), ops.stop_gradient(self.log_var)
        return fixed

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of z [batch, samples, n], in nats, [batch, samples]."""
        return log_normal(z, self.mean[:, None], self.log_var[:, None])


def kl_divergence(q: DiagonalNormal, p: Any, z: Tensor) -> Tensor:
    """Return KL(q || p), float32 [batch], in nats.

    It is computed in closed form if p is a diagonal Gaussian; else it is log q(z) - log p(z),
    averaged over the samples z ~ q.

    Args:
        p: a `DiagonalNormal`, or a prior with `log_prob`.
        z: [batch, samples, n].
    """
    if hasattr(p, "log_var"):
        return ops.sum(kl_by_dimension(q, p), axis=-1)
    return ops.mean(q.log_prob(z) - p.log_prob(z), axis=1)


def has_closed_form(p: Any) -> bool:
    """Return whether the KL divergence to p has a closed form: p is a diagonal Gaussian."""
    return hasattr(p, "log_var")


def kl_by_dimension(q: Any, p: Any) -> Any:
    """Return KL(q || p) of every dimension, float32 [batch, n], in nats.

    1/2 (ln p_var - ln q_var + (q_var + (q_mean - p_mean)^2) / p_var - 1).

    Args:
        p: with `mean` and `log_var`, numbers or tensors that broadcast to [batch, n].

    Source: Kingma and Welling 2013 (arXiv 1312.6114), appendix B, for a standard normal p.
    """
    squared_distance = ops.square(q.mean - p.mean)
    ratio = (ops.exp(q.log_var) + squared_distance) * ops.exp(-ops.cast(p.log_var, "float32"))
    return 0.5 * (p.log_var - q.log_var + ratio - 1.0)


def bounded_log_variance(value: Any) -> Any:
    """Limit log-variances r: the result is r for |r| <= 12, and grows logarithmically beyond.

    It is sign(r) (12 + ln(1 + |r| - 12)) for |r| > 12. The gradient never vanishes, so that a
    network can recover, and the variance is finite in float32 up to |r| = 1e20.

    Args, returns: tensors of any shape, in nats.
    """
    beyond = ops.relu(ops.abs(value) - LOG_VARIANCE_LIMIT)
    inside = ops.clip(value, -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
    return inside + ops.sign(value) * ops.log(1.0 + beyond)


def log_normal(value: Any, mean: Tensor, log_var: Tensor, seen: Any = None) -> Tensor:
    """Log-density of a diagonal Gaussian, in nats, summed over the last dimension.

    Args:
        value: a tensor [..., n].
        mean, log_var: numbers, or tensors that broadcast to the shape of `value`.
        seen: 1 for what counts, 0 for what does not, as `value`; None for everything.

    Returns:
        float32 [...].
    """
    log_var = ops.cast(log_var, "float32")
    density = LOG_TWO_PI + log_var + ops.square(value - mean) * ops.exp(-log_var)
    return -0.5 * ops.sum(density if seen is None else seen * density, axis=-1)


def log_normal_of_each(z: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """Log-densities of codes under each of K diagonal Gaussians, in nats.

    The value is computed from differences z - m. The gradient is that of z^2 - 2 z m + m^2 by
    products of matrices, which is several times faster. This sum is not the value, because its
    terms nearly cancel, which loses digits. On a GPU both are computed from differences: a GPU may
    round the factors of a product to 10 bits.

    Args:
        z: float32 [..., n]. mean, log_var: float32 [K, n].

    Returns:
        float32 [..., K].
    """
    pairs = ops.expand_dims(z, -2), mean, log_var
    if backend.device() != "CPU":
        return log_normal(*pairs)
    precision = ops.exp(-log_var)
    products = ops.matmul(ops.square(z), ops.transpose(precision))
    products -= 2.0 * ops.matmul(z, ops.transpose(mean * precision))
    products += ops.sum(LOG_TWO_PI + log_var + ops.square(mean) * precision, axis=-1)
    value = log_normal(*map(ops.stop_gradient, pairs))
    return value - 0.5 * (products - ops.stop_gradient(products))
