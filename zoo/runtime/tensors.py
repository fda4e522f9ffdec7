"""The inputs and outputs of a part: names, dtypes, shapes and ranges; checks of arrays."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .arrow import array_of, is_column
from .json_file import shortened

_BOUNDS = {"float32": float(np.finfo(np.float32).max), "int32": float(np.iinfo(np.int32).max)}
# Interpolation may give pixels slightly above 1 by rounding, which is not the caller's mistake.
_RANGE_TOLERANCE = 1e-6
_FEW = 32
OPTIONAL = "optional_inputs"  # of a signature: numbers with defaults


class TensorSpec(NamedTuple):
    """One input or output; `shape` is without the batch, and the range is [`low`, `high`].

    `padded` says whether NaN is accepted, for the steps after the end of a signal. `label_names`
    are the names of the classes, in order, of labels and of probabilities of labels, or None.
    `missing` says whether NaN is accepted for any value, which then was not seen.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    prior: dict[str, Any] | None = None
    layout: str = "channels_last"
    padded: bool = False
    label_names: tuple[str, ...] | None = None
    missing: bool = False

    @property
    def labels(self) -> range:
        """The labels that this input takes: the integers in its range.

        Raises:
            ValueError: there is no range.
        """
        if self.low is None or self.high is None:
            raise ValueError(f"{self} has no range, so its valid labels are unknown.")
        return range(int(self.low), int(self.high) + 1)

    @property
    def is_image(self) -> bool:
        """Whether this is an image `x` of floats, and not a code."""
        return self.name == "x" and self.dtype == "float32" and self.prior is None

    def __str__(self) -> str:
        dims = ", ".join(str(dim) for dim in ("batch", *self.shape))
        span = "" if self.low is None else f" in [{self.low:g}, {self.high:g}]"
        return f"{self.name}: {self.dtype} [{dims}]{span}"


def tensors(signature: dict[str, Any], which: str) -> tuple[TensorSpec, ...]:
    """Return the `"inputs"` or `"outputs"` of a signature.

    Raises:
        ValueError: the list is invalid, or two tensors have the same name.
    """
    entries = signature.get(which)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{which} is {shortened(entries)}; it must be a list of tensors")
    found = tuple(_tensor(entry) for entry in entries)
    names = [tensor.name for tensor in found]
    if len(set(names)) < len(names):
        raise ValueError(f"{which} has two tensors with the same name: {', '.join(names)}")
    return found


def optional_inputs(signature: dict[str, Any]) -> dict[str, float]:
    """Return the defaults of the numbers that a part also takes, by name.

    Raises:
        ValueError: an entry is invalid.
    """
    entries = signature.get(OPTIONAL, [])
    found: dict[str, float] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        known = isinstance(entry, dict) and entry.keys() >= {"name", "dtype", "shape", "default"}
        if not known or entry["dtype"] != "float32" or entry["shape"] != [1]:
            raise ValueError(f"{OPTIONAL} has {shortened(entry)}; expected a float32 of shape [1]")
        name, default = entry["name"], entry["default"]
        if not isinstance(name, str) or not name or not name.isprintable() or name in found:
            raise ValueError(f"{OPTIONAL} has the name {shortened(name)}")
        if type(default) not in (int, float) or not abs(default) <= _BOUNDS["float32"]:
            raise ValueError(f"{name!r} has the default {shortened(default)}; expected a number")
        found[name] = float(default)
    return found


