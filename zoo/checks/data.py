"""Checks of the data that users give to a model, once per call and outside of any graph."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import keras
import numpy as np

from zoo.checks import streams

LARGEST = float(np.finfo(np.float32).max)


def is_array(x: Any) -> bool:
    """Return whether `x` is an array of the whole data, of any framework, and not a stream."""
    return isinstance(x, list) or all(hasattr(x, name) for name in ("shape", "dtype", "__len__"))


def few_rows(x: Any, y: Any = None, n: int = 256) -> tuple[np.ndarray, np.ndarray | None]:
    """Return up to `n` evenly spaced images as float32, and their labels or None.

    Args:
        x, y: NumPy arrays, or arrays that stay on disk.
    """
    step = -(-len(x) // n)
    return np.asarray(x[::step], "float32"), None if y is None else np.asarray(y[::step])


def are_the_images(x: Any, y: Any, values: bool = True) -> bool:
    """Return whether targets are the images themselves.

    Args:
        values: whether to compare values; if not, as in a graph, only shapes are compared.
    """
    if x is y:
        return True
    shapes = [tuple(v.shape) if hasattr(v, "shape") else np.shape(v) for v in (x, y)]
    if shapes[0] != shapes[1]:
        return False
    return not values or np.array_equal(as_numpy(x), as_numpy(y))


def as_numpy(values: Any) -> np.ndarray:
    """Return an array of any framework, or a list, as a NumPy array of the same dtype."""
    if keras.ops.is_tensor(values):
        return np.asarray(keras.ops.convert_to_numpy(values))
    return np.asarray(values)


def positive(number: Any, name: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        TypeError: not a whole number. ValueError: less than 1.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name} is {number!r}; give a whole number of at least 1.")
    if number < 1:
        raise ValueError(f"{name} is {number}; give at least 1.")
    return int(number)


def check_weights(weight: Any, n: int) -> None:
    """Check sample weights: one finite number for each of `n` images.

    Raises:
        ValueError: another count or shape, NaN or infinity.
    """
    weight = np.asarray(keras.ops.convert_to_numpy(weight))
    if weight.shape not in ((n,), (n, 1)):
        raise ValueError(f"sample_weight has shape {weight.shape}; give {n} numbers.")
    if weight.dtype.kind not in "fiub" or not np.isfinite(weight).all():
        raise ValueError("sample_weight holds values that are not finite numbers.")


def check_images(x: Any, input_shape: tuple, likelihood: Any = None, name: str = "x") -> Any:
    """Check an array of images: its shape, dtype, and range.

    Args:
        x: an array, or anything that NumPy converts to one.
        input_shape: the model's shape without the batch.
        likelihood: if given, its range is checked too.
        name: of the array, for errors.

    Returns:
        `x` as an array of its own float dtype, or `x` itself if it stays on disk.

    Raises:
        TypeError: integers, or other dtypes that cannot hold pixels in [0, 1].
        ValueError: empty, a wrong shape, NaN or infinity, values out of range.
    """
    stored = hasattr(x, "value_range")
    if not stored and not keras.ops.is_tensor(x):
        x = np.asarray(x)
    shape, expected = tuple(x.shape), tuple(input_shape)
    if 0 in shape[:1]:
        raise ValueError(f"{name} is empty: its shape is {shape}. Give at least one image.")
    if shape[1:] != expected:
        raise ValueError(f"{name} has shape {shape}; {_shape_fix(shape, expected)}")
    if isinstance(x, np.ndarray) and x.dtype.kind not in "biufcV":
        raise TypeError(f"{name} has dtype {x.dtype}, which is not numeric; give float32.")
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype.startswith(("int", "uint")):
        floats = f'{name} = {name}.astype("float32")'
        fix = f"For pixels from 0 to 255: {floats} / 255." if len(expected) > 1 else f"{floats}."
        raise TypeError(f"{name} has dtype {dtype}; the model takes floats. {fix}")
    if not dtype.startswith(("float", "bfloat")):
        raise TypeError(
            f'{name} has dtype {dtype}; the model takes float32: {name}.astype("float32").'
        )
    library = np if isinstance(x, np.ndarray) else keras.ops
    low, high = x.value_range() if stored else (float(library.min(x)), float(library.max(x)))
    if not -LARGEST <= low <= high <= LARGEST:
        raise ValueError(f"{name} holds NaN or infinite values; remove or replace them first.")
    _check_range(name, low, high, likelihood, images=len(expected) > 1)
    return x


def in_numpy(x: Any) -> Any:
    """Return checked images as a float32 NumPy array, or unchanged if they stay on disk."""
    if hasattr(x, "value_range"):
        return x
    if isinstance(x, np.ndarray):
        return np.asarray(x, "float32")  # Keras would copy it
    return np.asarray(keras.ops.convert_to_numpy(x), "float32")


def _shape_fix(shape, expected):
    message = f"the model takes images of shape {expected}, so (n, {', '.join(map(str, expected))})"
    if shape == expected:
        return f"{message}. For a single image: x[None]."
    if len(expected) == 3 and expected[-1] == 1 and shape[1:] == expected[:-1]:
        return f"{message}. The channel is missing: x[..., None]."
    if len(shape) > 1 and len(expected) > 1 and np.prod(shape[1:]) == np.prod(expected):
        return f"{message}. It has as many values: x.reshape(-1, {', '.join(map(str, expected))})."
    return f"{message}. Resize or convert the images."


def _check_range(name, low, high, likelihood, images):
    if likelihood is None or likelihood.in_own_units:
        return
    bytes_ = 16 < high <= 255 and low >= 0
    what = f"the {'pixels' if bytes_ and images else 'values'} of {name}"
    if likelihood.low is None:
        if bytes_ and high == round(high):
            raise ValueError(
                f"{what} reach {high}; networks learn from small numbers: divide by 255, or "
                "standardize them."
            )
        return
    if low < likelihood.low or high > likelihood.high:
        where = f"reach {high}" if high > likelihood.high else f"go down to {low}"
        fix = "divide by 255" if bytes_ else "rescale them"
        if not (bytes_ and images):
            fix += ', or make the model with likelihood="gaussian", which takes any finite values'
        raise ValueError(
            f"{what} {where}; a {type(likelihood).__name__} likelihood needs "
            f"[{likelihood.low:g}, {likelihood.high:g}]: {fix}."
        )


def check_labels(
    labels: Any, n: int, num_classes: int, name: str = "y", *, unlabeled: bool = False
) -> np.ndarray:
    """Check labels: one integer from 0 to `num_classes` - 1 for each of `n` images.

    Args:
        unlabeled: whether -1, which means "unlabeled", is allowed.

    Returns:
        int32 [n].

    Raises:
        TypeError: floats, strings. ValueError: missing, one-hot, wrong count, out of range.
    """
    expected = f"{n} integers from 0 to {num_classes - 1}"
    if unlabeled:
        expected += ", or -1 for images without a label"
    if labels is None:
        raise ValueError(
            f"{name} is missing: this model is conditional and takes {expected}, as in fit(x, y)."
        )
    labels = as_numpy(labels)
    if labels.ndim == 2 and labels.shape[1] == num_classes and num_classes > 1:
        raise ValueError(
            f"{name} has shape {labels.shape}, which looks one-hot; the model takes {expected}: "
            f"{name}.argmax(axis=1)."
        )
    if labels.ndim != 1 or len(labels) != n:
        raise ValueError(f"{name} has shape {labels.shape}; the model takes {expected}.")
    if labels.dtype.kind not in "iu":
        fix = f'{name}.astype("int32")'
        if labels.dtype.kind not in "fb":  # names of classes
            fix = f"names, {name} = np.unique({name}, return_inverse=True)"
        raise TypeError(f"{name} has dtype {labels.dtype}; the model takes {expected}: {fix}.")
    lowest = -1 if unlabeled else 0
    if len(labels) and (labels.min() < lowest or labels.max() >= num_classes):
        hint = ""
        if labels.min() == -1 and not unlabeled:
            hint = " Images without a label, -1, are for semi-supervised models such as zoo.M2."
        raise ValueError(
            f"{name} goes from {labels.min()} to {labels.max()}; the model takes {expected}.{hint}"
        )
    return labels.astype("int32")


def check_label_arrays(labels: Any, n: int, model: Any, name: str = "y") -> Any:
    """Check the labels of `n` images that are arrays of the model's `label_shape`.

    They are integers below `num_classes`, such as word numbers, if the model has it, else images.

    Returns:
        int32 or float32 [n, *label_shape].

    Raises:
        TypeError, ValueError: labels that do not fit, and how to fix it.
    """
    if labels is None:
        raise ValueError(
            f"{name} is missing: {type(model).__name__} takes {name} of shape "
            f"({n}, {', '.join(map(str, model.label_shape))}) beside, as in fit(x, y) or "
            "generate(labels=y)."
        )
    if model.num_classes is None:
        labels = in_numpy(check_images(labels, model.label_shape, model.likelihood, name))
    else:
        labels = as_numpy(labels)
        rows = with_rows(model.label_shape)
        expected = f"integers from 0 to {model.num_classes - 1} of shape {rows}"
        if labels.shape[1:] != model.label_shape:
            raise ValueError(f"{name} has shape {labels.shape}; the model takes {expected}.")
        if labels.dtype.kind not in "iu":
            raise TypeError(f"{name} has dtype {labels.dtype}; the model takes {expected}.")
        if len(labels) and not 0 <= labels.min() <= labels.max() < model.num_classes:
            raise ValueError(
                f"{name} goes from {labels.min()} to {labels.max()}; the model takes {expected}."
            )
        labels = labels.astype("int32")
    if len(labels) != n:
        raise ValueError(f"There are {n} inputs and {len(labels)} in {name}; give pairs of both.")
    return labels


def with_rows(shape: tuple[int, ...]) -> str:
    """Return a shape with the rows in front, for messages: (n, ...)."""
    return f"(n, {', '.join(map(str, shape))})"


# All data of a call


class Data:
    """Checked inputs, labels and weights for a model.

    Attributes:
        is_array: whether they are arrays, and not a stream of batches.
        x: a NumPy array, or an array on disk, or a stream that checks each batch when it is
            fetched. y: labels, or None if the inputs are the targets.
        columns: for arrays: x, y and float sample weights [n], or None; for a stream None.
        few: up to 256 inputs with their labels, or None if reading them would use them up.
        own_errors: a context that raises the error of an invalid batch, without a pipeline's words.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        weight: Any = None,
        prefix: str = "",
        inspection: streams.Inspection | None = None,
    ):
        if x is None or isinstance(x, (tuple, dict)):
            came = "None" if x is None else f"a {type(x).__name__}"
            raise TypeError(
                f"{prefix}x is {came}; {type(model).__name__} takes an array of images, a data set "
                "or a generator of batches."
            )
        self.model, self.is_array = model, is_array(x)
        self.inspection, self.own_errors = inspection, contextlib.nullcontext()
        if self.is_array:
            x = check_batch(model, x, y, weight, prefix)
            self.columns = [
                column if column is None or hasattr(column, "value_range") else as_numpy(column)
                for column in (x, y if model.learns_labels else None, weight)
            ]
            self.x, self.y, _ = self.columns
            self.few = few_rows(self.x, self.y)
        else:
            self.columns, self.y = None, None
            self.inspection = inspection or streams.Inspection()
            self.own_errors = self.inspection.speaking()
            self._look_at_stream(x, prefix)

    def _look_at_stream(self, x, prefix):
        model, kind, self.few = self.model, streams.kind(x), None

        def check(batch):
            return check_batch(model, *_unpack(batch), prefix, kind)

        first, x = streams.first_batch(x)
        if first is not None:
            labels = as_numpy(_unpack(first)[1]) if model.learns_labels else None
            self.few = few_rows(as_numpy(check(first)), labels)
        labels = tuple(model.label_shape), -1 if model.semi_supervised else 0, model.num_classes
        limits = streams.Limits(
            tuple(model.image_shape),
            model.likelihood.low,
            model.likelihood.high,
            labels if model.learns_labels else None,
        )
        self.x = self.inspection.of(x, check, limits)

    def validation(self, data: Any, split: float) -> Data | None:
        """Return the validation data: the given data, or the last part of these arrays."""
        if data is not None:
            found = Data(self.model, *_unpack(data), "validation_", self.inspection)
            if not self.inspection and found.inspection:
                self.inspection, self.own_errors = found.inspection, found.own_errors
            return found
        if not split or not self.is_array:
            return None
        rows = len(self.x)
        cut = int(rows * (1.0 - split))
        if not 0 < cut < rows:
            raise ValueError(
                f"validation_split={split} of {rows} images leaves {cut} for training and "
                f"{rows - cut} for validation; both need at least one."
            )
        last = copy.copy(self)
        last.columns = [column if column is None else column[cut:] for column in self.columns]
        self.columns = [column if column is None else column[:cut] for column in self.columns]
        (self.x, self.y, _), (last.x, last.y, _) = self.columns, last.columns
        return last


