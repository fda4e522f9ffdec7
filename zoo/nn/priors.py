"""What latent codes are drawn from: p(z)."""

import math

import keras
import numpy as np

from zoo import engine
from zoo.nn.configured import Configured


@keras.saving.register_keras_serializable(package="zoo")
class Normal(Configured):
    """N(0, s^2 I).

    Args:
        latent_dim: the number of dimensions, at least 1.
        scale: the standard deviation s, above 0. The adversarial autoencoder's paper uses 5.
    """

    def __init__(self, latent_dim: int, scale: float = 1.0):
        if not scale > 0:
            raise ValueError(f"scale is {scale}; a normal prior needs it above 0.")
        self.latent_dim = int(latent_dim)
        self.scale = float(scale)

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draw codes outside of any graph: the same on every backend for the same seed.

        Returns:
            float32 [n, latent_dim].
        """
        noise = np.random.default_rng(seed).standard_normal((n, self.latent_dim), np.float32)
        return noise * np.float32(self.scale)

    def draw(self, n, seed):
        """Draw codes inside a training step, as a tensor, from a `SeedGenerator`."""
        return self.scale * engine.normal((n, self.latent_dim), seed)

    def log_prob(self, z: np.ndarray) -> np.ndarray:
        """Log-density of codes [n, latent_dim], in nats, as [n]."""
        z = np.asarray(z, "float64") / self.scale
        constant = self.latent_dim * math.log(2.0 * math.pi * self.scale**2)
        return -0.5 * (np.sum(z**2, axis=-1) + constant)

    @property
    def log_var(self) -> float:
        """Log of the variance, ln s^2."""
        return 2.0 * math.log(self.scale)

    def describe(self) -> dict:
        """What a consumer of exported files needs to know to draw from this prior."""
        return {"kind": "normal", "scale": self.scale}

    def get_config(self):
        return {"latent_dim": self.latent_dim, "scale": self.scale}


def fitting(prior, latent_dim: int):
    """Return `prior`, or the standard normal for None, if it fits codes of `latent_dim`.

    Raises:
        TypeError: no prior at all. ValueError: the prior has another number of dimensions.
    """
    if prior is None:
        return Normal(latent_dim)
    if not isinstance(prior, Normal):
        raise TypeError(f"prior is {prior!r}; this model takes a zoo.Normal.")
    if prior.latent_dim != latent_dim:
        raise ValueError(
            f"The prior has {prior.latent_dim} dimensions and the codes have {latent_dim}; they "
            "must agree."
        )
    return prior
