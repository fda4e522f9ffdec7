"""Tables: rows of numbers and categories in named columns, from files and data frames."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.checks.arguments import number
from zoo.data.frames import frame_of
from zoo.data.numbers_in_text import is_lost
from zoo.data.table_cells import ENDINGS as ENDINGS
from zoo.data.table_cells import Cells, cells_of, listed
from zoo.data.table_cells import is_frame as is_frame
from zoo.data.table_cells import is_table as is_table
from zoo.data.table_columns import (
    Columns,
    known_columns,
    labels_of,
    new_columns,
    rows_of,
    warn_of_numbers,
)

UNKNOWN = ("refuse", "score")
MISSING = ("refuse", "learn")


class Table(tuple):
    """The rows of a table: unpacks into `(x, y), (x_val, y_val)`; see `zoo.data.from_table`.

    Attributes:
        columns: names of the columns of x, in order. A column of a category, such as "color=red",
            is 1 if the row has this value, else 0.
        categories: (start, stop) of each category: its columns are start to stop - 1.
        category_names: the table's column of each category.
        class_names: what the labels mean, in order; () if labels are numbers, or if there are none.
        rows: all rows, float32 [n, features], in the order of the table.
        labels: the labels of all rows, int32 [n], or None.
        ids: the cells of `id_column` for all rows, or None.
        recognized: how the table was read, in words: delimiter, decimal sign, numbers, categories.
        unknown: {row: its unknown values of categories, in words}, with `unknown="score"`.
        missing: "refuse" or "learn", as it was given.
    """

    columns: tuple[str, ...]
    categories: tuple[tuple[int, int], ...]
    category_names: tuple[str, ...]
    class_names: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray | None
    ids: tuple | None
    recognized: str
    unknown: dict[int, str]
    missing: str

    def likelihood(self, *, modes: int | None = None) -> Any:
        """Return the likelihood of these columns, adapted to the training rows.

        It is a `zoo.GaussianColumns`, or a `zoo.MixedColumns` if there are categories.

        Args:
            modes: the most modes of a column of numbers; it is a `zoo.ModalColumns` then. None
                gives each number one normal distribution for a code.

        Raises:
            ValueError: some columns are constant in the training rows; the error names them.
        """
        (x, _), _ = self
        return columns_likelihood(x, self, missing=self.missing, modes=modes)

    def to_frame(self, rows: Any, *, match: bool = False) -> Any:
        """Return rows, such as generated ones, as a DataFrame with the columns of the table.

        A category becomes one column again, with the value whose column is largest. Numbers are
        clipped to the range of the table, and rounded if the table has only whole numbers in that
        column. Labels, ids and dropped columns are left out.

        Args:
            rows: numbers [n, features], with the columns of x.
            match: give each column of numbers the distribution that it has in the table, by
                ranks: the value with the share q of the rows below it becomes the q-quantile of
                the table. The ranks keep how columns depend on each other. Use it for 100 or more
                generated rows at once, if columns have heavy tails or peaks. The new values are
                values of the table or lie between two of them, so they protect nobody's data.

        Returns:
            a pandas DataFrame, [n, columns of the table].

        Raises:
            ImportError: pandas is needed. TypeError, ValueError: rows of another shape, values
            that are not finite, or too few rows for `match`.

        Example:
            >>> rows = [[1.75, 60], [1.85, 80], [1.65, 70]]
            >>> np.savetxt("people.csv", rows, delimiter=",", header="height,weight", comments="")
            >>> table = zoo.data.from_table("people.csv", validation=0)
            >>> table.to_frame([[1.72, 66.4], [2.5, 75.2]])
               height  weight
            0    1.72      66
            1    1.85      75
        """
        names = (self.columns, self.categories, self.category_names)
        return frame_of(rows, self.rows, *names, match=match)


def columns_likelihood(
    x: np.ndarray, table: Any, *, missing: str = "refuse", modes: int | None = None
) -> Any:
    """Return the likelihood of rows of a table, adapted to them; see `Table.likelihood`.

    Args:
        x: the rows to adapt it to, numbers [n, features].
        table: a `Table`, or what else has `columns`, `categories` and `category_names`.
    """
    # Reading needs no Keras.
    from zoo.nn.distributions import GaussianColumns, MixedColumns, ModalColumns

    more = {"category_names": table.category_names, "missing": missing} if table.categories else {}
    if modes is not None:
        more = {**more, "missing": missing, "modes": modes}
        return ModalColumns.adapted(x, table.categories, table.columns, **more)
    if table.categories:
        return MixedColumns.adapted(x, table.categories, table.columns, **more)
    return GaussianColumns.adapted(x, table.columns, missing=missing)


@dataclass(frozen=True)
class Read:
    """A whole table: `x` float32 [n, features]; the other attributes are as in `Table`."""

    x: Any  # an array, or the images of a folder
    columns: tuple[str, ...]
    categories: tuple[tuple[int, int], ...] = ()
    y: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    category_names: tuple[str, ...] = ()
    ids: tuple | None = None
    recognized: str = ""
    when: Any = None  # cells of the column of dates or groups, or None
    unknown: dict[int, str] = field(default_factory=dict)


def from_table(
    table: Any,
    *,
    labels: str | None = None,
    drop: tuple[str, ...] | list[str] = (),
    columns: Any = None,
    id_column: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    unknown: str = "refuse",
    missing: str = "refuse",
    validation: float = 0.1,
    seed: int = 0,
) -> Table:
    """Read a table as data for `fit`: numbers in the units of the table, and categories.

    A column of text is a category: it becomes one column of 0 and 1 for each of its values, sorted.
    So does a column of True and False. Dates, lists and numbers with thousands separators are
    refused; a warning names a column that seems to number the rows.

    The first line of a .csv or .tsv file has the names of the columns. Commas, semicolons, tabs or
    bars separate the cells, and numbers have decimal points or commas; `recognized` says which were
    found. Text is UTF-8, or UTF-16 with a byte order mark. A .parquet file needs pyarrow. Spaces
    around names and values are removed.

    Args:
        table: the path of a file, or a data frame of pandas or polars, or a Table of pyarrow.
        labels: the column that holds labels, whole numbers or text; it is not in x.
        drop: further columns that are not in x.
        columns: the columns of x, in this order: a likelihood such as `model.likelihood`, or its
            `names`. The table must have no other columns except `labels`, `id_column` and `drop`;
            here it may lack columns of `drop`. None takes all columns.
        id_column: a column that names the rows; it is not in x, but in `ids`.
        delimiter: the character between the cells of a .csv or .tsv file; None detects it.
        decimal: the decimal sign of such a file, "." or ","; None detects it.
        unknown: what to do with a value of a category that `columns` does not have: "refuse", or
            "score", which sets all columns of that category to 0, and says so in `unknown`.
        missing: what to do with an empty cell, or one with a word such as NA: "refuse"; or "learn",
            which makes it NaN, and `likelihood()` one that takes NaN.
        validation: the share of the rows that is kept for validation, drawn by `seed`; from 0 to
            below 1.
        seed: seed of that draw.

    Returns:
        `(x, y), (x_val, y_val)`, with the attributes of `Table`: float32 [n, features], and int32
        [n] or None.

    Raises:
        FileNotFoundError: there is no such file. ImportError: pyarrow is needed.
        TypeError: neither a path nor a data frame.
        ValueError: text among numbers, more than 100 values of a category, a value that `columns`
            does not have, a missing value, dates, lists, rows of different lengths, no names,
            other columns, or too few rows; the error names line and column.

    Example:
        >>> rows = [[1.7, 60], [1.8, 80], [1.6, 70]]
        >>> np.savetxt("people.csv", rows, delimiter=",", header="height,weight", comments="")
        >>> table = zoo.data.from_table("people.csv", validation=0)
        >>> (x, _), _ = table
        >>> table.columns, x.shape
        (('height', 'weight'), (3, 2))
        >>> table.recognized
        'people.csv: 3 rows; commas between the cells, decimal points; 2 columns of numbers'
        >>> model = zoo.VAE((2,), 1, hidden_units=(8,), likelihood=table.likelihood())
    """
    validation = number("validation", validation, least=0, below=1)
    options = {"drop": drop, "columns": columns, "delimiter": delimiter, "decimal": decimal}
    asked = {"labels": labels, "id_column": id_column, "unknown": unknown, "missing": missing}
    read = read_table(table, **asked, **options)
    n, kept = len(read.x), int(validation * len(read.x))
    if n - kept < 2:
        what = table if isinstance(table, str | os.PathLike) else "The table"
        raise ValueError(
            f"{what} has {n} row{'s'[: n != 1]}, which leaves {n - kept} for training; at least 2 "
            "are needed."
        )
    order = np.random.default_rng(seed).permutation(n) if kept else np.arange(n)
    parts = (order[: n - kept], order[n - kept :])
    found = Table((read.x[i], None if read.y is None else read.y[i]) for i in parts)
    found.columns, found.class_names = read.columns, read.class_names
    found.categories, found.category_names = read.categories, read.category_names
    found.rows, found.labels, found.ids = read.x, read.y, read.ids
    found.recognized, found.unknown, found.missing = read.recognized, read.unknown, missing
    return found


def read_table(
    table: Any,
    *,
    labels: str | None = None,
    drop: Any = (),
    columns: Any = None,
    id_column: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    unknown: str = "refuse",
    missing: str = "refuse",
    when: str | None = None,
    drop_if_there: list[str] | tuple[str, ...] = (),
) -> Read:
    """Read a whole table, unsplit; for other arguments and errors see `from_table`.

    Args:
        when: a column of dates or other groups, which is not in x. It may equal `id_column`.
        drop_if_there: columns to leave out if the table has them.
    """
    drop = [name.strip() for name in ([drop] if isinstance(drop, str) else drop)]
    labels, id_column, when = (name and name.strip() for name in (labels, id_column, when))
    columns = Columns.of(columns)
    if unknown not in UNKNOWN:
        raise ValueError(f"unknown is {unknown!r}; give one of {', '.join(UNKNOWN)}.")
    if missing not in MISSING:
        raise ValueError(f"missing is {missing!r}; give one of {', '.join(MISSING)}.")
    if unknown == "score" and columns is None:
        raise ValueError(
            'unknown="score" is for the values of a trained model: give columns=model.likelihood.'
        )
    strange: dict[int, list[str]] = {}
    cells = cells_of(table, delimiter, decimal)
    asked = [name for name in (labels, id_column, when) if name is not None]
    if absent := [n for n in asked + (drop if columns is None else []) if n not in cells.columns]:
        raise ValueError(
            f"{cells.origin} has no column {absent[0]!r}; it has {listed(cells.columns)}."
        )
    others = (*drop, *asked, *(name.strip() for name in drop_if_there))
    taken = [name for name in cells.columns if name not in others]
    if not taken:
        raise ValueError(f"{cells.origin} has no columns left; it has {listed(cells.columns)}.")
    if columns is None:
        x, made = rows_of(cells, new_columns(cells, taken), missing=missing)
        warn_of_numbers(cells, x, made)
    else:
        known = strange if unknown == "score" else None
        x, made = rows_of(cells, known_columns(cells, taken, columns), known, missing)
        if made.names != columns.names:
            raise ValueError(
                f"columns= asks for {listed(columns.names)}, but the table gives "
                f"{listed(made.names)}: put the columns of a category side by side."
            )
    y, classes = (None, ()) if labels is None else labels_of(cells, labels)
    ids, dates = (None if n is None else tuple(cells.columns[n]) for n in (id_column, when))
    told = _recognized(cells, made, taken, missing)
    said = {i: "; ".join(texts) for i, texts in sorted(strange.items())}
    categories, category_names = made.categories or (), made.category_names or ()
    names = (made.names, categories, y, classes, category_names)
    return Read(x, *names, ids, told, when=dates, unknown=said)


def _recognized(cells: Cells, made: Columns, taken: list[str], missing: str) -> str:
    """Return a description of how a table was read."""
    sizes = [stop - start for start, stop in made.categories or ()]
    numbers = len(made.names) - sum(sizes)
    kinds = zip(made.category_names or (), sizes, strict=True)
    said = [f"{cells.origin}: {len(next(iter(cells.columns.values()))):,} rows"]
    said += [", ".join(cells.dialect)] if cells.dialect else []
    said += [f"{numbers} column{'s'[: numbers != 1]} of numbers"]
    if sizes:
        said += ["categories: " + ", ".join(f"{name} ({size} values)" for name, size in kinds)]
    if missing == "learn":
        lost = [cell for name in taken for cell in cells.columns[name] if is_lost(cell)]
        words = sorted({cell.strip() for cell in lost if isinstance(cell, str)} - {""})
        said += [f"{len(lost):,} cells without a value"]
        said[-1] += f", which are empty or hold {listed(words)}" if words else ""
    return "; ".join(said)