def check_batch(
    model: Any, x: Any, y: Any, weight: Any, prefix: str = "", kind: str = "array"
) -> Any:
    """Check inputs, labels and weights against a model; return the inputs as float."""
    check_targets(model, x, y, kind)
    x = check_images(x, model.image_shape, model.likelihood, prefix + "x")
    if model.label_shape:
        check_label_arrays(y, len(x), model, prefix + "y")
    elif model.learns_labels:
        check_labels(y, len(x), model.num_classes, prefix + "y", unlabeled=model.semi_supervised)
    if weight is not None:
        check_weights(weight, len(x))
    return x


def check_targets(model: Any, x: Any, y: Any, kind: str | None = None) -> None:
    """Refuse missing labels, and targets that are neither labels nor the inputs.

    Args:
        kind: of data, as in `streams.IMAGES_ALONE`; None in a step, where only shapes are compared.
    """
    name = type(model).__name__
    if model.learns_labels and y is None:
        unknown = ", -1 where unknown" if model.semi_supervised else ""
        learns = "is conditional and learns" if model.conditional else "learns"
        given = "fit(x, y)" if kind in (None, "array") else "batches (x, y)"
        raise ValueError(
            f"{name} {learns} from pairs: {given}, with y of shape (n, "
            f"{', '.join(map(str, model.label_shape))}); y is missing."
            if model.label_shape
            else f"{name} {learns} from images and labels: {given}, with y "
            f"integers from 0 to {model.num_classes - 1}{unknown}; y is missing."
        )
    if model.learns_labels or y is None:
        return
    if not are_the_images(x, y, values=kind is not None):
        raise ValueError(
            f"{name} learns from images only, which are also the targets, but y is something "
            "else. Leave out y, or give x itself. To leave out y: "
            f"{streams.IMAGES_ALONE[kind or 'other']}. To restore corrupted images, give "
            "zoo.DenoisingAutoencoder the clean images and corruption=."
        )


def _unpack(data):
    return keras.utils.unpack_x_y_sample_weight(data)
