"""The base class of most models: an encoder, a code and a decoder."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import arguments, streams
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference import arrays, imputation
from zoo.inference.parts import Part, encoder_and_decoder, imputer_part
from zoo.models.base import BaseModel
from zoo.nn import networks, proportions
from zoo.nn.described_networks import (
    DENSE,
    checked_code_shape,
    described_networks,
    described_sizes,
    networks_of,
)
from zoo.nn.distributions.requirements import check_likelihood


class BaseAutoencoder(BaseModel):
    """The base class of models with an encoder, a code, a decoder, and a likelihood p(x | z).

    Four methods run the encoder; the last two exist if the model has a distribution q(z | x):

    - `encode(x)`: arrays, for users; it returns codes, and runs any number of images in batches;
    - `code(x)`: tensors, for steps and exports; it returns the deterministic code of each image;
    - `posterior(x)`: tensors; it returns q(z | x), whose `draw(samples, seed_generator)` gives
      codes;
    - `posterior_moments(x)`: arrays, for users; mean and log-variance of a Gaussian q(z | x).

    The methods that take and return arrays (`encode`, `decode`, `reconstruct`, `generate`) are
    documented in `zoo.inference.arrays`.

    Args:
        input_shape: (height, width, channels), (time, channels) for signals, or (features,).
        latent_dim: the length of a code; with your own networks also a shape, such as (4, 4, 4).
        network: "dense", "dense_resnet" (dense layers parallel to a linear path), "conv", "resnet"
            (residual blocks), or "conv1d" (residual blocks for signals); if None, "conv" if there
            are `filters`, else "dense".
        filters: widths of the encoder's convolutions of stride 2; if only `network` is given, they
            are chosen for the shape.
        hidden_units: widths of the dense layers between the convolutions and the code; by default
            (512, 256); for "resnet" and "conv1d" (256, 128) in models with labels or several
            updates, else none. The decoder has the encoder's layers in reverse order.
        activation: the activation of the hidden layers; with "glu" each unit of a dense layer is
            multiplied by the sigmoid of a further one, its gate (Dauphin et al. 2017, arXiv
            1612.08083).
        code_activation: the activation of the code, for models whose encoder gives one code and no
            distribution; None leaves it linear.
        tie_weights: whether the decoder uses the encoder's kernels, transposed; for dense networks
            without labels whose encoder gives one code.
        likelihood: "bernoulli" (pixels in [0, 1], from logits), "gaussian", "learned_gaussian",
            "categorical", "squared_error", "ssim", "l1_ssim", "poisson", "negative_binomial", or a
            likelihood such as `zoo.Gaussian(0.1)`.
        encoder, decoder: your own networks, which may be functional, sequential or subclassed Keras
            models. The encoder takes `x`, the decoder `z` (in conditional models a dict with
            `label`, see `label_inputs`). Give `input_shape` and `latent_dim` if the networks do not
            state them. Codes may have any shape. The decoder gives the likelihood's parameters. For
            "bernoulli" these are logits: a sigmoid at the end of the decoder is removed, and any
            other bounded activation is refused. The model's networks share the weights of yours;
            your networks do not change otherwise.
        seed, name, dtype: see `zoo.models.base.BaseModel`.

    Attributes:
        code_shape: the shape of one code that `encode` returns; (latent_dim,) unless the networks
            are your own. Training steps and `code` use flat codes, [batch, latent_dim].
        encoder_outputs: names of the encoder's outputs, which have `latent_dim` values each: the
            code, or the mean and the log-variance of q(z | x).
        label_inputs: which networks take a label: "x" means the encoder, "z" the decoder; by
            default both networks of a conditional model.
        label_before_code: whether a one-hot label comes before the code in the decoder's input.
    """

    encoder_outputs: tuple[str, ...] = ("z",)
    network_names = ("encoder", "decoder")
    card_metrics = ("reconstruction error", "nearest-neighbor accuracy")
    picture = "reconstructions"
    label_inputs: tuple[str, ...] = ()
    label_before_code = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "conditional" in vars(cls) and "learns_labels" not in vars(cls):
            cls.learns_labels = cls.conditional
        if cls.conditional and not cls.label_inputs:
            cls.label_inputs = ("x", "z")
        for name in ("encode", "decode", "reconstruct"):
            if name in vars(cls):
                setattr(cls, name, streams.by_batch(vars(cls)[name]))

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(likelihood=likelihood, seed=seed, name=name, dtype=dtype)
        if (encoder is None) != (decoder is None):
            raise ValueError("Give both encoder= and decoder=, or neither and input_shape=.")
        self.custom_networks = decoder is not None
        if self.conditional and self.num_classes is None and not self.label_shape:
            raise ValueError(f"{type(self).__name__} is conditional: give num_classes=.")
        if input_shape is not None:
            expected = "input_shape=(height, width, channels), (time, channels) or (features,)"
            input_shape = arguments.shape("input_shape", input_shape, expected)
        if latent_dim is not None:
            latent_dim = checked_code_shape(latent_dim, self.custom_networks)
        sizes = described_sizes(self, input_shape, network, filters, hidden_units)
        self.network, self.filters, self.hidden_units = sizes
        self.tie_weights = bool(tie_weights)
        gates = self.custom_networks or (self.network in DENSE and not self.tie_weights)
        self.activation = arguments.activation("activation", activation, gates=gates)
        self.code_activation = arguments.activation("code_activation", code_activation)
        if self.tie_weights and self.likelihood.adds_inputs:
            raise ValueError(
                "tie_weights=True needs as many inputs as outputs, but with this likelihood "
                '(missing="learn", or modes) the encoder gets further ones: leave tie_weights out.'
            )
        self._make_networks(encoder, decoder, input_shape, latent_dim)
        check_likelihood(self.likelihood, self.image_shape, self.decoder.output.shape[1:])
        if not self.custom_networks:
            proportions.warn_of_too_many_parameters(self)

    def _make_networks(self, encoder, decoder, input_shape, latent_dim):
        made = networks_of(self, encoder, decoder, input_shape, latent_dim)
        self.encoder, self.decoder, self.image_shape, self.code_shape = made
        self.latent_dim = math.prod(self.code_shape)  # values in a code

    def _described_networks(self, input_shape, latent_dim):
        return described_networks(self, input_shape, latent_dim)

    def _described_encoder(self, *args, **options):
        return networks.encoder(*args, **options)

    @property
    def code_activation_in_stacks(self) -> str | None:
        """The activation of the code in `zoo.pretrain`, which trains it as a layer's units."""
        return self.code_activation

    # Tensors

    def encoder_input(self, x: Tensor, label: Tensor) -> Tensor:
        """Return the input of the encoder: a tensor, or a dict of tensors with a label."""
        return {"x": x, "label": label} if "x" in self.label_inputs else x

    def decoder_input(self, z: Tensor, label: Tensor) -> Tensor:
        """Return the input of the decoder: a tensor, or a dict of tensors with a label."""
        return {"z": z, "label": label} if "z" in self.label_inputs else z

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Reconstruct images: `x`, or `{"x": x, "label": y}`, to the same shape."""
        x, label = (inputs["x"], inputs["label"]) if self.conditional else (inputs, None)
        z = self.code(x, label, training)
        return self.image(z, label, training)

    def code(self, x: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return the deterministic codes of images, flat tensors [batch, latent_dim]."""
        return self.encoder(self.encoder_input(x, label), training=training)

    def observation(self, z: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return p(x | z) for codes [batch, latent_dim]."""
        return self.likelihood(self.decoder(self.decoder_input(z, label), training=training))

    def image(self, z: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return the mean images of codes, tensors [batch, *input_shape]."""
        return self.observation(z, label, training).mean

    def imputed(self, x: Tensor, label: Tensor = None) -> Tensor:
        """Return rows [batch, features] with means decoded from their codes in place of NaN."""
        return ops.where(ops.isnan(x), self.image(self.code(x, label), label), x)

    def parameters_of(self, z: Tensor, label: Tensor = None) -> Tensor:
        """Return the parameters of p(x | z), the outputs of the decoder, [batch, ...]."""
        return self.observation(z, label).parameters

    # Methods that take and return arrays; `zoo.inference.arrays` documents them

    encode, decode, reconstruct = arrays.encode, arrays.decode, arrays.reconstruct
    reconstruction_error, generate = arrays.reconstruction_error, arrays.generate
    shaped, flat = arrays.shaped, arrays.flat
    impute = imputation.impute

    @property
    def can_generate(self) -> bool:
        """Whether `generate` can make images."""
        return self.prior is not None

    def prior_samples(self, n: Any, labels: Labels, seed: Any) -> np.ndarray:
        """Return prior samples to decode, float32 [n, latent_dim], for checked labels."""
        return self.prior.styled(self.prior.sample(n, seed=seed), labels)

    def style(self, z: ArrayLike, labels: Labels) -> Any:
        """Return the styles of codes [n, latent_dim]: the information beyond the label."""
        return self.prior.style(z, labels) if self.prior else z

    def styled(self, style: ArrayLike, labels: Labels) -> Any:
        """Return the codes of styles [n, latent_dim] with labels [n]; the inverse of `style`."""
        return self.prior.styled(style, labels) if self.prior else style

    # Training

    def after_step(self, batch: Any, metrics: dict) -> None:
        """Update the standard deviation of a calibrated likelihood."""
        likelihood = getattr(self, "decoder_likelihood", self.likelihood)
        if not likelihood.calibrated:
            return
        x = batch.x if batch.clean is None else batch.clean
        values = self.values_in(x)  # [batch]
        units = likelihood.log_units(x) if likelihood.in_own_units else 0.0
        units = units * ops.ones_like(values)
        if batch.weight is not None:
            values, units = values * batch.weight, units * batch.weight
        total = backend.batch_mean(values)
        log_prob = backend.batch_mean(units - metrics["reconstruction"])  # of standardized values
        log_prob = log_prob / ops.maximum(total, 1e-12)
        likelihood.calibrate(log_prob, ops.cast(total > 0.0, "float32"))

    def values_in(self, x: Tensor) -> Tensor:
        """Return how many values of each image are compared, float32 [batch]."""
        if self.likelihood.takes_missing:
            return self.likelihood.seen_values(x)
        count = math.prod(self.decoder.output.shape[1:])
        return float(count) * ops.ones((ops.shape(x)[0],), "float32")

    # Export

    def parts(self) -> dict[str, Part]:
        """Return the functions of the model that can be exported, by name."""
        parts = encoder_and_decoder(self)
        if self.likelihood.takes_missing:
            parts["imputer"] = imputer_part(self)
        return parts
