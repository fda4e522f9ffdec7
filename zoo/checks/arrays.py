"""Convert users' arrays of every kind to NumPy arrays that every backend reads correctly.

All data that users pass is converted by `as_array`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.checks.tables import (
    WAY_TO_LEARN,
    column_as_array,
    is_table,
    listed,
    named,
    table_as_array,
)
from zoo.checks.words import kind_of_items

MOST_COUNT = 2**24
LARGEST = float(np.finfo(np.float32).max)


def as_array(x: Any, name: str = "x", columns: Sequence[str] | None = None) -> Any:
    """Return data as a NumPy array in the byte order of this machine.

    It takes NumPy arrays, nested lists, tensors and variables of TensorFlow, JAX, PyTorch and
    Keras, tables of pandas, Polars and PyArrow, and all other objects with `__array__`. Tables
    become floats; text in a table must be numbers.

    Args:
        x: the data. name: the name of the data, for errors.
        columns: the names of the expected columns: the columns of a table are put in this order.
            None keeps the order of the table.

    Returns:
        an array of the same dtype if NumPy has it, copied only if necessary; or `x` itself if it is
        an array that stays on disk.

    Raises:
        TypeError: it is not an array, or it is a sparse array, a symbolic tensor, or a table with
            text or dates.
        ValueError: it has masked values, rows of different lengths, or columns that are missing,
            unknown, or duplicated.
    """
    if type(x) is not np.ndarray:
        if is_stored(x):
            return x
        x = _converted(x, name, columns)
    if x.dtype.names:
        raise TypeError(
            f"{name} is a structured array with the fields {named(x.dtype.names)}; make it one of "
            f"numbers: {name} = np.lib.recfunctions.structured_to_unstructured({name})."
        )
    if x.dtype.kind == "V" and x.dtype.type is not np.void:  # bfloat16, which PyTorch cannot read
        x = x.astype("float32")
    if x.dtype.kind == "f" and x.dtype.itemsize > 8:  # longdouble, which no framework supports
        x = x.astype("float64")
    if not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    if min(x.strides, default=0) < 0:  # PyTorch does not accept negative strides
        x = x.copy()
    return x


def is_stored(x: Any) -> bool:
    """Return whether data are an array that stays on disk, as from `zoo.data.from_folder`."""
    return callable(getattr(x, "value_range", None))


def _converted(x, name, columns):
    if isinstance(x, np.ma.MaskedArray):
        return _unmasked(x, name)
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    if isinstance(x, list | tuple | range):
        return _of_list(x, name)
    if is_table(x):
        return table_as_array(x, name, columns)
    if hasattr(x, "toarray") or hasattr(x, "todense"):
        dense = "toarray" if hasattr(x, "toarray") else "todense"
        raise TypeError(
            f"{name} is sparse ({type(x).__name__}); models take dense arrays: "
            f"{name} = {name}.{dense}()."
        )
    if _is_variable(x):
        x = x.value
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        return _of_torch(x, name)
    if hasattr(x, "to_numpy"):
        return column_as_array(x)
    known = ("__array__", "__array_interface__", "__buffer__")
    number = isinstance(x, bool | int | float | np.generic)
    if not number and not any(hasattr(x, way) for way in known) and not _has_buffer(x):
        raise _unknown(x, name)
    try:
        return np.asarray(x)
    except Exception as error:  # each framework raises its own error for a symbolic tensor
        raise _unknown(x, name) from error


def _is_variable(x):
    """Say whether x is a variable of Keras, which need not start for data that is none of it."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(x, keras.Variable)


def _unknown(x, name):
    if isinstance(x, str | os.PathLike):
        return TypeError(
            f"{name} is the text {str(x)!r}; give the data themselves. They are read by "
            f"zoo.data.from_folder({str(x)!r}, size, validation=0) for a folder of images, and by "
            f"zoo.data.from_table({str(x)!r}) for a file with a table."
        )
    lazy = f" Collect it first: {name}.collect()." if hasattr(x, "collect") else ""
    return TypeError(
        f"{name} is a {type(x).__module__}.{type(x).__name__}, which is not known. Give a NumPy "
        "array, a nested list, a tensor with values, a table (DataFrame), or batches: a "
        f"tf.data.Dataset, keras.utils.PyDataset, PyTorch DataLoader or generator.{lazy}"
    )


