"""The adversarial autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks.arguments import number, whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.nn import networks, own_discriminators
from zoo.nn.distributions import prior_names
from zoo.nn.distributions.normal import DiagonalNormal
from zoo.nn.distributions.posteriors import ImplicitPosterior, PointMass
from zoo.nn.network_properties import check_shapes
from zoo.training.loss_weight import LossWeight
from zoo.training.monitors import DiscriminatorMonitor
from zoo.training.registry import register

DIRECTIONS = 16  # random projections of the sliced Wasserstein distance
POSTERIORS = ("deterministic", "gaussian", "universal")


@register
class AAE(BaseAutoencoder):
    """The adversarial autoencoder: a discriminator matches the distribution of codes to the prior.

    Every training step makes three updates in this order. Each has its own optimizer and its own
    forward pass, with the weights after the update before:

    1. reconstruction: encoder and decoder minimize -log p(x | z), z ~ q(z | x);
    2. discriminator: it minimizes -log d(z') - log(1 - d(z)), z' ~ p(z), where d in (0, 1) is the
       sigmoid of its logit;
    3. generator: the encoder minimizes -log d(z), so that its codes look like prior samples.

    Use it if the KL divergence to the prior has no closed form, or if the codes of all images
    together must match the prior. `loss` is the reconstruction loss only: adversarial losses depend
    on how good the discriminator is, and do not show which model is better. The metric
    `sliced_wasserstein` does: it is the sliced Wasserstein distance between a batch of codes and
    equally many prior samples, in units of a code. Compare it only between equal batch sizes.

    Args:
        posterior: q(z | x) in `fit` and `evaluate`: "deterministic" is one code per image;
            "gaussian" is N(z_mean, exp z_log_var); "universal" is a function of the image and of
            `latent_dim` standard normal numbers, so that q(z | x) can be any distribution. `encode`
            returns the mean, or the code for zero noise.
        prior: a prior of the zoo, such as `zoo.Normal`, `zoo.GaussianMixture` or
            `zoo.CustomPrior`; the standard normal by default.
        label_smoothing: s in [0, 0.5): the discriminator's target for prior samples is 1 - s.
        generator_steps: how many generator updates a step makes, at least 1; the metrics are those
            of the last update.
        generator_weight: the weight of the generator's loss, above 0. It has hardly any effect with
            optimizers that divide by the size of the gradient, such as Adam: lower their learning
            rate instead.
        dropout: the fraction of the values in the encoder's dense hidden layers that training sets
            to 0, in [0, 1).
        input_dropout: the same for the input of the first of these layers, such as the pixels.
        discriminator: your own network from flat codes `z` to one logit [batch, 1].
        Others: see `zoo.models.autoencoder.BaseAutoencoder`.

    Attributes:
        posterior_kind: the argument `posterior`; the method `posterior` returns q(z | x).

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.AAE((8, 8, 1), 2, hidden_units=(64,), prior=zoo.GaussianMixture.petals())
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.encode(x_test).shape
        (360, 2)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), sections 2 and 2.1.
    """

    family = "adversarial"
    picture = "latent_space"
    metric_names = (
        "reconstruction",
        "discriminator",
        "generator",
        "accuracy_on_prior_samples",
        "accuracy_on_codes",
        "sliced_wasserstein",
    )
    network_names = ("encoder", "decoder", "discriminator")
    card_metrics = (
        *BaseAutoencoder.card_metrics,
        "sliced Wasserstein distance to the prior",
    )
    takes_further_losses = True
    updates: ClassVar = {
        "reconstruction": ("encoder", "decoder", "likelihood"),
        "discriminator": ("discriminator",),
        "generator": ("encoder",),
    }
    monitors = (*BaseAutoencoder.monitors, DiscriminatorMonitor)
    discriminator_classes = 0  # how many labels the discriminator takes; 0 for none

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        posterior: str = "deterministic",
        prior: Any = None,
        label_smoothing: float = 0.0,
        generator_steps: int = 1,
        generator_weight: float = 1.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        discriminator: keras.Layer | None = None,
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
        for which, rate in (("dropout", dropout), ("input_dropout", input_dropout)):
            number(which, rate, least=0, below=1)
            if rate and encoder is not None:
                raise ValueError(
                    f"{which}= is for networks built from settings; put dropout into your encoder."
                )
        self.dropout, self.input_dropout = float(dropout), float(input_dropout)
        if posterior not in POSTERIORS:
            raise ValueError(f"posterior is {posterior!r}; choose one of {', '.join(POSTERIORS)}.")
        if posterior == "universal" and encoder is not None:
            raise ValueError(
                "posterior='universal' builds its own encoder, which takes images and noise: leave "
                "out encoder= and decoder=."
            )
        self.posterior_kind = posterior
        if posterior == "gaussian":
            self.encoder_outputs = ("z_mean", "z_log_var")
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
        self.prior = self._make_prior(prior)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=0.5)
        self.generator_steps = whole("generator_steps", generator_steps, least=1)
        self.generator_weight = LossWeight("generator_weight", generator_weight, above=0)
        self.custom_discriminator = discriminator is not None
        if discriminator is None:
            self.discriminator = self._described_discriminator()
        else:
            self.discriminator = own_discriminators.discriminator(
                discriminator, "z", (self.latent_dim,), bool(self.discriminator_classes)
            )
        self._check_discriminator()

    def _make_prior(self, prior):
        return prior_names.get(prior, self.code_shape, self)

    def _described_encoder(self, input_shape, outputs, **options):
        dropped = {"dropout": self.dropout, "input_dropout": self.input_dropout}
        options |= {**dropped, "seed": self.seed or 0}
        if self.posterior_kind != "universal":
            return super()._described_encoder(input_shape, outputs, **options)
        # The encoder is this network with zero noise; both share their weights.
        self.noisy_encoder = super()._described_encoder(
            input_shape, outputs, noise_dim=outputs["z"], **options
        )
        return networks.without_noise(self.noisy_encoder)

    def _described_discriminator(self):
        return networks.discriminator(
            self.latent_dim,
            hidden_units=self.hidden_units,
            activation=self.activation,
            num_classes=self.discriminator_classes,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )

    def _check_discriminator(self):
        code = (self.latent_dim,)
        takes = {"z": code, "label": ()} if self.discriminator_classes else code
        check_shapes(self.discriminator, "discriminator", takes, (1,), ", a logit")

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # Reconstruction phase: encoder and decoder minimize -log p(x | z).
        r = self.minimize(lambda: self.reconstruction_losses(batch, True), batch, "reconstruction")
        # Regularization phase: the discriminator learns to distinguish prior samples from codes.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The encoder, as the generator of codes, learns to fool the discriminator.
        for _ in range(self.generator_steps):
            g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        metrics = {**r, **d, **g, "loss": r["reconstruction"]}  # each update has its own "loss"
        self.after_step(batch, metrics)
        return self.track(metrics)

    def reconstruction_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log p(x | z) for the codes of the images."""
        q = self.posterior(batch.x, training=training)
        z = q.draw(1, self.seed_generator)[:, 0]  # [batch, latent_dim]
        inputs = {"z": z, "label": batch.label} if "z" in self.label_inputs else z
        parameters = self.decoder(inputs, training=training)
        reconstruction = -self.likelihood.log_prob(batch.x, parameters)  # [batch]
        losses = Losses(reconstruction, reconstruction=reconstruction)
        return losses + self.further_losses(batch.x, z)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(z') - log(1 - d(z)), and metrics of how close codes are to the prior."""
        # training=False: this update does not train the encoder, so it runs without dropout, and
        # its batch statistics do not change.
        q = self.posterior(batch.x, training=False)
        codes = ops.stop_gradient(q.draw(1, self.seed_generator)[:, 0])  # [batch, latent_dim]
        samples = self.prior_samples_like(batch)  # [batch, latent_dim]
        on_samples = self.logits(samples, batch.label, training)  # [batch]
        on_codes = self.logits(codes, batch.label, training)
        loss = self.adversarial_loss(on_samples, on_codes)
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_prior_samples=ops.mean(ops.cast(on_samples > 0, "float32")),
            accuracy_on_codes=ops.mean(ops.cast(on_codes < 0, "float32")),
            sliced_wasserstein=self.sliced_wasserstein(codes, samples),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(z) for the codes of the images."""
        codes = self.posterior(batch.x, training=training).draw(1, self.seed_generator)[:, 0]
        # training=False: this update does not train the discriminator.
        generator = ops.softplus(-self.logits(codes, batch.label, training=False))  # [batch]
        return Losses(self.generator_weight.value * generator, generator=generator)

    def adversarial_loss(self, on_samples: Tensor, on_codes: Any) -> Tensor:
        """Return -log d(sample) - log(1 - d(code)) of logits [batch], with smoothed labels."""
        return (
            ops.softplus(-on_samples) + self.label_smoothing * on_samples + ops.softplus(on_codes)
        )

    def posterior(
        self, x: Tensor, label: Tensor = None, training: bool = False
    ) -> PointMass | DiagonalNormal | ImplicitPosterior:
        """Return q(z | x) for images [batch, *input_shape]; labels are ignored."""
        if self.posterior_kind == "deterministic":
            return PointMass(self.encoder(x, training=training))
        if self.posterior_kind == "gaussian":
            return DiagonalNormal(**self.encoder(x, training=training))

        def encoder_with(noise):
            return self.noisy_encoder({"x": x, "noise": noise}, training=training)

        return ImplicitPosterior(encoder_with, ops.shape(x)[0], self.latent_dim)

    def prior_samples_like(self, batch: Batch) -> Tensor:
        """Return one prior sample for each image, [batch, latent_dim]."""
        return self.prior.draw(ops.shape(batch.x)[0], self.seed_generator)

    def logits(self, z: Tensor, label: Tensor, training: bool) -> Tensor:
        """Return the discriminator's logits for codes, [batch]; above 0 means prior samples."""
        given = {"z": z, "label": label} if self.discriminator_classes else z
        return ops.cast(self.discriminator(given, training=training)[:, 0], "float32")

    def sliced_wasserstein(self, codes: Tensor, samples: Tensor) -> Tensor:
        """Return the sliced 2-Wasserstein distance between two batches of equal size, a scalar."""
        axes = backend.normal((self.latent_dim, DIRECTIONS), self.seed_generator, shared=True)
        axes = axes / ops.norm(axes, axis=0, keepdims=True)  # [latent_dim, directions]
        codes, samples = (ops.sort(ops.matmul(s, axes), axis=0) for s in (codes, samples))
        # both [batch, directions]
        return ops.sqrt(ops.mean(ops.square(codes - samples)))

    # Use

    def code(self, x: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        if self.posterior_kind == "gaussian":
            return DiagonalNormal(**self.encoder(x, training=training)).mean
        return super().code(x, label, training)

    def encode(
        self,
        x: ArrayLike,
        labels: Labels = None,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 1024,
    ) -> np.ndarray:
        """Return codes of images: the mean of q(z | x), or the code for zero noise.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: ignored by conditional models; must be None for others.
            sample: whether to return samples of q(z | x); the deterministic q gives the same codes.
            seed: the seed of the samples.
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *code_shape].
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        if not self.conditional:
            self.checked_labels(labels, len(x))
        x = checks.in_numpy(x)
        if not sample:
            return self.shaped(run_in_batches(self.code, x, batch_size=batch_size))
        noise = np.random.default_rng(seed).standard_normal((len(x), self.latent_dim), np.float32)
        both = x, noise
        return self.shaped(run_in_batches(self._code_from_noise, both, batch_size=batch_size))

    def _code_from_noise(self, x, noise):
        """Return samples of q(z | x) for standard normal noise, both [batch, latent_dim]."""
        return self.posterior(x).reparameterize(noise[:, None])[:, 0]

    # Export

    def parts(self) -> dict:
        z = TensorInfo("z", "float32", self.code_shape, prior=self.prior.describe())
        label = TensorInfo("label", "int32", (), 0, self.discriminator_classes - 1)
        takes = (z, label) if self.discriminator_classes else (z,)
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            flat = self.flat(tensors["z"])
            seen = {**tensors, "z": flat} if self.discriminator_classes else flat
            return {"logit": self.discriminator(seen, training=False)}

        networks = (self.discriminator,)
        discriminator = self.part("discriminator", discriminate, takes, (logit,), networks)
        return {**super().parts(), "discriminator": discriminator}

    def setting(self, name: str) -> Any:
        if name == "posterior":
            return self.posterior_kind
        if name == "discriminator":
            return self.discriminator if self.custom_discriminator else None
        return super().setting(name)
