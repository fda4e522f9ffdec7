"""A learned density of coefficients, one for each channel."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.array_types import Tensor

LEAST_PROBABILITY = 1e-9
GAIN = 10.0  # of weights, see `_shaped`


class FactorizedDensity(keras.layers.Layer):
    """A density of real numbers for each channel, without a fixed form.

    Its cumulative distribution function is a small network F(x) = sigmoid(f_K(... f_1(x))), where
    f_k(x) = g(softplus(H_k) x + b_k) and g(x) = x + tanh(a_k) tanh(x), which increases in x because
    no factor is negative and tanh(a_k) > -1. The last f_K has no g. The probability of the integer
    k, if x is divided by a step and rounded, is F((k + 1/2) step) - F((k - 1/2) step).

    Args:
        channels: how many densities.
        units: the widths of the hidden layers of F; () for a logistic distribution.
        scale: the densities are about this wide in the beginning.
        seed: the seed of the initial b_k.

    Source: Balle et al. 2018, Variational image compression with a scale hyperprior
    (arXiv 1802.01436), appendix 6.1.
    """

    def __init__(
        self,
        channels: int,
        units: tuple[int, ...] = (3, 3, 3),
        scale: float = 1.0,
        seed: int | None = None,
        dtype: Any = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.channels, self.units, self.scale = channels, tuple(units), float(scale)
        self.seed = seed
        widths = (1, *self.units, 1)
        factor = self.scale ** (1.0 / (len(self.units) + 1))
        self.matrices, self.biases, self.gates = [], [], []
        for k, (given, made) in enumerate(itertools.pairwise(widths)):
            start = float(np.log(np.expm1(1.0 / factor / made)))
            matrix = self.add_weight(
                (channels * made * given,),
                initializer=keras.initializers.Constant(start / GAIN),
                name=f"matrix_{k}",
            )
            self.matrices.append((matrix, (channels, made, given)))
            spread = keras.initializers.RandomUniform(
                -0.5 / GAIN, 0.5 / GAIN, seed=None if seed is None else seed + k
            )
            bias = self.add_weight((channels * made,), initializer=spread, name=f"bias_{k}")
            self.biases.append((bias, (channels, made, 1)))
            if k < len(self.units):
                gate = self.add_weight((channels * made,), initializer="zeros", name=f"gate_{k}")
                self.gates.append((gate, (channels, made, 1)))
        self.built = True

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits of F(x) for x [channels, n], [channels, n]."""
        h = x[:, None]  # [channels, 1, n]
        for k, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            h = ops.matmul(ops.softplus(_shaped(matrix)), h) + _shaped(bias)
            if k < len(self.gates):
                h = h + ops.tanh(_shaped(self.gates[k])) * ops.tanh(h)
        return h[:, 0]

    def probability(self, x: Tensor, step: Tensor) -> Tensor:
        """Return the probability between x - step / 2 and x + step / 2.

        Args:
            x, step: tensors [..., channels].

        Returns:
            [..., channels], at least 1e-9.
        """
        half = 0.5 * ops.convert_to_tensor(step) * ops.ones_like(x)
        shape = ops.shape(x)
        lower, upper = (
            self.logits(ops.transpose(ops.reshape(end, (-1, self.channels))))
            for end in (x - half, x + half)
        )
        # In the upper tail both are near 1, where float32 has no room: there, use 1 - F.
        sign = ops.stop_gradient(ops.where(lower + upper > 0.0, -1.0, 1.0))
        found = ops.abs(ops.sigmoid(sign * upper) - ops.sigmoid(sign * lower))
        return ops.maximum(ops.reshape(ops.transpose(found), shape), LEAST_PROBABILITY)

    def call(self, x: Any, step: Any = 1.0) -> Any:
        return self.probability(x, step)

    def get_config(self) -> dict:
        own = {"channels": self.channels, "units": self.units, "scale": self.scale}
        own["seed"] = self.seed
        return {**super().get_config(), **own}


def _shaped(weight):
    """Return ten times a weight, in its shape.

    Weights are stored as vectors, which no storage of presets rounds. Steps of Adam have the size
    of the learning rate; by the factor they are large enough for the width of a density.
    """
    values, shape = weight
    return ops.reshape(GAIN * values, shape)
