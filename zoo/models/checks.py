"""Checks of what users hand to a model, made once per call and outside the graph."""

import math
import types

import keras
import numpy as np

_LARGEST = float(np.finfo(np.float32).max)


def is_array(x) -> bool:
    """Say whether `x` is an array of the whole data, of any framework, and no stream of batches."""
    return isinstance(x, list) or all(hasattr(x, name) for name in ("shape", "dtype", "__len__"))


def first_batch(data):
    """Look at the first batch of a stream without losing it.

    Returns:
        the batch, or None where looking would use it up, and the stream to go on with.
    """
    if isinstance(data, keras.utils.PyDataset):
        return data[0], data
    if isinstance(data, types.GeneratorType):
        batch = next(data, None)
        if batch is None:
            raise ValueError("The generator is empty: it gives no batch.")
        return batch, _put_back(batch, data)
    if not hasattr(data, "cardinality") or int(data.cardinality()) == -2:  # of unknown length
        return None, data
    batch = next(iter(data), None)
    if batch is None:
        raise ValueError("The data set is empty: it gives no batch.")
    return batch, data


def _put_back(batch, generator):
    yield batch
    yield from generator


def check_weights(weight, n):
    """Check sample weights: one finite number for each of `n` images.

    Raises:
        ValueError: another count or shape, NaN or infinity.
    """
    weight = np.asarray(keras.ops.convert_to_numpy(weight))
    if weight.shape not in ((n,), (n, 1)):
        raise ValueError(f"sample_weight has shape {weight.shape}; give {n} numbers, one an image.")
    if weight.dtype.kind not in "fiub" or not np.isfinite(weight).all():
        raise ValueError("sample_weight holds values that are no finite numbers.")


def weights_by_class(class_weight: dict, labels, weight=None):
    """Return the weight of every image by its label, float32 [n].

    Raises:
        ValueError: sample weights are given as well, or a weight is no finite number.
    """
    if weight is not None:
        raise ValueError("Give sample_weight or class_weight, not both.")
    labels = keras.ops.convert_to_numpy(labels)
    weights = np.ones(len(labels), "float32")
    for label, value in class_weight.items():
        weights[labels == label] = value
    check_weights(weights, len(labels))
    return weights


def check_images(x, input_shape, likelihood=None, name: str = "x"):
    """Check an array of images: its shape, dtype, and range.

    Args:
        x: an array, or anything NumPy makes one of.
        input_shape: the model's shape without the batch.
        likelihood: where given, its range is checked too.
        name: how to call the array in errors.

    Returns:
        the array as float32, or `x` itself where it is float already, or stays on disk.

    Raises:
        TypeError: integers or other dtypes that are no pixels in [0, 1].
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
        raise TypeError(f"{name} has dtype {x.dtype}, which holds no pixels; give float32.")
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype.startswith(("int", "uint")):
        raise TypeError(
            f"{name} has dtype {dtype}; the model takes floats. For pixels from 0 to 255: "
            f'{name} = {name}.astype("float32") / 255.'
        )
    if not dtype.startswith(("float", "bfloat")):
        raise TypeError(
            f'{name} has dtype {dtype}; the model takes float32: {name}.astype("float32").'
        )
    low, high = x.value_range() if stored else _range_of(x)
    if not -_LARGEST <= low <= high <= _LARGEST:
        raise ValueError(f"{name} holds NaN or infinite values; remove or replace them first.")
    _check_range(name, low, high, likelihood)
    return x


def in_numpy(x):
    """Return checked images as NumPy's float32 array, or as they are where they stay on disk."""
    if hasattr(x, "value_range"):
        return x
    if isinstance(x, np.ndarray):
        return np.asarray(x, "float32")  # Keras would copy it
    return np.asarray(keras.ops.convert_to_numpy(x), "float32")


def _range_of(x):
    smallest, largest = (
        (np.min, np.max) if isinstance(x, np.ndarray) else (keras.ops.min, keras.ops.max)
    )
    return float(smallest(x)), float(largest(x))


