"""Sampling from diagonal Gaussians and the divergences between them."""

import math

from keras import ops


def reparameterize(z_mean, z_log_var, noise):
    """Return z = mean + sigma * epsilon, a draw from N(mean, sigma^2) that gradients reach.

    Args:
        z_mean, z_log_var: tensors of one shape; the log is natural, of the variance.
        noise: epsilon ~ N(0, I), of that shape or one that broadcasts with it.

    Source: Kingma and Welling 2013 (arXiv 1312.6114), section 2.4.
    """
    return z_mean + ops.exp(0.5 * z_log_var) * noise


def gaussian_kl(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    """KL divergence between diagonal Gaussians, KL(N(mean, var) || N(prior_mean, prior_var)).

    1/2 sum(ln prior_var - ln var + (var + (mean - prior_mean)^2) / prior_var - 1).

    Args:
        mean, log_var: [batch, latent].
        prior_mean, prior_log_var: numbers, or tensors that broadcast to [batch, latent].

    Returns:
        float32 [batch], in nats, summed over the latent dimensions.

    Source: Kingma and Welling 2013, appendix B, for a standard normal prior.
    """
    return ops.sum(gaussian_kl_by_dimension(mean, log_var, prior_mean, prior_log_var), axis=-1)


def gaussian_kl_by_dimension(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    """As `gaussian_kl`, not summed: float32 [batch, latent], in nats."""
    squared_distance = ops.square(mean - prior_mean)
    ratio = (ops.exp(log_var) + squared_distance) * ops.exp(-ops.cast(prior_log_var, "float32"))
    return 0.5 * (prior_log_var - log_var + ratio - 1.0)


LOG_VARIANCE_LIMIT = 12.0


def bounded_log_variance(value):
    """Keep a log-variance from running away: r up to 12 either way, beyond it by a logarithm.

    sign(r) (12 + ln(1 + |r| - 12)) where |r| > 12: it always has a slope, so that a network finds
    its way back, and the variance stays finite in float32 up to |r| = 1e20.

    Args, returns: tensors of any shape, in nats.
    """
    beyond = ops.relu(ops.abs(value) - LOG_VARIANCE_LIMIT)
    inside = ops.clip(value, -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
    return inside + ops.sign(value) * ops.log(1.0 + beyond)


def bernoulli_kl(p, q):
    """KL divergence between coins, p ln(p/q) + (1 - p) ln((1 - p)/(1 - q)), in nats.

    Args:
        p: a number between 0 and 1. q: a tensor of values in [0, 1]; kept 1e-6 away from both ends,
            so that the divergence is finite.

    Returns:
        of the shape of q.
    """
    q = ops.clip(q, 1e-6, 1.0 - 1e-6)
    return p * (math.log(p) - ops.log(q)) + (1.0 - p) * (math.log(1.0 - p) - ops.log(1.0 - q))


LOG_TWO_PI = math.log(2.0 * math.pi)


def log_normal(value, mean, log_var):
    """Log-density of a diagonal Gaussian, in nats, summed over the last dimension.

    Args:
        value: a tensor [..., n].
        mean, log_var: numbers, or tensors that broadcast to its shape.

    Returns:
        float32 [...].
    """
    log_var = ops.cast(log_var, "float32")
    density = LOG_TWO_PI + log_var + ops.square(value - mean) * ops.exp(-log_var)
    return -0.5 * ops.sum(density, axis=-1)


def gaussian_log_prob(value, mean, log_var):
    """As `log_normal`, summed over all dimensions but the first: [batch, ...] to [batch]."""
    density = log_normal(value, mean, log_var)
    return ops.sum(density, axis=tuple(range(1, len(density.shape))))
