"""Table columns as numbers, as categories (one-hot columns), and as labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.numbers_in_text import (
    check_kinds,
    check_texts,
    is_lost,
    is_number,
    runs_on,
    told_of,
)
from zoo.data.table_cells import Cells, listed

_LARGEST = float(np.finfo("float32").max)
_WHOLE = 2**24  # float32 holds all integers up to this one
_MOST_CATEGORIES = 100
_SHOWN = 8
LEARN = 'To train a model with such cells: missing="learn" (`zoo train --missing learn`).'


@dataclass(frozen=True)
class Columns:
    """The columns of rows, such as those that a model expects.

    Attributes:
        names: names of the columns of x, in order; such as "color=red" for a value of a category.
        categories: (start, stop) of each category; None if only the names are known.
        category_names: the table's column of each category; None if only the names are known.
            Then a name is split at "=" if the table has a column of the first part.
    """

    names: tuple[str, ...]
    categories: tuple[tuple[int, int], ...] | None = None
    category_names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, given: Any) -> Columns | None:
        """Return the columns of a likelihood or of a list of names; None if there are no names."""
        if given is None or isinstance(given, cls):
            return given
        if isinstance(given, str):
            raise TypeError(f"columns is {given!r}; give a list of names, or a likelihood.")
        if not hasattr(given, "log_prob"):
            return cls(tuple(map(str, given)))
        if getattr(given, "names", None) is None:
            return None
        pairs = getattr(given, "categories", ())
        return cls(given.names, pairs, getattr(given, "category_names", None))

    @classmethod
    def of_card(cls, card: dict) -> Columns | None:
        """Return the columns in a card, or None.

        Raises:
            ValueError: categories that do not match the names.
        """
        if not card.get("columns"):
            return None
        names, described = tuple(map(str, card["columns"])), card.get("categories")
        if described is None:
            return cls(names)
        try:
            pairs = [(c["first"], c["first"] + len(c["values"])) for c in described]
            found = cls(names, tuple(pairs), tuple(c["column"] for c in described))
            same = found.described() == described
        except (TypeError, KeyError, IndexError, AttributeError):
            same = False
        if not same:
            raise ValueError(
                "The card's categories do not match its columns: the card was changed; get the "
                "preset again."
            )
        return found

    def described(self) -> list[dict] | None:
        """Return the categories as JSON values, or None if only the names are known."""
        if self.categories is None or self.category_names is None:
            return None
        return [
            {
                "column": name,
                "first": start,
                "values": [n.removeprefix(f"{name}=") for n in self.names[start:stop]],
            }
            for name, (start, stop) in zip(self.category_names, self.categories, strict=True)
        ]

    def sources(self, held: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Return the table's columns that these are made of, with the values of categories.

        Args:
            held: the columns of the table.

        Returns:
            pairs (name, values); values are empty for numbers.
        """
        described = self.described()
        if described is None:
            return self._split(held)
        by_first = {c["first"]: (c["column"], c["values"]) for c in described}
        inside = {j for start, stop in self.categories or () for j in range(start, stop)}
        return [
            by_first.get(j, (name, []))
            for j, name in enumerate(self.names)
            if j in by_first or j not in inside
        ]

    def _split(self, held):
        """Split each name at the first "=" for which the table has a column of the first part."""
        values = {}
        for name in self.names:
            ends = [i for i, letter in enumerate(name) if letter == "=" and name[:i] in held]
            if name in held or not ends:
                values.setdefault(name, [])
            else:
                values.setdefault(name[: ends[0]], []).append(name[ends[0] + 1 :])
        return list(values.items())


def way_out(names: Sequence[str]) -> str:
    """Return the advice on how to leave columns out."""
    names = list(names)[:_SHOWN]
    return f"Leave out: drop={names} (--drop on the command line)."


