"""Seeds of the initial weights of one model's layers."""

from __future__ import annotations

import random

import keras


class Seeds:
    """A sequence of seeds for the initializers of a model's layers, in the order of the layers.

    Args:
        seed: the seed of the whole model; None leaves every seed to Keras
            (`keras.utils.set_random_seed`).

    Example:
        >>> from zoo.nn.seeds import Seeds
        >>> seeds = Seeds(1)
        >>> hidden, code = seeds.layer(keras.layers.Dense, 64), seeds.layer(keras.layers.Dense, 2)
        >>> hidden.kernel_initializer.seed, code.kernel_initializer.seed
        (144272510, 611178003)
    """

    def __init__(self, seed: int | None = None):
        self._random = None if seed is None else random.Random(seed)

    def next(self) -> int | None:
        """Return the next seed, or None."""
        return None if self._random is None else self._random.randint(1, 10**9)

    def glorot(self) -> keras.initializers.GlorotUniform:
        """Return Keras's default initializer of kernels, with the next seed."""
        return keras.initializers.GlorotUniform(seed=self.next())

    def layer(self, kind: type[keras.Layer], *args, **options) -> keras.Layer:
        """Return a new layer of Keras, such as `Dense`, whose kernel has the next seed."""
        return kind(*args, kernel_initializer=self.glorot(), **options)


KERAS_OWN = Seeds()
"""Leaves all seeds to Keras."""
