"""Detects which texts are numbers, which are dates, and which only look like numbers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
_LEAST_THAT_COUNT = 10  # rows
_WITH_COMMA = re.compile(r"\s*[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?\s*")
_IN_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")  # or a number with three decimals
_DECORATED = re.compile(
    r"[+-]?[$€£¥]?\s?[+-]?\d{1,3}([ .,'\u00a0\u202f\u2019]?\d{3})*([.,]\d+)?\s?[%‰$€£¥]?"
)
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
_ZONE = r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
_DATE = re.compile(
    rf"(\d{{4}}([-/.])\d{{1,2}}\2\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\3(\d{{4}}|\d{{2}}))"
    rf"([T ]{_CLOCK}{_ZONE})?"
)
_TIME = re.compile(_CLOCK)
_PLAIN = (str, bool, np.bool_, Real, Decimal, datetime.date, datetime.time)


def is_lost(cell: Any) -> bool:
    """Return whether a cell is empty or holds a word for a missing value."""
    return str(cell).strip().lower() in MISSING


def told_of(cell: Any) -> str:
    """Return a sentence that says that a word stands for a missing value; "" for an empty cell."""
    if not isinstance(cell, str) or not cell.strip():
        return ""
    return f" {cell.strip()!r} stands for a missing value; if it is a value, write another word."


def is_number(cell: Any) -> bool:
    """Return whether a cell is a number, or text that holds one; True and False are not."""
    if isinstance(cell, bool | np.bool_):
        return False
    if isinstance(cell, str):
        if "_" in cell:  # Python would accept it within numbers
            return False
        try:
            float(cell)
        except ValueError:
            return False
        return True
    return isinstance(cell, Real | Decimal)


def with_decimal_points(
    cells: Any, decimal: str | None, delimiter: str
) -> tuple[Mapping[str, Sequence], str]:
    """Return columns of text with decimal points, and the decimal sign that the numbers had.

    Args:
        cells: cells of a file; see `table_cells.Cells`.
        decimal: "." or ","; None detects it: a comma if all cells of a column are numbers with
            decimal commas, and no other column has decimal points.
        delimiter: the character between the cells.

    Returns:
        the columns, and ".", ",", or "" if no number has a decimal sign.

    Raises:
        ValueError: both signs occur, or numbers such as 1,234, which may mean thousands.
    """
    points, commas, sure = {}, {}, False
    for name, column in cells.columns.items():
        there = [cell for cell in column if not is_lost(cell)]
        if not there:
            continue
        if all(map(is_number, there)):
            if row := _first(column, lambda cell: "." in cell):
                points[name] = row - 1
        elif all(_WITH_COMMA.fullmatch(cell) for cell in there):
            commas[name] = _first(column, lambda cell: "," in cell) - 1
            thousands = all(_IN_THOUSANDS.fullmatch(cell) for cell in there if "," in cell)
            sure = sure or not (thousands or delimiter == ",")
    if decimal is None and commas and (points or not sure):
        name, row = next(iter(commas.items()))
        what = f"{cells.columns[name][row]!r} {cells.place(row, name)}"
        if points:
            other, row = next(iter(points.items()))
            what += f", and {cells.columns[other][row]!r} {cells.place(row, other)}"
        raise ValueError(
            f"{cells.origin} holds {what}: is the comma a decimal sign, or between thousands? If "
            "it is a decimal sign: decimal=',' (--decimal , on the command line). Otherwise write "
            "the numbers without commas."
        )
    decimal = decimal or ("," if commas else "." if points else "")
    if decimal != ",":
        return cells.columns, decimal
    return {name: _converted(cells, name) for name in cells.columns}, decimal


def _first(column, says) -> int:
    """Return the number, counted from 1, of the first cell for which `says` is true; else 0."""
    return next((i for i, cell in enumerate(column, 1) if says(cell)), 0)


def _converted(cells, name):
    """Return a column in which numbers have decimal points in place of decimal commas."""
    column = cells.columns[name]
    if row := _first(column, lambda cell: "." in cell and is_number(cell)):
        raise ValueError(
            f"{cells.origin} holds {column[row - 1]!r} {cells.place(row - 1, name)}, but the "
            "decimal sign is a comma: write the number with a comma, or without points between "
            "thousands; or leave the column out."
        )
    return [cell.replace(",", ".") if _WITH_COMMA.fullmatch(cell) else cell for cell in column]


def check_kinds(origin: str, name: str, cells: Sequence, way_out: str) -> None:
    """Refuse cells that are neither numbers nor text nor dates.

    Args:
        origin, name: the table and the column, for the error. way_out: how to leave the column out.
    """
    for kind in {type(cell) for cell in cells}:
        if issubclass(kind, _PLAIN) and not issubclass(kind, np.timedelta64):
            continue
        example = next(cell for cell in cells if type(cell) is kind)
        said = f"{origin} holds a {kind.__name__} in column {name!r}, {str(example)[:40]}"
        if issubclass(kind, datetime.timedelta):
            raise ValueError(
                f"{said}. Turn durations into numbers: frame[{name!r}] = "
                f"frame[{name!r}].dt.total_seconds(). {way_out}"
            )
        raise ValueError(
            f"{said}; a cell holds one number or text. Make a column of each value. {way_out}"
        )


def check_texts(origin: str, name: str, texts: Collection[str], way_out: str) -> None:
    """Refuse texts of a column that are dates, times, or numbers with extra signs.

    Args:
        origin, name: the table and the column, for the error. texts: different texts, stripped.
        way_out: how to leave the column out, in words.
    """
    first = min(texts)
    column = f"frame[{name!r}]"
    if all(map(_DATE.fullmatch, texts)):
        day_first = ", dayfirst=True" if re.match(r"\d{1,2}\.", first) else ""
        zero = first.replace(".", "-") if re.match(r"\d{4}\.", first) else first
        raise ValueError(
            f"{origin} holds dates in column {name!r}, such as {first!r}. Turn them into numbers, "
            f"days since a fixed date: {column} = (pandas.to_datetime({column}{day_first}) - "
            f"pandas.to_datetime({zero!r}{day_first})).dt.total_seconds() / 86400. {way_out}"
        )
    if all(map(_TIME.fullmatch, texts)):
        seconds = "" if first.count(":") == 2 else ' + ":00"'
        raise ValueError(
            f"{origin} holds times in column {name!r}, such as {first!r}. Turn them into numbers, "
            f"in seconds: {column} = pandas.to_timedelta({column}.astype(str){seconds})"
            f".dt.total_seconds(). {way_out}"
        )
    if all(map(_DECORATED.fullmatch, texts)):
        example = next((text for text in sorted(texts) if not text.isdecimal()), first)
        raise ValueError(
            f"{origin} holds {example!r} in column {name!r}: write numbers with decimal points, "
            f"and without thousands separators, percent signs and currency signs. {way_out}"
        )


def runs_on(values: np.ndarray) -> bool:
    """Return whether numbers only count the rows: integers, all different, rising or without gaps.

    Args:
        values: finite numbers [n]; fewer than ten are never seen as a count.
    """
    if len(values) < _LEAST_THAT_COUNT or not (values == np.round(values)).all():
        return False
    gaps = np.diff(np.sort(values))
    return bool((gaps > 0).all() and ((np.diff(values) > 0).all() or (gaps == 1).all()))