def with_nan(x: Any) -> Any:
    """Return a masked array of numbers with NaN in place of masked values; else x itself."""
    if not isinstance(x, np.ma.MaskedArray) or x.dtype.kind not in "fiub":
        return x
    kind = x.dtype if x.dtype.kind == "f" else "float64"
    return np.ma.filled(x.astype(kind), np.nan)


def _unmasked(x, name):
    if np.ma.is_masked(x):
        raise ValueError(
            f"{name} is a masked array, and {int(np.ma.count_masked(x))} of its values are masked; "
            f"models do not support masks. Fill them in, {name}.filled(0.0) or with the mean of "
            f"their column, or leave out their rows: np.ma.compress_rows({name}). {WAY_TO_LEARN}"
        )
    return np.asarray(x.data)


def _of_list(x, name):
    def plain(value):
        if isinstance(value, list | tuple | range):
            return [plain(one) for one in value]
        return as_array(value, name) if hasattr(value, "shape") else value

    x = plain(x)
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"{name} is a list of {len(x)} items with different shapes; all rows need the same "
            "shape."
        ) from error


def _of_torch(x, name):
    if str(x.layout) != "torch.strided":
        raise TypeError(
            f"{name} is a sparse tensor; models take dense ones: {name} = {name}.to_dense()."
        )
    x = x.detach().cpu()
    return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()


def _has_buffer(x):
    try:
        memoryview(x)
    except TypeError:
        return False
    return not isinstance(x, bytes | bytearray)


# Checks of items


