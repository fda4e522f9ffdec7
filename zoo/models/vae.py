"""The variational family."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo import engine
from zoo.models import checks
from zoo.models.base import BaseAutoencoder
from zoo.models.monitors import warn_of_collapse
from zoo.models.weighing import Weighing, at_least_one
from zoo.nn import corruption as corruptions
from zoo.nn import priors
from zoo.nn.configured import made_of
from zoo.nn.divergences import (
    bounded_log_variance,
    gaussian_kl,
    gaussian_kl_by_dimension,
    log_normal,
    reparameterize,
)
from zoo.nn.given import number
from zoo.nn.likelihoods import Bernoulli


@keras.saving.register_keras_serializable(package="zoo")
class VAE(Weighing, BaseAutoencoder):
    """The variational autoencoder: codes are distributions, and a prior over them generates.

    Minimizes E_q(z|x)[-log p(x | z)] + beta KL(q(z | x) || p(z)), the negative evidence lower
    bound where beta is 1, for encoder and decoder together, by reparameterised draws. q is a
    diagonal Gaussian; the prior is N(0, s^2 I). The metric `elbo` is -(reconstruction + kl),
    whatever beta; it bounds a log-likelihood where pixels are binary, or real-valued under a
    Gaussian, and not where grey pixels meet a Bernoulli likelihood.

    Use it to generate, to interpolate, and for codes that fill a known space.

    Args:
        beta: weight of the divergence, at least 0. Above 1 it is the beta-VAE (Higgins et al.
            2017). Or a `keras.optimizers.schedules.LearningRateSchedule`, such as
            PolynomialDecay(0.0, 5000, 1.0): its value at each step of training is held in a
            variable of the model.
        samples: L, how many codes are drawn for an image in training and evaluation.
        free_bits: nats of divergence, averaged over the batch, that each dimension has free: below
            them it is not pushed further towards the prior. A metric of its name says what was
            added to the divergence for it.
        binarize: for a Bernoulli likelihood. None takes pixels as they come. "dynamic" makes each
            of them 1 with the probability that it states, anew at every step; what encodes takes
            it as it is. "threshold" makes it 1 above 1/2, everywhere.
        corruption: what is done to images before the encoder sees them in training, as for
            `zoo.DenoisingAutoencoder`; the likelihood is that of the clean image.
        prior: a `zoo.Normal`, or a `zoo.GaussianMixture`, to which the divergence has no closed
            form: it is then log q(z | x) - log p(z), averaged over the drawn codes. The standard
            normal where it is None.
        Others: see `zoo.models.base.BaseAutoencoder`. An encoder of your own returns a dict of
            `z_mean` and `z_log_var`, both [batch, latent_dim]; log-variances beyond 12 either way
            are drawn back, see `zoo.nn.divergences.bounded_log_variance`.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> sorted(model.evaluate(x_test, verbose=0, return_dict=True))
        ['elbo', 'kl', 'loss', 'reconstruction']
        >>> z_mean, z_log_var = model.posterior(x_test)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Kingma and Welling 2013 (arXiv 1312.6114), equation 10; Kingma et al. 2016
    (arXiv 1606.04934), appendix C.8, for free bits; Im et al. 2015 (arXiv 1511.06406) for the
    corruption.
    """

    heads = ("z_mean", "z_log_var")
    terms = ("reconstruction", "kl", "elbo")
    card_metrics = (
        *BaseAutoencoder.card_metrics,
        "negative ELBO",
        "KL divergence",
        "active units",
        "negative log-likelihood, 200 samples",
        "negative log-likelihood, 5000 samples",
        "PSNR at 25 % masking",
        "PSNR at 50 % masking",
        "PSNR at 10 % salt and pepper",
    )
    takes_no: ClassVar = {
        "code_activation": (None, "its encoder gives a mean and a variance, which have no bounds"),
        "tie_weights": (
            False,
            "its encoder has two outputs, so that there is no one layer to share",
        ),
    }
    priors_taken: tuple[type, ...] = (priors.Normal, priors.GaussianMixture)

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        beta: Any = 1.0,
        samples: int = 1,
        free_bits: float = 0.0,
        binarize: str | None = None,
        corruption: Any = None,
        prior=None,
        **kwargs,
    ):
        super().__init__(input_shape, latent_dim, **kwargs)
        self.samples, self.free_bits = (
            at_least_one(samples),
            number("free_bits", free_bits, least=0),
        )
        self.input_likelihood = self.likelihood
        self.binarize = _checked_binarization(binarize, self.likelihood)
        self.corruption = None if corruption is None else corruptions.get(corruption)
        if self.binarize == "threshold" and corruptions.has_gaussian_noise(self.corruption):
            raise ValueError(
                'binarize="threshold" would undo Gaussian noise; damage pixels by masking or by '
                "salt and pepper."
            )
        self.prior = priors.fitting(prior, self.code_shape, self.priors_taken)
        if free_bits and not self.closed_form:
            raise ValueError("free_bits= needs a divergence by dimension, so a zoo.Normal prior.")
        self.term_weights["elbo"] = 0.0
        self._weigh_divergence(beta)

    def _weigh_divergence(self, beta):
        if isinstance(beta, dict):
            beta = made_of(beta, keras.optimizers.schedules.LearningRateSchedule, "beta")
        if isinstance(beta, keras.optimizers.schedules.LearningRateSchedule):
            self.beta = beta
            self.step = self.add_state((), "zeros", name="step")
            weight = self.add_state((), "zeros", name="beta")
            weight.assign(beta(0))
        else:
            if not isinstance(beta, Real):
                raise TypeError(
                    f"beta is {beta!r}; give a number or a LearningRateSchedule of Keras."
                )
            weight = self.beta = number("beta", beta, least=0)
        self.term_weights["kl"] = weight
        if self.free_bits:
            self.add_term("free_bits_penalty")
            self.term_weights["free_bits_penalty"] = weight

    def advance(self):
        if callable(self.beta):
            self.step.assign(self.step + 1.0)
            self.term_weights["kl"].assign(self.beta(self.step))

    # Distributions

    @property
    def restores(self) -> bool:
        return self.corruption is not None

    @property
    def closed_form(self) -> bool:
        """Whether the divergence has a closed form, and so a value for every dimension."""
        return isinstance(self.prior, priors.Normal)

    def encoded(self, x, label=None, training=False):
        codes = super().encoded(self.input_of(x), label, training)
        return {**codes, "z_log_var": bounded_log_variance(codes["z_log_var"])}

    def inference(self, x, label=None, training=False):
        """Return mean and log-variance of q(z | x), both [batch, latent_dim]."""
        codes = self.encoded(x, label, training)
        return codes["z_mean"], codes["z_log_var"]

    def generative(self, z, label=None, training=False):
        """Return the parameters of p(x | z), [batch, ...]."""
        return self.decoder(self.network_inputs("z", z, label), training=training)

    def input_of(self, x):
        """Return what the networks get of images: pixels 0 or 1 if `binarize` is "threshold"."""
        return ops.cast(x > 0.5, "float32") if self.binarize == "threshold" else x

    def drawn_input(self, x):
        """Return what they get in a step of training: drawn pixels if `binarize` is "dynamic"."""
        if self.binarize == "dynamic":
            return ops.cast(engine.uniform(ops.shape(x), self.seed_generator) < x, "float32")
        return self.input_of(x)

    def loss_terms(self, batch, training):
        x = seen = self.drawn_input(batch.x)
        if self.corruption and training:
            seen = self.corruption.draw(x, self.seed_generator)
        moments = self.inference(seen, batch.label, training)
        noise = engine.normal((ops.shape(x)[0], self.samples, self.latent_dim), self.seed_generator)
        z, log_prob = self.sampled(x, batch.label, moments, noise, training)
        prior_moments = self.prior_moments(batch.label)
        terms = self.bounds(moments, prior_moments, z, log_prob)
        if self.free_bits:
            terms["free_bits_penalty"] = self.free_bits_penalty(
                moments, prior_moments, batch.weight
            )
        return terms

    def prior_moments(self, label):
        """Return mean and log-variance of p(z), as numbers or tensors [batch, latent_dim].

        None for a mixture, which they do not describe.
        """
        del label
        return (0.0, self.prior.log_var) if self.closed_form else None

    def sampled(self, x, label, moments, noise, training=False):
        """Draw codes and decode them.

        Args:
            x: [batch, *input_shape]. moments: of q(z | x), both [batch, latent_dim].
            noise: standard normal, [batch, samples, latent_dim].

        Returns:
            z: [batch, samples, latent_dim]. log p(x | z): [batch, samples].
        """
        z_mean, z_log_var = (ops.expand_dims(moment, 1) for moment in moments)
        z = reparameterize(z_mean, z_log_var, noise)
        samples = noise.shape[1]
        x, label = (
            t if t is None or samples == 1 else ops.repeat(t, samples, axis=0) for t in (x, label)
        )
        parameters = self.generative(ops.reshape(z, (-1, self.latent_dim)), label, training)
        return z, ops.reshape(self.input_likelihood.log_prob(x, parameters), (-1, samples))

    def bounds(self, moments, prior_moments, z, log_prob) -> dict:
        """Return the terms of the loss for what `sampled` drew."""
        reconstruction, kl = -ops.mean(log_prob, axis=1), self.kl(moments, prior_moments, z)
        return {"reconstruction": reconstruction, "kl": kl, "elbo": -reconstruction - kl}

    def kl(self, moments, prior_moments, z):
        """Return KL(q(z | x) || p(z)), [batch]; without a closed form of draws z."""
        if prior_moments is not None:
            return gaussian_kl(*moments, *prior_moments)
        posterior = (ops.expand_dims(moment, 1) for moment in moments)
        return ops.mean(log_normal(z, *posterior) - self.prior.log_density(z), axis=1)

    def free_bits_penalty(self, moments, prior_moments, weight=None):
        """Return by how much the mean divergences lack `free_bits`, summed over dimensions.

        Added to the divergence, weighted by image where it is, it cancels the gradient of every
        dimension that is below.
        """
        by_dimension = gaussian_kl_by_dimension(*moments, *prior_moments)
        weight = ops.ones_like(by_dimension[:, 0]) if weight is None else weight
        mean = engine.batch_mean(by_dimension * weight[:, None])
        return ops.sum(ops.relu(self.free_bits * engine.batch_mean(weight) - mean))

    def log_weights(self, moments, prior_moments, z, log_prob):
        """Return log p(x | z) p(z) / q(z | x) of what `sampled` drew, [batch, samples]."""
        posterior, prior = (
            pair and [m if isinstance(m, float) else ops.expand_dims(m, 1) for m in pair]
            for pair in (moments, prior_moments)
        )
        log_prior = log_normal(z, *prior) if prior else self.prior.log_density(z)
        return log_prob + log_prior - log_normal(z, *posterior)

    # Using

    def after_fit(self, x, y):
        super().after_fit(x, y)
        warn_of_collapse(self, x, y if self.conditional and not self.semi_supervised else None)

    def prepared(self, x, seed: int | None = 0) -> np.ndarray:
        """Return checked images as figures are measured on them, float32 [n, *input_shape].

        Drawn if `binarize` is "dynamic", else as they are.
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        x = np.asarray(ops.convert_to_numpy(x), "float32")
        if self.binarize != "dynamic":
            return x
        uniform = np.random.default_rng(seed).random(x.shape, np.float32)
        return (uniform < x).astype("float32")

    def importance_weights(self, x, noise, label=None):
        """Return `log_weights` of images [batch, ...] at given noise [batch, samples, latent]."""
        x = self.input_of(x)
        moments = self.inference(x, label)
        drawn = self.sampled(x, label, moments, noise)
        return self.log_weights(moments, self.prior_moments(label), *drawn)

    def prior_of(self, labels=None):
        """Return mean and log-variance of the codes' prior, as arrays that broadcast to codes.

        Args:
            labels: integers [n] for conditional models.
        """
        del labels
        return np.zeros(self.latent_dim), np.full(self.latent_dim, self.prior.log_var)

    def divergences(self, x, labels=None) -> np.ndarray:
        """Return KL(q(z_j | x) || p(z_j)) of images by dimension, float64 [n, latent_dim], nats.

        Raises:
            TypeError: the prior is a mixture, under which dimensions depend on each other.
        """
        if not self.closed_form:
            raise TypeError("A mixture has no divergence by dimension; see `divergence`.")
        mean, log_var = (moment.astype("float64") for moment in self.posterior(x, labels))
        prior_mean, prior_log_var = self.prior_of(labels)
        ratio = (np.exp(log_var) + (mean - prior_mean) ** 2) / np.exp(prior_log_var)
        return 0.5 * (prior_log_var - log_var + ratio - 1)

    def divergence(self, x, z, labels=None) -> np.ndarray:
        """Return KL(q(z | x) || p(z)) of images, float64 [n], nats.

        Args:
            x: images [n, *input_shape]. labels: integers [n] for conditional models.
            z: a draw from q(z | x) for each, of which it is estimated where it has no closed form.
        """
        z = np.reshape(z, (len(z), -1))
        if self.closed_form:
            return self.divergences(x, labels).sum(axis=1)
        mean, log_var = (moment.astype("float64") for moment in self.posterior(x, labels))
        away = np.square(z - mean) / np.exp(log_var) + log_var + math.log(2.0 * math.pi)
        return -0.5 * away.sum(axis=1) - self.prior.log_prob(z)

    def posterior(self, x, labels=None, *, batch_size: int = 1024):
        """Return mean and log-variance of q(z | x) as arrays, both float32 [n, latent_dim]."""
        x, labels = self._checked_images(x, labels)
        both = self._run("moments", x, labels, batch_size)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def moments(self, x, label=None):
        """Return mean and log-variance of q(z | x) side by side, [batch, 2 latent_dim]."""
        return ops.concatenate(self.inference(x, label), axis=-1)

    def log_prob(self, x, z, labels=None, *, batch_size: int = 1024):
        """Return log p(x | z) of images under codes, as an array, float32 [n].

        Args:
            x: images [n, *input_shape]. z: codes [n, latent_dim]. labels: integers [n] for
                conditional models.
        """
        x, labels = self._checked_images(x, labels)
        z = checks.check_codes(z, self.code_shape)
        return self._run("conditional_log_prob", (x, z), labels, batch_size)

    def conditional_log_prob(self, x, z, label=None):
        """Return log p(x | z) as a tensor, [batch]."""
        return self.likelihood.log_prob(self.input_of(x), self.generative(z, label))

    def encode(self, x, labels=None, *, sample=False, seed=None, batch_size: int = 1024):
        """Return codes of images: the mean of q(z | x), or a draw from it.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: integers [n] for conditional models.
            sample: draw instead of taking the mean. Where most dimensions say nothing of images,
                the decoder has seen noise in their place, and may decode draws better.
            seed: of the draw.
            batch_size: how many images to hold in a network at once.

        Returns:
            float32 [n, *code_shape].
        """
        if not sample:
            return super().encode(x, labels, batch_size=batch_size)
        mean, log_var = self.posterior(x, labels, batch_size=batch_size)
        noise = np.random.default_rng(seed).standard_normal(mean.shape, np.float32)
        moments_and_noise = map(ops.convert_to_tensor, (mean, log_var, noise))
        return self._shaped(ops.convert_to_numpy(reparameterize(*moments_and_noise)))

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "beta": serialize(self.beta) if callable(self.beta) else self.beta,
            "samples": self.samples,
            "free_bits": self.free_bits,
            "binarize": self.binarize,
            "corruption": self.corruption and serialize(self.corruption),
            "prior": serialize(self.prior),
        }


def _checked_binarization(binarize, likelihood):
    if binarize not in (None, "dynamic", "threshold"):
        raise ValueError(f"binarize is {binarize!r}; choose 'dynamic', 'threshold' or None.")
    if binarize and not isinstance(likelihood, Bernoulli):
        raise ValueError(
            f"binarize={binarize!r} makes pixels 0 or 1, which a Bernoulli likelihood is for, and "
            f"not {type(likelihood).__name__}."
        )
    return binarize
