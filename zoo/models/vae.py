"""The variational autoencoder."""

from __future__ import annotations

from numbers import Real
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks import units
from zoo.checks.arguments import number, whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.checks.codes import check_codes
from zoo.inference.compiled import run_in_batches
from zoo.inference.importance_sampling import Estimate, log_mean_weights
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.nn import corruption as corruptions
from zoo.nn.configured import made_of
from zoo.nn.distributions import normal, prior_names
from zoo.nn.distributions.likelihood_names import checked_binarization
from zoo.nn.distributions.normal import DiagonalNormal, kl_divergence
from zoo.nn.distributions.requirements import check_corruption
from zoo.training.loss_weight import LossWeight
from zoo.training.monitors import not_finite
from zoo.training.posterior_collapse import warn_of_collapse
from zoo.training.registry import register

FEW_STEPS = 100  # of training: before these, unused codes are no reason to warn


@register
class VAE(BaseAutoencoder):
    """The variational autoencoder: it encodes to distributions, and can generate from a prior.

    Minimizes E_q(z|x)[-log p(x | z)] + beta KL(q(z | x) || p(z)), the negative evidence lower
    bound for beta = 1, for encoder and decoder together, by reparameterization. q is a diagonal
    Gaussian; the prior is N(0, s^2 I). The metric `elbo` is -(reconstruction + kl) for any beta. It
    bounds a log-likelihood for binary pixels, and for real-valued pixels with a Gaussian
    likelihood, but not for gray pixels with a Bernoulli likelihood.

    Use it to generate, to interpolate, and for codes that fill a known space.

    Args:
        beta: weight of the KL divergence, at least 0; above 1 for the beta-VAE (Higgins et al.
            2017). It may be a `keras.optimizers.schedules.LearningRateSchedule`, such as
            PolynomialDecay(0.0, 5000, 1.0): a variable of the model then holds its current value.
        samples: L, the number of codes sampled for each image in training and evaluation.
        free_bits: how many nats of KL divergence, averaged over the batch, each dimension may use
            without cost: below this, a dimension is not pushed toward the prior. The metric
            `free_bits_penalty` is the term that this adds to the loss.
        binarize: for a Bernoulli likelihood. None does not change pixels. "dynamic" sets each pixel
            to 1 with its value as the probability, newly sampled at every step; `encode` and
            `reconstruct` do not change it. "threshold" always sets a pixel to 1 if it is above 1/2,
            else to 0.
        corruption: the corruption of the images that the encoder sees in training, as in
            `zoo.DenoisingAutoencoder`; the loss is the likelihood of the clean image. Without a
            corruption, `fit(noisy, clean)` learns from pairs.
        prior: a `zoo.Normal`, the standard normal by default; or another prior with a density, such
            as a `zoo.GaussianMixture`, a `zoo.VampPrior` (also "vamp"), or your own. For
            such a prior the KL divergence is estimated as log q(z | x) - log p(z), averaged over
            the samples.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`; a VAE has no `code_activation` and no
            `tie_weights`. Your own encoder must return a dict of `z_mean` and `z_log_var`, both
            [batch, latent_dim]; log-variances outside [-12, 12] are reduced, see
            `zoo.nn.distributions.normal.bounded_log_variance`.

    Examples:
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
    picture = "latent_space"
    takes_further_losses = True
    takes_pairs = True
    takes_missing = True
    encoder_outputs = ("z_mean", "z_log_var")
    metric_names = ("reconstruction", "kl", "elbo")
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
        "PSNR at Gaussian noise of 0.2",
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        beta: Any = 1.0,
        samples: int = 1,
        free_bits: float = 0.0,
        binarize: str | None = None,
        corruption: Any = None,
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
        self.decoder_likelihood = self.likelihood  # it differs in M1M2, which decodes to codes
        self.samples = whole("samples", samples, least=1)
        self.free_bits = number("free_bits", free_bits, least=0)
        self.corruption = None if corruption is None else corruptions.get(corruption)
        if self.restores:
            self.picture = "restorations"
        if self.corruption:
            check_corruption(self.corruption, self.likelihood, self.image_shape)
        self.binarize = _checked_binarization(binarize, self.likelihood, self.corruption)
        self.prior_network = None  # no class attribute: PyTorch would find it before a layer
        self.prior = self._make_prior(prior)
        self.beta = _checked_beta(beta)
        if callable(self.beta):  # a schedule
            self.step = self.add_state((), "zeros", name="step")  # also in files without optimizer
            self.scheduled_beta = self.add_state((), "zeros", name="beta")
            self.scheduled_beta.assign(self.beta(0))
        if self.free_bits:
            self.add_metric_name("free_bits_penalty")
            if self.prior_network is None and not normal.has_closed_form(self.prior):
                raise ValueError("free_bits= needs a KL by dimension: choose a zoo.Normal prior.")

    def _make_prior(self, prior):
        return prior_names.get(prior, self.code_shape, self, with_density=True)

    # Distributions

    def posterior(self, x: Tensor, label: Tensor = None, training: bool = False) -> DiagonalNormal:
        """Return q(z | x), or q(z | x, label), for images [batch, *input_shape]."""
        x = self.input_pixels(x)  # binary pixels stay as they are
        inputs = {"x": x, "label": label} if "x" in self.label_inputs else x
        return DiagonalNormal(**self.encoder(inputs, training=training))

    def prior_of(self, label: Tensor = None) -> Any:
        """Return p(z), or p(z | label) if the prior is learned."""
        return self.prior if self.prior_network is None else self.prior.of_label(label)

    def log_likelihoods(
        self, x: Tensor, z: Tensor, label: Tensor = None, training: bool = False
    ) -> Tensor:
        """Return log p(x | z), [batch, samples], for codes z [batch, samples, latent_dim].

        Args:
            x: images [batch, *input_shape].
        """
        samples = z.shape[1]
        if samples > 1:
            x = ops.repeat(x, samples, axis=0)  # [batch * samples, *input_shape]
            label = label if label is None else ops.repeat(label, samples, axis=0)
        z = ops.reshape(z, (-1, self.latent_dim))  # [batch * samples, latent_dim]
        inputs = {"z": z, "label": label} if "z" in self.label_inputs else z
        parameters = self.decoder(inputs, training=training)
        return ops.reshape(self.decoder_likelihood.log_prob(x, parameters), (-1, samples))

    # Loss

    @property
    def beta_now(self) -> keras.Variable:
        """The current weight of the KL divergence, a variable."""
        return self.scheduled_beta if callable(self.beta) else self.beta.value

    def losses(self, batch: Batch, training: bool) -> Losses:
        if batch.clean is None:
            x = seen = self.input_pixels(batch.x, draw=True)  # [batch, *input_shape]
        else:
            seen, x = self.pixels_of_pairs(batch)
        if self.corruption and training:
            seen = self.decoder_likelihood.corrupted(x, self.corruption, self.seed_generator)
        q, p = self.posterior(seen, batch.label, training), self.prior_of(batch.label)
        z = q.draw(self.samples, self.seed_generator)  # [batch, samples, latent_dim]
        log_likelihoods = self.log_likelihoods(x, z, batch.label, training)
        reconstruction = -ops.mean(log_likelihoods, axis=1)  # [batch], nats
        kl = kl_divergence(q, p, z)  # [batch], in closed form or estimated from z
        losses = Losses(
            reconstruction + self.beta_now * kl,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
        )
        if self.free_bits:
            penalty = self.free_bits_penalty(q, p, batch.weight)
            losses = losses.plus(self.beta_now * penalty, free_bits_penalty=penalty)
        return losses + self.further_losses(x, z, q)

    def free_bits_penalty(self, q: Any, p: Any, weight: Tensor) -> Tensor:
        """Return sum_j max(0, free_bits - KL_j) for the mean KL_j of a batch, a scalar.

        Added to the KL divergence, it gives sum_j max(free_bits, KL_j). The means include sample
        weights.
        """
        by_dimension = normal.kl_by_dimension(q, p)
        if weight is None:
            return ops.sum(ops.relu(self.free_bits - backend.batch_mean(by_dimension)))
        mean = backend.batch_mean(by_dimension * weight[:, None])
        return ops.sum(ops.relu(self.free_bits * backend.batch_mean(weight) - mean))

    def after_step(self, batch: Batch, metrics: dict) -> None:
        super().after_step(batch, metrics)
        if callable(self.beta):
            self.step.assign(self.step + 1.0)
            self.scheduled_beta.assign(self.beta(self.step))

    def input_pixels(self, x: Tensor, draw: bool = False) -> Tensor:
        """Return the input of the networks: pixels are 0 or 1 if `binarize` is "threshold".

        If `binarize` is "dynamic", pixels are sampled if `draw` is true, as in `fit` and
        `evaluate`.
        """
        if self.binarize == "threshold":
            return ops.cast(x > 0.5, "float32")
        if draw and self.binarize == "dynamic":
            return ops.cast(backend.uniform(ops.shape(x), self.seed_generator) < x, "float32")
        return x

    def pixels_of_pairs(self, batch: Batch) -> Tensor:
        """Return noisy and clean pixels, [2, batch, *input_shape]; equal ones stay equal."""
        both = ops.stack([batch.x, batch.clean])
        if self.binarize == "dynamic":
            uniform = backend.uniform(ops.shape(batch.x), self.seed_generator)
            return ops.cast(uniform < both, "float32")
        return self.input_pixels(both)

    # Use

    @property
    def restores(self) -> bool:
        return self.corruption is not None

    def code(self, x: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        return self.posterior(x, label, training).mean

    def encode(
        self,
        x: ArrayLike,
        labels: Labels = None,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 1024,
    ) -> np.ndarray:
        """Return codes of images: the mean of q(z | x), or a sample from it.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: integers [n] for conditional models.
            sample: whether to return samples instead of means. If most dimensions hold no
                information, the decoder was trained with noise in them, and may decode samples
                better.
            seed: the seed of the samples.
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *code_shape].
        """
        if not sample:
            return super().encode(x, labels, batch_size=batch_size)
        x, labels = self.checked_images(x, labels)
        noise = np.random.default_rng(seed).standard_normal((len(x), self.latent_dim), np.float32)
        return self.shaped(
            run_in_batches(self._code_from_noise, (x, noise), labels, batch_size=batch_size)
        )

    def _code_from_noise(self, x, noise, label=None):
        """Return samples of q(z | x) for standard normal noise, both [batch, latent_dim]."""
        return self.posterior(x, label).reparameterize(noise[:, None])[:, 0]

    def posterior_moments(
        self, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
    ) -> tuple:
        """Return mean and log-variance of q(z | x) as arrays, both float32 [n, latent_dim]."""
        x, labels = self.checked_images(x, labels)
        both = run_in_batches(self._moments, x, labels, batch_size=batch_size)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def _moments(self, x, label=None):
        """Return mean and log-variance of q(z | x), concatenated, [batch, 2 latent_dim]."""
        q = self.posterior(x, label)
        return ops.concatenate([q.mean, q.log_var], axis=-1)

    def kl_by_dimension(self, x: ArrayLike, labels: Labels = None) -> np.ndarray:
        """Return KL(q(z_j | x) || p(z_j)) by image and dimension, float32 [n, latent_dim], nats.

        Raises:
            TypeError: the prior is a mixture, in which dimensions depend on each other.
        """
        if not normal.has_closed_form(self.prior) and self.prior_network is None:
            raise TypeError("A mixture has no KL by dimension; see `kl_and_log_prob`.")
        x, labels = self.checked_images(x, labels)
        return run_in_batches(self.kl_of_dimensions, x, labels, batch_size=1024)

    def kl_of_dimensions(self, x: Tensor, label: Tensor = None) -> Tensor:
        """Return `kl_by_dimension` for tensors."""
        return normal.kl_by_dimension(self.posterior(x, label), self.prior_of(label))

    def kl_and_log_prob(
        self, x: ArrayLike, z: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
    ) -> Any:
        """Return KL(q(z | x) || p(z)) and log p(x | z) of images, float32 arrays [n], in nats.

        Args:
            x: images [n, *input_shape]. labels: integers [n] for conditional models.
            z: [n, *code_shape], a sample from q(z | x) for each image. The KL divergence is
                estimated from it if it has no closed form.
        """
        x, labels = self.checked_images(x, labels)
        z = check_codes(z, self.code_shape)
        both = run_in_batches(self.bound_of, (x, z), labels, batch_size=batch_size)
        return both[:, 0], both[:, 1]

    def bound_of(self, x: Tensor, z: Tensor, label: Tensor = None) -> Tensor:
        """Return `kl_and_log_prob` for tensors, as one tensor [batch, 2]."""
        return self._bound(self.posterior(x, label), x, z[:, None], label)

    def bound_of_noise(self, x: Tensor, noise: Tensor, label: Tensor = None) -> Tensor:
        """Return `bound_of` at the samples of q(z | x) for standard normal noise, [batch, 2]."""
        q = self.posterior(x, label)
        return self._bound(q, x, q.reparameterize(noise[:, None]), label)

    def _bound(self, q, x, z, label):  # z [batch, 1, latent_dim]
        kl = kl_divergence(q, self.prior_of(label), z)
        log_prob = self.log_likelihoods(self.input_pixels(x), z, label)[:, 0]
        return ops.stack([kl, log_prob], axis=1)

    def log_likelihood(
        self, x: ArrayLike, labels: Labels = None, *, samples: int = 5000, seed: int = 0
    ) -> Estimate:
        """Estimate log p(x), or log p(x | label), by importance sampling from q(z | x).

        The estimate is ln 1/S sum_s p(x, z_s) / q(z_s | x). On average it is a lower bound, which
        gets tighter with more samples; memory does not grow with their number. It is not a
        log-likelihood for gray pixels with a Bernoulli likelihood (a warning says so; see
        `binarize`), nor for the squared error.

        Args:
            x: images [n, *input_shape]; with `binarize="dynamic"`, binary images are sampled first.
            labels: integers [n] for conditional models.
            samples: S, at least 1.
            seed: the same seed gives the same estimate.

        Returns:
            an `Estimate`, in nats.

        Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), equation 8.
        """
        x, labels = self.checked_images(x, labels)
        x = self.prepared(x, seed)
        units.warn_of_gray_pixels(self, x)
        return log_mean_weights(self, x, labels, samples, seed)

    def importance_log_weights(self, x: Tensor, noise: Tensor, label: Tensor = None) -> Tensor:
        """Return log p(x, z) / q(z | x) [batch, samples], for noise [..., latent_dim]."""
        q = self.posterior(x, label)
        z = q.reparameterize(noise)
        return self.log_weights(q, z, self.log_likelihoods(self.input_pixels(x), z, label), label)

    def weights_and_parameters(self, x: Tensor, noise: Tensor, label: Tensor = None) -> Tensor:
        """Return log p(x, z) / q(z | x), and then the decoder's outputs for z.

        Args:
            x: rows [batch, features]. noise: standard normal, [batch, samples, latent_dim].

        Returns:
            [batch, samples, 1 + parameters].
        """
        q, samples = self.posterior(x, label), noise.shape[1]
        z = q.reparameterize(noise)  # [batch, samples, latent_dim]
        log_weights = self.log_weights(q, z, self.log_likelihoods(x, z, label), label)
        label = label if label is None else ops.repeat(label, samples, axis=0)
        parameters = self.parameters_of(ops.reshape(z, (-1, self.latent_dim)), label)
        parameters = ops.reshape(parameters, (-1, samples, parameters.shape[-1]))
        return ops.concatenate([log_weights[:, :, None], parameters], axis=-1)

    def unseen_entropy(self, x: Tensor) -> Tensor:
        """Return the entropy of p(x_j | z) of the values that were not seen, z the mean code.

        Args:
            x: rows [batch, features]; the likelihood has `missing="learn"`.

        Returns:
            its sum over these values, [batch], in nats.
        """
        parameters = self.parameters_of(self.posterior(x).mean)
        return self.likelihood.unseen_entropy(x, parameters)

    def log_weights(self, q: Any, z: Tensor, log_likelihoods: Any, label: Tensor = None) -> Tensor:
        """Return log p(x | z) + log p(z) - log q(z | x) for z ~ q, [batch, samples]."""
        return log_likelihoods + self.prior_of(label).log_prob(z) - q.log_prob(z)

    def prepared(self, x: ArrayLike, seed: int | None = 0) -> np.ndarray:
        """Return checked images for the metrics, float32 [n, *input_shape].

        Pixels are sampled if `binarize` is "dynamic", else unchanged.
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        x = np.asarray(ops.convert_to_numpy(x), "float32")
        if self.binarize != "dynamic":
            return x
        uniform = np.random.default_rng(seed).random(x.shape, np.float32)
        return (uniform < x).astype("float32")

    def after_fit(self, x: ArrayLike, y: Labels) -> None:
        """Warn of posterior collapse, if few dimensions of the codes hold information."""
        steps = int(ops.convert_to_numpy(self.optimizer.iterations))
        if steps >= FEW_STEPS and not not_finite(self):
            warn_of_collapse(self, x, y if self.conditional and not self.semi_supervised else None)


def _checked_beta(beta):
    """Return a number of at least 0, or a schedule of Keras."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    if isinstance(beta, dict):
        beta = made_of(beta, schedule, "beta")
    if isinstance(beta, schedule):
        return beta
    if not isinstance(beta, Real):
        raise TypeError(f"beta is {beta!r}; give a number or a LearningRateSchedule of Keras.")
    return LossWeight("beta", beta, least=0)


def _checked_binarization(binarize, likelihood, corruption):
    binarize = checked_binarization(binarize, likelihood)
    if binarize == "threshold" and corruptions.has_gaussian_noise(corruption):
        raise ValueError(
            'binarize="threshold" would undo Gaussian noise; corrupt pixels by masking or by '
            "salt and pepper."
        )
    return binarize
