"""The adversarial family."""

import keras
from keras import ops

from zoo.models.base import BaseAutoencoder
from zoo.models.part import Part, TensorInfo
from zoo.models.training import weigh
from zoo.nn import networks, priors


@keras.saving.register_keras_serializable(package="zoo")
class AAE(BaseAutoencoder):
    """The adversarial autoencoder: a discriminator shapes the codes into the prior.

    Every training step makes three updates, each with a forward pass and an optimizer of its own:

    1. reconstruction: encoder and decoder minimize -log p(x | z), z = encoder(x);
    2. discriminator: it minimizes -log d(z') - log(1 - d(z)), z' drawn from the prior;
    3. generator: the encoder minimizes -log d(z), so that its codes pass for draws.

    Use it where the prior has no closed-form divergence, or codes must match it as a whole.
    `loss` is the reconstruction term alone: the others rise and fall with the opponent and do not
    tell which model is better.

    Args:
        prior: a `zoo.Normal`; the standard normal where it is None.
        discriminator: a network of your own from `z` to one logit [batch, 1].
        Others: see `zoo.models.base.BaseAutoencoder`.

    Source: Makhzani et al. 2015 (arXiv 1511.05644), sections 2 and 2.1, deterministic posterior.
    """

    monitored = "reconstruction"
    terms = ("reconstruction", "discriminator", "generator", "discriminator_accuracy")
    network_names = ("encoder", "decoder", "discriminator")

    def __init__(
        self, input_shape=None, latent_dim=None, *, prior=None, discriminator=None, **kwargs
    ):
        super().__init__(input_shape, latent_dim, **kwargs)
        self.prior = priors.fitting(prior, self.latent_dim)
        self.term_weights["discriminator_accuracy"] = 0.0  # watched, never minimized
        self.custom_discriminator = discriminator is not None
        self.discriminator = discriminator or networks.critic(
            self.latent_dim,
            hidden=self.hidden,
            activation=self.activation,
            dtype=self.dtype_policy,
        )
        self._check_discriminator()

    def _check_discriminator(self):
        takes, gives = self.discriminator.input.shape[1:], self.discriminator.output.shape[1:]
        if tuple(takes) != (self.latent_dim,) or tuple(gives) != (1,):
            raise ValueError(
                f"The discriminator takes {takes} and gives {gives} without the batch; it must "
                f"take ({self.latent_dim},) and give (1,), a logit."
            )

    def updates(self):
        encoder = self.encoder.trainable_variables
        return {
            "reconstruction": [*encoder, *self.decoder.trainable_variables],
            "discriminator": self.discriminator.trainable_variables,
            "generator": encoder,
        }

    def train_step(self, data):
        batch = self.unpack(data)
        steps = {
            "reconstruction": lambda: self.reconstruction_terms(batch, training=True),
            "discriminator": lambda: self.discriminator_terms(batch, training=True),
            "generator": lambda: self.generator_terms(batch, training=True),
        }
        variables, terms = self.updates(), {}
        for name, loss_fn in steps.items():
            terms |= self.minimize(loss_fn, variables[name], self.optimizer[name])
        return self.track(terms)

    def test_step(self, data):
        batch = self.unpack(data)
        terms = {
            **self.reconstruction_terms(batch, training=False),
            **self.discriminator_terms(batch, training=False),
            **self.generator_terms(batch, training=False),
        }
        return self.track(terms)

    def reconstruction_terms(self, batch, training):
        """Return -log p(x | z) of the images' codes, [batch]."""
        z = self.encoder(batch.x, training=training)
        parameters = self.decoder(z, training=training)
        terms = {"reconstruction": -self.likelihood.log_prob(batch.x, parameters)}
        return weigh(terms, batch.weight)

    def discriminator_terms(self, batch, training):
        """Return -log d(z') - log(1 - d(z)) and how often the discriminator is right, [batch]."""
        codes = ops.stop_gradient(self.encoder(batch.x, training=False))
        draws = self.prior.draw(ops.shape(codes)[0], self.seed_generator)
        on_draws = self.discriminator(draws, training=training)[:, 0]
        on_codes = self.discriminator(codes, training=training)[:, 0]
        right = ops.cast(on_draws > 0, "float32") + ops.cast(on_codes < 0, "float32")
        terms = {"discriminator": ops.softplus(-on_draws) + ops.softplus(on_codes)}
        return {**weigh(terms, batch.weight), "discriminator_accuracy": right / 2}

    def generator_terms(self, batch, training):
        """Return -log d(z) of the images' codes, [batch]."""
        codes = self.encoder(batch.x, training=training)
        on_codes = self.discriminator(codes, training=False)[:, 0]
        return weigh({"generator": ops.softplus(-on_codes)}, batch.weight)

    def parts(self):
        z = TensorInfo("z", "float32", (self.latent_dim,), prior=self.prior.describe())
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            return {"logit": self.discriminator(tensors["z"], training=False)}

        discriminator = Part("discriminator", discriminate, (z,), (logit,), (self.discriminator,))
        return {**super().parts(), "discriminator": discriminator}

    def get_config(self):
        config = {
            **super().get_config(),
            "prior": keras.saving.serialize_keras_object(self.prior),
        }
        if self.custom_discriminator:
            config["discriminator"] = keras.saving.serialize_keras_object(self.discriminator)
        return config