def new_columns(cells: Cells, taken: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the columns of a table for a new model, with the values of categories, sorted.

    Raises:
        ValueError: dates, lists, or text that is not a category; the error names the column.
    """
    return [(name, _values(cells, name)) for name in taken]


def _values(cells, name) -> list[str]:
    column, leave_out = cells.columns[name], way_out([name])
    check_kinds(cells.origin, name, column, leave_out)
    there = [cell for cell in column if not is_lost(cell)]
    if not there or any(map(is_number, there)):
        return []
    texts = {str(cell).strip() for cell in there}
    check_texts(cells.origin, name, texts, leave_out)
    if len(texts) == 1:
        raise ValueError(
            f"{cells.origin} holds {listed(texts)} in every {cells.unit} of column {name!r}, so a "
            f"model learns nothing from it. {leave_out}"
        )
    if len(texts) == len(column):
        raise ValueError(
            f"{cells.origin} has a different text in every {cells.unit} of column {name!r}, such "
            f"as {listed(sorted(texts)[:2])}: it names the rows, and is not a category. "
            f"{leave_out} To show it beside each score: --id {name} in `zoo detect`."
        )
    if len(texts) > min(_MOST_CATEGORIES, len(column) // 2):
        raise ValueError(
            f"{cells.origin} holds {len(texts)} different texts in the {len(column)} "
            f"{cells.unit}s of column {name!r}, such as {listed(sorted(texts)[:2])}; a category "
            f"may have at most {_MOST_CATEGORIES} values, and at most half as many as there are "
            f"{cells.unit}s. {leave_out}"
        )
    return sorted(texts)


def known_columns(
    cells: Cells, taken: Sequence[str], columns: Columns
) -> list[tuple[str, list[str]]]:
    """Return the columns of a table that a model expects, in the order of the model.

    Raises:
        ValueError: the table lacks some of them, or has others.
    """
    sources = columns.sources(taken)
    wanted = {name for name, _ in sources}
    missing = [name for name, _ in sources if name not in taken]
    others = [name for name in taken if name not in wanted]
    if missing or others:
        said = [f"lacks {listed(missing)}"] if missing else []
        said += [f"has {listed(others)}, which the model does not know"] if others else []
        fix = "" if missing else f" {way_out(others)}"
        if fix and cells.unit == "row":  # not all functions that take a data frame have drop=
            fix += f" Or give frame.drop(columns={others[:_SHOWN]})."
        raise ValueError(
            f"{cells.origin} {' and '.join(said)}. The model takes the columns "
            f"{listed(name for name, _ in sources)}.{fix}"
        )
    for name in wanted:
        check_kinds(cells.origin, name, cells.columns[name], "")
    return sources


def rows_of(
    cells: Cells,
    sources: list[tuple[str, list[str]]],
    unknown: dict[int, list[str]] | None = None,
    missing: str = "refuse",
) -> tuple[np.ndarray, Columns]:
    """Return the rows of a table, float32 [n, features], and their columns.

    Args:
        unknown: a dict to fill. For each row with unknown values of categories it gets these
            values in words, and the one-hot columns become zeros; None refuses unknown values.
        missing: "refuse"; or "learn", where empty cells become NaN, in all columns of a category.

    Raises:
        ValueError: a missing cell, or one with no number or no known value; the error names it.
    """
    numbers = _numbers(cells, [name for name, values in sources if not values], missing)
    x, names, pairs, made_of = [], [], [], []
    for name, values in sources:
        if values:
            pairs.append((len(x), len(x) + len(values)))
            made_of.append(name)
            x += [*_one_hot(cells, name, values, unknown, missing).T]
            names += [f"{name}={value}" for value in values]
        else:
            x.append(numbers[name].astype("float32"))
            names.append(name)
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(
            f"{cells.origin} gives two columns the name {twice[0]!r}: a column of numbers, and a "
            "value of a category. Rename the column of numbers."
        )
    return np.stack(x, axis=1), Columns(tuple(names), tuple(pairs), tuple(made_of))


def warn_of_numbers(cells: Cells, x: np.ndarray, columns: Columns) -> None:
    """Warn about columns that only count the rows, and about integers that float32 rounds."""
    inside = {j for start, stop in columns.categories or () for j in range(start, stop)}
    for j, name in enumerate(columns.names):
        if j in inside:
            continue
        exact = _column(cells.columns[name])
        if np.isnan(exact).any():
            continue
        if runs_on(exact):
            warnings.warn(
                f"The column {name!r} of {cells.origin} seems to number the rows: it has different "
                f"whole numbers from {exact.min():.0f} to {exact.max():.0f}. A model learns "
                f"nothing from it that holds for other rows. {way_out([name])} To show it beside "
                f"each score: --id {name} in `zoo detect`.",
                stacklevel=4,
            )
        elif (exact == np.round(exact)).all():
            rounded = (exact != x[:, j]) | (np.abs(exact) >= 2**53)
            if rounded.any() and _WHOLE < np.abs(exact).max() < 2**64:
                i = int(np.flatnonzero(rounded)[0])
                warnings.warn(
                    f"The column {name!r} of {cells.origin} holds whole numbers above {_WHOLE:,}, "
                    f"which float32 rounds: {str(cells.columns[name][i]).strip()} becomes "
                    f"{x[i, j]:.0f}. Subtract a fixed number from the column, or use a larger "
                    f"unit. If it is a name, not an amount: {way_out([name])}",
                    stacklevel=4,
                )


def _one_hot(cells, name, known, unknown, missing) -> np.ndarray:
    """Return 1 where a cell has a known value, else 0, float32 [n, values]."""
    column = cells.columns[name]
    texts = np.array([str(cell).strip() for cell in column])
    x = (texts[:, None] == np.array(known)).astype("float32")
    lost = np.flatnonzero(x.sum(axis=1) == 0)
    if missing == "learn":
        empty_cells = [i for i in lost if is_lost(column[i])]
        x[empty_cells] = np.nan
        lost = np.array([i for i in lost if i not in set(empty_cells)], int)
    if unknown is not None:  # empty cells are refused in any case
        for i in lost:
            if not is_lost(column[i]):
                unknown.setdefault(int(i), []).append(
                    f"{name} is {texts[i][:40]!r}, which is unknown"
                )
        lost = np.array([i for i in lost if is_lost(column[i])], int)
    if len(lost):
        i = lost[0]
        empty = is_lost(column[i])
        what = "no value" if empty else f"{texts[i][:40]!r}"
        way = (
            f"{told_of(column[i])} {LEARN}"
            if empty
            else ' To score such rows: unknown="score" (`zoo detect --unknown score`).'
        )
        raise ValueError(
            f"{cells.origin} has {what} {cells.place(i, name)}, but {listed(known)} are expected; "
            f"{len(lost)} cells are like this. Correct them, or leave out their rows.{way}"
        )
    return x


def _numbers(cells, names, missing) -> dict[str, np.ndarray]:
    """Return columns of cells as float64 [n], by name; all are finite in float32, or missing."""
    found = {name: _column(cells.columns[name]) for name in names}
    if text := [name for name, values in found.items() if values is None]:
        name, column = text[0], cells.columns[text[0]]
        i = next(i for i, cell in enumerate(column) if not (is_number(cell) or is_lost(cell)))
        raise ValueError(
            f"{cells.origin} holds {str(column[i])[:40]!r} {cells.place(i, name)}, but its other "
            f"cells are numbers. Correct the cells, or leave out {listed(text)}: "
            f"drop={text[:_SHOWN]} (--drop on the command line)."
        )
    accepted = np.isnan if missing == "learn" else np.zeros_like
    lost = {
        name: np.flatnonzero(~((np.abs(v) <= _LARGEST) | accepted(v).astype(bool)))
        for name, v in found.items()
    }
    if lost := {name: rows for name, rows in lost.items() if len(rows)}:
        name = min(lost, key=lambda name: lost[name][0])
        i = lost[name][0]
        cell = cells.columns[name][i]
        what = "no value" if is_lost(cell) else f"{cell!r}, which float32 cannot hold,"
        way = f"{told_of(cell)} {LEARN}" if is_lost(cell) else " Large values: use a larger unit."
        raise ValueError(
            f"{cells.origin} has {what} {cells.place(i, name)}; "
            f"{sum(map(len, lost.values()))} cells in {listed(lost)} are like this. Fill them in, "
            "for instance with the median of the column, or leave out their rows or columns."
            f"{way}"
        )
    return found


def _column(cells) -> Any:
    """Return cells as an array of numbers, NaN where one is missing; None if one holds text."""
    if any(isinstance(cell, str) and "_" in cell for cell in cells):
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except (TypeError, ValueError, OverflowError):
        known = [is_number(cell) or is_lost(cell) for cell in cells]
        if not all(known):
            return None
        return np.array([_float(cell) for cell in cells])


def _float(cell) -> float:
    """Return a cell as a number: NaN if it is missing, infinity if it is too large."""
    if not is_number(cell):
        return np.nan
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def labels_of(cells: Cells, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels in a column, int32 [n], and their names if they are text.

    Raises:
        ValueError: a missing label, one that is not an integer, or one too large for int32.
    """
    column = cells.columns[name]
    check_kinds(cells.origin, name, column, "")
    if empty := [i for i, cell in enumerate(column) if is_lost(cell)]:
        raise ValueError(f"{cells.origin} has no label {cells.place(empty[0], name)}.")
    values = _column(column)
    if values is None:
        classes, y = np.unique([str(cell).strip() for cell in column], return_inverse=True)
        return y.astype("int32"), tuple(map(str, classes))
    limits = np.iinfo("int32")
    fits = (values == np.round(values)) & (values >= limits.min) & (values <= limits.max)
    if not fits.all():
        i = int(np.flatnonzero(~fits)[0])
        raise ValueError(
            f"{cells.origin} has the label {column[i]} {cells.place(i, name)}; labels are text, or "
            f"whole numbers from {limits.min} to {limits.max}. To use other numbers as text, put a "
            "letter before each."
        )
    return values.astype("int32"), ()
