"""The boundary equilibrium GAN, which matches the distributions of two reconstruction errors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import number
from zoo.checks.array_types import Tensor
from zoo.models.base import Batch, Losses
from zoo.models.ebgan import EBGAN
from zoo.models.gan import variance
from zoo.nn.distributions import Uniform
from zoo.training.registry import register


@register
class BEGAN(EBGAN):
    """The boundary equilibrium GAN: a generator and an autoencoder in equilibrium.

    The energy of an image is L(v) = |v - dec(enc(v))|, averaged over pixels. With samples g(z),
    z ~ p(z), every training step makes two updates, and changes their balance k, which starts at 0:

    1. discriminator: encoder and decoder minimize L(x) - k L(g(z));
    2. generator: it minimizes L(g(z));
    3. k <- k + `balance_rate` (`diversity` L(x) - L(g(z))), clipped to [0, 1].

    In equilibrium the error of samples is `diversity` times that of images. `loss` is the measure
    of convergence M = L(x) + |`diversity` L(x) - L(g(z))|, which can be compared between trainings.
    `reconstruction`, the negative log-likelihood of images, is measured but not minimized.

    Use it for smooth samples by networks without batch normalization.

    Args:
        latent_dim: the length of a code, and of the generator's input.
        diversity: gamma in (0, 1]: the lower it is, the better, but also the more similar, samples
            are.
        balance_rate: lambda_k, the step size of k, above 0.
        prior_of_noise: p(z), a prior of the zoo; uniform on [-1, 1] by default.
        Others: see `EBGAN`; there is no `margin` and no `pulling_away_weight`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.BEGAN((8, 8, 1), 8, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Berthelot, Schumm and Metz 2017 (arXiv 1703.10717), sections 3.3 and 3.4.
    """

    diversity_setting = "diversity"
    metric_names = (
        "reconstruction",
        "energy_of_images",
        "energy_of_samples",
        "balance",
        "variance_of_samples",
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        diversity: float = 0.5,
        balance_rate: float = 0.001,
        prior_of_noise: Any = None,
        generator: keras.Layer | None = None,
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
        super().__init__(
            input_shape,
            latent_dim,
            pulling_away_weight=0.0,
            prior_of_noise=prior_of_noise,
            generator=generator,
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
        self.diversity = number("diversity", diversity, above=0, most=1)
        self.balance_rate = number("balance_rate", balance_rate, above=0)
        self.k = self.add_state((), "zeros", name="k")

    def _make_prior_of_noise(self, prior):
        return Uniform(self.latent_dim) if prior is None else super()._make_prior_of_noise(prior)

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # Encoder and decoder lower the error of images, and raise that of samples, weighted by k.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The generator lowers the error of its samples.
        g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        # k falls if the error of samples is too large relative to that of images, else it rises.
        gap = self.gap(d["energy_of_images"], g["energy_of_samples"], batch)
        self.k.assign(ops.clip(self.k + self.balance_rate * gap, 0.0, 1.0))
        metrics = {**d, **g, "loss": d["energy_of_images"] + ops.abs(gap)}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def test_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        d = self.discriminator_losses(batch, training=False).weighted(batch.weight).metrics
        g = self.generator_losses(batch, training=False).weighted(batch.weight).metrics
        gap = self.gap(d["energy_of_images"], g["energy_of_samples"], batch)
        return self.track({**d, **g, "loss": d["energy_of_images"] + ops.abs(gap)})

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return L(x) - k L(g(z))."""
        samples = ops.stop_gradient(self.samples_like(batch, training=False))
        observation = self.observation(self.code(batch.x, training=training), training=training)
        on_images = absolute_error(batch.x, observation.mean)  # [batch]
        on_samples = self.energy(samples, training)
        return Losses(
            on_images - self.k * on_samples,
            reconstruction=-observation.log_prob(batch.x),
            energy_of_images=on_images,
            balance=ops.convert_to_tensor(self.k),
            variance_of_samples=variance(samples) / ops.maximum(variance(batch.x), 1e-12),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return L(g(z))."""
        energy = self.energy(self.samples_like(batch, training))  # [batch]
        return Losses(energy, energy_of_samples=energy)

    def energy(self, x: Tensor, training: bool = False) -> Tensor:
        """Return L(x), the mean absolute error of images [batch, *input_shape], [batch]."""
        return absolute_error(x, self.image(self.code(x, training=training), training=training))

    def gap(self, on_images: Tensor, on_samples: Tensor, batch: Batch) -> Tensor:
        """Return `diversity` L(x) - L(g(z)) of weighted errors [batch], averaged, a scalar."""
        gap = backend.batch_mean(self.diversity * on_images - on_samples)
        if batch.weight is None:
            return gap
        return gap / ops.maximum(backend.batch_mean(batch.weight), 1e-12)


def absolute_error(x: Tensor, image: Tensor) -> Tensor:
    """Return |x - image| averaged over the values of an image, [batch]."""
    return ops.mean(ops.abs(x - image), axis=tuple(range(1, len(x.shape))))
