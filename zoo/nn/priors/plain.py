"""Priors of independent dimensions, and one-hot ones."""

import math

import keras
import numpy as np
from keras import ops

from zoo.nn.divergences import log_normal
from zoo.nn.given import number, whole
from zoo.nn.priors.base import Prior


@keras.saving.register_keras_serializable(package="zoo")
class Normal(Prior):
    """N(0, s^2 I).

    Args:
        latent_dim: the number of dimensions, at least 1.
        scale: the standard deviation s, above 0. The adversarial autoencoder's paper uses 5.

    Example:
        >>> prior = zoo.Normal(2)
        >>> prior.sample(3, seed=0).shape
        (3, 2)
        >>> prior.log_prob([[0.0, 0.0]]).round(3)
        array([-1.838])
    """

    needs_uniform = False

    def __init__(self, latent_dim: int, scale: float = 1.0):
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.scale = number("scale", scale, above=0)
        self.extent = 2.0 * self.scale

    def shaped(self, noise, uniform, label):
        return self.scale * noise

    def log_prob(self, z):
        z = np.asarray(z, "float64") / self.scale
        constant = self.latent_dim * math.log(2.0 * math.pi * self.scale**2)
        return -0.5 * (np.sum(z**2, axis=-1) + constant)

    def log_density(self, z):
        """Return `log_prob` of a tensor [..., latent_dim], as a float32 tensor [...]."""
        return log_normal(z, 0.0, self.log_var)

    @property
    def log_var(self) -> float:
        """Log of the variance, ln s^2."""
        return 2.0 * math.log(self.scale)

    def describe(self):
        return {"kind": "normal", "scale": self.scale}

    def get_config(self):
        return {"latent_dim": self.latent_dim, "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoo")
class Uniform(Prior):
    """Uniform over the cube [low, high)^d.

    Args:
        latent_dim: d, at least 1.
        low, high: of every dimension.

    Example:
        >>> zoo.Uniform(2).sample(3, seed=0).shape
        (3, 2)
    """

    def __init__(self, latent_dim: int, low: float = -1.0, high: float = 1.0):
        self.low, self.high = number("low", low), number("high", high)
        if not low < high:
            raise ValueError(f"low is {low} and high is {high}; low must be the smaller one.")
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.extent = max(abs(self.low), abs(self.high))

    def shaped(self, noise, uniform, label):
        within = 0.5 * (1.0 + ops.erf(noise / math.sqrt(2.0)))
        return self.low + (self.high - self.low) * within

    def log_prob(self, z):
        inside = np.all((z >= self.low) & (z <= self.high), axis=-1)
        return np.where(inside, -self.latent_dim * math.log(self.high - self.low), -np.inf)

    def describe(self):
        return {"kind": "uniform", "low": self.low, "high": self.high}

    def get_config(self):
        return {"latent_dim": self.latent_dim, "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="zoo", name="CategoricalPrior")
class Categorical(Prior):
    """One-hot codes: each class is a corner, drawn by its mass.

    Args:
        num_classes: how many, at least 2; also the number of dimensions.
        masses: [num_classes], above 0, of any sum; all alike by default.

    Example:
        >>> zoo.Categorical(4).sample(3, seed=0).sum(axis=1)
        array([1., 1., 1.], dtype=float32)
    """

    extent = 1.0

    def __init__(self, num_classes: int, masses=None):
        self.num_classes = self.latent_dim = whole("num_classes", num_classes, least=2)
        self._set_masses(masses)

    def shaped(self, noise, uniform, label):
        return ops.one_hot(self.parts_of(label, uniform[:, 0]), self.num_classes)

    def region(self, z):
        return np.asarray(z).argmax(axis=-1).astype("int32")

    def log_prob(self, z):
        """Log-probability of one-hot codes."""
        return np.log(self.masses)[self.region(z)]

    def describe(self):
        return {"kind": "categorical", "weights": self.masses.tolist()}

    def get_config(self):
        return {"num_classes": self.num_classes, "masses": self._masses_for_config()}
