"""Checks of the numbers in the arguments of constructors."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from zoo.runtime.json_file import shortened

_LARGEST = 2**63 - 1  # the largest integer of a tensor


def number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> float:
    """Return a finite number within bounds.

    Args:
        name: the name of the argument, for errors.
        value: the argument.
        least, most: the closed ends of the range. above, below: its open ends.

    Raises:
        TypeError: it is not a number. ValueError: it is NaN, infinite, or out of the range.
    """
    bounds = [("at least", least), ("above", above), ("at most", most), ("below", below)]
    expected = " and ".join(f"{words} {end:g}" for words, end in bounds if end is not None)
    expected = "a finite number" + (f", {expected}" if expected else "")
    if not issubclass(type(value), Real) or type(value) is bool:
        raise TypeError(f"{name} is {value!r}; give {expected}.")
    fits = (
        _is_finite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )
    if not fits:
        raise ValueError(f"{name} is {shortened(value)}; give {expected}.")
    return float(value)


def whole(name: str, value: Any, *, least: int = 0, most: int | None = None) -> int:
    """Return a whole number of at least `least`; 2.0 is valid, and 2.7 is not.

    Raises:
        TypeError: it is not a number.
        ValueError: it is a fraction, NaN, infinite, below `least`, above `most`, or above 2^63.
    """
    expected = f"a whole number of at least {least}"
    expected += "" if most is None else f" and at most {most:,}"
    if not issubclass(type(value), Real) or type(value) is bool:
        raise TypeError(f"{name} is {value!r}; give {expected}.")
    finite = isinstance(value, int) or _is_finite(value)
    fits = finite and int(value) == value and least <= value
    if not fits or value > (_LARGEST if most is None else most):
        raise ValueError(f"{name} is {shortened(value)}; give {expected}.")
    return int(value)


def whole_or_none(name: str, value: Any, *, least: int = 0) -> int | None:
    """Return a whole number as `whole` does, or None."""
    return None if value is None else whole(name, value, least=least)


def _is_finite(value: Any) -> bool:
    """Return whether a number is finite as a float; integers may be too large for a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def activation(name: str, value: Any, *, gates: bool = False) -> Any:
    """Return an activation; `keras.activations.glu` as "glu", which is refused without `gates`.

    Raises:
        ValueError: it is "glu", and `gates` is False.
    """
    if getattr(value, "__name__", value) != "glu":
        return value
    if not gates:
        raise ValueError(
            f"{name} is 'glu', which gives each unit of a hidden dense layer a gate. It is for the "
            "activation= of networks without filters= and tie_weights=. Choose another one here, "
            "such as 'relu'."
        )
    return "glu"


def widths(name: str, value: Any) -> tuple[int, ...]:
    """Return the widths of layers: a tuple, perhaps empty, of whole numbers of at least 1.

    Raises:
        TypeError: it is not a sequence of numbers. ValueError: a width is below 1, or a fraction.
    """
    example = f"({value},)" if isinstance(value, Real) else "(64, 32)"
    return _whole_numbers(name, value, f"a width for every layer, such as {name}={example}")


def shape(name: str, value: Any, expected: str) -> tuple[int, ...]:
    """Return a shape without the batch: a non-empty tuple of whole numbers of at least 1.

    Args:
        expected: a description of the expected value, for errors.

    Raises:
        TypeError: it is not a sequence of numbers. ValueError: it is empty, or a size is below 1.
    """
    sizes = _whole_numbers(name, value, expected)
    if not sizes:
        raise ValueError(f"{name} is empty; give {expected}.")
    return sizes


def _whole_numbers(name, value, expected):
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} is {value!r}; give {expected}.")
    return tuple(whole(f"{name}[{i}]", one, least=1) for i, one in enumerate(value))
