"""How probable images are under a variational model: the ELBO and the log-likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoo.models import VAE


def negative_elbo(
    model: VAE, x: np.ndarray, labels: np.ndarray | None = None, *, seed: int = 0
) -> tuple[float, float]:
    """Negative evidence lower bound, KL(q(z | x) || p(z)) - log p(x | z), with one z per image.

    It is computed outside of the training step, with beta = 1, so that a seed gives the same value
    on every backend. For gray pixels and a Bernoulli likelihood it is a cross-entropy plus the KL
    divergence, and not a bound of a log-likelihood.

    Args:
        model: a `zoo.VAE` or a variant of it.
        x: images, float [n, *input_shape], in the range of the model's likelihood.
        labels: integers [n] for conditional models, else None.
        seed: seed of the sample z ~ q(z | x), and of the binary images that are sampled from gray
            ones for a model with `binarize="dynamic"`.

    Returns:
        the negative ELBO and its KL divergence, both in nats, averaged over images. (With
        `likelihood="squared_error"`, which is not a density, the first one has no unit.)

    Raises:
        ValueError: images or labels that do not fit the model.
        TypeError: a `zoo.M1M2`, which has no likelihood of images.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> negative_elbo, kl = zoo.metrics.negative_elbo(zoo.load("vae_digits"), x)
        >>> round(negative_elbo), round(kl)  # in nats
        (25, 3)

    Source: Kingma and Welling 2013 (arXiv 1312.6114), equation 10.
    """
    x = model.prepared(x, seed)
    z = model.encode(x, labels, sample=True, seed=seed)
    kl, log_prob = (v.astype("float64") for v in model.kl_and_log_prob(x, z, labels))  # [n]
    return float(np.mean(kl - log_prob)), float(np.mean(kl))


def negative_log_likelihood(
    model: VAE,
    x: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    samples: int = 5000,
    seed: int = 0,
) -> tuple[float, float]:
    """Estimate -log p(x), or -log p(x | label), by importance sampling from q(z | x).

    See `VAE.log_likelihood`. The expected value of the estimate is an upper bound, which gets
    tighter with more samples.

    Args:
        model: a `zoo.VAE` or a variant of it, whose likelihood is a density of the pixels: with a
            Bernoulli likelihood the pixels must be 0 or 1.
        x: images, float [n, *input_shape], n at least 2.
        labels: integers [n] for conditional models, else None.
        samples: the number of codes per image, at least 1.
        seed: seed of the samples, and of the binary images of a model with `binarize="dynamic"`.

    Returns:
        the mean over images and its standard error, both in nats. The error is estimated from the
        spread over images, which includes the spread of the sampling.

    Raises:
        ValueError: images or labels that do not fit the model, or `samples` below 1.
        TypeError: a `zoo.M1M2`, which has no likelihood of images.

    Examples:
        >>> x = np.round(zoo.data.load("digits")[1][0][:20])  # binary pixels
        >>> model = zoo.load("vae_digits")
        >>> nats, error = zoo.metrics.negative_log_likelihood(model, x, samples=50)
        >>> nats < zoo.metrics.negative_elbo(model, x)[0]
        True

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8.
    """
    values = model.log_likelihood(x, labels, samples=samples, seed=seed).value  # [n]
    return -float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
