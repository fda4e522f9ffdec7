"""Rows of a table in their own units: checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.nn.distributions.columns import listed


def check_rows(x: Any, features: int | None, name: str = "x") -> np.ndarray:
    """Return rows of a table as float32 [n, features].

    Args:
        x: numbers [n, features]; integers, too. features: as many as are expected, or None.

    Raises:
        TypeError: no numbers. ValueError: another shape, no row, or values that are not finite,
            whose columns are named.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {x.dtype}; a table of numbers is expected, float32.")
    wanted = "features" if features is None else features
    if x.ndim != 2 or features not in (None, x.shape[1]):
        one = x.ndim == 1 and features in (None, len(x))
        fix = f" For a single row: {name}[None]." if one else ""
        raise ValueError(f"{name} has shape {x.shape}; rows (n, {wanted}) are expected.{fix}")
    if not x.size:
        raise ValueError(f"{name} is empty: its shape is {x.shape}. Give at least one row.")
    with np.errstate(over="ignore"):
        x = x.astype("float32")
    lost = np.flatnonzero(~np.isfinite(x).all(axis=0))
    if len(lost):
        raise ValueError(
            f"{name} holds NaN or infinite values in {listed(lost)}: fill them in, or leave out "
            "their rows."
        )
    return x
