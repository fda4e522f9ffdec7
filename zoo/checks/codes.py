"""Checks of latent codes that users pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zoo.checks.arrays import LARGEST, as_array, with_rows


def check_codes(z: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Check latent codes, and return them flattened, as float32 [n, values].

    Args:
        z: [n, *shape], or flat [n, values].
        shape: the shape of one code.

    Raises:
        TypeError: they are not numbers. ValueError: the shape is wrong, or they hold NaN.
    """
    z = as_array(z, "z")
    if z.dtype.kind not in "fiu":
        raise TypeError(f"z has dtype {z.dtype}; give codes, float32 {with_rows(shape)}.")
    if z.shape[1:] not in (shape, (math.prod(shape),)):
        raise ValueError(f"z has shape {z.shape}; codes have shape {with_rows(shape)}.")
    if len(z) == 0:
        raise ValueError(f"z is empty: its shape is {z.shape}. Give at least one code.")
    if not -LARGEST <= float(z.min()) <= float(z.max()) <= LARGEST:
        raise ValueError(
            "z holds values that are NaN, infinite or too large for float32; give finite codes."
        )
    return z.astype("float32").reshape(len(z), -1)
