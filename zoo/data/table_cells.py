"""The cells of a table by column: from .csv, .tsv and .parquet files, and from data frames."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.numbers_in_text import is_number, with_decimal_points

ENDINGS = (".csv", ".tsv", ".parquet")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32"}
_MARKS |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_SAMPLE = 2**14  # characters that are searched for the delimiter
_FRAMES = "a pandas or polars DataFrame, or a pyarrow Table"


@dataclass(frozen=True)
class Cells:
    """The cells of a table, before they are turned into numbers or categories.

    Attributes:
        origin: the name of the table in messages: its path, or "the DataFrame".
        columns: cells by the name of their column; "" for an empty cell.
        lines: the number of each row: its line in a file, counted from 1, or its row in a frame.
        unit: "line" or "row", whichever `lines` counts.
        dialect: the format of the file in words, such as "semicolons between the cells".
    """

    origin: str
    columns: Mapping[str, Sequence]
    lines: Sequence[int]
    unit: str = "line"
    dialect: tuple[str, ...] = ()

    def place(self, row: int, name: str) -> str:
        """Return the place of a cell in words."""
        return f"in {self.unit} {self.lines[row]}, column {name!r}"


def is_table(path: Any) -> bool:
    """Return whether a path has the ending of a table."""
    return isinstance(path, str | os.PathLike) and Path(path).suffix.lower() in ENDINGS


def is_frame(table: Any) -> bool:
    """Return whether this is a data frame of pandas, polars or pyarrow: columns by name."""
    return hasattr(table, "columns") and hasattr(table, "__getitem__")


def cells_of(table: Any, delimiter: str | None = None, decimal: str | None = None) -> Cells:
    """Return the cells of a file or a data frame.

    Args:
        table: a path, or a data frame.
        delimiter: the character between the cells of a .csv or .tsv file; None detects it.
        decimal: "." or ","; None detects it.

    Raises:
        FileNotFoundError: there is no such file. ImportError: pyarrow is needed.
        TypeError: neither a path nor a data frame.
        ValueError: not a table, no names of columns, no rows, or lines of different lengths.
    """
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal is {decimal!r}; give '.' or ','.")
    if not isinstance(table, str | os.PathLike):
        return _of_frame(table)
    path = Path(table)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; give a file: {', '.join(ENDINGS)}.")
    if not is_table(path):
        raise ValueError(f"{path} is not a table; a table's name ends in {', '.join(ENDINGS)}.")
    if path.suffix.lower() == ".parquet":
        return _of_parquet(path)
    return _of_csv(path, delimiter, decimal)


# Text


def _of_csv(path, delimiter, decimal) -> Cells:
    encoding = _encoding(path)
    rows, lines = [], []
    try:
        with path.open(newline="", encoding=encoding) as file:
            delimiter = _checked(delimiter) if delimiter else _delimiter(file.read(_SAMPLE))
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            names = [name.strip() for name in next(reader, [])]
            if any("\0" in name for name in names):
                raise ValueError(
                    f"{path} holds zero bytes, such as UTF-16 without a byte order mark has: save "
                    "it as UTF-8."
                )
            _check_names(path, names)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(names):
                    raise ValueError(
                        f"{path} has {len(row)} cells in line {reader.line_num}, but "
                        f"{len(names)} columns: {listed(names)}. Correct that line; or name the "
                        "character between the cells: delimiter= (--delimiter on the command line)."
                    )
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise ValueError(f"{path} is not text in {name} ({error}); save it as UTF-8.") from error
    except csv.Error as error:
        raise ValueError(f"{path} is not a text table: {error}.") from error
    if not rows:
        raise ValueError(f"{path} has names of columns, but no rows.")
    cells = Cells(str(path), dict(zip(names, zip(*rows, strict=True), strict=True)), lines)
    columns, sign = with_decimal_points(cells, decimal, delimiter)
    dialect = [f"{DELIMITERS.get(delimiter, repr(delimiter))} between the cells"]
    dialect += [f"decimal {'commas' if sign == ',' else 'points'}"] if sign else []
    dialect += [encoding.upper()] if encoding.startswith("utf-16") else []
    return Cells(str(path), columns, lines, dialect=tuple(dialect))


def _encoding(path) -> str:
    """Return the encoding that the byte order mark of a file names, or UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")