def check_number(name: str, value: Any) -> np.ndarray:
    """Return the value of an optional input as float32 [1].

    Raises:
        TypeError: it is not a number. ValueError: it is not finite in float32.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.size != 1:
        raise TypeError(f"{name} is {shortened(value)}; a number is expected.")
    if not abs(float(array.reshape(()))) <= _BOUNDS["float32"]:
        raise ValueError(f"{name} is {shortened(value)}; a finite number is expected.")
    return array.reshape(1).astype("float32")


def _tensor(entry: Any) -> TensorSpec:
    if not isinstance(entry, dict):
        raise ValueError(f"{shortened(entry)} does not describe a tensor")
    name, dtype, shape = (entry.get(key) for key in ("name", "dtype", "shape"))
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError(f"a tensor has the name {shortened(name)}")
    if dtype not in list(_BOUNDS):
        raise ValueError(f"{name!r} has the dtype {shortened(dtype)}; it is one of {list(_BOUNDS)}")
    if not isinstance(shape, list) or shape[:1] != ["batch"] or not all(map(is_count, shape[1:])):
        raise ValueError(
            f"{name!r} has the shape {shortened(shape)}; expected 'batch', then sizes of at least 1"
        )
    span, prior = entry.get("range"), entry.get("prior")
    if span is not None and not _is_range(span):
        raise ValueError(f"{name!r} has the range {shortened(span)}; expected two numbers, or null")
    if prior is not None and not isinstance(prior, dict):
        raise ValueError(f"{name!r} has the prior {shortened(prior)}; expected an object, or null")
    layout = entry.get("layout", "channels_last")
    if layout not in ("channels_last", "channels_first"):
        raise ValueError(f"{name!r} has the layout {shortened(layout)}")
    padded = entry.get("padded", False)
    if not isinstance(padded, bool):
        raise ValueError(f"{name!r} has padded {shortened(padded)}; expected true or false")
    missing = entry.get("missing", False)
    if not isinstance(missing, bool):
        raise ValueError(f"{name!r} has missing {shortened(missing)}; expected true or false")
    low, high = span or (None, None)
    tensor = TensorSpec(name, dtype, tuple(shape[1:]), low, high, prior, layout, padded)
    names = _label_names(tensor, entry.get("label_names"))
    return tensor._replace(label_names=names, missing=missing)


def _label_names(tensor: TensorSpec, names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    texts = isinstance(names, list) and all(isinstance(text, str) for text in names)
    if not texts or len(names) != number_of_classes(tensor):
        raise ValueError(
            f"{tensor.name!r} has the label_names {shortened(names)}; expected a name a class"
        )
    return tuple(names)


def number_of_classes(tensor: Any) -> int | None:
    """Return how many classes a label, or a probability of labels, has; None for other tensors.

    Args:
        tensor: a `TensorSpec`, or a `TensorInfo` of a part.
    """
    if tensor.name == "label" and tensor.dtype == "int32" and tensor.shape == ():
        return None if tensor.high is None else int(tensor.high - tensor.low) + 1
    if tensor.name == "label_probability" and len(tensor.shape) == 1:
        return tensor.shape[0]
    return None


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_range(span: Any) -> bool:
    numbers = isinstance(span, list) and all(type(end) in (int, float) for end in span)
    if not numbers or len(span) != 2:
        return False
    least, most = span
    return -_BOUNDS["float32"] <= least <= most <= _BOUNDS["float32"]


def check_array(tensor: TensorSpec, value: Any) -> np.ndarray:
    """Return a value as an array for an input; raise a TypeError or ValueError if it is invalid."""
    try:
        array = array_of(value, tensor.shape) if is_column(value) else np.asarray(value)
    except Exception as error:
        if is_column(value):
            raise type(error)(f"{tensor}: {error}") from error
        kind = type(value).__name__
        raise TypeError(f"{tensor}: this {kind} is not an array ({error}).") from error
    kinds = "iu" if tensor.dtype == "int32" else "f" if tensor.is_image else "fiu"
    if array.dtype.kind not in kinds:
        words = {"iu": "integers", "f": "floats", "fiu": "numbers"}[kinds]
        came = {"U": "text", "S": "bytes", "O": "objects"}.get(array.dtype.kind, array.dtype)
        raise TypeError(f"{tensor} takes {words}, got {came}.{_dtype_hint(tensor, array)}")
    if array.ndim == 0 or array.shape[1:] != tensor.shape:
        raise ValueError(f"Expected {tensor}, got shape {array.shape}.{_hint(tensor, array)}")
    if array.size:
        bound = _BOUNDS[tensor.dtype]
        low = -bound if tensor.low is None else tensor.low - _RANGE_TOLERANCE
        high = bound if tensor.high is None else tensor.high + _RANGE_TOLERANCE
        values = _values_of_signals(tensor, array) if tensor.padded else array
        if tensor.missing:
            values = array[~np.isnan(array)]
        if values.size and not _lies_within(values, low, high):
            raise ValueError(_out_of_range(tensor, values.min(), values.max()))
        if tensor.is_image and tensor.high is None and values.size and _are_bytes(values):
            raise ValueError(
                f"{tensor}: got whole numbers up to {values.max():g}. If these are pixels up to "
                "255, divide by 255, or scale them like the training images."
            )
    return array.astype(tensor.dtype, order="C", copy=False)


def _values_of_signals(tensor: TensorSpec, array: np.ndarray) -> np.ndarray:
    """Return the values of signals, which may end early with NaN, but may have no gaps."""
    first = tensor.layout == "channels_first"
    lost: Any = np.isnan(np.moveaxis(array, 1, -1) if first else array)
    gone: Any = lost.any(axis=-1)
    if (gone != lost.all(axis=-1)).any() or (gone[:, :-1] > gone[:, 1:]).any() or gone[:, 0].any():
        raise ValueError(
            f"{tensor}: got NaN before the end of a signal, in some channels, or everywhere; NaN "
            "stands for the steps after the end."
        )
    return array[~np.isnan(array)]


def check_result(tensor: TensorSpec, array: Any, rows: int) -> None:
    """Raise a ValueError unless an output has the right shape and is finite."""
    shape = getattr(array, "shape", None)
    if shape != (rows, *tensor.shape):
        raise ValueError(f"expected {tensor} for {rows} rows, but the output has shape {shape}.")
    if array.dtype.kind == "f":
        # A sum is much faster than a check of each value, which follows only if the sum overflows.
        flat = array.ravel()
        with np.errstate(all="ignore"):
            size = np.dot(flat, flat)
        if not math.isfinite(size) and not np.isfinite(flat).all():
            raise ValueError(f"the output {tensor} has NaN or infinite values.")


def _are_bytes(array: np.ndarray) -> bool:
    """Return whether images hold the values of bytes: whole numbers from 0 to 255."""
    if not (16 < array.max() <= 255 and array.min() >= 0):
        return False
    return bool((array == np.round(array)).all())


def _lies_within(array: np.ndarray, low: float, high: float) -> bool:
    """Return whether all values are in [low, high]; false for NaN."""
    if array.size <= _FEW:  # NumPy's reductions take longer than a loop for so few values
        return all(low <= value <= high for value in array.ravel().tolist())
    return bool(array.min() >= low and array.max() <= high)


def _dtype_hint(tensor: TensorSpec, array: np.ndarray) -> str:
    if array.dtype.kind == "f":
        return " Cast them with .astype('int32')."
    if tensor.missing and array.dtype.kind == "O":
        return " Give np.nan, not None, for a value that was not seen."
    if tensor.is_image and array.dtype.kind in "iu":
        return " If these are pixels from 0 to 255, divide by 255: x.astype('float32') / 255."
    return ""


def _hint(tensor: TensorSpec, array: np.ndarray) -> str:
    if array.shape == tensor.shape:
        return " For a batch of one row, add the first dimension: array[None]."
    if array.ndim and array[:1].size == int(np.prod(tensor.shape)):
        return f" Each row has the right number of values: array.reshape({(-1, *tensor.shape)})."
    return ""


def _out_of_range(tensor: TensorSpec, least: Any, most: Any) -> str:
    if not (np.isfinite(least) and np.isfinite(most)):
        return f"{tensor}: got NaN or infinite values."
    hint = ""
    if tensor.dtype == "float32" and (tensor.low, tensor.high) == (0, 1) and 1 < most <= 255:
        hint = " If these are pixels up to 255, divide by 255."
    return f"{tensor}: got values from {least:g} to {most:g}.{hint}"
