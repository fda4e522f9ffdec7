"""Conditions on the rows of a table, such as "kind=b" or "age<40"."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.table_cells import listed

_OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_SIGN = re.compile(r"\s*(<=|>=|<|>|==?)\s*(.+?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """A condition on one column.

    Attributes:
        column: its name. sign: "=", "<", "<=", ">" or ">=". value: a number, or text for a
            category.
    """

    column: str
    sign: str
    value: float | str

    def __str__(self):
        value = self.value if isinstance(self.value, str) else f"{self.value:g}"
        return f"{self.column}{self.sign}{value}"

    def holds(self, frame: Any) -> np.ndarray:
        """Return in which rows of a DataFrame it holds, bool [n]."""
        cells = frame[self.column]
        if isinstance(self.value, str):
            return np.asarray(cells.astype(str) == self.value)
        return np.asarray(_OPERATORS[self.sign](cells.astype("float64"), self.value))

    def possible(self, least: float, largest: float) -> bool:
        """Return whether it can hold for numbers from `least` to `largest`."""
        if isinstance(self.value, str):
            return True
        end = {"<": least, "<=": least, ">": largest, ">=": largest}
        nearest = end.get(self.sign, min(max(self.value, least), largest))
        return bool(_OPERATORS[self.sign](nearest, self.value))


def condition(text: str, sources: Sequence[tuple[str, Sequence[str]]]) -> Condition:
    """Return the condition that a text states.

    Args:
        text: a column, then =, <, <=, > or >=, then a number or the value of a category.
        sources: the columns: (name, values), with no values for numbers.

    Raises:
        ValueError: the column is unknown, or has no such value, or the sign is not for categories.

    Example:
        >>> from zoo.data.conditions import condition
        >>> condition("age <= 40", [("age", ()), ("kind", ("a", "b"))])
        Condition(column='age', sign='<=', value=40.0)
    """
    known, text = dict(sources), text.strip()
    begun = sorted((name for name in known if text.startswith(name)), key=len, reverse=True)
    signs = ((name, _SIGN.fullmatch(text[len(name) :])) for name in begun)
    name, found = next(((name, sign) for name, sign in signs if sign), ("", None))
    if found is None:
        raise ValueError(
            f"{text!r} is no condition on a column: write a column, one of =, <, <=, >, >=, and a "
            f"value, such as {_example(sources)!r}; the columns are "
            f"{listed(name for name, _ in sources)}."
        )
    sign, value, values = "=" if found[1] == "==" else found[1], found[2], known[name]
    if values:
        if sign != "=":
            raise ValueError(f"{text!r}: {name!r} has categories, which are not ordered; use =.")
        if value not in values:
            raise ValueError(f"{text!r}: {name!r} has the values {listed(values)}.")
        return Condition(name, sign, value)
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"{text!r}: {name!r} holds numbers, and {value!r} is none.")
    return Condition(name, sign, number)


def _example(sources) -> str:
    name, values = sources[0]
    return f"{name}={values[0]}" if values else f"{name}<10"
