"""The generative adversarial network: a generator and a discriminator, no encoder."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from zoo.checks.arguments import number, widths
from zoo.checks.array_types import Tensor
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.generator import BaseGenerator
from zoo.nn import networks, own_discriminators
from zoo.nn.network_properties import check_shapes
from zoo.training.monitors import DiscriminatorMonitor, ModeCollapseMonitor
from zoo.training.registry import register


@register
class GAN(BaseGenerator):
    """The generative adversarial network, for comparison: a decoder without an encoder.

    The generator g, which is the `decoder`, makes images from noise z ~ p(z); the discriminator d
    distinguishes them from images x of the data. Every training step makes two updates:

    1. discriminator: it minimizes -log d(x) - log(1 - d(g(z)));
    2. generator: it minimizes -log d(g(z)), the non-saturating loss.

    `loss` is the discriminator's loss, which is 2 ln 2 = 1.386 if it cannot distinguish them: no
    loss of a GAN shows how good its images are. `variance_of_samples` is the variance of a pixel
    over a batch of samples, divided by its variance over a batch of images; it is near 1 unless
    samples become similar.

    Use it to compare: it generates sharp images, but cannot encode images, has no likelihood, and
    may leave out some kinds of images. `generate`, `decode` and `export.export_model` work as for a
    `VAE`; there is no `encode` and no `reconstruct`.

    Args:
        input_shape: the shape of an image, (height, width, channels). latent_dim: the length of the
            noise.
        prior: p(z), a prior of the zoo; the standard normal by default.
        label_smoothing: s in [0, 0.5): the discriminator's target for real images is 1 - s.
        discriminator_filters, discriminator_hidden_units: the layers of the discriminator; by
            default those of the generator.
        decoder: your own generator, from `z` to the likelihood's parameters.
        discriminator: your own network from `x` to a logit [batch, 1].
        likelihood: determines the range of the generator's images; "bernoulli" for [0, 1].
        Others: see `zoo.models.generator.BaseGenerator`. `filters` and `hidden_units` are in the
            discriminator's order, and the generator uses them in reverse; `activation` is that of
            the generator, and the discriminator uses leaky ReLU.

    Raises:
        TypeError, ValueError: a setting has a wrong type or is out of range; the discriminator has
            other shapes; or the likelihood is for tables, or has more parameters than the image.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.GAN((8, 8, 1), 8, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), algorithm 1 and section 3; Radford, Metz and
    Chintala 2016 (arXiv 1511.06434) for convolutions.
    """

    family = "adversarial"
    loss_metric = "discriminator"
    metric_names = (
        "discriminator",
        "generator",
        "accuracy_on_images",
        "accuracy_on_samples",
        "variance_of_samples",
    )
    network_names = ("decoder", "discriminator")
    card_metrics = ("Fréchet distance",)
    updates: ClassVar = {"discriminator": ("discriminator",), "generator": ("decoder",)}
    monitors = (*BaseGenerator.monitors, DiscriminatorMonitor, ModeCollapseMonitor)

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        prior: Any = None,
        label_smoothing: float = 0.0,
        discriminator_filters: tuple[int, ...] | None = None,
        discriminator_hidden_units: tuple[int, ...] | None = None,
        discriminator: keras.Layer | None = None,
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
        super().__init__(
            input_shape,
            latent_dim,
            prior=prior,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=0.5)
        self.discriminator_filters = (
            self.filters
            if discriminator_filters is None
            else widths("discriminator_filters", discriminator_filters)
        )
        self.discriminator_hidden_units = (
            self.hidden_units
            if discriminator_hidden_units is None
            else widths("discriminator_hidden_units", discriminator_hidden_units)
        )
        self.custom_discriminator = discriminator is not None
        if self.custom_discriminator:
            self.discriminator = own_discriminators.discriminator(
                discriminator, "x", self.image_shape
            )
        else:
            self.discriminator = self._described_discriminator()
        check_shapes(self.discriminator, "discriminator", self.image_shape, (1,), ", a logit")

    def _described_discriminator(self):
        both = networks.image_discriminator(
            self.image_shape,
            network=self.network or "conv",
            filters=self.discriminator_filters,
            hidden_units=self.discriminator_hidden_units,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )
        return keras.Model(both.input, both.output["logit"], name="discriminator")

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # The discriminator learns to distinguish images from generated ones.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The generator learns to fool it.
        g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        metrics = {**d, **g, "loss": d["discriminator"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(x) - log(1 - d(g(z)))."""
        samples = ops.stop_gradient(self.samples_like(batch, training))
        real, fake = (self.logits(images, training) for images in (batch.x, samples))  # [batch]
        loss = ops.softplus(-real) + self.label_smoothing * real + ops.softplus(fake)
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_images=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_samples=ops.mean(ops.cast(fake < 0, "float32")),
            variance_of_samples=variance(samples) / ops.maximum(variance(batch.x), 1e-12),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(g(z))."""
        # training=False: this update does not train the discriminator.
        fake = self.logits(self.samples_like(batch, training), training=False)
        generator = ops.softplus(-fake)  # [batch]
        return Losses(generator, generator=generator)

    def samples_like(self, batch: Batch, training: bool) -> Tensor:
        """Return one generated image for each image of the batch, [batch, *input_shape]."""
        z = self.prior.draw(ops.shape(batch.x)[0], self.seed_generator)
        return ops.cast(self.image(z, training=training), "float32")

    def logits(self, x: Tensor, training: bool = False) -> Tensor:
        """Return the discriminator's logits, [batch]; above 0 means images of the data."""
        return ops.cast(self.discriminator(x, training=training)[:, 0], "float32")

    # Export

    def parts(self) -> dict:
        """Return the exportable parts: the decoder, which generates, and the discriminator."""
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            return {"logit": self.discriminator(tensors["x"], training=False)}

        part = self.part(
            "discriminator", discriminate, (image_info(self),), (logit,), (self.discriminator,)
        )
        return {**super().parts(), "discriminator": part}

    def setting(self, name: str) -> Any:
        if name == "discriminator":
            return self.discriminator if self.custom_discriminator else None
        return super().setting(name)


def variance(x: Tensor) -> Tensor:
    """Return the variance of each pixel over a batch, averaged over pixels, a scalar."""
    return ops.mean(ops.var(x, axis=0))
