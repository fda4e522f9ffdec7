"""Target propagation: an energy-based autoencoder that finds codes by gradient descent."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import number, whole
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses, weighted
from zoo.nn.distributions.likelihood_names import of_unit_variance
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class TargetPropAutoencoder(BaseAutoencoder):
    """The energy-based autoencoder: gradient descent finds codes, and the encoder predicts them.

    E(y, z) = C(y, Dec(z)) + regularizer |z|^2 is the energy of an image y with a code z, where C is
    -log p(y | z). A step starts at z = Enc(y) and minimizes E(y, z) + proximity D(z, Enc(y)), where
    D is the squared distance, by `iterations` steps of gradient descent. With a finite `beta` each
    step also adds noise, sqrt(2 rate / beta) times a standard normal draw (Langevin dynamics). With
    `proximity=0`, z* is then, after many small steps, nearly a draw from the density proportional
    to exp(-beta E(y, z)), over which the mean of the gradient of E is the gradient of the free
    energy at the temperature 1 / beta: the decoder lowers that, instead of the lowest energy. A
    proximity above 0 keeps the draws near Enc(y). With the result z*, it makes two updates:

    1. reconstruction: the decoder minimizes C(y, Dec(z*));
    2. prediction: the encoder minimizes D(z*, Enc(y)).

    No gradient goes from the decoder into the encoder. `loss` is C at the encoder's code Enc(y),
    which `reconstruct` uses; it is measured, not minimized. `reconstruction` is C at z*.

    Use it to study how learning shapes an energy, or to refine codes at inference (`refine`,
    `free_energy`).

    Args:
        iterations: the number of steps of the descent, at least 1.
        rate: the step size of the descent, above 0: a step is rate times the negative gradient.
        proximity: weight of D in the descent, at least 0.
        regularizer: weight of |z|^2, at least 0.
        beta: the inverse temperature of the descent in training, above 0; None is infinite, without
            noise. `evaluate`, `refine` and `free_energy` add no noise.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`; there is no `tie_weights`, and
            "gaussian" has the standard deviation 1.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.TargetPropAutoencoder((8, 8, 1), 8, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.free_energy(x_test[:5]).shape
        (5,)

    Source: Canziani and LeCun, Deep Learning (NYU, 2021), the lecture on latent-variable energies,
    target propagation and autoencoders; Ranzato et al. 2006 (NeurIPS 19), whose encoder learns
    codes that were found by descent.
    """

    learns_variance = False
    family = "energy"
    card_metrics = (*BaseAutoencoder.card_metrics, "reconstruction error of refined codes")
    metric_names = ("reconstruction", "prediction", "amortized")
    updates: ClassVar = {"reconstruction": ("decoder", "likelihood"), "prediction": ("encoder",)}

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        iterations: int = 10,
        rate: float = 0.02,
        proximity: float = 1.0,
        regularizer: float = 0.0,
        beta: float | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
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
            code_activation=code_activation,
            # A smaller variance would make the gradients too large for the rate.
            likelihood=of_unit_variance(likelihood),
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.iterations = whole("iterations", iterations, least=1)
        self.rate = number("rate", rate, above=0)
        self.proximity = LossWeight("proximity", proximity, least=0)
        self.regularizer = number("regularizer", regularizer, least=0)
        self.beta = None if beta is None else number("beta", beta, above=0)

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # From the encoder's code, descent finds z* = argmin_z E(y, z) + proximity D(z, Enc(y)).
        predicted = ops.stop_gradient(self.encoder(batch.x, training=False))
        target = self.descend(batch.x, predicted, beta=self.beta)  # [batch, latent_dim]
        amortized = weighted(self.cost(batch.x, predicted), batch.weight)
        # The decoder learns to reconstruct the image from z*.
        r = self.minimize(
            lambda: self.reconstruction_losses(batch, target, True), batch, "reconstruction"
        )
        # The encoder learns to predict z*.
        p = self.minimize(lambda: self.prediction_losses(batch, target, True), batch, "prediction")
        return self.track({**r, **p, "amortized": amortized, "loss": amortized})

    def test_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        predicted = self.encoder(batch.x, training=False)
        target = self.descend(batch.x, predicted)
        amortized = weighted(self.cost(batch.x, predicted), batch.weight)
        r = self.reconstruction_losses(batch, target, training=False).weighted(batch.weight)
        p = self.prediction_losses(batch, target, training=False).weighted(batch.weight)
        return self.track({**r.metrics, **p.metrics, "amortized": amortized, "loss": amortized})

    def reconstruction_losses(self, batch: Batch, target: Tensor, training: bool) -> Losses:
        """Return C(y, Dec(z*))."""
        reconstruction = self.cost(batch.x, target, training)  # [batch]
        return Losses(reconstruction, reconstruction=reconstruction)

    def prediction_losses(self, batch: Batch, target: Tensor, training: bool) -> Losses:
        """Return D(z*, Enc(y))."""
        prediction = squared_distance(target, self.encoder(batch.x, training=training))
        return Losses(prediction, prediction=prediction)

    def cost(self, x: Tensor, z: Tensor, training: bool = False) -> Tensor:
        """Return C(y, Dec(z)) = -log p(y | z), [batch]."""
        return -self.likelihood.log_prob(x, self.decoder(z, training=training))

    def energy(self, x: Tensor, z: Tensor) -> Tensor:
        """Return E(y, z) of images and codes, [batch]."""
        return self.cost(x, z) + self.regularizer * ops.sum(ops.square(z), axis=1)

    def parts(self) -> dict:
        """Return the exportable parts: encoder, decoder and `energy`, E(y, z)."""
        parts = super().parts()
        (x,), (z,) = parts["encoder"].inputs, parts["decoder"].inputs
        energy = TensorInfo("energy", "float32", ())

        def energy_of(tensors):
            return {"energy": self.energy(tensors["x"], self.flat(tensors["z"]))}

        energy_part = self.part("energy", energy_of, (x, z), (energy,), (self.decoder,))
        return {**parts, "energy": energy_part}

    def descend(
        self, x: Tensor, start: Tensor, proximity: Any = None, beta: float | None = None
    ) -> Tensor:
        """Minimize E(y, z) + proximity D(z, start) from z = `start`; [batch, latent_dim].

        A `beta` adds the noise of Langevin dynamics at the temperature 1 / beta.
        """
        proximity = self.proximity.value if proximity is None else proximity

        def objective(z):
            return self.energy(x, z) + proximity * squared_distance(z, start)

        z = start
        for _ in range(self.iterations):
            ones = ops.ones_like(start[:, 0])
            z = z - self.rate * backend.vector_jacobian_product(objective, z, ones)
            if beta is not None:
                noise = backend.normal(ops.shape(z), self.seed_generator)
                z = z + math.sqrt(2.0 * self.rate / beta) * noise
        return ops.stop_gradient(z)

    def refine(self, x: ArrayLike, *, rounds: int = 1, batch_size: int = 1024) -> np.ndarray:
        """Return the codes of images after gradient descent on E(y, z) without the proximity term.

        Args:
            x: images [n, *input_shape]. rounds: how many times to run `iterations` steps.

        Returns:
            float32 [n, *code_shape].
        """
        x, _ = self.checked_images(x, None)
        z = run_in_batches(self.code, x, batch_size=batch_size)
        for _ in range(rounds):
            z = run_in_batches(self.improved, (x, z), batch_size=batch_size)
        return self.shaped(z)

    def improved(self, x: Tensor, z: Tensor) -> Tensor:
        """Return codes after `iterations` steps of descent on E(y, z), as a tensor."""
        return self.descend(x, z, proximity=0.0)

    def free_energy(self, x: ArrayLike, *, rounds: int = 1, batch_size: int = 1024) -> np.ndarray:
        """Return F(y), the minimum of E(y, z) over z as found by gradient descent, float32 [n].

        This is the free energy at zero temperature; for other temperatures see
        `zoo.nn.energies.free_energy`.
        """
        x, _ = self.checked_images(x, None)
        z = self.refine(x, rounds=rounds, batch_size=batch_size)
        z = np.reshape(z, (len(z), -1))
        return run_in_batches(self.energy, (x, z), batch_size=batch_size)


def squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return |a - b|^2 of codes, [batch]."""
    return ops.sum(ops.square(a - b), axis=1)
