"""Checks of what users hand to a model, made once per call and outside the graph."""

import math

import keras
import numpy as np

_LARGEST = float(np.finfo(np.float32).max)


def is_array(x) -> bool:
    """Say whether `x` is an array of the whole data, of any framework, and no stream of batches."""
    return isinstance(x, list) or all(hasattr(x, name) for name in ("shape", "dtype", "__len__"))


def few_rows(x, y=None, n: int = 256):
    """Return up to `n` images as float32, spread over all of them, and their labels or None."""
    step = -(-len(x) // n)
    images = x[::step] if hasattr(x, "shape") else np.asarray(x)[::step]
    return np.asarray(as_numpy(images), "float32"), None if y is None else as_numpy(y)[::step]


def are_the_images(x, y, values: bool = True) -> bool:
    """Say whether targets are the images themselves, or whether they have their shape at least.

    Args:
        values: whether to compare these, too; not in a graph.
    """
    if x is y:
        return True
    shapes = [tuple(v.shape) if hasattr(v, "shape") else np.shape(v) for v in (x, y)]
    if shapes[0] != shapes[1]:
        return False
    return not values or np.array_equal(as_numpy(x), as_numpy(y))


def as_numpy(values) -> np.ndarray:
    """Return an array of any framework, or a list, as NumPy's, of whatever dtype it has."""
    if keras.ops.is_tensor(values):
        return np.asarray(keras.ops.convert_to_numpy(values))
    return np.asarray(values)


def positive(number, name: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        TypeError: no whole number. ValueError: less than 1.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name} is {number!r}; give a whole number of at least 1.")
    if number < 1:
        raise ValueError(f"{name} is {number}; give at least 1.")
    return int(number)


def not_finite(model) -> list[str]:
    """Return the names of the variables of a model that hold NaN or infinite values."""
    names = {
        id(variable): f"{network}/{variable.path}"
        for network in model.network_names
        for variable in getattr(model, network).variables
    }
    return [
        names.get(id(variable), variable.path)
        for variable in model.variables
        if not np.isfinite(np.asarray(keras.ops.convert_to_numpy(variable), "float32")).all()
    ]


def check_finite(model):
    """Refuse weights that are NaN or infinite.

    Raises:
        ValueError: with the variables named.
    """
    if lost := not_finite(model):
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise ValueError(
            f"{', '.join(lost[:3])}{more} hold NaN or infinite values, so the model computes "
            "nothing: its training diverged, or the values were spoiled later. Train a new model "
            "with a lower learning rate, or with clipped gradients (clipnorm=1.0)."
        )


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


def check_class_weight(class_weight, num_classes, *, unlabelled: bool = False):
    """Check weights by class.

    Raises:
        TypeError: no dict of numbers by label. ValueError: a class that the model does not have, or
            a weight that is no finite number of at least 0.
    """
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight is a {type(class_weight).__name__}; give a dict of weights by label, "
            "such as {0: 1.0, 1: 2.5}."
        )
    known = range(-1 if unlabelled else 0, num_classes)
    if unknown := [label for label in class_weight if label not in known]:
        raise ValueError(
            f"class_weight names {', '.join(map(repr, unknown))}; the labels of this model are "
            f"the integers from {known[0]} to {known[-1]}."
        )
    for label, weight in class_weight.items():
        number = isinstance(weight, int | float | np.number)
        if not number or not np.isfinite(weight) or weight < 0:
            raise ValueError(
                f"class_weight[{label!r}] is {weight!r}; give a finite number of at least 0."
            )


def weights_by_class(class_weight: dict, labels, weight=None):
    """Return the weight of every image by its label, float32 [n].

    Raises:
        ValueError: sample weights are given as well.
    """
    if weight is not None:
        raise ValueError("Give sample_weight or class_weight, not both.")
    labels = as_numpy(labels)
    weights = np.ones(len(labels), "float32")
    for label, value in class_weight.items():
        weights[labels == label] = value
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
        raise TypeError(f"{name} has dtype {x.dtype}, which holds no numbers; give float32.")
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype.startswith(("int", "uint")):
        floats = f'{name} = {name}.astype("float32")'
        fix = f"For pixels from 0 to 255: {floats} / 255." if len(expected) > 1 else f"{floats}."
        raise TypeError(f"{name} has dtype {dtype}; the model takes floats. {fix}")
    if not dtype.startswith(("float", "bfloat")):
        raise TypeError(
            f'{name} has dtype {dtype}; the model takes float32: {name}.astype("float32").'
        )
    low, high = x.value_range() if stored else _range_of(x)
    if not -_LARGEST <= low <= high <= _LARGEST:
        raise ValueError(f"{name} holds NaN or infinite values; remove or replace them first.")
    _check_range(name, low, high, likelihood, images=len(expected) > 1)
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


def _check_range(name, low, high, likelihood, images):
    if likelihood is None:
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
