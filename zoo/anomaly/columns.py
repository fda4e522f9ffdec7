"""Checks of table rows that are not standardized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.checks.arrays import as_array
from zoo.checks.tables import WAY_TO_LEARN, column_names, listed


def names_for(detector: Any, x: Any, first: bool) -> Sequence[str] | None:
    """Return the names of the columns for a `fit`: of the likelihood, given, earlier ones, or of x.

    Args:
        detector: a detector with a model. x: the data.
        first: whether this `fit` trains the model for the first time.
    """
    names = getattr(detector.model.likelihood, "names", None)
    if names is None:
        kept = detector.names if detector.names_given or not first else None
        names = column_names(x) if kept is None else kept
    return names


def check_rows(
    x: Any, features: int | None, name: str = "x", names: Sequence[str] | None = None
) -> np.ndarray:
    """Return rows of a table as float32 [n, features].

    Args:
        x: numbers [n, features], which may be integers. features: the expected number, or None.
        name: the name of x in errors. names: of the columns; they order the columns of a table.

    Raises:
        TypeError: not numbers. ValueError: another shape, no row, or values that are not finite;
            the error names their columns.
    """
    x = as_array(x, name, names)
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
            f"{name} holds NaN or infinite values in {listed(lost, names)}: fill them in, or "
            f"leave out their rows. {WAY_TO_LEARN}"
        )
    return x
