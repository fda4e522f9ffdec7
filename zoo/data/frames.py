"""Rows of numbers as a data frame, with the categories and integer columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame needs pandas for its DataFrame: pip install pandas") from error

    rows = _checked(rows, table.shape[1], match)
    made_of = dict(zip(categories, category_names, strict=True))
    inside = {j: pair for pair in categories for j in range(*pair)}
    found = {}
    for j, name in enumerate(columns):
        if j not in inside:
            found[name] = _numbers(rows[:, j], table[:, j].astype("float64"), match)
        elif j == inside[j][0]:  # the first column of a category
            start, stop = inside[j]
            source = made_of[start, stop]
            values = [column.removeprefix(f"{source}=") for column in columns[start:stop]]
            cells = pandas.Categorical.from_codes(rows[:, start:stop].argmax(axis=1), values)
            found[source] = cells == "True" if values == ["False", "True"] else cells
    return pandas.DataFrame(found)


def _numbers(values, known, match):
    """Return numbers [n] within the range of the known ones, rounded if those are integers."""
    if match:
        ranks = values.argsort(kind="stable").argsort(kind="stable")
        values = np.quantile(known, (ranks + 0.5) / len(values))
    values = np.clip(values, known.min(), known.max())
    if (known == np.round(known)).all() and np.abs(known).max() < 2**53:
        return np.round(values).astype("int64")
    return values


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
