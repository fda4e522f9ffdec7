"""Tables: rows of numbers and categories in named columns, from .csv, .tsv and .parquet files."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.nn.given import number

ENDINGS = (".csv", ".tsv", ".parquet")
MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
_DELIMITERS = ",;\t|"
_LARGEST = float(np.finfo("float32").max)
_SHOWN = 8
_MOST_CATEGORIES = 100


class Table(tuple):
    """The rows of a table: unpacks into `(x, y), (x_val, y_val)`; see `zoo.data.from_table`.

    Attributes:
        columns: names of the columns of x, in order; one of a category, such as "color=red", is 1
            where the row has this value and else 0.
        categories: (start, stop) of each category: its columns are start to stop - 1.
        class_names: what the labels mean, in order; () where they are numbers, or there are none.
        rows: all rows, float32 [n, features], in the order of the file.
        labels: of all rows, int32 [n], or None.
    """

    columns: tuple[str, ...]
    categories: tuple[tuple[int, int], ...]
    class_names: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray | None

    def likelihood(self) -> Any:
        """Return the likelihood of these columns, adapted to the training rows.

        It is a `zoo.GaussianColumns`, or a `zoo.MixedColumns` where there are categories.

        Raises:
            ValueError: columns that are constant in the training rows, which are named.
        """
        from zoo.nn.distributions import GaussianColumns, MixedColumns  # reading needs no Keras

        (x, _), _ = self
        if self.categories:
            return MixedColumns.adapted(x, self.categories, self.columns)
        return GaussianColumns.adapted(x, self.columns)


@dataclass(frozen=True)
class Read:
    """What a file holds: `x` float32 [n, features], names of columns, labels [n] and classes.

    `categories` are pairs as in `Table`.
    """

    x: np.ndarray
    columns: tuple[str, ...]
    categories: tuple[tuple[int, int], ...] = ()
    y: np.ndarray | None = None
    class_names: tuple[str, ...] = ()


def from_table(
    path: str | os.PathLike,
    *,
    labels: str | None = None,
    drop: tuple[str, ...] | list[str] = (),
    columns: tuple[str, ...] | list[str] | None = None,
    validation: float = 0.1,
    seed: int = 0,
) -> Table:
    """Read a table as data for `fit`: numbers in the units of the file, and categories.

    A column of text is a category: it becomes a column of 0 and 1 for each of its values, sorted.

    The first line of a .csv or .tsv file, in UTF-8, has the names of the columns; commas,
    semicolons, tabs or bars separate the cells, and numbers have a decimal point. A .parquet file
    needs pyarrow.

    Args:
        path: of the file.
        labels: the column that holds labels, integers or text; it is not in x.
        drop: further columns that are not in x, such as numbers of rows.
        columns: those that x has, in this order, such as `model.likelihood.names`; the file may
            have no others but `labels` and `drop`, of which it may lack some. None takes all.
        validation: the share of the rows that is kept for validation, drawn by `seed`; from 0 to
            below 1.
        seed: of the draw.

    Returns:
        `(x, y), (x_val, y_val)`, with the attributes of `Table`: float32 [n, features], and int32
        [n] or None.

    Raises:
        FileNotFoundError: there is no such file. ImportError: pyarrow is needed.
        ValueError: text among numbers, more than 100 values of a category, one that `columns` does
            not have, a missing value, rows of different lengths, no names, other columns, or too
            few rows; line and column are named.

    Example:
        >>> rows = [[1.7, 60], [1.8, 80], [1.6, 70]]
        >>> np.savetxt("people.csv", rows, delimiter=",", header="height,weight", comments="")
        >>> table = zoo.data.from_table("people.csv", validation=0)
        >>> (x, _), _ = table
        >>> table.columns, x.shape
        (('height', 'weight'), (3, 2))
        >>> model = zoo.VAE((2,), 1, hidden_units=(8,), likelihood=table.likelihood())
    """
    validation = number("validation", validation, least=0, below=1)
    read = read_table(path, labels=labels, drop=drop, columns=columns)
    n, kept = len(read.x), int(validation * len(read.x))
    if n - kept < 2:
        raise ValueError(
            f"{path} has {n} row{'s'[: n != 1]}, of which {n - kept} would be for training; 2 are "
            "needed."
        )
    order = np.random.default_rng(seed).permutation(n) if kept else np.arange(n)
    parts = (order[: n - kept], order[n - kept :])
    found = Table((read.x[i], None if read.y is None else read.y[i]) for i in parts)
    found.columns, found.class_names = read.columns, read.class_names
    found.categories = read.categories
    found.rows, found.labels = read.x, read.y
    return found


def is_table(path: str | os.PathLike) -> bool:
    """Return whether a path has the ending of a table."""
    return Path(path).suffix.lower() in ENDINGS


def read_table(
    path: str | os.PathLike, *, labels: str | None = None, drop: Any = (), columns: Any = None
) -> Read:
    """Read a whole table, unsplit; for arguments and errors see `from_table`."""
    path, drop = Path(path), [drop] if isinstance(drop, str) else list(drop)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; give a file: {', '.join(ENDINGS)}.")
    if not is_table(path):
        raise ValueError(f"{path} is no table; its name would end in {', '.join(ENDINGS)}.")
    held, lines = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    asked = ([] if labels is None else [labels]) + ([] if columns is not None else drop)
    if unknown := [name for name in asked if name not in held]:
        raise ValueError(f"{path} has no column {unknown[0]!r}; it has {_listed(held)}.")
    taken = {name: cells for name, cells in held.items() if name not in drop and name != labels}
    if not taken:
        raise ValueError(f"{path} has no columns left; it has {_listed(held)}.")
    if columns is None:
        values = {name: _values(path, name, cells) for name, cells in taken.items()}
    else:
        values = _expected_values(path, taken, list(columns))
    numbers = {name: taken[name] for name in values if not values[name]}
    parts = dict(zip(numbers, _numbers(path, numbers, lines).T, strict=True)) if numbers else {}
    x, names, categories = [], [], []
    for name, known in values.items():
        if known:
            categories.append((len(x), len(x) + len(known)))
            x += [*_one_hot(path, name, taken[name], known, lines).T]
            names += [f"{name}={value}" for value in known]
        else:
            x.append(parts[name])
            names.append(name)
    _check_names_of_x(path, names, columns)
    y, classes = (None, ()) if labels is None else _labels(path, labels, held[labels], lines)
    return Read(np.stack(x, axis=1), tuple(names), tuple(categories), y, classes)


def _check_names_of_x(path, names, expected):
    """Raise a ValueError for two columns of one name, and for another order than asked."""
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(
            f"{path} gives two columns the name {twice[0]!r}, a column of numbers and the one "
            "made for a value of a category: rename the column of numbers."
        )
    if expected is not None and names != list(expected):
        raise ValueError(
            f"columns= asks for {_listed(expected)}, and the table gives {_listed(names)}: the "
            "columns of a category belong side by side."
        )


def _values(path, name, cells) -> list[str]:
    """Return the values of a category, sorted; none of a column of numbers."""
    texts = {str(cell).strip() for cell in cells if not _lost(cell)}
    if not texts or any(map(_is_number, texts)):
        return []
    if len(texts) == 1:
        raise ValueError(
            f"{path} holds {_listed(texts)} in every line of column {name!r}, which says nothing. "
            f"Leave it out: drop=[{name!r}] (--drop on the command line)."
        )
    if len(texts) > min(_MOST_CATEGORIES, len(cells) // 2):
        raise ValueError(
            f"{path} holds {len(texts)} different texts in the {len(cells)} lines of column "
            f"{name!r}, such as {_listed(sorted(texts)[:2])}; at most {_MOST_CATEGORIES}, and half "
            f"as many as lines, are taken for a category. Leave it out: drop=[{name!r}] (--drop on "
            "the command line)."
        )
    return sorted(texts)


def _expected_values(path, held, columns) -> dict[str, list[str]]:
    """Return the columns of a file that `columns` expects, with the values of categories."""
    values, missing = {}, []
    for column in columns:
        name, equals, value = column.rpartition("=")
        if column in held:
            values[column] = []
        elif equals and name in held:
            values.setdefault(name, []).append(value)
        else:
            missing.append(column)
    _check_columns(path, missing, [name for name in held if name not in values], columns)
    return values


def _one_hot(path, name, cells, known, lines) -> np.ndarray:
    """Return 1 where a cell has a known value, else 0, float32 [n, values]."""
    texts = np.array([str(cell).strip() for cell in cells])
    x = (texts[:, None] == np.array(known)).astype("float32")
    if len(lost := np.flatnonzero(x.sum(axis=1) == 0)):
        i = lost[0]
        what = "no value" if _lost(cells[i]) else f"{texts[i][:40]!r}"
        raise ValueError(
            f"{path} has {what} in line {lines[i]}, column {name!r}, and {_listed(known)} are "
            f"expected; of this kind are {len(lost)} cells. Mend them, or leave out their rows."
        )
    return x


def _check_columns(path, missing, others, expected):
    """Raise a ValueError where a file lacks expected columns, or has others."""
    if not missing and not others:
        return
    said = [f"lacks {_listed(missing)}"] if missing else []
    said += [f"has {_listed(others)}, which the model does not know"] if others else []
    fix = "" if missing else f" Leave out: drop={others[:_SHOWN]} (--drop on the command line)."
    raise ValueError(
        f"{path} {' and '.join(said)}. The model takes the columns {_listed(expected)}.{fix}"
    )


# Files


def _csv(path):
    """Return the cells of a file by column, text, and the line of each row."""
    rows, lines = [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(_DELIMITERS, key=first.count))
            names = [name.strip() for name in next(reader, [])]
            _check_names(path, names)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(names):
                    raise ValueError(
                        f"{path} has {len(row)} cells in line {reader.line_num}, and "
                        f"{len(names)} columns: {_listed(names)}. Mend that line."
                    )
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8 ({error}); save it as such.") from error
    except csv.Error as error:
        raise ValueError(f"{path} is no table of text: {error}.") from error
    if not rows:
        raise ValueError(f"{path} has names of columns, and no rows.")
    return dict(zip(names, zip(*rows, strict=True), strict=True)), lines


def _check_names(path, names):
    if not any(names):
        raise ValueError(f"{path} is empty; a line with the names of the columns is expected.")
    if all(_is_number(name) for name in names):
        line = ",".join(f"c{i}" for i in range(1, min(len(names), 4) + 1))
        more = ",..." if len(names) > 4 else ""
        raise ValueError(
            f"{path} begins with numbers, and not with names of columns. Put a line with "
            f"{len(names)} names first, such as {line}{more}"
        )
    if "" in names:
        raise ValueError(f"{path} has no name for column {names.index('') + 1} in its first line.")
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(f"{path} has the column {twice[0]!r} twice; rename one.")


def _parquet(path):
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportError(
            f"{path} needs pyarrow: pip install pyarrow. Or save the table as a .csv file."
        ) from error
    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is no parquet file: {error}") from error
    names = [str(name) for name in table.column_names]
    _check_names(path, names)
    if not table.num_rows:
        raise ValueError(f"{path} has names of columns, and no rows.")
    held = {}
    for name, column in zip(names, table.columns, strict=True):
        cells = column.to_pylist()
        held[name] = ["" if cell is None else cell for cell in cells]
    return held, range(1, table.num_rows + 1)


# Cells


def _numbers(path, held, lines) -> np.ndarray:
    """Return columns of cells as float32 [n, features]."""
    found = {name: _column(cells) for name, cells in held.items()}
    text = {
        name: next(i for i, cell in enumerate(held[name]) if not (_is_number(cell) or _lost(cell)))
        for name, values in found.items()
        if values is None
    }
    if text:
        name, i = next(iter(text.items()))
        raise ValueError(
            f"{path} holds {str(held[name][i])[:40]!r} in line {lines[i]}, column {name!r}, and "
            f"its other cells are numbers. Mend the cells, or leave out {_listed(text)}: "
            f"drop={list(text)[:_SHOWN]} (--drop on the command line)."
        )
    x = np.stack(list(found.values()), axis=1)  # float64 [n, features]
    lost = ~(np.abs(x) <= _LARGEST)
    if lost.any():
        i, j = np.argwhere(lost)[0]
        names = list(held)
        cell = held[names[j]][i]
        what = "no value" if _lost(cell) else f"{cell!r}, which float32 cannot hold,"
        where = [names[k] for k in np.flatnonzero(lost.any(axis=0))]
        raise ValueError(
            f"{path} has {what} in line {lines[i]}, column {names[j]!r}; of this kind are "
            f"{int(lost.sum())} cells in {_listed(where)}. Fill them in, for instance with the "
            "median of the column, or leave out their rows or columns."
        )
    return x.astype("float32")


def _column(cells) -> np.ndarray | None:
    """Return cells as numbers, NaN where one is missing; None if one holds text."""
    try:
        return np.array([float(cell) for cell in cells])
    except (TypeError, ValueError):
        known = [_is_number(cell) or _lost(cell) for cell in cells]
        if not all(known):
            return None
        return np.array([float(cell) if _is_number(cell) else np.nan for cell in cells])


def _labels(path, name, cells, lines):
    """Return labels, int32 [n], and their names where they are text."""
    if empty := [i for i, cell in enumerate(cells) if _lost(cell)]:
        raise ValueError(f"{path} has no label in line {lines[empty[0]]}, column {name!r}.")
    values = _column(cells)
    if values is None:
        classes, y = np.unique([str(cell) for cell in cells], return_inverse=True)
        return y.astype("int32"), tuple(map(str, classes))
    if not (values == np.round(values)).all():
        i = int(np.flatnonzero(values != np.round(values))[0])
        raise ValueError(
            f"{path} has the label {cells[i]} in line {lines[i]}, column {name!r}; labels are "
            "integers or text."
        )
    return values.astype("int32"), ()


def _is_number(cell) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def _lost(cell) -> bool:
    return str(cell).strip().lower() in MISSING


def _listed(names) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
