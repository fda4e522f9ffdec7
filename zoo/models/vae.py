"""The variational autoencoder."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.models.base import BaseAutoencoder
from zoo.models.importance_sampling import Estimate, log_mean_weights
from zoo.nn import corruption as corruptions
from zoo.nn.configured import made_of
from zoo.nn.distributions import normal, prior_names
from zoo.nn.distributions.likelihoods import Bernoulli
from zoo.nn.distributions.mixtures import GaussianMixture
from zoo.nn.distributions.normal import DiagonalNormal, kl_divergence
from zoo.nn.distributions.priors import Normal
from zoo.nn.given import number, whole
from zoo.trainer import Losses

FEW_STEPS = 100  # after which codes need not say anything yet


@keras.saving.register_keras_serializable(package="zoo")
class VAE(BaseAutoencoder):
    """The variational autoencoder: codes are distributions, and a prior over them generates.

    Minimizes E_q(z|x)[-log p(x | z)] + beta KL(q(z | x) || p(z)), the negative evidence lower
    bound where beta is 1, for encoder and decoder together, by reparameterization. q is a
    diagonal Gaussian; the prior is N(0, s^2 I). The metric `elbo` is -(reconstruction + kl),
    whatever beta; it bounds a log-likelihood where pixels are binary, or real-valued under a
    Gaussian, and not where gray pixels meet a Bernoulli likelihood.

    Use it to generate, to interpolate, and for codes that fill a known space.

    Args:
        beta: weight of the divergence, at least 0. Above 1 it is the beta-VAE (Higgins et al.
            2017). Or a `keras.optimizers.schedules.LearningRateSchedule`, such as
            PolynomialDecay(0.0, 5000, 1.0): its value at each step of training is held in a
            variable of the model.
        samples: L, how many codes are drawn for an image in training and evaluation.
        free_bits: nats of divergence, averaged over the batch, that each dimension has free: below
            them it is not pushed further toward the prior. The metric `free_bits_penalty` says
            what was added to the divergence for it.
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
            are drawn back, see `zoo.nn.distributions.normal.bounded_log_variance`.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> sorted(model.evaluate(x_test, verbose=0, return_dict=True))
        ['elbo', 'kl', 'loss', 'reconstruction']
        >>> z_mean, z_log_var = model.posterior_moments(x_test)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Kingma and Welling 2013 (arXiv 1312.6114), equation 10; Kingma et al. 2016
    (arXiv 1606.04934), appendix C.8, for free bits; Im et al. 2015 (arXiv 1511.06406) for the
    corruption.
    """

    family = "vae"
    encoder_outputs = ("z_mean", "z_log_var")
    metric_names = ("reconstruction", "kl", "elbo")
    takes_no: ClassVar = {
        "code_activation": (None, "its encoder gives a mean and a variance, which have no bounds"),
        "tie_weights": (False, "its encoder has two outputs, so that there is no layer to share"),
    }
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
    priors_taken: tuple[type, ...] = (Normal, GaussianMixture)

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
        self.input_likelihood = self.likelihood  # of what the decoder gives: images, but for M1M2
        self.samples = whole("samples", samples, least=1)
        self.free_bits = number("free_bits", free_bits, least=0)
        self.corruption = None if corruption is None else corruptions.get(corruption)
        self.binarize = _checked_binarization(binarize, self.likelihood, self.corruption)
        self.prior = prior_names.get(prior, self.code_shape, self.priors_taken)
        self.prior_network = None  # no attribute of the class: PyTorch would find that one first
        self.beta = _checked_beta(beta)
        self.beta_now = self.beta
        if callable(self.beta):  # a schedule
            self.step = self.add_state((), "zeros", name="step")
            self.beta_now = self.add_state((), "zeros", name="beta")
            self.beta_now.assign(self.beta(0))
        if self.free_bits:
            self.add_metric_name("free_bits_penalty")
            if not normal.has_closed_form(self.prior):
                raise ValueError("free_bits= needs a KL by dimension, so a zoo.Normal prior.")

    # Distributions

    def posterior(self, x, label=None, training=False) -> DiagonalNormal:
        """Return q(z | x), or q(z | x, label), of images [batch, *input_shape]."""
        x = self.input_pixels(x)
        inputs = {"x": x, "label": label} if "x" in self.label_inputs else x
        return DiagonalNormal(**self.encoder(inputs, training=training))

    def prior_of(self, label=None):
        """Return p(z), or p(z | label) where it is learned."""
        return self.prior if self.prior_network is None else self.prior.given(label)

    def log_likelihoods(self, x, z, label=None, training=False):
        """Return log p(x | z) of images and codes z [batch, samples, latent_dim], [batch, samples].

        Args:
            x: [batch, *input_shape].
        """
        samples = z.shape[1]
        if samples > 1:
            x = ops.repeat(x, samples, axis=0)  # [batch * samples, *input_shape]
            label = label if label is None else ops.repeat(label, samples)
        z = ops.reshape(z, (-1, self.latent_dim))  # [batch * samples, latent_dim]
        inputs = {"z": z, "label": label} if "z" in self.label_inputs else z
        parameters = self.decoder(inputs, training=training)
        return ops.reshape(self.input_likelihood.log_prob(x, parameters), (-1, samples))

    # Loss

    def losses(self, batch, training):
        x = seen = self.drawn_pixels(batch.x)  # [batch, *input_shape]
        if self.corruption and training:
            seen = self.corruption.draw(x, self.seed_generator)
        q, p = self.posterior(seen, batch.label, training), self.prior_of(batch.label)
        z = q.sample(self.samples, self.seed_generator)  # [batch, samples, latent_dim]
        log_likelihoods = self.log_likelihoods(x, z, batch.label, training)
        reconstruction = -ops.mean(log_likelihoods, axis=1)  # [batch], nats
        kl = kl_divergence(q, p, z)  # [batch], in closed form or of samples z
        losses = Losses(
            reconstruction + self.beta_now * kl,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
        )
        if self.free_bits:
            penalty = self.free_bits_penalty(q, p, batch.weight)
            losses = losses.plus(self.beta_now * penalty, free_bits_penalty=penalty)
        return losses

    def free_bits_penalty(self, q, p, weight):
        """Return by how much the mean KLs lack `free_bits`, summed over dimensions, a scalar.

        Added to the KL, weighted by image where it is, it cancels the gradient of every dimension
        that is below.
        """
        by_dimension = normal.kl_by_dimension(q, p)
        if weight is None:
            return ops.sum(ops.relu(self.free_bits - backend.batch_mean(by_dimension)))
        mean = backend.batch_mean(by_dimension * weight[:, None])
        return ops.sum(ops.relu(self.free_bits * backend.batch_mean(weight) - mean))

    def after_step(self, batch, metrics):
        super().after_step(batch, metrics)
        if callable(self.beta):
            self.step.assign(self.step + 1.0)
            self.beta_now.assign(self.beta(self.step))

    def input_pixels(self, x):
        """Return what the networks get of images: pixels 0 or 1 if `binarize` is "threshold"."""
        return ops.cast(x > 0.5, "float32") if self.binarize == "threshold" else x

    def drawn_pixels(self, x):
        """Return what they get in `fit` and `evaluate`: drawn pixels if `binarize` is "dynamic"."""
        if self.binarize == "dynamic":
            return ops.cast(backend.uniform(ops.shape(x), self.seed_generator) < x, "float32")
        return self.input_pixels(x)

    # Use

    @property
    def restores(self) -> bool:
        return self.corruption is not None

    def code(self, x, label=None, training=False):
        return self.posterior(x, label, training).mean

    def encoded(self, x, label=None):
        q = self.posterior(x, label)
        return {"z_mean": q.mean, "z_log_var": q.log_var}

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
        x, labels = self.checked_images(x, labels)
        noise = np.random.default_rng(seed).standard_normal((len(x), self.latent_dim), np.float32)
        return self.shaped(self.run_in_batches("code_of", (x, noise), labels, batch_size))

    def code_of(self, x, noise, label=None):
        """Return the codes that q(z | x) makes of standard normal noise, [batch, latent_dim]."""
        return self.posterior(x, label).transform(noise[:, None])[:, 0]

    def posterior_moments(self, x, labels=None, *, batch_size: int = 1024):
        """Return mean and log-variance of q(z | x) as arrays, both float32 [n, latent_dim]."""
        x, labels = self.checked_images(x, labels)
        both = self.run_in_batches("moments", x, labels, batch_size)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def moments(self, x, label=None):
        """Return mean and log-variance of q(z | x) side by side, [batch, 2 latent_dim]."""
        q = self.posterior(x, label)
        return ops.concatenate([q.mean, q.log_var], axis=-1)

    def kl_by_dimension(self, x, labels=None) -> np.ndarray:
        """Return KL(q(z_j | x) || p(z_j)) of images by dimension, float32 [n, latent_dim], nats.

        Raises:
            TypeError: the prior is a mixture, under which dimensions depend on each other.
        """
        if not normal.has_closed_form(self.prior) and self.prior_network is None:
            raise TypeError("A mixture has no KL by dimension; see `kl_and_log_prob`.")
        x, labels = self.checked_images(x, labels)
        return self.run_in_batches("kl_of_dimensions", x, labels, 1024)

    def kl_of_dimensions(self, x, label=None):
        """Return `kl_by_dimension`, of and as a tensor."""
        return normal.kl_by_dimension(self.posterior(x, label), self.prior_of(label))

    def kl_and_log_prob(self, x, z, labels=None, *, batch_size: int = 1024):
        """Return KL(q(z | x) || p(z)) and log p(x | z) of images, arrays, float32 [n], nats.

        Args:
            x: images [n, *input_shape]. labels: integers [n] for conditional models.
            z: [n, *code_shape], a draw from q(z | x) for each; the KL is estimated of it where
                it has no closed form.
        """
        x, labels = self.checked_images(x, labels)
        z = checks.check_codes(z, self.code_shape)
        both = self.run_in_batches("bound_of", (x, z), labels, batch_size)
        return both[:, 0], both[:, 1]

    def bound_of(self, x, z, label=None):
        """Return `kl_and_log_prob`, of tensors and as one, [batch, 2]."""
        z = z[:, None]  # [batch, 1, latent_dim]
        kl = kl_divergence(self.posterior(x, label), self.prior_of(label), z)
        log_prob = self.log_likelihoods(self.input_pixels(x), z, label)[:, 0]
        return ops.stack([kl, log_prob], axis=1)

    def log_likelihood(self, x, labels=None, *, samples: int = 5000, seed: int = 0) -> Estimate:
        """Estimate log p(x), or log p(x | label), by importance sampling from q(z | x).

        ln 1/S sum_s p(x, z_s) / q(z_s | x): a lower bound in the mean, the tighter the more
        samples. Memory does not grow with their number. On gray pixels a Bernoulli likelihood gives
        no log-likelihood, and the squared error none at all: see `binarize`.

        Args:
            x: images [n, *input_shape]; with `binarize="dynamic"`, binary ones are drawn of them.
            labels: integers [n] for conditional models.
            samples: S, at least 1.
            seed: the same seed gives the same estimate.

        Returns:
            an `Estimate`, in nats.

        Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8.
        """
        x, labels = self.checked_images(x, labels)
        return log_mean_weights(self, self.prepared(x, seed), labels, samples, seed)

    def importance_log_weights(self, x, noise, label=None):
        """Return log p(x, z) / q(z | x) at noise [batch, samples, latent_dim], [batch, samples]."""
        q = self.posterior(x, label)
        z = q.transform(noise)
        return self.log_weights(q, z, self.log_likelihoods(self.input_pixels(x), z, label), label)

    def log_weights(self, q, z, log_likelihoods, label=None):
        """Return log p(x | z) + log p(z) - log q(z | x) of z ~ q, [batch, samples]."""
        return log_likelihoods + self.prior_of(label).log_prob(z) - q.log_prob(z)

    def prepared(self, x, seed: int | None = 0) -> np.ndarray:
        """Return checked images as metrics are measured on them, float32 [n, *input_shape].

        Drawn if `binarize` is "dynamic", else as they are.
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        x = np.asarray(ops.convert_to_numpy(x), "float32")
        if self.binarize != "dynamic":
            return x
        uniform = np.random.default_rng(seed).random(x.shape, np.float32)
        return (uniform < x).astype("float32")

    def after_fit(self, x, y):
        """Warn where hardly any dimension of the codes says something of images."""
        steps = int(ops.convert_to_numpy(self.optimizer.iterations))
        if steps < FEW_STEPS or checks.not_finite(self):
            return
        active = active_units(self, x, y if self.conditional and not self.semi_supervised else None)
        if active <= self.latent_dim // 10:
            warnings.warn(
                f"{type(self).__name__} hardly uses its codes: {active} of {self.latent_dim} "
                "dimensions are active, the others are the same for all images (posterior "
                "collapse). Train longer, lower beta=, or give free_bits=. Under "
                'likelihood="squared_error" or a fixed zoo.Gaussian(stddev) errors may cost too '
                'little: likelihood="gaussian" calibrates them. Until then encode(x, sample=True) '
                "may give better images than the mean code that reconstruct() decodes.",
                stacklevel=3,
            )


