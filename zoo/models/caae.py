"""The conditional adversarial autoencoder, which changes an ordered attribute of images."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from zoo.checks.arguments import widths
from zoo.checks.array_types import Tensor
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.supervised_aae import SupervisedAAE
from zoo.nn import networks
from zoo.nn.distributions import Uniform
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class CAAE(SupervisedAAE):
    """The conditional adversarial autoencoder: it shows an image at all levels of an attribute.

    The label l is a level of an ordered attribute, such as a person's age in decades, from 0. The
    decoder takes the code of an image and a level, so `decode` with other levels shows how the
    image would look at these, although each item of the data is known at only one level. With codes
    z of images x, prior samples z' ~ p(z), and images g(z, l), a step of training makes three
    updates:

    1. autoencoder: encoder and decoder minimize -log p(x | z, l) + `generator_weight` (-log d(z))
       + `image_weight` (-log d_x(g(z, l'), l')) + `total_variation_weight` TV(g(z, l)), where l' is
       the level of another image of the batch (so the images should be shuffled);
    2. discriminator (of codes): it minimizes -log d(z') - log(1 - d(z));
    3. image discriminator: it minimizes -log d_x(x, l) - log(1 - d_x(g(z, l'), l')).

    `loss` is the reconstruction loss only, as for an `AAE`.

    Use it to change an attribute of an image and keep the rest. `fit(x, y)` takes the levels as
    integer labels.

    Args:
        num_classes: how many levels there are.
        image_weight: the weight of the image discriminator in the autoencoder's loss, above 0.
        total_variation_weight: the weight of the sum of absolute differences between neighboring
            pixels, at least 0; more than 0 makes images smoother.
        own_labels: whether the image discriminator gets images decoded at their own level, g(z, l),
            as in the paper, instead of at the level of another image; then the decoder uses the
            level less.
        label_smoothing: the label smoothing of both discriminators; see `AAE`.
        prior: p(z); uniform on [-1, 1] by default.
        discriminator_filters, discriminator_hidden_units: the layers of the image discriminator; by
            default those of the encoder.
        Others: see `SupervisedAAE`; there is no `generator_steps`. Unlike in the paper, the
            discriminator of codes sees the level, unless `conditional_discriminator` is False.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.CAAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> through_all_levels = model.decode(model.encode(x[:1]).repeat(10, 0), range(10))
        >>> through_all_levels.shape
        (10, 8, 8, 1)

    Source: Zhang, Song and Qi 2017 (arXiv 1702.08423), equations 1 to 6.
    """

    card_metrics = (
        *SupervisedAAE.card_metrics,
        "rank correlation of the attribute",
        "class kept",
    )
    metric_names = (
        *SupervisedAAE.metric_names,
        "total_variation",
        "image_generator",
        "image_discriminator",
        "accuracy_on_images",
        "accuracy_on_decoded_images",
    )
    accuracies = (
        ("accuracy_on_prior_samples", "accuracy_on_codes"),
        ("accuracy_on_images", "accuracy_on_decoded_images"),
    )
    picture = "analogies"
    network_names = (*SupervisedAAE.network_names, "image_discriminator")
    updates: ClassVar = {
        "autoencoder": ("encoder", "decoder", "likelihood"),
        "discriminator": ("discriminator",),
        "image_discriminator": ("image_discriminator",),
    }

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        image_weight: float = 1.0,
        total_variation_weight: float = 0.0,
        own_labels: bool = False,
        prior: Any = None,
        discriminator_filters: tuple[int, ...] | None = None,
        discriminator_hidden_units: tuple[int, ...] | None = None,
        conditional_discriminator: bool = True,
        posterior: str = "deterministic",
        label_smoothing: float = 0.0,
        generator_weight: float = 1.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        discriminator: keras.Layer | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            input_shape,
            latent_dim,
            prior=prior,
            conditional_discriminator=conditional_discriminator,
            posterior=posterior,
            label_smoothing=label_smoothing,
            generator_weight=generator_weight,
            dropout=dropout,
            input_dropout=input_dropout,
            discriminator=discriminator,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            likelihood=likelihood,
            num_classes=num_classes,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if len(self.image_shape) < 3 or self.likelihood.values > 1:
            raise ValueError(
                "CAAE compares images, (height, width, channels), with one value for each pixel; "
                f"the shape here is {self.image_shape}, the likelihood "
                f"{type(self.likelihood).__name__}. Use zoo.SupervisedAAE."
            )
        self.image_weight = LossWeight("image_weight", image_weight, above=0)
        self.total_variation_weight = LossWeight(
            "total_variation_weight", total_variation_weight, least=0
        )
        self.own_labels = bool(own_labels)
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
        self.image_discriminator = networks.image_discriminator(
            self.image_shape,
            network=self.network or "conv",
            filters=self.discriminator_filters,
            hidden_units=self.discriminator_hidden_units,
            num_classes=self.num_classes,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )

    def _make_prior(self, prior):
        return Uniform(self.latent_dim) if prior is None else super()._make_prior(prior)

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # Encoder and decoder reconstruct images, and learn to fool both discriminators.
        a = self.minimize(lambda: self.autoencoder_losses(batch, True), batch, "autoencoder")
        # The discriminator of codes learns to distinguish prior samples from codes.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The image discriminator learns to distinguish images from decoded ones, given the level.
        i = self.minimize(
            lambda: self.image_discriminator_losses(batch, True), batch, "image_discriminator"
        )
        metrics = {**a, **d, **i, "loss": a["reconstruction"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def autoencoder_losses(self, batch: Batch, training: bool) -> Losses:
        q = self.posterior(batch.x, training=training)
        z = q.draw(1, self.seed_generator)[:, 0]  # [batch, latent_dim]
        observation = self.observation(z, batch.label, training)
        reconstruction = -observation.log_prob(batch.x)  # [batch]
        smoothness = total_variation(observation.mean)
        generator = ops.softplus(-self.logits(z, batch.label, training=False))  # -log d(z)
        levels = self.labels_shown(batch.label)
        image = self.image(z, levels, training)
        image_generator = ops.softplus(-self.image_logits(image, levels))
        losses = Losses(
            reconstruction,
            self.generator_weight.value * generator,
            self.image_weight.value * image_generator,
            self.total_variation_weight.value * smoothness,
            reconstruction=reconstruction,
            generator=generator,
            image_generator=image_generator,
            total_variation=smoothness,
        )
        return losses + self.further_losses(batch.x, z)

    def image_discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        levels = self.labels_shown(batch.label)
        z = self.posterior(batch.x).draw(1, self.seed_generator)[:, 0]
        decoded = ops.stop_gradient(self.image(z, levels))
        real = self.image_logits(batch.x, batch.label, training)
        fake = self.image_logits(decoded, levels, training)
        loss = ops.softplus(-real) + self.label_smoothing * real + ops.softplus(fake)
        return Losses(
            loss,
            image_discriminator=loss,
            accuracy_on_images=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_decoded_images=ops.mean(ops.cast(fake < 0, "float32")),
        )

    def labels_shown(self, label: Tensor) -> Tensor:
        """Return the levels at which images are decoded for the image discriminator, [batch]."""
        return label if self.own_labels else ops.roll(label, 1)

    def image_logits(self, x: Tensor, label: Tensor, training: bool = False) -> Tensor:
        """Return the image discriminator's logits, [batch]; above 0 means images of the data."""
        given = {"x": x, "label": label}
        return self.image_discriminator(given, training=training)["logit"][:, 0]

    # Export

    def parts(self) -> dict:
        x, logit = image_info(self), TensorInfo("logit", "float32", (1,))
        label = TensorInfo("label", "int32", (), 0, self.num_classes - 1)

        def discriminate(tensors):
            return {"logit": self.image_discriminator(tensors, training=False)["logit"]}

        networks = (self.image_discriminator,)
        part = self.part("image_discriminator", discriminate, (x, label), (logit,), networks)
        return {**super().parts(), "image_discriminator": part}


def total_variation(x: Tensor) -> Tensor:
    """Return the sum of absolute differences between neighboring pixels of images, [batch]."""
    down, right = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    return sum(ops.sum(ops.abs(difference), axis=(1, 2, 3)) for difference in (down, right))
