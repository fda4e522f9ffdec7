"""The variational family."""

import keras
import numpy as np

from zoo.models import checks
from zoo.models.base import BaseAutoencoder
from zoo.nn import priors
from zoo.nn.divergences import reparameterize


@keras.saving.register_keras_serializable(package="zoo")
class VAE(BaseAutoencoder):
    """The variational autoencoder: codes are distributions, and a prior over them generates.

    Minimizes E_q(z|x)[-log p(x | z)] + beta KL(q(z | x) || p(z)), the negative evidence lower
    bound where beta is 1, for encoder and decoder together, with one reparameterised draw an
    image. q is a diagonal Gaussian; the prior is N(0, s^2 I).

    Use it to generate, to interpolate, and for codes that fill a known space.

    Args:
        beta: weight of the divergence, at least 0. Above 1 it is the beta-VAE (Higgins et al.
            2017).
        prior: a `zoo.Normal`; the standard normal where it is None.
        Others: see `zoo.models.base.BaseAutoencoder`. An encoder of your own returns a dict of
            `z_mean` and `z_log_var`, both [batch, latent_dim].

    Source: Kingma and Welling 2013 (arXiv 1312.6114), equation 10.
    """

    heads = ("z_mean", "z_log_var")
    terms = ("reconstruction", "kl")

    def __init__(self, input_shape=None, latent_dim=None, *, beta=1.0, prior=None, **kwargs):
        super().__init__(input_shape, latent_dim, **kwargs)
        if beta < 0:
            raise ValueError(f"beta is {beta}; the weight of a divergence is at least 0.")
        self.beta = float(beta)
        self.term_weights["kl"] = self.beta
        self.prior = priors.fitting(prior, self.latent_dim)

    def inference(self, x, label=None, training=False):
        """Return mean and log-variance of q(z | x), both [batch, latent_dim]."""
        codes = self.encoder(self.network_inputs("x", x, label), training=training)
        return codes["z_mean"], codes["z_log_var"]

    def generative(self, z, label=None, training=False):
        """Return the parameters of p(x | z), [batch, *input_shape]."""
        return self.decoder(self.network_inputs("z", z, label), training=training)

    def loss_terms(self, batch, training):
        z_mean, z_log_var = self.inference(batch.x, batch.label, training)
        z = reparameterize(z_mean, z_log_var, self.seed_generator)
        parameters = self.generative(z, batch.label, training)
        return {
            "reconstruction": -self.likelihood.log_prob(batch.x, parameters),
            "kl": self.prior.kl(z_mean, z_log_var),
        }

    def posterior(self, x, labels=None, *, batch_size: int = 1024):
        """Return mean and log-variance of q(z | x) as arrays, both float32 [n, latent_dim]."""
        x, labels = self._checked_images(x, labels)
        both = self._run("moments", x, labels, batch_size)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def moments(self, x, label=None):
        """Return mean and log-variance of q(z | x) side by side, [batch, 2 latent_dim]."""
        return keras.ops.concatenate(self.inference(x, label), axis=-1)

    def log_prob(self, x, z, labels=None, *, batch_size: int = 1024):
        """Return log p(x | z) of images under codes, as an array, float32 [n].

        Args:
            x: images [n, *input_shape]. z: codes [n, latent_dim]. labels: integers [n] for
                conditional models.
        """
        x, labels = self._checked_images(x, labels)
        z = checks.check_codes(z, self.latent_dim)
        return self._run("conditional_log_prob", (x, z), labels, batch_size)

    def conditional_log_prob(self, x, z, label=None):
        """Return log p(x | z) as a tensor, [batch]."""
        return self.likelihood.log_prob(x, self.generative(z, label))

    def encode(self, x, labels=None, *, sample=False, seed=None, batch_size: int = 1024):
        """Return codes of images: the mean of q(z | x), or a draw from it.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: integers [n] for conditional models.
            sample: draw instead of taking the mean.
            seed: of the draw.
            batch_size: how many images to hold in a network at once.

        Returns:
            float32 [n, latent_dim].
        """
        if not sample:
            return super().encode(x, labels, batch_size=batch_size)
        mean, log_var = self.posterior(x, labels, batch_size=batch_size)
        noise = np.random.default_rng(seed).standard_normal(mean.shape, np.float32)
        return mean + np.exp(0.5 * log_var) * noise

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "prior": keras.saving.serialize_keras_object(self.prior),
        }


@keras.saving.register_keras_serializable(package="zoo")
class CVAE(VAE):
    """The conditional variational autoencoder: the class is given, the code holds the style.

    Minimizes E_q(z|x,c)[-log p(x | z, c)] + beta KL(q(z | x, c) || p(z)): the VAE's objective with
    the label c given to encoder and decoder. The prior is the same for every class, so the same
    code with another label is the same style of another class.

    Use it to generate what was asked for, and for analogies. `fit(x, y)` takes integer labels.

    Args:
        num_classes: how many labels there are.
        Others: see `VAE`. Networks of your own take dicts, {"x", "label"} and {"z", "label"}.

    Source: Sohn, Lee and Yan 2015 (NeurIPS 28), equation 4, with a prior that does not depend on
    the condition.
    """

    conditional = True
