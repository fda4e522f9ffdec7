"""The base class of models that only generate: a decoder, and a prior over its inputs."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from zoo.checks import arguments
from zoo.checks.array_types import Labels, Tensor
from zoo.checks.codes import check_codes
from zoo.inference import arrays
from zoo.inference.parts import Part, decoder_part
from zoo.models.base import BaseModel
from zoo.nn import networks, proportions
from zoo.nn.described_networks import DENSE, checked_code_shape, described_sizes, networks_of
from zoo.nn.distributions import prior_names
from zoo.nn.distributions.likelihood_names import of_unit_variance
from zoo.nn.distributions.requirements import check_likelihood


class BaseGenerator(BaseModel):
    """The base class of models with a decoder and a prior, but no encoder.

    `decode` and `generate` are documented in `zoo.inference.arrays`. Images cannot be encoded, so
    there is no `encode` and no `reconstruct`.

    Args:
        input_shape: the shape of an image, (height, width, channels). latent_dim: the length of the
            noise.
        prior: p(z), a prior of the zoo; the standard normal by default.
        network, filters, hidden_units, activation: the layers of the generator; widths are given in
            the order of an encoder, and the generator uses them in reverse; see
            `zoo.models.autoencoder.BaseAutoencoder`.
        likelihood: determines the range of the generator's images; "bernoulli" for [0, 1].
        decoder: your own generator, from `z` to the likelihood's parameters.
        seed, name, dtype: see `zoo.models.base.BaseModel`.

    Attributes:
        code_shape: the shape of one code, (latent_dim,) unless the decoder is your own.
    """

    network_names = ("decoder",)
    can_generate = True
    learns_variance = False
    label_inputs: tuple[str, ...] = ()

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        prior: Any = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        likelihood = of_unit_variance(likelihood)  # "gaussian": pixels may have any value
        if likelihood.in_own_units or likelihood.values > 1:
            raise ValueError(
                f"{type(self).__name__} makes images, but the likelihood "
                f"{type(likelihood).__name__} is for tables, or for several numbers per pixel: "
                "choose 'bernoulli' for pixels in [0, 1], or 'squared_error' for any; for rows of "
                "a table use zoo.VAE."
            )
        super().__init__(likelihood=likelihood, seed=seed, name=name, dtype=dtype)
        self.custom_networks = decoder is not None
        if input_shape is not None:
            expected = "input_shape=(height, width, channels)"
            input_shape = arguments.shape("input_shape", input_shape, expected)
        if latent_dim is not None:
            latent_dim = checked_code_shape(latent_dim, self.custom_networks)
        sizes = described_sizes(self, input_shape, network, filters, hidden_units)
        self.network, self.filters, self.hidden_units = sizes
        gates = self.custom_networks or self.network in DENSE
        self.activation = arguments.activation("activation", activation, gates=gates)
        made = networks_of(self, None, decoder, input_shape, latent_dim)
        _, self.decoder, self.image_shape, self.code_shape = made
        self.latent_dim = math.prod(self.code_shape)  # values in a code
        check_likelihood(self.likelihood, self.image_shape, self.decoder.output.shape[1:])
        if not self.custom_networks:
            proportions.warn_of_too_many_parameters(self)
        self.prior = prior_names.get(prior, self.code_shape, self)

    def _described_networks(self, input_shape, latent_dim):
        if input_shape is None or latent_dim is None:
            raise ValueError(
                f"{type(self).__name__} needs input_shape= and latent_dim=, such as "
                "input_shape=(28, 28, 1), latent_dim=16; or decoder=, your own generator."
            )
        generator = networks.decoder(
            self.likelihood.parameter_shape(input_shape),
            latent_dim,
            network=self.network,
            filters=self.filters,
            hidden_units=self.hidden_units,
            activation=self.activation,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )
        return None, generator

    # Tensors

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Generate images [batch, *input_shape] from codes [batch, *code_shape]."""
        return self.image(self.flat(inputs), training=training)

    def image(self, z: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return the images of codes [batch, latent_dim], tensors [batch, *input_shape]."""
        return self.likelihood(self.decoder(z, training=training)).mean

    # Arrays; `zoo.inference.arrays` documents these methods

    decode, generate = arrays.decode, arrays.generate
    shaped, flat = arrays.shaped, arrays.flat

    def checked_inputs(self, inputs: Any) -> np.ndarray:
        """Return the inputs of `call`, codes [n, *code_shape], as checked arrays."""
        return check_codes(inputs, self.code_shape)

    def input_specs(self) -> Any:
        """Return Keras's description of the inputs of `call`, codes [batch, *code_shape]."""
        return keras.InputSpec(dtype="float32", shape=(None, *self.code_shape))

    def prior_samples(self, n: int, labels: Labels, seed: Any) -> np.ndarray:
        """Return prior samples to decode, float32 [n, latent_dim]."""
        return self.prior.sample(n, seed=seed)

    # Export

    def parts(self) -> dict[str, Part]:
        """Return the exportable part: the decoder, which is the generator."""
        return {"decoder": decoder_part(self)}
