"""The variational autoencoder whose images a discriminator judges."""

from __future__ import annotations

from typing import ClassVar

import keras
from keras import ops

from zoo import engine
from zoo.models.adversarial.watch import Watch
from zoo.models.signature import TensorInfo
from zoo.models.training import weigh
from zoo.models.vae import VAE
from zoo.nn import networks
from zoo.nn.divergences import reparameterize
from zoo.nn.given import number, widths

FIXED = {"samples": 1, "free_bits": 0.0, "binarize": None, "corruption": None}
WHY = "its updates take one code of every image, as the image comes"


@keras.saving.register_keras_serializable(package="zoo")
class VAEGAN(VAE):
    """The variational autoencoder that compares images as a discriminator sees them.

    A squared error of pixels blurs; features of a network that tells real images from made ones do
    not. With z ~ q(z | x), z' ~ p(z), images g(z), g(z'), and the features f(x) of the
    discriminator d, a step makes three updates:

    1. encoder: `beta` KL(q(z | x) || p(z)) + |f(x) - f(g(z))|^2 / (2 s^2);
    2. decoder: |f(x) - f(g(z))|^2 / (2 s^2) - `generator_weight` (log d(g(z)) + log d(g(z')));
    3. discriminator: -log d(x) - log(1 - d(g(z))) - log(1 - d(g(z'))).

    `loss` is the negative log-likelihood of pixels, `reconstruction`, which is watched and not
    minimized: the others move with the opponent and do not tell which model is better.

    Use it for images that are sharp rather than exact.

    Args:
        generator_weight: above 0; 1 / gamma in the paper.
        feature_stddev: s, above 0, how far features may lie apart; 1 in the paper, whose features
            are many more. Where the divergence falls to 0, it is too large.
        label_smoothing: s in [0, 0.5): real images count as 1 - s to the discriminator.
        discriminator_filters, discriminator_hidden_units: of the discriminator; the encoder's
            widths where they are None.
        Others: see `VAE`; `samples`, `free_bits`, `binarize` and `corruption` are not taken.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAEGAN((8, 8, 1), 4, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Larsen et al. 2015 (arXiv 1512.09300), algorithm 1. There the decoder minimizes -log(1 -
    d) with a minus sign; ours is the form whose gradient does not fade while d is right.
    """

    monitored = "reconstruction"
    terms = (
        *VAE.terms,
        "features",
        "generator",
        "discriminator",
        "accuracy_on_images",
        "accuracy_on_reconstructions",
        "accuracy_on_samples",
    )
    network_names = (*VAE.network_names, "discriminator")
    takes_no: ClassVar = {name: (neutral, WHY) for name, neutral in FIXED.items()}

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        generator_weight: float = 1.0,
        feature_stddev: float = 1.0,
        label_smoothing: float = 0.0,
        discriminator_filters=None,
        discriminator_hidden_units=None,
        **kwargs,
    ):
        super().__init__(input_shape, latent_dim, **kwargs)
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
        self.discriminator = networks.image_critic(
            self.image_shape,
            filters=self.discriminator_filters,
            hidden_units=self.discriminator_hidden_units,
            dtype=self.dtype_policy,
        )
        generator_weight = number("generator_weight", generator_weight, above=0)
        self.term_weights |= {"reconstruction": 0.0, "generator": generator_weight}
        self.term_weights |= {name: 0.0 for name in self.terms if name.startswith("accuracy")}

    # Learning

    def updates(self):
        return {
            "encoder": self.encoder.trainable_variables,
            "decoder": self.decoder.trainable_variables,
            "discriminator": self.discriminator.trainable_variables,
        }

    def train_step(self, data):
        batch = self.unpack(data)
        # The encoder brings posteriors to the prior, and features of images to those of theirs.
        terms = self.update("encoder", lambda: self.encoder_terms(batch, True))
        # The decoder does so with features, and learns to confuse the discriminator, ...
        terms |= self.update("decoder", lambda: self.decoder_terms(batch, True))
        # ... which learns to tell real images from made ones.
        terms |= self.update("discriminator", lambda: self.discriminator_terms(batch, True))
        self.calibrate(terms, batch.weight)
        self.advance()
        return self.track(terms)

    def test_step(self, data):
        batch = self.unpack(data)
        return self.track(
            {
                **self.encoder_terms(batch, training=False),
                **self.decoder_terms(batch, training=False),
                **self.discriminator_terms(batch, training=False),
            }
        )

    def own_callbacks(self):
        return [*super().own_callbacks(), Watch()]

    def encoder_terms(self, batch, training):
        moments = self.inference(batch.x, training=training)
        z = self.drawn_code(moments)
        parameters = self.generative(z, training=training)
        reconstruction = -self.likelihood.log_prob(batch.x, parameters)
        kl = self.kl(moments, self.prior_moments(None), z[:, None])
        terms = {"reconstruction": reconstruction, "kl": kl, "elbo": -reconstruction - kl}
        image = self.likelihood.mean(parameters)
        return weigh({**terms, "features": self.mismatch(batch.x, image)}, batch.weight)

    def decoder_terms(self, batch, training):
        reconstructed, sampled = self.made(batch.x, training)
        judged = [self.discriminator(images)["logit"][:, 0] for images in (reconstructed, sampled)]
        terms = {
            "features": self.mismatch(batch.x, reconstructed),
            "generator": sum(ops.softplus(-logit) for logit in judged),
        }
        return weigh(terms, batch.weight)

    def discriminator_terms(self, batch, training):
        made = (ops.stop_gradient(images) for images in self.made(batch.x, training=False))
        real, *judged = (
            self.discriminator(images, training=training)["logit"][:, 0]
            for images in (batch.x, *made)
        )
        smoothed = self.label_smoothing * real
        fakes = sum(ops.softplus(logit) for logit in judged)
        terms = {"discriminator": ops.softplus(-real) + smoothed + fakes}
        return {
            **weigh(terms, batch.weight),
            "accuracy_on_images": ops.cast(real > 0, "float32"),
            "accuracy_on_reconstructions": ops.cast(judged[0] < 0, "float32"),
            "accuracy_on_samples": ops.cast(judged[1] < 0, "float32"),
        }

    def drawn_code(self, moments):
        """Return one draw from q(z | x) for each image, [batch, latent_dim]."""
        noise = engine.normal(ops.shape(moments[0]), self.seed_generator)
        return reparameterize(*moments, noise)

    def made(self, x, training):
        """Return images of drawn codes of `x`, and as many of draws from the prior."""
        z = ops.stop_gradient(self.drawn_code(self.inference(x)))
        draws = self.prior.draw(ops.shape(x)[0], self.seed_generator)
        return [self.image(codes, training=training) for codes in (z, draws)]

    def mismatch(self, x, image):
        """Return |f(x) - f(image)|^2 / (2 s^2), [batch]."""
        seen, made = (self.discriminator(images)["features"] for images in (x, image))
        return 0.5 * ops.sum(ops.square((seen - made) / self.feature_stddev), axis=1)

    # Leaving

    def parts(self):
        low, high = self.likelihood.low, self.likelihood.high
        x = TensorInfo("x", "float32", self.image_shape, low, high)
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            return {"logit": self.discriminator(tensors["x"], training=False)["logit"]}

        judge = self.part("discriminator", discriminate, (x,), (logit,), (self.discriminator,))
        return {**super().parts(), "discriminator": judge}

    def get_config(self):
        return {
            **super().get_config(),
            "feature_stddev": self.feature_stddev,
            "generator_weight": self.term_weights["generator"],
            "label_smoothing": self.label_smoothing,
            "discriminator_filters": self.discriminator_filters,
            "discriminator_hidden_units": self.discriminator_hidden_units,
        }
