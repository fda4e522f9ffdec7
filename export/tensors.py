"""What goes into a part and comes out of it: names, dtypes, shapes, ranges, and their checks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_BOUNDS = {"float32": float(np.finfo(np.float32).max), "int32": float(np.iinfo(np.int32).max)}
# A pixel that interpolation pushed past 1 by a rounding error is no mistake of the caller's.
_RANGE_TOLERANCE = 1e-6
_FEW = 32


class Tensor(NamedTuple):
    """One input or output: `shape` is without the batch, `low` and `high` close its range."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    prior: dict[str, Any] | None = None
    layout: str = "channels_last"

    def __str__(self) -> str:
        dims = ", ".join(str(dim) for dim in ("batch", *self.shape))
        span = "" if self.low is None else f" in [{self.low:g}, {self.high:g}]"
        return f"{self.name}: {self.dtype} [{dims}]{span}"


def tensors(signature: dict[str, Any], which: str) -> tuple[Tensor, ...]:
    """The `"inputs"` or `"outputs"` of a signature, described."""
    found = []
    for entry in signature[which]:
        if entry["dtype"] not in _BOUNDS:
            raise ValueError(f"dtype {entry['dtype']!r} of {entry['name']!r}")
        low, high = entry.get("range") or (None, None)
        shape = tuple(int(dim) for dim in entry["shape"][1:])
        more = entry.get("prior"), entry.get("layout", "channels_last")
        found.append(Tensor(entry["name"], entry["dtype"], shape, low, high, *more))
    return tuple(found)


def check_array(tensor: Tensor, value: Any) -> np.ndarray:
    """A value as the array that an input wants, or a TypeError or ValueError that says why not."""
    try:
        array = np.asarray(value)
    except Exception as error:
        raise TypeError(f"{tensor}: this {type(value).__name__} is no array ({error}).") from error
    kinds = "iu" if tensor.dtype == "int32" else "fiu"
    if array.dtype.kind not in kinds:
        words = "integers" if tensor.dtype == "int32" else "numbers"
        raise TypeError(f"{tensor} takes {words}; {array.dtype} came.{_dtype_hint(array)}")
    if array.ndim == 0 or array.shape[1:] != tensor.shape:
        raise ValueError(f"{tensor} was expected; shape {array.shape} came.{_hint(tensor, array)}")
    if array.size:
        bound = _BOUNDS[tensor.dtype]
        low = -bound if tensor.low is None else tensor.low - _RANGE_TOLERANCE
        high = bound if tensor.high is None else tensor.high + _RANGE_TOLERANCE
        if not _lies_within(array, low, high):
            raise ValueError(_out_of_range(tensor, array.min(), array.max()))
    return array.astype(tensor.dtype, order="C", copy=False)


def _lies_within(array: np.ndarray, low: float, high: float) -> bool:
    """Say whether all values lie in [low, high]; NaN does not."""
    if array.size <= _FEW:  # where NumPy's reductions take longer than a loop
        return all(low <= value <= high for value in array.ravel().tolist())
    return bool(array.min() >= low and array.max() <= high)


def _dtype_hint(array: np.ndarray) -> str:
    return " Cast them with .astype('int32')." if array.dtype.kind == "f" else ""


def _hint(tensor: Tensor, array: np.ndarray) -> str:
    if array.shape == tensor.shape:
        return " For a batch of one row, add the first dimension: array[None]."
    if array.ndim and array[:1].size == int(np.prod(tensor.shape)):
        return f" Each row has the right number of values: array.reshape({(-1, *tensor.shape)})."
    return ""


def _out_of_range(tensor: Tensor, least: Any, most: Any) -> str:
    if not (np.isfinite(least) and np.isfinite(most)):
        return f"{tensor}: NaN or infinite values came."
    hint = ""
    if tensor.dtype == "float32" and (tensor.low, tensor.high) == (0, 1) and 1 < most <= 255:
        hint = " If these are pixels up to 255, divide by 255."
    return f"{tensor}: values from {least:g} to {most:g} came.{hint}"
