"""The importance-weighted autoencoder."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.models.base import Batch, Losses
from zoo.models.vae import VAE
from zoo.nn.distributions.normal import kl_divergence
from zoo.training.registry import register


@register
class IWAE(VAE):
    """The importance-weighted autoencoder: a tighter bound, from several codes per image.

    Minimizes -E[ln 1/k sum_i p(x, z_i) / q(z_i | x)] over k codes per image. For k = 1 it is the
    VAE; as k grows, the bound approaches log p(x). The metric `iw_elbo` is this bound, and `elbo`
    is the bound of the VAE.

    Use it for the best likelihoods, or if a Gaussian fits the posteriors badly. The larger k is,
    the more slowly the encoder learns (Rainforth et al. 2018, arXiv 1802.04537).

    Args:
        samples: k, at least 1.
        Others: see `VAE`; there is no `beta` and no `free_bits`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.IWAE((8, 8, 1), 4, samples=5, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.log_likelihood(x_test[:10].round(), samples=100).value.shape
        (10,)

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8.
    """

    family = "iwae"
    takes_pairs = True
    metric_names = (*VAE.metric_names, "iw_elbo")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        samples: int = 50,
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
