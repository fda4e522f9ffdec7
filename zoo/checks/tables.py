"""Convert tables of pandas, Polars and PyArrow: columns become arrays, in order of their names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

_SHOWN = 8
WAY_TO_LEARN = (
    "Autoencoder, DenoisingAutoencoder, VAE and IWAE can learn from rows with NaN, "
    'likelihood=zoo.GaussianColumns.adapted(x, missing="learn").'
)


def column_names(x: Any) -> list[str] | None:
    """Return the names of a table's columns as strings, or None if it has no names."""
    if not is_table(x):
        return None
    names = [str(name) for name in _labels(x)]
    unnamed = ([f"{prefix}{i}" for i in range(len(names))] for prefix in ("", "column_"))
    return None if names in unnamed else names


def is_table(x: Any) -> bool:
    """Return whether data are a table with columns, such as of pandas, Polars or PyArrow."""
    return len(getattr(x, "shape", ())) == 2 and hasattr(x, "columns")


def as_given(values: np.ndarray, x: Any, columns: Sequence[str] | None) -> np.ndarray:
    """Reorder the columns of rows [n, features] from the order of `columns` to the order of `x`.

    The rows are unchanged if `x` is not a table, or there are no names.
    """
    names = column_names(x)
    if names is None or columns is None:
        return values
    return values[:, [list(columns).index(name) for name in names]]


def _labels(x):
    """Return the labels of the columns of a table; in pandas they may be other than strings."""
    return list(x.column_names if hasattr(x, "column_names") else x.columns)


def column_as_array(series: Any) -> np.ndarray:
    """Return a column as an array; text that is not numbers stays text."""
    values = np.asarray(series.to_numpy())
    if values.dtype.kind not in "OUT" or values.ndim != 1:
        return values
    there = _is_there(series)
    numbers = np.full(len(values), np.nan)
    try:
        numbers[there] = values[there].astype("float64")
    except (TypeError, ValueError):
        return values
    return numbers


def _is_there(series):
    """Return which values of a column are not missing, bool [n]."""
    if hasattr(series, "isna"):
        return ~np.asarray(series.isna(), bool)
    if hasattr(series, "is_null"):
        return ~np.asarray(series.is_null(), bool)
    return np.full(len(series), True)


def table_as_array(x: Any, name: str, columns: Sequence[str] | None) -> np.ndarray:
    """Return the columns of a table as floats [n, columns]; see `zoo.checks.arrays.as_array`."""
    labels, found = _labels(x), [str(label) for label in _labels(x)]
    if twice := sorted({column for column in found if found.count(column) > 1}):
        raise ValueError(f"{name} has two columns {named(twice)}; give each a different name.")
    order = range(len(found))
    if columns is not None and column_names(x) is not None:
        _check_names(found, columns, name)
        order = [found.index(column) for column in columns]
    values = [column_as_array(x[labels[i]]) for i in order]
    text = []
    for i, column in zip(order, values, strict=True):
        if column.dtype.kind in "OUT" and all(
            isinstance(value, str) for value in column[_is_there(x[labels[i]])]
        ):
            text.append(found[i])
        elif column.dtype.kind not in "fiub":
            raise TypeError(
                f"Column {found[i]!r} of {name} holds {column.dtype}, such as {column[0]!r}; turn "
                "it into numbers, such as days since the first date."
            )
    if text:
        raise TypeError(_about_text(x, labels, found, text, name))
    if not values:
        return np.zeros((len(x), 0))
    dtype = np.result_type(*values)
    return np.stack(values, axis=1, dtype=dtype if dtype.kind == "f" else "float64")


def _check_names(found, columns, name):
    missing = [column for column in columns if column not in found]
    unknown = [column for column in found if column not in columns]
    if missing or unknown:
        wrong = [f"lacks the columns {named(missing)}"] if missing else []
        wrong += [f"has columns that the model does not know, {named(unknown)}"] if unknown else []
        if any(column.partition("=")[0] in unknown for column in missing if "=" in column):
            fix = (
                "encode the categories as columns of 0 and 1 by rows = "
                f"zoo.data.from_table({name}, columns=model.likelihood, validation=0).rows."
            )
        else:
            fix = "give these, in any order."
        raise ValueError(
            f"{name} {' and '.join(wrong)}. The model learned from the columns {named(columns)}: "
            f"{fix}"
        )


def _about_text(x, labels, found, text, name):
    """Return a message with the columns that hold text, and code to make categories of them."""
    counts = []
    for column in text:
        series = x[labels[found.index(column)]]
        values = set(map(str, np.asarray(series.to_numpy())[_is_there(series)]))
        counts.append(len(values))
    if hasattr(x, "to_dummies"):  # Polars keeps the order of the columns
        line, kept = f"{name} = {name}.to_dummies({text})", found
    else:
        pandas = name if hasattr(x, "iloc") else f"{name}.to_pandas()"
        line = f'{name} = pandas.get_dummies({pandas}, columns={text}, dtype="float32")'
        kept = [column for column in found if column not in text] + text
    categories, start = [], 0
    for column in kept:
        width = counts[text.index(column)] if column in text else 1
        if column in text:
            categories.append((start, start + width))
        start += width
    return (
        f"{name} has text in the columns {named(text)}, such as {min(values, default='')!r}. "
        "Categories become columns of 0 and 1, and the model gets a likelihood for them: "
        f"{line}, then likelihood=zoo.MixedColumns.adapted({name}, categories={categories}). "
        "zoo.data.from_table does it for files."
    )


def named(names: Sequence) -> str:
    """Return the first eight of a list of names as text."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(str(name)) for name in [*names][:_SHOWN]) + more


def listed(numbers: Any, names: Sequence[str] | None = None) -> str:
    """Return the first eight of a list of columns as text, by name if they have names."""
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    shown = (str(i) if names is None else repr(names[i]) for i in numbers[:_SHOWN])
    return f"columns {', '.join(shown)}{more}"


@contextlib.contextmanager
def explained_text(advice: str) -> Iterator[None]:
    """Add advice to the error that scikit-learn raises in this context for text in a table."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("could not convert string"):
            raise
        raise ValueError(f"{error}: {advice}") from error