def few_rows(x: Any, y: Any = None, n: int = 256) -> tuple[np.ndarray, np.ndarray | None]:
    """Return up to `n` evenly spaced items as float32, and their labels or None.

    Args:
        x, y: NumPy arrays, or arrays that stay on disk.
    """
    step = -(-len(x) // n)
    return np.asarray(x[::step], "float32"), None if y is None else np.asarray(y[::step])


def check_images(x: Any, input_shape: tuple, likelihood: Any = None, name: str = "x") -> Any:
    """Check images, signals or rows: their shape, dtype, and range.

    Args:
        x: any array that `as_array` takes.
        input_shape: the model's input shape without the batch.
        likelihood: if given, its range is checked too, and the columns of tables are put in the
            order of its `names`.
        name: the name of the array, for errors.

    Returns:
        `x` as an array with the same float dtype, or `x` itself if it stays on disk.

    Raises:
        TypeError: it holds integers, or has another dtype that cannot hold pixels in [0, 1].
        ValueError: it is empty, has a wrong shape, NaN or infinity, or values out of range.
    """
    if getattr(likelihood, "takes_missing", False):
        x = with_nan(x)
    x = as_array(x, name, getattr(likelihood, "names", None))
    shape, expected = tuple(x.shape), tuple(input_shape)
    if 0 in shape[:1]:
        raise ValueError(
            f"{name} is empty: its shape is {shape}. Give at least one "
            f"{kind_of_items(expected)[:-1]}."
        )
    if shape[1:] != expected:
        raise ValueError(f"{name} has shape {shape}; {_shape_fix(shape, expected)}")
    whole = getattr(likelihood, "whole", False)
    kind = np.dtype(x.dtype).kind
    if whole and kind in "iu":
        x, kind = np.asarray(x, "float64"), "f"
    if kind not in "biufc":
        raise TypeError(f"{name} has dtype {x.dtype}, which is not numeric; give float32.")
    if kind in "iu":
        floats = f'{name} = {name}.astype("float32")'
        fix = f"For pixels from 0 to 255: {floats} / 255." if len(expected) > 1 else f"{floats}."
        raise TypeError(f"{name} has dtype {x.dtype}; the model takes floats. {fix}")
    if kind != "f":
        raise TypeError(
            f'{name} has dtype {x.dtype}; the model takes float32: {name}.astype("float32").'
        )
    in_memory = isinstance(x, np.ndarray)
    if getattr(likelihood, "check", None) is None:
        low, high = (float(x.min()), float(x.max())) if in_memory else x.value_range()
    else:
        low, high = _range_of_checked(x, likelihood, name)
    if not -LARGEST <= low <= high <= LARGEST:
        where = _where_not_finite(x, likelihood) if len(expected) == 1 else ""
        way = f" {WAY_TO_LEARN}" if len(expected) == 1 and np.isnan(low) else ""
        raise ValueError(
            f"{name} holds NaN or infinite values{where}; remove or replace them first.{way}"
        )
    if whole:
        return _checked_counts(x, low, high, likelihood, name)
    _check_range(name, low, high, likelihood, images=len(expected) > 1)
    return x


def _range_of_checked(x, likelihood, name):
    """Return the lowest and highest value, after the likelihood's own check of x."""
    ranges = []
    for start in range(0, len(x), 4096):  # read a file in pieces
        values = likelihood.check(np.asarray(x[start : start + 4096]), name, start)
        ranges.append((values.min(), values.max()))
    lows, highs = zip(*ranges, strict=True)
    return float(np.min(lows)), float(np.max(highs))  # which NaN passes through


def _checked_counts(x, low, high, likelihood, name):
    """Return checked counts, as float32 unless they stay on disk."""
    said = f"a {type(likelihood).__name__} likelihood needs whole numbers of at least 0"
    fix = 'For other values make the model with likelihood="gaussian".'
    if low < 0 or high > MOST_COUNT:
        more = "" if low < 0 else f", and at most {MOST_COUNT}, as float32 skips some above"
        raise ValueError(
            f"the values of {name} {'go down to' if low < 0 else 'reach'} "
            f"{low if low < 0 else high:g}; {said}{more}. {fix}"
        )
    for start in range(0, len(x), 1024):  # read a file in pieces
        some = np.asarray(x[start : start + 1024])
        fractions = some[some != np.floor(some)]
        if fractions.size:
            raise ValueError(f"{name} holds fractions, such as {fractions[0]:g}; {said}. {fix}")
    return in_numpy(x)


def in_numpy(x: Any) -> Any:
    """Return checked images as a float32 NumPy array, or unchanged if they stay on disk."""
    return np.asarray(x, "float32") if isinstance(x, np.ndarray) else x


def _where_not_finite(x, likelihood):
    lost = np.flatnonzero(~np.isfinite(x).all(axis=0))
    return f" in {listed(lost, getattr(likelihood, 'names', None))}" if len(lost) else ""


def _shape_fix(shape, expected):
    items = kind_of_items(expected)
    message = f"the model takes {items} of shape {expected}, so {with_rows(expected)}"
    if shape == expected:
        return f"{message}. For a single {items[:-1]}: x[None]."
    if len(expected) == 3 and expected[-1] == 1 and shape[1:] == expected[:-1]:
        return f"{message}. The channel is missing: x[..., None]."
    if len(shape) > 1 and len(expected) > 1 and np.prod(shape[1:]) == np.prod(expected):
        return (
            f"{message}. The number of values fits: x.reshape(-1, {', '.join(map(str, expected))})."
        )
    if len(shape) == 2 and items == "rows":
        return f"{message}. Give the {expected[0]} columns that the model was trained on."
    return f"{message}. Resize or convert the {items}."


def _check_range(name, low, high, likelihood, images):
    if likelihood is None or likelihood.in_own_units or not likelihood.may_be_bytes:
        return
    bytes_ = 16 < high <= 255 and low >= 0
    what = f"the {'pixels' if bytes_ and images else 'values'} of {name}"
    least, most = likelihood.bounds
    if (least, most) == (-np.inf, np.inf):
        if bytes_ and high == round(high):
            raise ValueError(
                f"{what} reach {high}; networks learn from small numbers: divide by 255, or "
                "standardize them."
            )
        return
    if low < least or high > most:
        where = f"reach {high}" if high > most else f"go down to {low}"
        fix = "divide by 255" if bytes_ else "rescale them"
        if not (bytes_ and images):
            fix += ', or standardize them and make the model with likelihood="gaussian"'
        raise ValueError(
            f"{what} {where}; a {type(likelihood).__name__} likelihood needs "
            f"{likelihood.described_range()}: {fix}."
        )


def with_rows(shape: tuple[int, ...]) -> str:
    """Return a shape with the number of rows first, for messages: (n, ...)."""
    return f"(n, {', '.join(map(str, shape))})"
