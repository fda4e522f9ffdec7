"""The importance-weighted autoencoder."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.checks.array_types import Tensor
from zoo.models.base import Batch, Losses
from zoo.models.vae import VAE
from zoo.nn.distributions.normal import kl_divergence
from zoo.training.registry import register

ESTIMATORS = ("reparameterized", "doubly_reparameterized")


@register
class IWAE(VAE):
    """The importance-weighted autoencoder: a tighter bound, from several codes per image.

    Minimizes -E[ln 1/k sum_i p(x, z_i) / q(z_i | x)] over k codes per image. For k = 1 it is the
    VAE; as k grows, the bound approaches log p(x). The metric `iw_elbo` is this bound, and `elbo`
    is the bound of the VAE.

    Use it for the best likelihoods, or if a Gaussian fits the posteriors badly. The larger k is,
    the more noise the encoder's gradient has for its size (Rainforth et al. 2018, arXiv
    1802.04537), unless `estimator` is "doubly_reparameterized".

    Args:
        samples: k, at least 1.
        estimator: how the gradient of the bound is estimated. "reparameterized" differentiates the
            bound. "doubly_reparameterized" has the same mean, and for the encoder less noise: the
            score function of q, which is part of the gradient, is reparameterized once more. A
            step runs the decoder twice, on JAX once: its compiler sees that both runs are equal.
        Others: see `VAE`; there is no `beta` and no `free_bits`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.IWAE((8, 8, 1), 4, samples=5, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.log_likelihood(x_test[:10].round(), samples=100).value.shape
        (10,)

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8; Tucker, Lawson, Gu
    and Maddison 2018 (arXiv 1810.04152), equation 8, for the doubly reparameterized gradient.
    """

    family = "iwae"
    takes_pairs = True
    takes_missing = True
    metric_names = (*VAE.metric_names, "iw_elbo")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        samples: int = 50,
        estimator: str = "reparameterized",
        binarize: str | None = None,
        corruption: Any = None,
        prior: Any = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            input_shape,
            latent_dim,
            samples=samples,
            binarize=binarize,
            corruption=corruption,
            prior=prior,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if estimator not in ESTIMATORS:
            names = " or ".join(map(repr, ESTIMATORS))
            raise ValueError(f"estimator is {estimator!r}; choose {names}.")
        self.estimator = estimator

    def losses(self, batch: Batch, training: bool) -> Losses:
        if batch.clean is None:
            x = seen = self.input_pixels(batch.x, draw=True)  # [batch, *input_shape]
        else:
            seen, x = self.pixels_of_pairs(batch)
        if self.corruption and training:
            seen = self.decoder_likelihood.corrupted(x, self.corruption, self.seed_generator)
        q = self.posterior(seen, batch.label, training)
        z = q.draw(self.samples, self.seed_generator)  # [batch, k, latent_dim]
        log_likelihoods = self.log_likelihoods(x, z, batch.label, training)  # [batch, k]
        log_weights = self.log_weights(q, z, log_likelihoods, batch.label)
        iw_elbo = ops.logsumexp(log_weights, axis=1) - math.log(self.samples)  # [batch]
        if self.estimator == "doubly_reparameterized" and training:
            iw_elbo = self.with_second_gradient(iw_elbo, log_weights, x, z, q, batch.label)
        reconstruction = -ops.mean(log_likelihoods, axis=1)
        kl = kl_divergence(q, self.prior_of(batch.label), z)
        losses = Losses(
            -iw_elbo,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
            iw_elbo=iw_elbo,
        )
        return losses + self.further_losses(x, z, q)

    def with_second_gradient(
        self, bound: Tensor, log_weights: Tensor, x: Tensor, z: Tensor, q: Any, label: Tensor
    ) -> Tensor:
        """Return the bound with the doubly reparameterized gradient.

        For normalized weights w_i, the gradient is sum_i w_i d/dtheta ln p(x, z_i) for the decoder
        and sum_i w_i^2 d/dz_i ln p(x, z_i) / q(z_i | x) dz_i/dphi for the encoder, where q's mean
        and variance are constants inside the logarithm.

        Args:
            bound: [batch]. log_weights: [batch, k]. z: [batch, k, latent_dim], drawn from q.
        """
        logs = log_weights - ops.logsumexp(log_weights, axis=1, keepdims=True)
        weights = ops.stop_gradient(ops.exp(logs))  # w_i, [batch, k]
        z = _with_scaled_gradient(z, weights[:, :, None])
        log_likelihoods = self.log_likelihoods(x, z, label, training=True)
        log_weights = self.log_weights(q.without_gradient(), z, log_likelihoods, label)
        surrogate = ops.sum(weights * log_weights, axis=1)  # [batch], for its gradient only
        return ops.stop_gradient(bound) + surrogate - ops.stop_gradient(surrogate)


@ops.custom_gradient
def _with_scaled_gradient(z, weights):
    """Return z itself, whose gradient will be multiplied by weights.

    It is the same tensor, so that a compiler can see that decoding it twice gives the same.
    """

    def gradient(*args, upstream=None):
        upstream = args[-1] if upstream is None else upstream  # PyTorch gives it by name
        return upstream * weights, ops.zeros_like(weights)

    return z, gradient
