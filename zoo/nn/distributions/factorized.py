"""A learned density of coefficients, one for each channel: what the entropy coder's tables say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.special import expit

from zoo.checks.array_types import Tensor
from zoo.runtime.entropy_tables import (
    HALF,
    LARGEST,
    MOST_SHIFTED,
    SYMBOLS,
    TOTAL,
    Tables,
    check_tables,
)

LEAST_PROBABILITY = 1e-9


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
        scale: float = 4.0,
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
        for k, (given, made) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            start = float(np.log(np.expm1(1.0 / factor / made)))
            matrix = self.add_weight(
                (channels * made * given,),
                initializer=keras.initializers.Constant(start),
                name=f"matrix_{k}",
            )
            self.matrices.append((matrix, (channels, made, given)))
            spread = keras.initializers.RandomUniform(-0.5, 0.5, seed=None if seed is None else seed + k)
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
        half = 0.5 * step * ops.ones_like(x)
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
    """Return a weight in its shape; weights are stored as vectors, which presets do not round."""
    values, shape = weight
    return ops.reshape(values, shape)


def tables_of(density: FactorizedDensity, steps: np.ndarray) -> Tables:
    """Return a density as tables of integers, for steps float32 [rates, channels].

    The offset of a channel is its median. Its shift is the smallest one with which at most one in a
    thousand coefficients lies beyond the symbols.
    """
    rates, channels = steps.shape
    median = _median(density)
    offsets = np.clip(np.rint(median / steps), -LARGEST, LARGEST).astype("int32")
    shifts = np.zeros_like(offsets)
    inner = np.zeros((rates, channels, SYMBOLS - 1))
    undecided = np.ones((rates, channels), bool)
    for shift in range(MOST_SHIFTED + 1):
        ends = (np.arange(-HALF, HALF + 2) << shift) - 0.5  # of symbols
        x = (offsets[..., None] + ends) * steps[..., None]  # [rates, channels, SYMBOLS]
        found = np.diff(_cumulative(density, x))
        inner = np.where(undecided[..., None], found, inner)
        shifts[undecided] = shift
        undecided &= found.sum(axis=-1) < 0.999
    beyond = np.maximum(1.0 - inner.sum(axis=-1, keepdims=True), 0.0)
    p = np.concatenate([np.maximum(inner, 0.0), beyond], axis=-1)
    frequencies = 1 + np.floor(p / p.sum(axis=-1, keepdims=True) * (TOTAL - SYMBOLS)).astype("int32")
    most = frequencies.argmax(axis=-1)[..., None]
    left = TOTAL - frequencies.sum(axis=-1, keepdims=True)
    np.put_along_axis(frequencies, most, np.take_along_axis(frequencies, most, -1) + left, -1)
    made = Tables(steps.astype("float32"), offsets, shifts, frequencies.astype("int32"))
    check_tables(made)
    return made


def _cumulative(density, x):
    """Return F of x, float64 [rates, channels, n]."""
    rates, channels, n = x.shape
    flat = x.transpose(1, 0, 2).reshape(channels, -1).astype("float32")
    logits = ops.convert_to_numpy(density.logits(ops.convert_to_tensor(flat))).astype("float64")
    return expit(logits).reshape(channels, rates, n).transpose(1, 0, 2)


def _median(density) -> np.ndarray:
    """Return where F of each channel is 1/2, by bisection."""
    low, high = np.full(density.channels, -1e4), np.full(density.channels, 1e4)
    for _ in range(40):
        middle = (low + high) / 2
        below = _cumulative(density, middle[None, :, None])[0, :, 0] < 0.5
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
