"""Signals of different lengths as one array, and windows of long recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.arrays import as_array


def padded(signals: Sequence, length: int | None = None) -> np.ndarray:
    """Put signals of different lengths into one array, with NaN after their ends.

    Args:
        signals: each [time, channels], or [time] for one channel.
        length: the time of the array; by default that of the longest signal.

    Returns:
        float32 [n, length, channels].

    Raises:
        ValueError: there are no signals, or they have different channels, are empty, too long, or
            not finite.

    Examples:
        >>> zoo.data.padded([[1.0, 2.0], [3.0]])[..., 0]
        array([[ 1.,  2.],
               [ 3., nan]], dtype=float32)
    """
    if not hasattr(signals, "__iter__"):
        raise TypeError(f"signals is a {type(signals).__name__}; give a list of signals.")
    found = []
    for i, signal in enumerate(signals):
        values = as_array(signal, f"signal {i}")
        if values.dtype.kind not in "fiub":
            raise TypeError(f"signal {i} has dtype {values.dtype}; numbers are expected.")
        values = np.asarray(values, "float32")
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or not values.size:
            raise ValueError(
                f"signal {i} has shape {values.shape}; [time, channels] is expected, with at least "
                "one step."
            )
        if not np.isfinite(values).all():
            raise ValueError(f"signal {i} holds NaN or infinite values.")
        if values.shape[1] != (found or [values])[0].shape[1]:
            raise ValueError(
                f"signal {i} has {values.shape[1]} channels, and signal 0 has {found[0].shape[1]}."
            )
        found.append(values)
    if not found:
        raise ValueError("There are no signals; give one at least.")
    longest = max(map(len, found))
    length = longest if length is None else whole("length", length, least=1)
    if longest > length:
        raise ValueError(
            f"a signal has {longest} steps, and length is {length}: give a greater length, or cut "
            "the signals, for example with zoo.data.windows."
        )
    array = np.full((len(found), length, found[0].shape[1]), np.nan, "float32")
    for row, values in zip(array, found, strict=True):
        row[: len(values)] = values
    return array


def windows(signal: Any, length: int, step: int | None = None) -> np.ndarray:
    """Cut a recording into windows; the last one may be shorter, and ends with NaN.

    Args:
        signal: [time, channels], or [time] for one channel.
        length: the time of a window.
        step: how many steps later the next window begins, by default `length`.

    Returns:
        float32 [n, length, channels]; every step of the signal is in a window if step <= length.

    Examples:
        >>> zoo.data.windows([1.0, 2.0, 3.0, 4.0, 5.0], 3, step=2)[..., 0]
        array([[1., 2., 3.],
               [3., 4., 5.]], dtype=float32)
    """
    values = padded([signal])[0]
    length = whole("length", length, least=1)
    step = length if step is None else whole("step", step, least=1)
    last = max(0, len(values) - length)
    starts = range(0, last + step, step)
    return padded(
        [values[start : start + length] for start in starts if start < len(values)], length
    )
