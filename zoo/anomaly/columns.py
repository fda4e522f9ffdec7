"""Rows of a table in their own units: checked, and standardized by the training data."""

from __future__ import annotations

import numpy as np

_LEAST_SPREAD = 1e-6  # of a column, as a share of its largest value: float32 holds 7 digits
_SHOWN = 8


def check_rows(x, features: int | None, name: str = "x") -> np.ndarray:
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
            f"{name} holds NaN or infinite values in {_columns(lost)}: fill them in, or leave out "
            "their rows."
        )
    return x


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the columns of rows [n, features], float32.

    Raises:
        ValueError: columns that are constant, by number.
    """
    mean, deviation = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64")
    constant = np.flatnonzero(deviation <= _LEAST_SPREAD * np.abs(x).max(axis=0))
    if len(constant):
        shown = constant[:_SHOWN].tolist()
        raise ValueError(
            f"x is constant in {_columns(constant)} of the training data, which cannot be "
            f"standardized. Leave them out: x = np.delete(x, {shown}, axis=1)"
            + (" and so on." if len(constant) > _SHOWN else ".")
        )
    return mean.astype("float32"), deviation.astype("float32")


def _columns(numbers) -> str:
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"columns {', '.join(map(str, numbers[:_SHOWN]))}{more}"
