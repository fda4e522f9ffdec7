"""Priors from a user's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import Tensor
from zoo.checks.own_classes import OwnClassError
from zoo.nn.distributions.priors import MOST_COMPONENTS, Prior
from zoo.runtime.json_file import shortened

MOST_IN_POOL = 10**7


@keras.saving.register_keras_serializable(package="zoo")
class CustomPrior(Prior):
    """A prior from your own function that returns samples.

    The function fills a pool of samples once, and training steps draw random rows from the pool. To
    load a saved model, the function must be registered with
    `keras.saving.register_keras_serializable`.

    Args:
        function: `function(n, generator)` returns float [n, latent_dim]; with `num_classes`,
            `function(n, generator, label)` for an integer label. `generator` is a
            `numpy.random.Generator`.
        latent_dim: the number of dimensions.
        num_classes: how many components, at least 2; None for a prior without components.
        probabilities: the probabilities of the components, as for other priors.
        pool: how many samples the pool has for each component.

    Examples:
        >>> def ring(n, generator):
        ...     angle = generator.uniform(0.0, 2.0 * np.pi, n)
        ...     return np.stack([np.cos(angle), np.sin(angle)], axis=1)
        >>> prior = zoo.CustomPrior(ring, 2)
        >>> np.linalg.norm(prior.sample(3, seed=0), axis=1).round(3)
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable | dict,
        latent_dim: int,
        *,
        num_classes: int | None = None,
        probabilities: Any = None,
        pool: int = 20_000,
    ):
        if isinstance(function, dict):
            function = _registered(function)
        self.function, self.size = function, whole("pool", pool, least=1, most=MOST_IN_POOL)
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        if num_classes is not None:
            self.num_classes = whole("num_classes", num_classes, least=2, most=MOST_COMPONENTS)
            self._set_probabilities(probabilities)
        components = [None] if num_classes is None else range(self.num_classes)
        self.pool = np.stack([self._filled(component) for component in components])
        self.extent = float(np.quantile(np.abs(self.pool), 0.99))

    def _filled(self, component):
        generator = np.random.default_rng(component or 0)
        label = () if component is None else (component,)
        samples = np.asarray(self.function(self.size, generator, *label), "float32")
        if samples.shape != (self.size, self.latent_dim) or not np.isfinite(samples).all():
            raise ValueError(
                f"The prior's function returned {samples.shape} for n={self.size}; it must return "
                f"finite numbers of shape ({self.size}, {self.latent_dim})."
            )
        return samples

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        component = ops.zeros_like(uniform[:, 0], "int32")
        if self.num_classes:
            component = self.drawn_components(label, uniform[:, 0])
        row = ops.minimum(ops.cast(uniform[:, 1] * self.size, "int32"), self.size - 1)
        rows = np.reshape(self.pool, (-1, self.latent_dim))
        return ops.take(ops.convert_to_tensor(rows), component * self.size + row, axis=0)

    def describe(self) -> dict:
        return {"kind": "custom"}

    def shown(self) -> dict:
        components = {"num_classes": self.num_classes} if self.num_classes else {}
        return {"function": self.function, "latent_dim": self.latent_dim, **components}

    def get_config(self) -> dict:
        return {
            "function": keras.saving.serialize_keras_object(self.function),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "probabilities": self._probabilities_for_config(),
            "pool": self.size,
        }


def _registered(description: dict):
    """Return the registered function that a saved description names, without importing anything."""
    names = (description.get("registered_name"), description.get("config"))
    for name in names:
        function = keras.saving.get_registered_object(name) if isinstance(name, str) else None
        if callable(function):
            return function
    raise OwnClassError(
        f"The prior's function {shortened(names[1])} is not registered: decorate it with "
        "keras.saving.register_keras_serializable().",
        str(names[1])[:100],
    )
