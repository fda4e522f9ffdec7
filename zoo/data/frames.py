"""Rows of numbers as a data frame, with the categories and integer columns of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.data.table_cells import listed
from zoo.data.table_columns import Columns

LEAST_MATCHED = 100  # rows; with fewer, ranks are poor estimates of quantiles


def frame_of(
    rows: Any,
    table: np.ndarray,
    columns: Sequence[str],
    categories: Sequence[tuple[int, int]],
    category_names: Sequence[str],
    match: bool = False,
) -> Any:
    """Return rows as a pandas DataFrame; for arguments and errors see `Table.to_frame`.

    Args:
        table: all rows of the table, float32 [m, features].
        columns, categories, category_names: as in `Table`.
    """
    pandas = pandas_for("to_frame")
    rows = _checked(rows, table.shape[1], match)

    def numbers(j, values):
        known = table[:, j].astype("float64")
        return _numbers(values, known[~np.isnan(known)], match)

    return pandas.DataFrame(_cells(rows, columns, categories, category_names, numbers))


def frame_of_model(rows: np.ndarray, likelihood: Any) -> Any:
    """Return rows of a model as a pandas DataFrame with the columns of its training table.

    Numbers are within the range of the training rows, and have as many decimals.

    Args:
        rows: numbers [n, features]. likelihood: that of the model, with names of columns.

    Raises:
        ImportError: pandas is needed. ValueError: the likelihood has no names, or names of columns
            that do not tell the categories.
    """
    pandas = pandas_for("frame=True")
    columns = Columns.of(likelihood)
    if columns is None:
        raise ValueError(
            "frame=True needs the names of columns, which this model does not have: make its "
            "likelihood with names, such as zoo.GaussianColumns.adapted(x, names), or by "
            "zoo.data.from_table(file).likelihood()."
        )
    if columns.categories and columns.category_names is None:
        raise ValueError(
            f"The names of the columns, {listed(columns.names)}, do not tell which categories they "
            "belong to: give category_names= to zoo.MixedColumns.adapted."
        )
    names = columns.names, columns.categories or (), columns.category_names or ()

    def numbers(j, values):
        if likelihood.whole:
            return np.round(values).astype("int64")
        return likelihood.written(j, values)

    return pandas.DataFrame(_cells(rows, *names, numbers))


def pandas_for(what: str) -> Any:
    """Return the module pandas, or raise an ImportError that says what needs it."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{what} needs pandas for its DataFrame: pip install pandas") from error
    return pandas


def _cells(rows, columns, categories, category_names, numbers: Callable) -> dict:
    """Return the columns of a table by name; `numbers(j, values)` makes those of numbers."""
    pandas = pandas_for("A data frame")
    made_of = dict(zip(categories, category_names, strict=True))
    inside = {j: pair for pair in categories for j in range(*pair)}
    found = {}
    for j, name in enumerate(columns):
        if j not in inside:
            found[name] = numbers(j, rows[:, j])
        elif j == inside[j][0]:  # the first column of a category
            start, stop = inside[j]
            source = made_of[start, stop]
            values = [column.removeprefix(f"{source}=") for column in columns[start:stop]]
            cells = pandas.Categorical.from_codes(rows[:, start:stop].argmax(axis=1), values)
            found[source] = cells == "True" if values == ["False", "True"] else cells
    return found


def _numbers(values, known, match):
    """Return numbers [n] within the range of the known ones, rounded if those are integers."""
    values = matched(values, known) if match else values
    values = np.clip(values, known.min(), known.max())
    if (known == np.round(known)).all() and np.abs(known).max() < 2**53:
        return np.round(values).astype("int64")
    return values


def matched(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the quantiles of known numbers [m] that have the ranks of the values [n], [n]."""
    ranks = values.argsort(kind="stable").argsort(kind="stable")
    return np.quantile(known, (ranks + 0.5) / len(values))


def _checked(rows, features, match):
    rows = np.asarray(rows)
    if rows.dtype.kind not in "fiub":
        raise TypeError(f"rows has dtype {rows.dtype}; numbers [n, {features}] are expected.")
    if rows.ndim != 2 or rows.shape[1] != features:
        raise ValueError(
            f"rows has shape {rows.shape}; (n, {features}) is expected, such as the rows of "
            "`generate(n)` of a model of this table."
        )
    if not np.isfinite(rows).all():
        raise ValueError("rows holds NaN or infinite values.")
    if match and len(rows) < LEAST_MATCHED:
        raise ValueError(
            f"match=True gives the rows together the distribution of the table, but there are "
            f"{len(rows)} rows: generate {LEAST_MATCHED} or more at once, 1,000 if you can."
        )
    return rows.astype("float64")
