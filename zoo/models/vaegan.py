"""The VAE-GAN: a variational autoencoder with a discriminator of images."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from zoo.checks.arguments import number, widths
from zoo.checks.array_types import Tensor
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.vae import VAE
from zoo.nn import networks
from zoo.nn.distributions.normal import kl_divergence
from zoo.training.loss_weight import LossWeight
from zoo.training.monitors import DiscriminatorMonitor
from zoo.training.registry import register


@register
class VAEGAN(VAE):
    """The VAE-GAN: a variational autoencoder that compares images by a discriminator's features.

    A squared error of pixels gives blurred images. The features of a discriminator, which
    distinguishes real images from generated ones, avoid this. With z ~ q(z | x), z' ~ p(z), images
    g(z), g(z'), and the features f(x) of the discriminator d, a step makes three updates:

    1. encoder: `beta` KL(q(z | x) || p(z)) + |f(x) - f(g(z))|^2 / (2 s^2);
    2. decoder: |f(x) - f(g(z))|^2 / (2 s^2) - `generator_weight` (log d(g(z)) + log d(g(z')));
    3. discriminator: -log d(x) - log(1 - d(g(z))) - log(1 - d(g(z'))).

    `loss` is `reconstruction`, the negative log-likelihood of pixels, which is measured but not
    minimized. Adversarial losses depend on how good the discriminator is, and do not show which
    model is better.

    Use it if sharp images are more important than exact ones.

    Args:
        generator_weight: the weight of the decoder's adversarial loss, above 0; 1 / gamma in the
            paper.
        feature_stddev: s, above 0, the standard deviation of features; 1 in the paper, which has
            many more features. If the KL divergence falls to 0, choose a smaller one.
        label_smoothing: s in [0, 0.5): the discriminator's target for real images is 1 - s.
        discriminator_filters, discriminator_hidden_units: the layers of the discriminator; by
            default those of the encoder.
        Others: see `VAE`; there is no `samples`, `free_bits`, `binarize` or `corruption`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAEGAN((8, 8, 1), 4, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Larsen et al. 2015 (arXiv 1512.09300), algorithm 1. In the paper the decoder minimizes
    log(1 - d); here it minimizes -log d, whose gradient does not vanish while d is right.
    """

    family = "adversarial"
    metric_names = (
        *VAE.metric_names,
        "features",
        "generator",
        "discriminator",
        "accuracy_on_images",
        "accuracy_on_reconstructions",
        "accuracy_on_samples",
    )
    network_names = (*VAE.network_names, "discriminator")
    card_metrics = (*VAE.card_metrics, "Fréchet distance")
    updates: ClassVar = {
        "encoder": ("encoder", "prior"),
        "decoder": ("decoder",),
        "discriminator": ("discriminator",),
    }
    monitors = (*VAE.monitors, DiscriminatorMonitor)

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        generator_weight: float = 1.0,
        feature_stddev: float = 1.0,
        label_smoothing: float = 0.0,
        discriminator_filters: tuple[int, ...] | None = None,
        discriminator_hidden_units: tuple[int, ...] | None = None,
        beta: Any = 1.0,
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
            beta=beta,
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
        self.feature_stddev = number("feature_stddev", feature_stddev, above=0)
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
        self.discriminator = networks.image_discriminator(
            self.image_shape,
            network=self.network or "conv",
            filters=self.discriminator_filters,
            hidden_units=self.discriminator_hidden_units,
            normalization=self.likelihood.normalization(),
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )
        self.generator_weight = LossWeight("generator_weight", generator_weight, above=0)

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # The encoder minimizes the KL divergence and the feature error of reconstructions.
        e = self.minimize(lambda: self.encoder_losses(batch, True), batch, "encoder")
        # The decoder minimizes the feature error, and learns to fool the discriminator.
        g = self.minimize(lambda: self.decoder_losses(batch, True), batch, "decoder")
        # The discriminator learns to distinguish real images from generated ones.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        metrics = {**e, **g, **d, "loss": e["reconstruction"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def encoder_losses(self, batch: Batch, training: bool) -> Losses:
        q = self.posterior(batch.x, training=training)
        z = q.draw(1, self.seed_generator)  # [batch, 1, latent_dim]
        observation = self.observation(z[:, 0], training=training)
        reconstruction = -observation.log_prob(batch.x)  # [batch], measured, not minimized
        kl = kl_divergence(q, self.prior, z)
        features = self.feature_error(batch.x, observation.mean)
        losses = Losses(
            self.beta_now * kl + features,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
            features=features,
        )
        return losses + self.further_losses(batch.x, z, q)

    def decoder_losses(self, batch: Batch, training: bool) -> Losses:
        reconstructed, sampled = self.generated(batch.x, training)
        logits = [self.discriminator(images)["logit"][:, 0] for images in (reconstructed, sampled)]
        features = self.feature_error(batch.x, reconstructed)
        generator = sum(ops.softplus(-logit) for logit in logits)  # -log d, [batch]
        return Losses(
            features + self.generator_weight.value * generator,
            features=features,
            generator=generator,
        )

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        generated = (ops.stop_gradient(images) for images in self.generated(batch.x, False))
        real, *fakes = (
            self.discriminator(images, training=training)["logit"][:, 0]
            for images in (batch.x, *generated)
        )
        smoothing = self.label_smoothing * real
        loss = ops.softplus(-real) + smoothing + sum(ops.softplus(logit) for logit in fakes)
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_images=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_reconstructions=ops.mean(ops.cast(fakes[0] < 0, "float32")),
            accuracy_on_samples=ops.mean(ops.cast(fakes[1] < 0, "float32")),
        )

    def generated(self, x: Tensor, training: bool) -> Tensor:
        """Return images decoded from sampled codes of `x`, and equally many from prior samples."""
        z = ops.stop_gradient(self.posterior(x).draw(1, self.seed_generator)[:, 0])
        samples = self.prior.draw(ops.shape(x)[0], self.seed_generator)
        return [self.image(codes, training=training) for codes in (z, samples)]

    def feature_error(self, x: Tensor, image: Tensor) -> Tensor:
        """Return |f(x) - f(image)|^2 / (2 s^2), [batch]."""
        real, made = (self.discriminator(images)["features"] for images in (x, image))
        return 0.5 * ops.sum(ops.square((real - made) / self.feature_stddev), axis=1)

    # Export

    def parts(self) -> dict:
        x = image_info(self)
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            return {"logit": self.discriminator(tensors["x"], training=False)["logit"]}

        part = self.part("discriminator", discriminate, (x,), (logit,), (self.discriminator,))
        return {**super().parts(), "discriminator": part}
