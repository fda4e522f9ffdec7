"""The energy-based GAN, whose discriminator is an autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import number, whole
from zoo.checks.array_types import Labels, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.models.gan import variance
from zoo.nn import networks, own_networks
from zoo.nn.distributions import prior_names
from zoo.nn.network_properties import check_shapes
from zoo.training.loss_weight import LossWeight
from zoo.training.monitors import ModeCollapseMonitor
from zoo.training.registry import register


@register
class EBGAN(BaseAutoencoder):
    """The energy-based GAN: a generator, and an autoencoder as the discriminator.

    The energy of an image is D(x) = |x - dec(enc(x))|^2, summed over pixels. It should be low for
    images of the data, and high for all others. With samples g(z), z ~ p(z), every training step
    makes two updates:

    1. discriminator: encoder and decoder minimize D(x) + max(0, `margin` - D(g(z)));
    2. generator: it minimizes D(g(z)) + `pulling_away_weight` PT, where PT, the mean squared cosine
       between the codes enc(g(z)) of two samples of a batch, keeps samples from becoming similar.

    `encode`, `decode` and `reconstruct` use the autoencoder; `generate` draws samples from the
    generator. `loss` is the energy of images. `reconstruction`, their negative log-likelihood, is
    measured but not minimized. `variance_of_samples` is the variance of a pixel over a batch of
    samples, divided by its variance over a batch of images; it is near 1 unless samples become
    similar.

    Use it to study energies; for both sharp images and codes that can generate, use a `VAEGAN`.

    Args:
        latent_dim: the length of a code, and of the generator's input.
        margin: m above 0, in squared units of a pixel summed over an image; by default a tenth of
            the number of values of an image. Samples with a higher energy are not pushed away.
        pulling_away_weight: the weight of PT, at least 0; 0.1 in the paper.
        prior_of_noise: p(z), a prior of the zoo; the standard normal by default.
        generator: your own network from `z` [batch, latent_dim] to the likelihood's parameters; by
            default it has the same layers as the decoder.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`.

    Raises:
        TypeError, ValueError: a setting has a wrong type or is out of range; the generator has
            other shapes; or the likelihood is for tables, or has several values for each pixel.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.EBGAN((8, 8, 1), 8, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)
        >>> model.reconstruction_error(x_test).shape  # D(x)
        (360,)

    Source: Zhao, Mathieu and LeCun 2017 (arXiv 1609.03126), equations 1 to 4.
    """

    family = "adversarial"
    picture = "samples"
    loss_metric = "energy_of_images"
    metric_names = (
        "reconstruction",
        "energy_of_images",
        "energy_of_samples",
        "pulling_away",
        "variance_of_samples",
    )
    network_names = ("encoder", "decoder", "generator")
    card_metrics = (*BaseAutoencoder.card_metrics, "Fréchet distance")
    updates: ClassVar = {"discriminator": ("encoder", "decoder"), "generator": ("generator",)}
    monitors = (*BaseAutoencoder.monitors, ModeCollapseMonitor)
    diversity_setting = "pulling_away_weight"

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        margin: float | None = None,
        pulling_away_weight: float = 0.1,
        prior_of_noise: Any = None,
        generator: keras.Layer | None = None,
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
        super().__init__(
            input_shape,
            latent_dim,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        values = int(np.prod(self.image_shape))
        self.margin = number("margin", 0.1 * values if margin is None else margin, above=0)
        self.pulling_away_weight = LossWeight("pulling_away_weight", pulling_away_weight, least=0)
        self._make_generator(generator, prior_of_noise)

    def _make_prior_of_noise(self, prior):
        return prior_names.get(prior, (self.latent_dim,), self)

    def _make_generator(self, generator, prior_of_noise):
        """Make the generator, with the layers of the decoder, unless a generator is given."""
        if self.likelihood.in_own_units or self.likelihood.values > 1:
            raise ValueError(
                f"{type(self).__name__} compares images, but the likelihood is "
                f"{type(self.likelihood).__name__}: choose 'bernoulli', 'gaussian' or "
                "'squared_error'; for rows of a table use zoo.VAE."
            )
        self.prior_of_noise = self._make_prior_of_noise(prior_of_noise)
        self.custom_generator = generator is not None
        if self.custom_generator:
            self.generator = own_networks.functional(
                generator, "generator", "z", (self.latent_dim,)
            )
        else:
            self.generator = networks.decoder(
                self.image_shape,
                self.latent_dim,
                network=self.network or "dense",
                filters=self.filters,
                hidden_units=self.hidden_units,
                activation=self.activation,
                seeds=self.seeds,
                dtype=self.dtype_policy,
            )
        takes = (self.latent_dim,)
        check_shapes(self.generator, "generator", takes, self.image_shape, ", an image")

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # Encoder and decoder lower the energy of images, and raise that of samples to the margin.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The generator lowers the energy of its samples, and makes their codes less similar.
        g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        metrics = {**d, **g, "loss": d["energy_of_images"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return D(x) + max(0, margin - D(g(z)))."""
        samples = ops.stop_gradient(self.samples_like(batch, training=False))
        observation = self.observation(self.code(batch.x, training=training), training=training)
        on_images = squared_error(batch.x, observation.mean)  # [batch]
        on_samples = self.energy(samples, training)
        return Losses(
            on_images + ops.relu(self.margin - on_samples),
            reconstruction=-observation.log_prob(batch.x),
            energy_of_images=on_images,
            variance_of_samples=variance(samples) / ops.maximum(variance(batch.x), 1e-12),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return D(g(z)) + weight PT."""
        samples = self.samples_like(batch, training)
        codes = self.code(samples)  # training=False: this update trains only the generator
        energy = squared_error(samples, self.image(codes))  # [batch]
        apart = pulling_away(codes)
        return Losses(
            energy,
            self.pulling_away_weight.value * apart,
            energy_of_samples=energy,
            pulling_away=apart,
        )

    def energy(self, x: Tensor, training: bool = False) -> Tensor:
        """Return D(x), the squared error of images [batch, *input_shape], [batch]."""
        return squared_error(x, self.image(self.code(x, training=training), training=training))

    def samples_like(self, batch: Batch, training: bool) -> Tensor:
        """Return one sample of the generator for each image of the batch, [batch, *input_shape]."""
        z = self.prior_of_noise.draw(ops.shape(batch.x)[0], self.seed_generator)
        return self.generated(z, training)

    # Use

    @property
    def can_generate(self) -> bool:
        return True  # from noise, without codes

    def generated(self, z: Tensor, training: bool = False) -> Tensor:
        """Return g(z), the images made from noise [batch, latent_dim], as tensors."""
        return self.likelihood.mean(self.generator(z, training=training))

    def generate(
        self, n: int | None = None, labels: Labels = None, *, seed: int | None = None
    ) -> np.ndarray:
        """Generate images with the generator.

        Args:
            n: how many images. labels: must be None, because the model is not conditional.
            seed: the same seed gives the same images.

        Returns:
            float32 [n, *input_shape].
        """
        self.checked_labels(labels, n)
        if n is None:
            raise ValueError("Give the number of images to generate: generate(16).")
        n = whole("n", n, least=1)
        return run_in_batches(
            self.generated, self.prior_of_noise.sample(n, seed=seed), batch_size=1024
        )

    def parts(self) -> dict:
        """Return the exportable parts: encoder, decoder and generator."""
        z = TensorInfo("z", "float32", (self.latent_dim,), prior=self.prior_of_noise.describe())

        def draw(tensors):
            return {"x": self.generated(tensors["z"])}

        generator = self.part("generator", draw, (z,), (image_info(self),), (self.generator,))
        return {**super().parts(), "generator": generator}

    def setting(self, name: str) -> Any:
        if name == "generator":
            return self.generator if self.custom_generator else None
        return super().setting(name)


def squared_error(x: Tensor, image: Tensor) -> Tensor:
    """Return |x - image|^2 summed over the values of an image, [batch]."""
    return ops.sum(ops.square(x - image), axis=tuple(range(1, len(x.shape))))


def pulling_away(codes: Tensor) -> Tensor:
    """Return the mean squared cosine over pairs of codes [batch, latent_dim], a scalar."""
    lengths = ops.sqrt(ops.sum(ops.square(codes), axis=1, keepdims=True) + 1e-12)
    cosines = ops.matmul(codes / lengths, ops.transpose(codes / lengths))  # [batch, batch]
    n = ops.cast(ops.shape(codes)[0], cosines.dtype)
    of_pairs = ops.sum(ops.square(cosines)) - ops.sum(ops.square(ops.diagonal(cosines)))
    return of_pairs / ops.maximum(n * (n - 1.0), 1.0)
