"""Convert rows of a table (dictionaries or a data frame) to the numbers that a part takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arrow import is_batch
from .json_file import shortened

_SHOWN = 8
_LOST = {"", "na", "n/a", "nan", "null", "none", "?", "<na>"}  # cells without a value, as text


class TableRows:
    """The columns of an input, by name; categories are columns of 0 and 1.

    Attributes:
        names: the names of the columns of the original table, in order; a category is one column.
        missing: whether a cell may have no value: None, NaN, pandas' NA, "", or a word such as
            "NA". It becomes NaN, in all columns of a category.
    """

    def __init__(
        self,
        columns: Sequence[str],
        categories: Sequence[Mapping[str, Any]] = (),
        missing: bool = False,
    ):
        self._columns, self.missing = tuple(columns), missing
        self._categories = {c["column"]: (c["first"], list(c["values"])) for c in categories}
        first = {start: name for name, (start, _) in self._categories.items()}
        inside = {
            j
            for start, values in self._categories.values()
            for j in range(start, start + len(values))
        }
        self._numbers = {name: j for j, name in enumerate(columns) if j not in inside}
        self.names = [
            first.get(j, name) for j, name in enumerate(columns) if j in first or j not in inside
        ]

    def array(self, rows: Any) -> np.ndarray:
        """Return rows as float32 [n, columns].

        Args:
            rows: a dictionary, a list of dictionaries, or a table of pandas, Polars or PyArrow. A
                category is one text, or its columns of 0 and 1. Numbers may be text, as in a CSV
                file; spaces around text are ignored.

        Returns:
            NaN stands for cells without a value, if these are accepted.

        Raises:
            ValueError: a column is missing or unknown, a cell is not a finite number, or the value
                of a category is missing or unknown; the error names the row and the column.
        """
        if is_batch(rows):
            found = self._of_arrow(rows)
            if found is not None:
                return found
        rows = _dictionaries(rows)
        x = np.zeros((len(rows), len(self._columns)), "float32")
        for i, row in enumerate(rows):
            self._fill(x[i], row, i)
        return x

    def _of_arrow(self, batch) -> np.ndarray | None:
        """Return an Arrow table as `array` does, column by column.

        Return None if a column is not there under its exact name, or if a cell is not simply a
        finite number or a known value. Then `array` reads each row by itself, and its error names
        the first wrong cell.
        """
        import pyarrow

        if sorted(batch.schema.names) != sorted(self.names):
            return None
        x = np.zeros((batch.num_rows, len(self._columns)), "float32")
        for name, j in self._numbers.items():
            cells = batch.column(name)
            if not (pyarrow.types.is_integer(cells.type) or pyarrow.types.is_floating(cells.type)):
                return None
            with np.errstate(over="ignore"):
                x[:, j] = cells.to_numpy(zero_copy_only=False)
            if not np.isfinite(x[:, j]).all():
                return None
        for name, (start, values) in self._categories.items():
            cells = batch.column(name)
            if pyarrow.types.is_dictionary(cells.type):
                cells = cells.cast(cells.type.value_type)
            if not (
                pyarrow.types.is_string(cells.type) or pyarrow.types.is_large_string(cells.type)
            ):
                return None
            places = _places(cells, values)
            if places.null_count:
                return None
            x[np.arange(len(x)), start + places.to_numpy(zero_copy_only=False)] = 1
        return x

    def _fill(self, out, row, i):
        cells = {str(name).strip(): cell for name, cell in row.items()}
        if cells.keys() == set(self._columns) and self._categories:
            self._fill_numbers(out, cells, i)
            return
        if len(cells) < len(row) or cells.keys() != set(self.names):
            missing = [name for name in self.names if name not in cells]
            others = [name for name in cells if name not in self.names]
            said = f"lacks {_listed(missing)}" if missing else ""
            said += f"{' and ' if said else ''}has {_listed(others)}" if others else ""
            raise ValueError(
                f"Row {i} {said or 'has a column twice'}; its columns are {_listed(self.names)}: "
                "give these, each once."
            )
        for name, j in self._numbers.items():
            out[j] = self._number(cells[name], i, name)
        for name, (start, values) in self._categories.items():
            text = str(cells[name]).strip()
            if text not in values and self.missing and _is_lost(text):
                out[start : start + len(values)] = math.nan
                continue
            if text not in values:
                came = "no value" if _is_lost(text) else shortened(cells[name])
                raise ValueError(
                    f"Row {i} has {came} in column {name!r}; expected one of {_listed(values)}."
                )
            out[start + values.index(text)] = 1

    def _fill_numbers(self, out, cells, i):
        for j, name in enumerate(self._columns):
            out[j] = self._number(cells[name], i, name)
        for name, (start, values) in self._categories.items():
            part = out[start : start + len(values)]
            if np.isnan(part).all():
                continue
            if sorted(part) != [0] * (len(values) - 1) + [1]:
                raise ValueError(
                    f"Row {i} has {np.nansum(part):g} values in the category {name!r}: one of its "
                    f"columns must be 1, the others 0{self._or_lost()}. Its values are "
                    f"{_listed(values)}."
                )

    def check_missing(self, x: np.ndarray) -> None:
        """Raise a ValueError if a category of a row, in an array [n, columns], is NaN in part."""
        if not self.missing:
            return
        for name, (start, values) in self._categories.items():
            lost: Any = np.isnan(x[:, start : start + len(values)])
            wrong = np.flatnonzero(lost.any(axis=1) & ~lost.all(axis=1))
            if len(wrong):
                raise ValueError(
                    f"Row {wrong[0]} has NaN in some columns of the category {name!r}; if a "
                    f"category was not seen, all of its columns are NaN. Its values are "
                    f"{_listed(values)}."
                )

    def _or_lost(self):
        return ", or all without a value" if self.missing else ""

    def _number(self, cell, i, name) -> float:
        if self.missing and _is_lost(cell):
            return math.nan
        try:
            with np.errstate(over="ignore"):
                value = float(np.float32(float(cell)))
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(
                f"Row {i} has {shortened(cell)} in column {name!r}; give a finite number"
                f"{', or None if there is none' if self.missing else ''}."
            )
        return value


def columns_of(entry: Any) -> TableRows | None:
    """Return the columns that an input in a signature lists, or None if they cannot have names.

    Raises:
        ValueError: the names or categories are inconsistent.
    """
    names, categories = entry.get("columns"), entry.get("categories") or []
    if names is None:
        return None
    shape = entry.get("shape")
    if not _are_names(names) or not isinstance(shape, list) or shape[1:] != [len(names)]:
        raise ValueError(f"columns is {shortened(names)}, which does not fit the shape {shape}")
    taken: set[int] = set()
    for category in categories if isinstance(categories, list) else [None]:
        known = category if isinstance(category, dict) else {}
        first, values = known.get("first"), known.get("values") or []
        named = isinstance(known.get("column"), str)
        if not named or type(first) is not int or not _are_names(values) or len(values) < 2:
            raise ValueError(f"categories has the invalid entry {shortened(category)}")
        places = set(range(first, first + len(values)))
        if first < 0 or max(places) >= len(names) or places & taken:
            raise ValueError(f"categories has {shortened(category)}, for {len(names)} columns")
        taken |= places
    made_of = [category["column"] for category in categories]
    others = [name for j, name in enumerate(names) if j not in taken]
    if len({*made_of, *others}) < len(made_of) + len(others):
        return None  # two columns of a table would have the same name, so only arrays are accepted
    return TableRows(names, categories, entry.get("missing") is True)


def are_rows(value: Any) -> bool:
    """Return whether a value is a dictionary, a list of them, or a table with column names."""
    if isinstance(value, list | tuple):
        return bool(value) and isinstance(value[0], Mapping)
    if hasattr(value, "iterrows"):  # pandas, whose column names may be numbers
        return all(isinstance(name, str) for name in value.columns)
    return isinstance(value, Mapping) or any(hasattr(value, way) for way in _WAYS)


_WAYS = ("to_dicts", "column_names")  # attributes of tables of Polars and PyArrow


def _dictionaries(rows) -> list[Mapping]:
    if isinstance(rows, Mapping):
        return [rows]
    if hasattr(rows, "to_dicts"):
        return rows.to_dicts()
    if hasattr(rows, "to_pylist"):
        return rows.to_pylist()
    if hasattr(rows, "iterrows"):
        if not rows.columns.is_unique:
            raise ValueError("The table has two columns with the same name.")
        return rows.to_dict("records")
    if strange := [i for i, row in enumerate(rows) if not isinstance(row, Mapping)]:
        raise ValueError(f"Row {strange[0]} is not a dictionary, but the first row is one.")
    return list(rows)


def _places(cells, values):
    """Return for each cell of a column of text where it is among the values, or null."""
    import pyarrow
    import pyarrow.compute

    found = pyarrow.compute.index_in(cells, value_set=pyarrow.array(values, cells.type))
    return found.combine_chunks() if isinstance(found, pyarrow.ChunkedArray) else found


def _is_lost(cell) -> bool:
    return str(cell).strip().lower() in _LOST


def _are_names(values) -> bool:
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return texts and 0 < len(set(values)) == len(values)


def _listed(names) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