def _checked(delimiter: Any) -> str:
    """Return a valid delimiter; command lines may write a tab as a word."""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n.':
        raise ValueError(
            f"delimiter is {delimiter!r}; give one character, such as ';', or the word tab."
        )
    return delimiter


def _delimiter(sample) -> str:
    """Return the delimiter that the sniffer finds, if the first line has it; else guess."""
    first = sample.lstrip("\r\n").splitlines()[:1] or [""]
    try:
        found = csv.Sniffer().sniff(sample, delimiters="".join(DELIMITERS)).delimiter
    except csv.Error:
        found = ""
    if found and found in first[0]:
        return found
    return max(DELIMITERS, key=first[0].count)


def _check_names(origin, names, frame=False):
    if not any(names):
        raise ValueError(f"{origin} is empty; a line with the names of the columns is expected.")
    if all(is_number(name) for name in names):
        some = [f"c{i}" for i in range(1, min(len(names), 4) + 1)]
        more = ",..." if len(names) > 4 else ""
        if frame:
            raise ValueError(
                f"{origin} has numbers as names of its columns, {listed(names)}: name them, "
                f"frame.columns = {some}{' and so on' if more else ''}."
            )
        raise ValueError(
            f"{origin} begins with numbers, not with names of columns. Put a line with "
            f"{len(names)} names first, such as {','.join(some)}{more}"
        )
    if "" in names:
        raise ValueError(
            f"{origin} has no name for column {names.index('') + 1} in its first line."
        )
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ValueError(f"{origin} has the column {twice[0]!r} twice; rename one.")


# Typed files and data frames


def _of_parquet(path) -> Cells:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportError(
            f"{path} needs pyarrow: pip install pyarrow. Or save the table as a .csv file."
        ) from error
    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a parquet file: {error}") from error
    return _of_columns(str(path), table.column_names, table.columns, "line", first=1)


def _of_frame(frame) -> Cells:
    if hasattr(frame, "collect_schema") and not hasattr(frame, "to_dicts"):
        raise TypeError("table is a LazyFrame: give frame.collect().")
    if isinstance(frame, dict):
        raise TypeError("table is a dict: give pandas.DataFrame(table).")
    if hasattr(frame, "column_names"):  # pyarrow
        return _of_columns("the Table", frame.column_names, frame.columns, "row")
    if not is_frame(frame):
        raise TypeError(
            f"table is a {type(frame).__name__}; give the path of a file ({', '.join(ENDINGS)}), "
            f"or {_FRAMES}. An array need not be read: its likelihood is "
            "zoo.GaussianColumns.adapted(x, names)."
        )
    names = list(frame.columns)
    pick = frame.iloc.__getitem__ if hasattr(frame, "iloc") else None
    columns = [pick((slice(None), i)) if pick else frame[name] for i, name in enumerate(names)]
    return _of_columns("the DataFrame", names, columns, "row")


def _of_columns(origin, names, columns, unit, first=0) -> Cells:
    names = [str(name).strip() for name in names]
    _check_names(origin, names, frame=unit == "row")
    held = {name: _listed_cells(column) for name, column in zip(names, columns, strict=True)}
    n = len(next(iter(held.values())))
    if not n:
        raise ValueError(f"{origin} has names of columns, but no rows.")
    return Cells(origin, held, range(first, n + first), unit)


def _listed_cells(column) -> list:
    """Return the cells of a column of pyarrow, polars or pandas; "" for an empty cell."""
    if hasattr(column, "to_pylist"):
        from pyarrow import types

        if types.is_temporal(column.type) and not types.is_duration(column.type):
            column = column.cast("string")  # because Python's times have no nanoseconds
        return ["" if cell is None else cell for cell in column.to_pylist()]
    if hasattr(column, "isna"):
        pairs = zip(column.tolist(), column.isna(), strict=True)
        return ["" if lost else cell for cell, lost in pairs]
    return ["" if cell is None else cell for cell in column.to_list()]


def listed(names: Any, most: int = 8) -> str:
    """Return the first names in words, at most `most`, and the number of the others."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