def active_units(model, x, labels=None, *, threshold: float = 0.01) -> int:
    """Count the latent dimensions that say something of the image.

    A dimension is active if the variance over images of its posterior mean exceeds `threshold`;
    with a prior that depends on the label, of the mean in units of that prior.

    Args:
        model: a `VAE`.
        x: images [n, *input_shape]. labels: integers [n] for conditional models.

    Example:
        >>> x = zoo.data.load("digits")[1][0]
        >>> zoo.metrics.active_units(zoo.load("vae_digits"), x)
        4

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), section 5.2.
    """
    mean, _ = model.posterior_moments(x, labels)
    if model.conditional:
        mean = model.style(mean, labels)
    return int(np.sum(np.var(mean, axis=0) > threshold))


def _checked_beta(beta):
    """Return a number of at least 0, or a schedule of Keras's."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    if isinstance(beta, dict):
        beta = made_of(beta, schedule, "beta")
    if isinstance(beta, schedule):
        return beta
    if not isinstance(beta, Real):
        raise TypeError(f"beta is {beta!r}; give a number or a LearningRateSchedule of Keras.")
    return number("beta", beta, least=0)


def _checked_binarization(binarize, likelihood, corruption):
    if binarize not in (None, "dynamic", "threshold"):
        raise ValueError(f"binarize is {binarize!r}; choose 'dynamic', 'threshold' or None.")
    if binarize and not isinstance(likelihood, Bernoulli):
        raise ValueError(
            f"binarize={binarize!r} makes pixels 0 or 1, which a Bernoulli likelihood is for, and "
            f"not {type(likelihood).__name__}."
        )
    if binarize == "threshold" and corruptions.has_gaussian_noise(corruption):
        raise ValueError(
            'binarize="threshold" would undo Gaussian noise; damage pixels by masking or by '
            "salt and pepper."
        )
    return binarize
