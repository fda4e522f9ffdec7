"""Sampling from diagonal Gaussians and the divergences between them."""

import math

from keras import ops

from zoo import engine


def reparameterize(z_mean, z_log_var, seed):
    """Draw z = mean + sigma * epsilon with epsilon ~ N(0, I), so that gradients reach both.

    Args:
        z_mean, z_log_var: float32 [batch, latent]; the log is natural, of the variance.
        seed: a `keras.random.SeedGenerator`.

    Returns:
        float32 [batch, latent].

    Source: Kingma and Welling 2013 (arXiv 1312.6114), section 2.4.
    """
    return z_mean + ops.exp(0.5 * z_log_var) * engine.normal(ops.shape(z_mean), seed)


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
    squared_distance = ops.square(mean - prior_mean)
    ratio = (ops.exp(log_var) + squared_distance) * ops.exp(-ops.cast(prior_log_var, "float32"))
    return 0.5 * ops.sum(prior_log_var - log_var + ratio - 1.0, axis=-1)


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


def gaussian_log_prob(value, mean, log_var):
    """Log-density of a diagonal Gaussian, in nats, summed over all dimensions but the first.

    Args:
        value, mean: tensors of one shape [batch, ...].
        log_var: a number, or a tensor that broadcasts to that shape.

    Returns:
        float32 [batch].
    """
    log_var = ops.cast(log_var, "float32")
    density = LOG_TWO_PI + log_var + ops.square(value - mean) * ops.exp(-log_var)
    return -0.5 * ops.sum(density, axis=tuple(range(1, len(value.shape))))
