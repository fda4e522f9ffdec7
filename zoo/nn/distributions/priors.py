"""Priors p(z) of latent codes."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import number, whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.checks.data import check_labels
from zoo.nn.configured import Configured
from zoo.nn.distributions.normal import DiagonalNormal, log_normal

MOST_COMPONENTS = 2**16  # of a prior: each takes memory, and a file can state any number


class Prior(Configured):
    """A distribution of codes; subclasses define `transform`, and `log_prob` where it is known.

    `zoo.nn.distributions.requirements` lists what a prior of your own must have. A prior may hold
    variables, such as the means of a mixture: a model whose loss contains `log_prob` trains them.

    `transform` is the formula from standard noise to codes. `sample` applies it to noise from
    NumPy, and `draw` to noise of a training step, so that pictures show the same prior as training
    uses.

    Attributes:
        latent_dim: the number of dimensions.
        num_classes: how many components it has, one for each class; None if it has none.
        probabilities: the probabilities of the components, float [num_classes]; they sum to 1.
        probabilities_given: whether a user gave the probabilities; else they are equal.
        extent: how far pictures extend along each axis, on both sides of the origin.
        starts_at_images: whether the method `start_at(x)` prepares it for a training, given its
            images, or None if they cannot be read twice.
        discrete: whether all codes are from a set of single points, so that `log_prob` is not a
            density.

    Examples:
        >>> class Square(zoo.nn.distributions.Prior):
        ...     latent_dim, extent = 2, 1.0
        ...     def transform(self, noise, uniform, label):  # four corners
        ...         return keras.ops.sign(noise)
        >>> sorted({tuple(corner) for corner in Square().sample(100, seed=0).astype(int).tolist()})
        [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    """

    latent_dim: int
    num_classes: Any = None  # an int if there are components; `probabilities` is then an array
    probabilities: Any = None
    probabilities_given = False
    extent: float = 3.0
    starts_at_images = False
    discrete = False

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        """Return the codes for some noise.

        Args:
            noise: standard normal numbers, [n, latent_dim]. uniform: numbers in [0, 1), [n, 2].
            label: the components, int32 [n]; -1 for a random one, None for a prior without
                components.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define transform().")

    def sample(self, n: int, labels: Labels = None, seed: int | None = None) -> np.ndarray:
        """Return samples as an array; a seed gives the same samples on every backend.

        Args:
            labels: integers [n], for priors with components; -1 means a random component, drawn by
                its probability; None means this for all samples.

        Returns:
            float32 [n, latent_dim].
        """
        if labels is not None:
            labels = self._checked(labels, n)
        generator = np.random.default_rng(seed)
        noise = generator.standard_normal((n, self.latent_dim), np.float32)
        uniform = generator.random((n, 2), np.float32)
        label = self._any_component(n) if labels is None else ops.convert_to_tensor(labels, "int32")
        codes = self.transform(ops.convert_to_tensor(noise), ops.convert_to_tensor(uniform), label)
        return ops.convert_to_numpy(codes)

    def draw(self, n: Any, seed_generator: Any, label: Tensor = None) -> Tensor:
        """Return samples as a tensor, inside a training step."""
        noise = backend.normal((n, self.latent_dim), seed_generator)
        uniform = backend.uniform((n, 2), seed_generator) if self.needs_uniform else None
        if label is None and self.num_classes:
            label = self._any_component(n)
        return self.transform(noise, uniform, label)

    needs_uniform = True

    def _any_component(self, n):
        return ops.full((n,), -1, dtype="int32") if self.num_classes else None

    def _need_components(self):
        if not self.num_classes:
            raise ValueError(
                f"{type(self).__name__} has no component for each class, so it takes no "
                "labels: use zoo.GaussianMixture or zoo.SwissRoll, or leave out labels."
            )

    def _checked(self, labels, n):
        self._need_components()
        labels = np.asarray(labels)
        whole = np.issubdtype(labels.dtype, np.integer) and labels.shape == (n,)
        if not whole or not ((labels >= -1) & (labels < self.num_classes)).all():
            raise ValueError(
                f"labels has dtype {labels.dtype} and shape {labels.shape}; give {n} integers from "
                f"0 to {self.num_classes - 1}, or -1 for any, for {n} samples."
            )
        return labels

    def drawn_components(self, label: Tensor, uniform: Tensor) -> Tensor:
        """Return each sample's component: its label, or for -1 a component drawn by probability."""
        ends = ops.convert_to_tensor(np.cumsum(self.probabilities)[:-1].astype("float32"))
        anyone = ops.sum(ops.cast(uniform[:, None] >= ends[None], "int32"), axis=1)
        return ops.where(label >= 0, label, anyone)

    def component_of(self, z: np.ndarray) -> np.ndarray:
        """Return the most probable component of each code [n, latent_dim], int32 [n]."""
        self._need_components()
        raise NotImplementedError(f"{type(self).__name__} does not define component_of().")

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of codes [..., latent_dim], in nats, as a tensor [...]."""
        raise NotImplementedError(f"{type(self).__name__} has no density in closed form.")

    def of_model(self, model: Any) -> Prior:
        """Return the prior for a model: `self`, unless it uses the model's networks."""
        del model
        return self

    def of_label(self, label: Tensor) -> Tensor:
        """Return p(z | label) for labels, int32 [batch]; p(z) unless it is learned."""
        del label
        return self

    def style(self, z: ArrayLike, labels: Labels) -> Any:
        """Return the styles of codes [n, latent_dim]; see `LearnedNormal`."""
        del labels
        return z

    def styled(self, style: ArrayLike, labels: Labels) -> Any:
        """Return the codes of styles [n, latent_dim] with labels [n]; the inverse of `style`."""
        del labels
        return style

    def describe(self) -> dict:
        """Return a description for exported files, from which users can sample this prior."""
        return {"kind": type(self).__name__.lower()}

    def _probabilities_for_config(self):
        return self.probabilities.tolist() if self.probabilities_given else None

    def _set_probabilities(self, probabilities):
        self.probabilities_given = probabilities is not None
        probabilities = (
            np.ones(self.num_classes) if probabilities is None else np.asarray(probabilities, float)
        )
        if (
            probabilities.shape != (self.num_classes,)
            or not ((probabilities > 0) & (probabilities < np.inf)).all()
        ):
            raise ValueError(
                f"probabilities is {probabilities.tolist()}; give {self.num_classes} numbers "
                "above 0, such as how many images each class has."
            )
        self.probabilities = probabilities / probabilities.sum()


@keras.saving.register_keras_serializable(package="zoo")
class Normal(Prior):
    """N(0, s^2 I).

    Args:
        latent_dim: the number of dimensions, at least 1.
        scale: the standard deviation s, above 0. The paper on adversarial autoencoders uses 5.

    Examples:
        >>> prior = zoo.Normal(2)
        >>> prior.sample(3, seed=0).shape
        (3, 2)
        >>> float(prior.log_prob([[0.0, 0.0]])[0])
        -1.837...
    """

    needs_uniform = False

    def __init__(self, latent_dim: int, scale: float = 1.0):
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.scale = number("scale", scale, above=0)
        self.extent = 2.0 * self.scale
        self.mean, self.log_var = 0.0, 2.0 * math.log(self.scale)

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        return self.scale * noise

    def log_prob(self, z: Tensor) -> Tensor:
        return log_normal(ops.convert_to_tensor(z, "float32"), self.mean, self.log_var)

    def describe(self) -> dict:
        return {"kind": "normal", "scale": self.scale}

    def get_config(self) -> dict:
        return {"latent_dim": self.latent_dim, "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoo")
class Uniform(Prior):
    """Uniform over the cube [low, high)^d.

    Args:
        latent_dim: d, at least 1.
        low, high: the ends of the range of every dimension.

    Examples:
        >>> zoo.Uniform(2).sample(3, seed=0).shape
        (3, 2)
    """

    def __init__(self, latent_dim: int, low: float = -1.0, high: float = 1.0):
        self.low, self.high = number("low", low), number("high", high)
        if not low < high:
            raise ValueError(f"low is {low} and high is {high}; low must be below high.")
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.extent = max(abs(self.low), abs(self.high))

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        within = 0.5 * (1.0 + ops.erf(noise / math.sqrt(2.0)))
        return self.low + (self.high - self.low) * within

    def log_prob(self, z: Tensor) -> Tensor:
        z = ops.convert_to_tensor(z, "float32")
        inside = ops.all((z >= self.low) & (z <= self.high), axis=-1)
        return ops.where(inside, -self.latent_dim * math.log(self.high - self.low), -np.inf)

    def describe(self) -> dict:
        return {"kind": "uniform", "low": self.low, "high": self.high}

    def get_config(self) -> dict:
        return {"latent_dim": self.latent_dim, "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="zoo")
class CategoricalPrior(Prior):
    """One-hot codes of classes, with a probability for each class.

    Args:
        num_classes: how many classes, at least 2; also the number of dimensions.
        probabilities: [num_classes], above 0, divided by their sum; equal by default.

    Examples:
        >>> zoo.CategoricalPrior(4).sample(3, seed=0).sum(axis=1)
        array([1., 1., 1.], dtype=float32)
    """

    extent = 1.0
    discrete = True

    def __init__(self, num_classes: int, probabilities: Any = None):
        self.num_classes = self.latent_dim = whole(
            "num_classes", num_classes, least=2, most=MOST_COMPONENTS
        )
        self._set_probabilities(probabilities)

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        return ops.one_hot(self.drawn_components(label, uniform[:, 0]), self.num_classes)

    def component_of(self, z: ArrayLike) -> np.ndarray:
        return np.asarray(z).argmax(axis=-1).astype("int32")

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-probability of one-hot codes."""
        logs = ops.convert_to_tensor(np.log(self.probabilities).astype("float32"))
        return ops.take(logs, ops.argmax(ops.convert_to_tensor(z), axis=-1))

    def describe(self) -> dict:
        return {"kind": "categorical", "weights": self.probabilities.tolist()}

    def get_config(self) -> dict:
        return {"num_classes": self.num_classes, "probabilities": self._probabilities_for_config()}


class LearnedNormal(Prior):
    """N(m_c, diag(s_c^2)), with a learned mean and variance for every class c.

    Args:
        network: a functional Keras model from integer labels [batch] to a dict of `z_mean` and
            `z_log_var`, both [batch, latent_dim].
        latent_dim: the number of dimensions. num_classes: how many labels there are.
        custom: whether the network is a user's own.

    Examples:
        >>> model = zoo.CVAE((8, 8, 1), 2, num_classes=10, hidden_units=(64,), prior="learned")
        >>> mean, log_var = model.prior.moments([3, 3, 7])
        >>> mean.shape
        (3, 2)

    Raises:
        ValueError: the network has other inputs or outputs.
    """

    needs_uniform = False
    extent = 2.0

    def __init__(
        self, network: keras.Layer, latent_dim: int, num_classes: int, custom: bool = False
    ):
        self.network, self.latent_dim, self.custom = network, latent_dim, custom
        self.labels = np.arange(num_classes)
        _check_network(network, latent_dim)

    def of_label(self, label: Tensor) -> Tensor:
        return DiagonalNormal(**self.network(label))

    def moments(self, labels: Labels) -> Any:
        """Return the means and log-variances for labels [n], arrays [n, latent_dim]."""
        labels = check_labels(labels, np.size(labels), len(self.labels), "labels")
        table = self.of_label(ops.convert_to_tensor(self.labels, "int32"))
        return tuple(ops.convert_to_numpy(t)[labels] for t in (table.mean, table.log_var))

    def style(self, z: ArrayLike, labels: Labels) -> Any:
        """Return (z - m_c) / s_c of codes, [n, latent_dim]."""
        mean, log_var = self.moments(labels)
        return (z - mean) / np.exp(0.5 * log_var)

    def styled(self, style: ArrayLike, labels: Labels) -> Any:
        """Return m_c + s_c style, [n, latent_dim]."""
        mean, log_var = self.moments(labels)
        return mean + np.exp(0.5 * log_var) * style

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        """Return styles, which are standard normal; `styled` turns them into codes."""
        return noise

    def describe(self) -> dict:
        mean, log_var = self.moments(self.labels)
        return {
            "kind": "normal_by_label",
            "means": mean.tolist(),
            "scales": np.exp(0.5 * log_var).tolist(),
        }


def _check_network(network, latent_dim):
    takes, gives = (
        getattr(network, name, None) if network.built else None for name in ("input", "output")
    )
    named = gives if isinstance(gives, dict) else {}
    shapes = {name: tuple(value.shape) for name, value in named.items()}
    expected = dict.fromkeys(("z_mean", "z_log_var"), (None, latent_dim))
    if shapes != expected or getattr(takes, "shape", None) != (None,):
        raise ValueError(
            f"The prior's network takes {takes} and gives {gives}; it must be functional, take "
            f"integer labels of shape (batch,) and give a dict of z_mean and z_log_var of shape "
            f"(batch, {latent_dim})."
        )
