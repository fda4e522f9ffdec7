"""Priors with a component for every class: mixtures of Gaussians and the Swiss roll."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import number, whole
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.nn.distributions.normal import log_normal
from zoo.nn.distributions.priors import MOST_COMPONENTS, Prior

MOST_FACTORS = 2**24  # limit of num_classes * latent_dim^2, the numbers in a mixture's factors


@keras.saving.register_keras_serializable(package="zoo")
class GaussianMixture(Prior):
    """sum_c p_c N(m_c, A_c A_c^T): a Gaussian for every class.

    `GaussianMixture.petals()` is the two-dimensional mixture in the paper on adversarial
    autoencoders.

    Args:
        means: [num_classes, latent_dim], m_c.
        factors: [num_classes, latent_dim, latent_dim], A_c, each of full rank; the unit matrix by
            default.
        probabilities: p_c, [num_classes], above 0, divided by their sum; equal by default.

    Examples:
        >>> prior = zoo.GaussianMixture([[-3.0, 0.0], [3.0, 0.0]])
        >>> prior.component_of(prior.sample(4, [0, 0, 1, 1], seed=0))
        array([0, 0, 1, 1], dtype=int32)
    """

    def __init__(self, means: Any, factors: Any = None, probabilities: Any = None):
        self.means = np.asarray(means, "float64")
        if self.means.ndim != 2:
            raise ValueError(f"means has shape {self.means.shape}; give [num_classes, latent_dim].")
        self.num_classes, self.latent_dim = self.means.shape
        if self.means.size * self.latent_dim > MOST_FACTORS:
            raise ValueError(
                f"means has shape {self.means.shape}: the factors would have "
                f"{self.means.size * self.latent_dim:,} numbers; at most "
                f"{MOST_FACTORS:,} are allowed."
            )
        factors = np.eye(self.latent_dim) if factors is None else np.asarray(factors, "float64")
        shape = (*self.means.shape, self.latent_dim)
        if factors.shape not in (shape, shape[1:]):
            raise ValueError(f"factors has shape {factors.shape}; give {shape} for these means.")
        self.factors = np.broadcast_to(factors, shape)
        if not np.linalg.slogdet(self.factors)[0].all():
            raise ValueError("A factor is singular: its Gaussian would have no density.")
        self._set_probabilities(probabilities)
        deviations = np.sqrt(np.sum(self.factors**2, axis=2))
        self.extent = float(np.max(np.abs(self.means) + 2.0 * deviations))

    @classmethod
    def petals(
        cls,
        num_classes: int = 10,
        *,
        radius: float = 4.0,
        length: float = 1.0,
        width: float = 0.35,
        probabilities: Any = None,
    ) -> GaussianMixture:
        """Return a mixture of Gaussians on a circle, whose long axes point to the origin.

        Args:
            radius: the radius of the circle. length, width: standard deviations along and across
                the radius.

        Source: after Makhzani et al. 2015 (arXiv 1511.05644), section 2.3; the sizes are ours.
        """
        num_classes = whole("num_classes", num_classes, least=2, most=MOST_COMPONENTS)
        angles = 2.0 * np.pi * np.arange(num_classes) / num_classes
        outward = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        across = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
        factors = np.stack([length * outward, width * across], axis=2)
        return cls(radius * outward, factors, probabilities)

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        component = self.drawn_components(label, uniform[:, 0])
        means = ops.take(ops.convert_to_tensor(self.means.astype("float32")), component, axis=0)
        factors = ops.take(ops.convert_to_tensor(self.factors.astype("float32")), component, axis=0)
        return means + ops.sum(factors * noise[:, None, :], axis=2)

    def _joint(self, z):
        """Return ln p_c + ln N(z; m_c, A_c A_c^T) of codes [..., latent_dim], [..., classes]."""
        _, volume = np.linalg.slogdet(self.factors)
        constant = 0.5 * self.latent_dim * math.log(2.0 * math.pi)
        scales = np.log(self.probabilities) - volume - constant
        arrays = (np.linalg.inv(self.factors), self.means, scales)
        inverse, means, scales = (ops.convert_to_tensor(a.astype("float32")) for a in arrays)
        away = ops.expand_dims(ops.convert_to_tensor(z, "float32"), -2) - means
        standard = ops.sum(inverse * ops.expand_dims(away, -2), axis=-1)
        return scales - 0.5 * ops.sum(ops.square(standard), axis=-1)

    def log_prob(self, z: Tensor) -> Tensor:
        return ops.logsumexp(self._joint(z), axis=-1)

    def component_of(self, z: ArrayLike) -> np.ndarray:
        return ops.convert_to_numpy(ops.argmax(self._joint(z), axis=-1)).astype("int32")

    def describe(self) -> dict:
        return {
            "kind": "mixture",
            "means": self.means.tolist(),
            "factors": self.factors.tolist(),
            "weights": self.probabilities.tolist(),
        }

    def get_config(self) -> dict:
        return {
            "means": self.means.tolist(),
            "factors": self.factors.tolist(),
            "probabilities": self._probabilities_for_config(),
        }


@keras.saving.register_keras_serializable(package="zoo")
class SwissRoll(Prior):
    """A spiral in the plane; the classes follow one another from the center to the outer end.

    z = radius sqrt(u) (cos 2 pi turns sqrt(u), sin 2 pi turns sqrt(u)) + noise, u uniform in
    [0, 1): the density is almost the same along the spiral. The component of a class is an
    interval of u, a section of the spiral.

    Args:
        num_classes: how many components, at least 2.
        radius: the radius of the outer end.
        turns: the number of turns of the spiral from the center to the outer end.
        noise: standard deviation of the Gaussian noise on both coordinates.
        probabilities: [num_classes], above 0, divided by their sum; equal by default.

    Examples:
        >>> prior = zoo.SwissRoll(10)
        >>> prior.sample(3, [0, 5, 9], seed=0).shape
        (3, 2)

    Source: after Makhzani et al. 2015 (arXiv 1511.05644), section 2.3; the sizes are ours.
    """

    latent_dim = 2

    def __init__(
        self,
        num_classes: int = 10,
        *,
        radius: float = 8.0,
        turns: float = 2.0,
        noise: float = 0.2,
        probabilities: Any = None,
    ):
        self.num_classes = whole("num_classes", num_classes, least=2, most=MOST_COMPONENTS)
        self.radius, self.turns = (
            number("radius", radius, above=0),
            number("turns", turns, above=0),
        )
        self.noise = number("noise", noise, above=0)
        self._set_probabilities(probabilities)
        self.extent = self.radius + 2.0 * self.noise

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        component = self.drawn_components(label, uniform[:, 0])
        starts = ops.convert_to_tensor(self._ends()[:-1].astype("float32"))
        lengths = ops.convert_to_tensor(self.probabilities.astype("float32"))
        along = ops.take(starts, component) + ops.take(lengths, component) * uniform[:, 1]
        return self._spiral(ops.sqrt(along), ops) + self.noise * noise

    def _ends(self):
        return np.concatenate([[0.0], np.cumsum(self.probabilities)])

    def _spiral(self, root, library):
        angle = 2.0 * math.pi * self.turns * root
        arms = [library.cos(angle), library.sin(angle)]
        return self.radius * root[:, None] * library.stack(arms, axis=1)

    def component_of(self, z: ArrayLike) -> np.ndarray:
        """Return the component that the nearest point of the spiral belongs to."""
        from sklearn.neighbors import KDTree

        along = (np.arange(20_000) + 0.5) / 20_000
        nearest = KDTree(self._spiral(np.sqrt(along), np)).query(z, return_distance=False)[:, 0]
        return np.searchsorted(self._ends()[1:-1], along[nearest], side="right").astype("int32")

    def describe(self) -> dict:
        return {
            "kind": "swiss_roll",
            "radius": self.radius,
            "turns": self.turns,
            "noise": self.noise,
            "weights": self.probabilities.tolist(),
        }

    def get_config(self) -> dict:
        return {
            "num_classes": self.num_classes,
            "radius": self.radius,
            "turns": self.turns,
            "noise": self.noise,
            "probabilities": self._probabilities_for_config(),
        }


class LearnedMixture(Prior):
    """sum_c p_c N(m_c, diag(s_c^2)), whose probabilities, means and variances are trained.

    Args:
        latent_dim: the number of dimensions.
        num_classes: how many components, at least 2.
        seed: of the first means, which are standard normal. The first variances are 1, and the
            first probabilities are equal.

    Attributes:
        means, log_variances: variables [num_classes, latent_dim], m_c and ln s_c^2.
        logits: variable [num_classes]; the probabilities are its softmax.

    Examples:
        >>> from zoo.nn.distributions.mixtures import LearnedMixture
        >>> prior = LearnedMixture(2, 3, seed=0)
        >>> prior.assign([[-9, 0], [0, 0], [9, 0]], np.ones((3, 2)), [0.2, 0.3, 0.5])
        >>> prior.component_of(prior.sample(3, [2, 1, 0], seed=0))
        array([2, 1, 0], dtype=int32)
    """

    def __init__(self, latent_dim: int, num_classes: int, seed: int = 0):
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.num_classes = whole("num_classes", num_classes, least=2, most=MOST_COMPONENTS)
        self.seed = seed
        shape = (self.num_classes, self.latent_dim)
        first = np.random.default_rng(seed).standard_normal(shape)
        self.means = keras.Variable(first, dtype="float32", name="means")
        self.log_variances = keras.Variable(np.zeros(shape), dtype="float32", name="log_variances")
        self.logits = keras.Variable(np.zeros(num_classes), dtype="float32", name="logits")

    def assign(self, means: ArrayLike, variances: ArrayLike, probabilities: ArrayLike) -> None:
        """Set the means and variances, [num_classes, latent_dim], and the probabilities."""
        self.means.assign(np.asarray(means, "float32"))
        self.log_variances.assign(np.log(variances).astype("float32"))
        self.logits.assign(np.log(probabilities).astype("float32"))

    @property
    def log_probabilities(self) -> Tensor:
        """The logarithms of p_c, a tensor [num_classes]."""
        return ops.log_softmax(self.logits)

    @property
    def probabilities(self) -> np.ndarray:
        return np.exp(ops.convert_to_numpy(self.log_probabilities).astype("float64"))

    @property
    def extent(self) -> float:
        """How far two standard deviations around the means reach, in any dimension."""
        means, logs = map(ops.convert_to_numpy, (self.means, self.log_variances))
        return float(np.max(np.abs(means) + 2.0 * np.exp(0.5 * logs)))

    def drawn_components(self, label: Tensor, uniform: Tensor) -> Tensor:
        ends = ops.cumsum(ops.exp(self.log_probabilities))[:-1]
        anyone = ops.sum(ops.cast(uniform[:, None] >= ends[None], "int32"), axis=1)
        return ops.where(label >= 0, label, anyone)

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        component = self.drawn_components(label, uniform[:, 0])
        deviations = ops.exp(0.5 * ops.take(self.log_variances, component, axis=0))
        return ops.take(self.means, component, axis=0) + deviations * noise

    def log_joint(self, z: Tensor) -> Tensor:
        """Return ln p_c + ln N(z; m_c, s_c^2) of codes [..., latent_dim], [..., num_classes]."""
        z = ops.expand_dims(ops.convert_to_tensor(z, "float32"), -2)
        return self.log_probabilities + log_normal(z, self.means, self.log_variances)

    def log_prob(self, z: Tensor) -> Tensor:
        return ops.logsumexp(self.log_joint(z), axis=-1)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Return p(c | z) for codes [..., latent_dim], a tensor [..., num_classes]."""
        return ops.softmax(self.log_joint(z))

    def component_of(self, z: ArrayLike) -> np.ndarray:
        return ops.convert_to_numpy(ops.argmax(self.log_joint(z), axis=-1)).astype("int32")

    def describe(self) -> dict:
        logs = ops.convert_to_numpy(self.log_variances).astype("float64")
        factors = [np.diag(deviations).tolist() for deviations in np.exp(0.5 * logs)]
        means = ops.convert_to_numpy(self.means).astype("float64").tolist()
        weights = self.probabilities / self.probabilities.sum()
        return {"kind": "mixture", "means": means, "factors": factors, "weights": weights.tolist()}

    def get_config(self) -> dict:
        return {"latent_dim": self.latent_dim, "num_classes": self.num_classes, "seed": self.seed}
