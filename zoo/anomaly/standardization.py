"""Standardization of values with different units: columns of rows, channels of other items."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.anomaly.columns import check_rows
from zoo.checks.arrays import LARGEST, as_array, is_stored, with_rows
from zoo.checks.tables import named
from zoo.checks.words import kind_of_items
from zoo.nn.distributions.columns import LEAST_SPREAD, moments


def check_model(model: Any) -> None:
    """Refuse a model that cannot learn from standardized values.

    Raises:
        ValueError: its likelihood is bounded, or standardizes by itself.
    """
    if model.likelihood.bounded:
        raise ValueError(
            "standardize=True gives values of any size, but the model's likelihood takes "
            f'{model.likelihood.described_range()}: make the model with likelihood="gaussian".'
        )
    if not model.likelihood.may_be_bytes:
        raise ValueError(
            "The model takes drawings, not numbers with units: leave out standardize=."
        )
    if model.likelihood.in_own_units:
        raise ValueError("The model already standardizes its columns: leave out standardize=.")


def check_items(
    x: Any,
    shape: tuple[int, ...],
    name: str = "x",
    names: Sequence[str] | None = None,
    likelihood: Any = None,
) -> np.ndarray:
    """Return items before standardization as float32 [n, *shape]; integers are also accepted.

    Args:
        x: the items. shape: the shape of one item. name: the name of x in errors.
        names: names of the columns or channels; they order the columns of a table.
        likelihood: if it has its own check, such as of signals that end early, this is called.

    Raises:
        TypeError: not numbers, or data that stay on disk.
        ValueError: another shape, no items, or values that are not finite; the error names the
            columns or channels that hold them.
    """
    if len(shape) == 1:
        return check_rows(x, shape[0], name, names)
    kind = kind_of_items(shape)
    x = as_array(x, name)
    if is_stored(x):
        raise TypeError(
            f"{name} stays on disk, but standardize=True needs arrays in memory: give "
            f"np.asarray({name}). Images of a folder are in [0, 1]: leave out standardize=."
        )
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {x.dtype}; {kind} of numbers are expected, float32.")
    if x.shape[1:] != shape:
        one = f" For a single one: {name}[None]." if x.shape == shape else ""
        raise ValueError(
            f"{name} has shape {x.shape}; {kind} {with_rows(shape)} are expected.{one}"
        )
    if not x.size:
        raise ValueError(f"{name} is empty: its shape is {x.shape}. Give at least one.")
    check = getattr(likelihood, "check", None)
    lost = np.flatnonzero(~_all_finite(x if check is None else check(x, name)))
    if len(lost):
        raise ValueError(
            f"{name} holds NaN or infinite values (float32 ends at {LARGEST:.2g}) in "
            f"{_channels(lost, names)}: replace them, or leave out these {kind}."
        )
    return x.astype("float32")


def moments_of(x: np.ndarray, names: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Return mean and standard deviation of each column of rows, or each channel of other items.

    A constant channel has no information and is not divided: its deviation is 1, and a warning
    names it.

    Args:
        x: checked training data, float32 [n, ..., columns or channels].
        names: names of the columns or channels, or None.

    Returns:
        `mean` and `deviation`, float32 [columns or channels].
    """
    if x.ndim == 2:
        mean, deviation = moments(x, names, stacklevel=5)
        return {"mean": mean, "deviation": deviation}
    axes = tuple(range(x.ndim - 1))
    mean, deviation = (f(x, axis=axes, dtype="float64") for f in (np.nanmean, np.nanstd))
    constant = deviation <= LEAST_SPREAD * np.nanmax(np.abs(x), axis=axes)
    if constant.any():
        deviation[constant] = 1.0
        warnings.warn(
            f"The training data are constant, or nearly so (to a millionth), in "
            f"{_channels(np.flatnonzero(constant), names)}: nothing can be learned from it, and a "
            "later change counts in the unit of the data. You can leave it out.",
            stacklevel=4,
        )
    return {"mean": mean.astype("float32"), "deviation": deviation.astype("float32")}


def _all_finite(x):
    """Return which channels hold only finite float32 numbers, bool [channels]."""
    flat = x.reshape(-1, x.shape[-1])
    with np.errstate(invalid="ignore"):
        return (np.abs(flat) <= LARGEST).all(axis=0) if x.dtype.kind == "f" else np.True_


def _channels(numbers, names):
    called = [str(i) for i in numbers] if names is None else [names[i] for i in numbers]
    return f"channel{'s' * (len(called) > 1)} {named(called)}"
