"""The adversarial autoencoder."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo import engine
from zoo.models import checks
from zoo.models.adversarial.watch import Watch
from zoo.models.base import BaseAutoencoder
from zoo.models.signature import TensorInfo
from zoo.models.training import weigh
from zoo.nn import networks, own_networks, priors
from zoo.nn.divergences import bounded_log_variance, reparameterize
from zoo.nn.given import number, whole

DIRECTIONS = 16
POSTERIORS = ("deterministic", "gaussian", "universal")


@keras.saving.register_keras_serializable(package="zoo")
class AAE(BaseAutoencoder):
    """The adversarial autoencoder: a discriminator shapes the codes into the prior.

    Every training step makes three updates, each with a forward pass and an optimizer of its own:

    1. reconstruction: encoder and decoder minimize -log p(x | z), z = encoder(x);
    2. discriminator: it minimizes -log d(z') - log(1 - d(z)), z' drawn from the prior;
    3. generator: the encoder minimizes -log d(z), so that its codes pass for draws.

    Use it where the prior has no closed-form divergence, or codes must match it as a whole.
    `loss` is the reconstruction term alone: the others rise and fall with the opponent and do not
    tell which model is better. `sliced_wasserstein` does: it is the sliced Wasserstein distance
    between a batch of codes and as many draws, in units of a code.

    Args:
        posterior: what a code of an image is in training: "deterministic"; "gaussian", a draw of
            N(z_mean, exp z_log_var); "universal", a function of the image and of as many standard
            normal numbers as the code is long, which can take any shape. Outside of training it is
            the mean, or the code of zero noise.
        prior: a prior of the zoo, such as `zoo.Normal`, `zoo.GaussianMixture` or
            `zoo.CustomPrior`; the standard normal where it is None.
        label_smoothing: s in [0, 0.5): draws count as 1 - s to the discriminator.
        generator_steps: how often the third update is made in a step, at least 1.
        generator_weight: of the third update's loss, above 0.
        dropout: the share of the values of the encoder's dense hidden layers that are dropped in
            training, in [0, 1).
        input_dropout: the same of what the first of these layers sees, such as pixels.
        discriminator: a network of your own from `z`, flat, to one logit [batch, 1].
        Others: see `zoo.models.base.BaseAutoencoder`.

    Example:
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

    monitored = "reconstruction"
    terms = (
        "reconstruction",
        "discriminator",
        "generator",
        "accuracy_on_prior_samples",
        "accuracy_on_codes",
        "sliced_wasserstein",
    )
    network_names = ("encoder", "decoder", "discriminator")

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        posterior: str = "deterministic",
        prior=None,
        label_smoothing: float = 0.0,
        generator_steps: int = 1,
        generator_weight: float = 1.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        discriminator=None,
        **kwargs,
    ):
        for share, drops in (("dropout", dropout), ("input_dropout", input_dropout)):
            number(share, drops, least=0, below=1)
            if drops and kwargs.get("encoder") is not None:
                raise ValueError(f"{share}= is for described networks; put it into your encoder.")
        self.dropout, self.input_dropout = float(dropout), float(input_dropout)
        if posterior not in POSTERIORS:
            raise ValueError(f"posterior is {posterior!r}; choose of {', '.join(POSTERIORS)}.")
        if posterior == "universal" and kwargs.get("encoder") is not None:
            raise ValueError(
                "posterior='universal' describes its own encoder, which takes noise beside images: "
                "leave out encoder= and decoder=."
            )
        self.drawn_by = posterior
        if posterior == "gaussian":
            self.heads = ("z_mean", "z_log_var")
        super().__init__(input_shape, latent_dim, **kwargs)
        self.prior = priors.fitting(prior, self.code_shape)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=0.5)
        self.generator_steps = whole("generator_steps", generator_steps, least=1)
        watched = ("accuracy_on_prior_samples", "accuracy_on_codes", "sliced_wasserstein")
        self.term_weights |= dict.fromkeys(watched, 0.0)
        self.term_weights["generator"] = number("generator_weight", generator_weight, above=0)
        self.custom_discriminator = discriminator is not None
        if discriminator is None:
            self.discriminator = self._described_discriminator()
        else:
            self.discriminator = own_networks.functional(
                discriminator, "discriminator", "z", (self.latent_dim,), bool(self.labels_seen)
            )
        self._check_discriminator()

    def _described_encoder(self, input_shape, heads, **options):
        dropped = {"dropout": self.dropout, "input_dropout": self.input_dropout}
        options |= {**dropped, "seed": self.seed or 0}
        if self.drawn_by != "universal":
            return super()._described_encoder(input_shape, heads, **options)
        self.noisy_encoder = super()._described_encoder(
            input_shape, heads, noise_dim=heads["z"], **options
        )
        return networks.without_noise(self.noisy_encoder)

    @property
    def labels_seen(self) -> int:
        """How many labels the discriminator tells apart; 0 where it is given none."""
        return 0

    def _described_discriminator(self):
        return networks.critic(
            self.latent_dim,
            hidden_units=self.hidden_units,
            activation=self.activation,
            num_classes=self.labels_seen,
            dtype=self.dtype_policy,
        )

    def _check_discriminator(self):
        takes, gives = self.discriminator.input, tuple(self.discriminator.output.shape[1:])
        shapes = (
            {name: tuple(t.shape[1:]) for name, t in takes.items()}
            if isinstance(takes, dict)
            else tuple(takes.shape[1:])
        )
        expected, what = (self.latent_dim,), ""
        if self.labels_seen:
            expected, what = {"z": expected, "label": ()}, "a dict of z and label, "
        if shapes != expected or gives != (1,):
            raise ValueError(
                f"The discriminator takes {shapes} and gives {gives} without the batch; it must "
                f"take {what}{expected} and give (1,), a logit."
            )

    # Learning

    def updates(self):
        encoder = self.encoder.trainable_variables
        return {
            "reconstruction": [*encoder, *self.decoder.trainable_variables],
            "discriminator": self.discriminator.trainable_variables,
            "generator": encoder,
        }

    def train_step(self, data):
        batch = self.unpack(data)
        # Reconstruction phase: encoder and decoder minimize -log p(x | z).
        terms = self.update("reconstruction", lambda: self.reconstruction_terms(batch, True))
        # Regularization phase: the discriminator learns to tell codes from draws of the prior, ...
        terms |= self.update("discriminator", lambda: self.discriminator_terms(batch, True))
        # ... and the encoder, as the generator of codes, learns to confuse it.
        for _ in range(self.generator_steps):
            terms |= self.update("generator", lambda: self.generator_terms(batch, True))
        self.calibrate(terms, batch.weight)
        self.advance()
        return self.track(terms)

    def test_step(self, data):
        batch = self.unpack(data)
        return self.track(
            {
                **self.reconstruction_terms(batch, training=False),
                **self.discriminator_terms(batch, training=False),
                **self.generator_terms(batch, training=False),
            }
        )

    def own_callbacks(self):
        return [*super().own_callbacks(), Watch()]

    def reconstruction_terms(self, batch, training):
        """Return -log p(x | z) of the images' codes, [batch]."""
        z = self.drawn_code(batch.x, training)
        parameters = self.decoder(self.network_inputs("z", z, batch.label), training=training)
        terms = {"reconstruction": -self.likelihood.log_prob(batch.x, parameters)}
        return weigh(terms, batch.weight)

    def discriminator_terms(self, batch, training):
        """Return -log d(z') - log(1 - d(z)), [batch], and what tells how the contest stands."""
        codes = ops.stop_gradient(self.drawn_code(batch.x, training=False))
        draws = self.draws(batch)
        on_draws = self.judged(draws, batch.label, training)
        on_codes = self.judged(codes, batch.label, training)
        terms = {"discriminator": self.contest(on_draws, on_codes)}
        return {
            **weigh(terms, batch.weight),
            "accuracy_on_prior_samples": ops.cast(on_draws > 0, "float32"),
            "accuracy_on_codes": ops.cast(on_codes < 0, "float32"),
            "sliced_wasserstein": self.sliced_wasserstein(codes, draws),
        }

    def contest(self, on_draws, on_codes):
        """Return -log d(draw) - log(1 - d(code)) of logits [batch], with smoothed labels."""
        smoothed = self.label_smoothing * on_draws
        return ops.softplus(-on_draws) + smoothed + ops.softplus(on_codes)

    def generator_terms(self, batch, training):
        """Return -log d(z) of the images' codes, [batch]."""
        codes = self.drawn_code(batch.x, training)
        on_codes = self.judged(codes, batch.label, training=False)
        return weigh({"generator": ops.softplus(-on_codes)}, batch.weight)

    def drawn_code(self, x, training):
        """Return a code of each image as the posterior draws it, [batch, latent_dim]."""
        if self.drawn_by == "deterministic":
            return self.code(x, training=training)
        noise = engine.normal((ops.shape(x)[0], self.latent_dim), self.seed_generator)
        return self.code_of(x, noise, training=training)

    def code_of(self, x, noise, training=False):
        """Return the codes that a posterior with draws makes of images and of its noise."""
        if self.drawn_by == "universal":
            return self.noisy_encoder({"x": x, "noise": noise}, training=training)
        codes = self.encoded(x, training=training)
        return reparameterize(codes["z_mean"], codes["z_log_var"], noise)

    def encoded(self, x, label=None, training=False):
        codes = super().encoded(x, label, training)
        if self.drawn_by == "gaussian":
            codes = {**codes, "z_log_var": bounded_log_variance(codes["z_log_var"])}
        return codes

    def draws(self, batch):
        """Return as many draws from the prior as there are images, [batch, latent_dim]."""
        return self.prior.draw(ops.shape(batch.x)[0], self.seed_generator)

    def judged(self, z, label, training):
        """Return the discriminator's logits of codes, [batch]; above 0 for "drawn"."""
        seen = {"z": z, "label": label} if self.labels_seen else z
        return self.discriminator(seen, training=training)[:, 0]

    def sliced_wasserstein(self, codes, draws):
        """Return the sliced 2-Wasserstein distance of two samples of one size, a scalar."""
        axes = engine.normal((self.latent_dim, DIRECTIONS), self.seed_generator, shared=True)
        axes = axes / ops.norm(axes, axis=0, keepdims=True)
        codes, draws = (ops.sort(ops.matmul(sample, axes), axis=0) for sample in (codes, draws))
        return ops.sqrt(ops.mean(ops.square(codes - draws)))

    # Using

    def encode(self, x, labels=None, *, sample=False, seed=None, batch_size: int = 1024):
        """Return codes of images: the posterior's mean, or a draw from it.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: have no part in codes.
            sample: draw; of a deterministic posterior that is the same code.
            seed: of the draw.
            batch_size: how many images to hold in a network at once.

        Returns:
            float32 [n, *code_shape].
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        if not self.conditional:
            self._checked_labels(labels, len(x))
        x = checks.in_numpy(x)
        if not sample or self.drawn_by == "deterministic":
            return self._shaped(self._run("code", x, None, batch_size))
        noise = np.random.default_rng(seed).standard_normal((len(x), self.latent_dim), np.float32)
        return self._shaped(self._run("code_of", (x, noise), None, batch_size))

    # Leaving

    def parts(self):
        z = TensorInfo("z", "float32", self.code_shape, prior=self.prior.describe())
        label = TensorInfo("label", "int32", (), 0, self.labels_seen - 1)
        takes = (z, label) if self.labels_seen else (z,)
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            flat = self._flat(tensors["z"])
            seen = {**tensors, "z": flat} if self.labels_seen else flat
            return {"logit": self.discriminator(seen, training=False)}

        networks = (self.discriminator,)
        discriminator = self.part("discriminator", discriminate, takes, (logit,), networks)
        return {**super().parts(), "discriminator": discriminator}

    def get_config(self):
        config = {
            **super().get_config(),
            "posterior": self.drawn_by,
            "prior": keras.saving.serialize_keras_object(self.prior),
            "label_smoothing": self.label_smoothing,
            "generator_steps": self.generator_steps,
            "generator_weight": self.term_weights["generator"],
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
        }
        if self.custom_discriminator:
            config["discriminator"] = keras.saving.serialize_keras_object(self.discriminator)
        return config
