"""The squared Frobenius norm of an encoder's Jacobian, |dh(x)/dx|^2 = sum_ij (dh_j/dx_i)^2."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.backend import backend

SLOPES = {
    "sigmoid": lambda h: h * (1.0 - h),
    "tanh": lambda h: 1.0 - ops.square(h),
    "linear": ops.ones_like,
}
"""Derivatives of activations, as functions of the activation's value."""


def closed_form(h: Any, kernel: Any, activation: Any) -> Any:
    """Return the norm for one dense layer, h = s(x W + b): sum_j s'_j^2 sum_i W_ij^2.

    Args:
        h: [batch, units]. kernel: W, [inputs, units]. activation: a name in `SLOPES`.

    Returns:
        [batch].

    Source: Rifai et al. 2011, Contractive auto-encoders (ICML), for the sigmoid.
    """
    return ops.matmul(ops.square(SLOPES[activation](h)), ops.sum(ops.square(kernel), axis=0))


def exact(function: Any, x: Any, units: int) -> Any:
    """Return the norm for any differentiable function, from the rows of its Jacobian.

    It costs one forward and one backward pass of a batch that is `units` times as large.

    Args:
        function: from [batch, ...] to [batch, units], without state; each row of the output must
            depend on the same row of the input only.
        x: [batch, ...].

    Returns:
        [batch].
    """
    repeated = ops.repeat(x, units, axis=0)
    rows = ops.tile(ops.eye(units, dtype="float32"), (ops.shape(x)[0], 1))
    products = backend.vector_jacobian_product(function, repeated, rows)
    return ops.sum(ops.reshape(_squares(products), (-1, units)), axis=1)


def hutchinson(function: Any, x: Any, units: int, seed: keras.random.SeedGenerator) -> Any:
    """Return an unbiased estimate of the norm: the mean of |v^T J|^2 over random signs v is |J|^2.

    It costs one forward and one backward pass.

    Returns:
        [batch].

    Source: Hutchinson 1990 (doi 10.1080/03610919008812866).
    """
    signs = ops.sign(backend.uniform((ops.shape(x)[0], units), seed) - 0.5 + 1e-9)
    return _squares(backend.vector_jacobian_product(function, x, signs))


def _squares(products):
    return ops.sum(ops.square(products), axis=tuple(range(1, len(products.shape))))
