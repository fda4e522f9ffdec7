"""How the numbers of a column are written: their range, and how many decimals they have."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_DECIMALS = 6
_EXACT = 2**53  # float64 holds all integers up to this one


def ranges_of(x: np.ndarray) -> tuple[tuple[float, float, int | None], ...]:
    """Return the least and the largest value of each column, and its number of decimals.

    Args:
        x: numbers [n, features]; NaN does not count.

    Returns:
        (least, largest, decimals) for each column; decimals are 0 if all values are whole, and None
        if float32 cannot tell the values from such with fewer digits.

    Examples:
        >>> from zoo.nn.distributions.written_numbers import ranges_of
        >>> ranges_of(np.array([[3.0, 0.25], [8.0, 1.5]], "float32"))
        ((3.0, 8.0, 0), (0.25, 1.5, 2))
    """
    found = []
    for column in x.T:
        values = column[~np.isnan(column)]
        decimals = _decimals(values)
        ends = float(values.min()), float(values.max())
        found.append((*(ends if decimals is None else np.round(ends, decimals).tolist()), decimals))
    return tuple(found)


def _decimals(values) -> int | None:
    values = np.asarray(values, "float64")
    largest = np.abs(values).max()
    if (values == np.round(values)).all() and largest < _EXACT:
        return 0
    spacing = float(np.spacing(np.float32(largest)))
    for decimals in range(1, MOST_DECIMALS + 1):
        if 10.0**-decimals < 8 * spacing:
            return None
        rounded = np.round(values, decimals).astype("float32")
        if (rounded == values.astype("float32")).all():
            return decimals
    return None


def as_written(values: np.ndarray, least: float, largest: float, decimals: Any) -> np.ndarray:
    """Return numbers [n] within a range, rounded to its decimals; int64 if they are whole.

    Examples:
        >>> from zoo.nn.distributions.written_numbers import as_written
        >>> as_written(np.array([-2.0, 4.4, 9.1]), 3.0, 8.0, 0)
        array([3, 4, 8])
    """
    values = np.clip(np.asarray(values, "float64"), least, largest)
    if decimals is None:
        return values
    return np.round(values).astype("int64") if decimals == 0 else np.round(values, decimals)


def checked_ranges(ranges: Any, columns: int) -> tuple | None:
    """Return ranges as tuples, after checking them; None if there are none.

    Args:
        ranges: (least, largest, decimals) for each column; decimals of None may be left out, as
            recipes in TOML have to.

    Raises:
        ValueError: they are not that.
    """
    if ranges is None:
        return None
    try:
        found = tuple(_checked(*given) for given in ranges)
    except (TypeError, ValueError, OverflowError):
        found = ()
    right = all(np.isfinite((a, b)).all() and a <= b for a, b, _ in found)
    right = right and all(d != 0 or max(abs(a), abs(b)) < _EXACT for a, b, d in found)
    decimals = {None, *range(MOST_DECIMALS + 1)}
    if len(found) != columns or not right or any(d not in decimals for *_, d in found):
        raise ValueError(
            f"ranges is not what {columns} columns need: for each a triple of the least value, the "
            f"largest value, and the number of decimals, 0 to {MOST_DECIMALS} or None."
        )
    return found


def _checked(least, largest, decimals=None):
    whole = None if decimals is None else int(decimals)
    if whole != decimals:
        raise ValueError(f"{decimals} decimals are no whole number.")
    return float(least), float(largest), whole
