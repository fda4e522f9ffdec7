"""Arrow columns as arrays, and outputs as Arrow columns, without a copy where the layout allows it.

pyarrow is imported only if a caller already has it, or asks for Arrow.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np


def is_column(value: Any) -> bool:
    """Return whether a value is one Arrow column: a `pyarrow.Array` or `ChunkedArray`."""
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(value, pyarrow.Array | pyarrow.ChunkedArray)


def is_batch(value: Any) -> bool:
    """Return whether a value has Arrow columns: a `pyarrow.RecordBatch` or `Table`."""
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(value, pyarrow.RecordBatch | pyarrow.Table)


def array_of(column: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a column as an array [n, ...].

    For numbers and lists of a fixed size it is a view of Arrow's memory, which must not be written
    to. A column in several chunks is copied.

    Args:
        column: a `pyarrow.Array` or `ChunkedArray` of numbers, of lists of numbers that have the
            same length in all rows, or of tensors of a fixed shape.
        shape: the shape of a row; None leaves it as the lists have it. Lists of numbers that hold
            as many values as a row get this shape. Lists of lists, and tensors, get it if they
            differ from it by axes of size 1 alone; otherwise they stay as they are.

    Raises:
        TypeError: neither numbers nor lists of numbers.
        ValueError: empty cells, or lists of different lengths.

    Example:
        >>> import pyarrow
        >>> from zoo.runtime.arrow import array_of
        >>> pixels = pyarrow.array([[0.0, 0.5], [1.0, 0.25]], pyarrow.list_(pyarrow.float32(), 2))
        >>> array_of(pixels).tolist()
        [[0.0, 0.5], [1.0, 0.25]]
    """
    import pyarrow

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(column, pyarrow.ChunkedArray):  # an extension type in several chunks, or in none
        column = pyarrow.concat_arrays(column.chunks or [pyarrow.array([], column.type)])
    found = _values(column)
    if shape is not None and _holds_rows(found.shape[1:], shape):
        found = found.reshape(len(found), *shape)
    return found


def _holds_rows(found, shape) -> bool:
    """Return whether `found` is `shape`, flattened, or with other axes of size 1."""
    if len(found) < 2:
        return math.prod(found) == math.prod(shape)
    return [n for n in found if n != 1] == [n for n in shape if n != 1]


def _values(column) -> np.ndarray:
    import pyarrow

    kind = column.type
    if isinstance(column, pyarrow.FixedShapeTensorArray):
        _check_full(column)
        return column.to_numpy_ndarray()
    if isinstance(column, pyarrow.ExtensionArray):
        return _values(column.storage)
    if pyarrow.types.is_fixed_size_list(kind):
        _check_full(column)
        inner = _values(column.flatten())
        return inner.reshape(len(column), kind.list_size, *inner.shape[1:])
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        _check_full(column)
        lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise ValueError(
                f"The lists of this column have from {lengths[0]} to {lengths[-1]} values; all "
                "rows must have equally many: leave the others out."
            )
        inner = _values(column.flatten())
        return inner.reshape(len(column), int(lengths.sum()), *inner.shape[1:])
    if not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)):
        raise TypeError(
            f"This Arrow column holds {kind}; numbers, or lists of numbers, are expected."
        )
    _check_full(column)
    return column.to_numpy(zero_copy_only=False)


def _check_full(column):
    if column.null_count:
        first = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(
            f"{column.null_count} of the {len(column)} cells of this Arrow column are empty, "
            f"the first in row {first}: fill them, or leave these rows out."
        )


def to_arrow(arrays: Mapping[str, Any]) -> Any:
    """Return arrays, such as the outputs of a session, as a `pyarrow.RecordBatch`.

    Arrays [n] become columns of numbers, and arrays [n, ...] columns of lists of a fixed size,
    which hold the values of a row in the order of NumPy. Memory in that order is not copied.

    Args:
        arrays: arrays of numbers with the same number of rows, by name.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: different numbers of rows.

    Example:
        >>> from zoo.runtime.arrow import to_arrow
        >>> to_arrow({"z": np.zeros((3, 2), "float32")}).schema.field("z").type
        FixedSizeListType(fixed_size_list<item: float>[2])
    """
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise ImportError("Arrow columns need pyarrow: pip install pyarrow.") from error

    columns = {}
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        values = pyarrow.array(array.reshape(-1))
        if array.ndim > 1:
            values = pyarrow.FixedSizeListArray.from_arrays(values, math.prod(array.shape[1:]))
        columns[name] = values
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(
            f"The arrays have different numbers of rows, {rows}: give arrays of the same rows."
        )
    return pyarrow.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