def _shape_fix(shape, expected):
    message = f"the model takes images of shape {expected}, so (n, {', '.join(map(str, expected))})"
    if shape == expected:
        return f"{message}. For a single image: x[None]."
    if len(expected) == 3 and expected[-1] == 1 and shape[1:] == expected[:-1]:
        return f"{message}. The channel is missing: x[..., None]."
    if len(shape) > 1 and len(expected) > 1 and np.prod(shape[1:]) == np.prod(expected):
        return f"{message}. It has as many values: x.reshape(-1, {', '.join(map(str, expected))})."
    return f"{message}. Resize or convert the images."


def _check_range(name, low, high, likelihood):
    if likelihood is None:
        return
    if likelihood.low is None:
        if 16 < high <= 255 and low >= 0 and high == round(high):
            raise ValueError(
                f"the pixels of {name} reach {high}; networks learn from small numbers: divide by "
                "255, or standardize the images."
            )
        return
    if low < likelihood.low or high > likelihood.high:
        kind = type(likelihood).__name__
        where = f"reach {high}" if high > likelihood.high else f"go down to {low}"
        divide = ": divide by 255" if 16 < high <= 255 and low >= 0 else ": rescale them"
        raise ValueError(
            f"the pixels of {name} {where}; a {kind} likelihood needs "
            f"[{likelihood.low:g}, {likelihood.high:g}]{divide}."
        )


def check_labels(labels, n, num_classes, name: str = "y", *, unlabelled: bool = False):
    """Check labels: one integer from 0 to `num_classes` - 1 for each of `n` images.

    Args:
        unlabelled: whether -1 may stand for "unlabelled".

    Returns:
        int32 [n].

    Raises:
        TypeError: floats, strings. ValueError: missing, one-hot, wrong count, out of range.
    """
    expected = f"{n} integers from 0 to {num_classes - 1}"
    if unlabelled:
        expected += ", or -1 for images without a label"
    if labels is None:
        raise ValueError(
            f"{name} is missing: this model is conditional and takes {expected}, as in fit(x, y)."
        )
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == num_classes and num_classes > 1:
        raise ValueError(
            f"{name} has shape {labels.shape}, which looks one-hot; the model takes {expected}: "
            f"{name}.argmax(axis=1)."
        )
    if labels.ndim != 1 or len(labels) != n:
        raise ValueError(f"{name} has shape {labels.shape}; the model takes {expected}.")
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f'{name} has dtype {labels.dtype}; the model takes {expected}: {name}.astype("int32").'
        )
    lowest = -1 if unlabelled else 0
    if len(labels) and (labels.min() < lowest or labels.max() >= num_classes):
        hint = ""
        if labels.min() == -1 and not unlabelled:
            hint = " Images without a label, -1, are for semi-supervised models such as zoo.M2."
        raise ValueError(
            f"{name} goes from {labels.min()} to {labels.max()}; the model takes {expected}.{hint}"
        )
    return labels.astype("int32")


def check_codes(z, shape: tuple[int, ...]):
    """Check latent codes, and return them flat, as float32 [n, values].

    Args:
        z: [n, *shape], or flat already.
        shape: of a code.

    Raises:
        TypeError: no numbers. ValueError: another shape, or NaN.
    """
    z = np.asarray(z)
    if z.dtype.kind not in "fiu":
        raise TypeError(f"z has dtype {z.dtype}; codes are float32 {_with_rows(shape)}.")
    if z.shape[1:] not in (shape, (math.prod(shape),)):
        raise ValueError(f"z has shape {z.shape}; codes have shape {_with_rows(shape)}.")
    if len(z) == 0:
        raise ValueError(f"z is empty: its shape is {z.shape}. Give at least one code.")
    if not -_LARGEST <= z.min() <= z.max() <= _LARGEST:
        raise ValueError("z holds NaN or infinite values, or too large ones for float32.")
    return z.astype("float32").reshape(len(z), -1)


def _with_rows(shape):
    return f"(n, {', '.join(map(str, shape))})"
