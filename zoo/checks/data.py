"""Checks of the data that users give to a model, once per call and outside of any graph."""

from __future__ import annotations

import contextlib
import copy
import os
import types
from typing import Any

import keras
import numpy as np

from zoo.checks import streams
from zoo.checks.arrays import (
    as_array,
    check_images,
    few_rows,
    in_numpy,
    with_rows,
)
from zoo.checks.pairs import are_the_images, check_clean_images, other_targets
from zoo.checks.words import kind_of_items

_FIRST: list[int] = []  # the process that first made a model


def check_process() -> None:
    """Refuse to run in a process that was forked after a model was made: it would wait forever.

    A forked process lacks the threads of TensorFlow, JAX or PyTorch.

    Raises:
        RuntimeError: the process was forked; the message says how to start processes.
    """
    if not _FIRST:
        _FIRST.append(os.getpid())
    if os.getpid() not in _FIRST:
        raise RuntimeError(
            "This process was forked from one that had made a model, but the threads of "
            f"{keras.backend.backend()} were not copied: it would wait for them forever. Start new "
            'processes instead, multiprocessing.get_context("spawn").Pool(), and make or load the '
            "model inside them."
        )


def is_array(x: Any) -> bool:
    """Return whether `x` is an array of the whole data, and not a stream of batches."""
    if isinstance(x, np.ndarray | list):
        return True
    return not isinstance(x, tuple | dict | types.NoneType) and streams.kind(x) == "other"


def count_rows(x: Any) -> int:
    """Return the number of rows of an array that was not converted yet, such as a variable."""
    shape = getattr(x, "shape", None)
    if shape:
        return int(shape[0])
    return len(x) if isinstance(x, list) else len(as_array(x))


def check_labels(
    labels: Any, n: int, num_classes: int, name: str = "y", *, unlabeled: bool = False
) -> np.ndarray:
    """Check labels: one integer from 0 to `num_classes` - 1 for each of `n` images.

    Args:
        unlabeled: whether -1, which means "unlabeled", is allowed.

    Returns:
        int32 [n].

    Raises:
        TypeError: labels are floats or strings. ValueError: labels are missing, one-hot, or out of
            range, or their number is wrong.
    """
    expected = f"{n} integers from 0 to {num_classes - 1}"
    if unlabeled:
        expected += ", or -1 for images without a label"
    if labels is None:
        raise ValueError(
            f"{name} is missing: this model is conditional and takes {expected}, as in fit(x, y)."
        )
    labels = as_array(labels, name)
    if labels.ndim == 2 and labels.shape[1] == num_classes and num_classes > 1:
        raise ValueError(
            f"{name} has shape {labels.shape}, which looks one-hot; the model takes {expected}: "
            f"{name}.argmax(axis=1)."
        )
    if labels.shape == (n, 1):
        raise ValueError(
            f"{name} has shape {labels.shape}; the model takes {expected}: {name} = "
            f"np.ravel({name})."
        )
    if labels.ndim == 0:
        raise ValueError(
            f"{name} is a single number; the model takes {expected}. For one class: "
            f"{name}=np.full({n}, {labels})."
        )
    if labels.ndim != 1 or len(labels) != n:
        raise ValueError(f"{name} has shape {labels.shape}; the model takes {expected}.")
    labels = whole_numbers(labels, name, expected, unlabeled)
    lowest = -1 if unlabeled else 0
    if len(labels) and (labels.min() < lowest or labels.max() >= num_classes):
        hint = ""
        if labels.min() == -1 and not unlabeled:
            hint = " Images without a label, -1, are for semi-supervised models such as zoo.M2."
        raise ValueError(
            f"{name} goes from {labels.min():g} to {labels.max():g}; the model takes "
            f"{expected}.{hint}"
        )
    return np.asarray(labels, "int32")


def whole_numbers(
    labels: np.ndarray, name: str, expected: str, unlabeled: bool = False
) -> np.ndarray:
    """Return labels unchanged if they are integers, or floats without fractions.

    Args:
        expected: a description of valid labels, for errors. unlabeled: whether -1 is a label.

    Raises:
        TypeError: they are text, booleans or fractions. ValueError: some are NaN or infinite.
    """
    if labels.dtype.kind == "O" and not any(isinstance(label, str) for label in labels.flat):
        with contextlib.suppress(TypeError, ValueError):
            labels = labels.astype("float64")
    kind = labels.dtype.kind
    if kind in "iu":
        return labels
    if kind in "fb":
        fix = f'{name}.astype("int32")'
    else:  # names of classes
        fix = f"names, {name} = np.unique({name}, return_inverse=True)"
    if kind != "f":
        raise TypeError(f"{name} has dtype {labels.dtype}; the model takes {expected}: {fix}.")
    lost = int((~np.isfinite(labels)).sum())
    if lost:
        fix = f"leave out these rows, known = np.isfinite({name}); x[known], {name}[known]"
        if unlabeled:
            fix = f'{name} = np.where(np.isfinite({name}), {name}, -1).astype("int32")'
        raise ValueError(
            f"{name} is NaN or infinite in {lost} of {labels.size} places; the model takes "
            f"{expected}: {fix}."
        )
    fractions = labels[labels != np.floor(labels)]
    if fractions.size:
        raise TypeError(
            f"{name} has dtype {labels.dtype} and holds fractions, such as {fractions[0]:g}; the "
            f"model takes {expected}."
        )
    return labels


def true_labels(y: Any, n: int, name: str = "y") -> np.ndarray:
    """Return the true labels of `n` rows, of any kind, [n], to compare predictions with.

    Raises:
        ValueError: they have another shape, so that NumPy would compare all pairs.
    """
    y = as_array(y, name)
    if y.shape != (n,):
        fix = f": {name} = np.ravel({name})" if y.shape == (n, 1) else ""
        raise ValueError(f"{name} has shape {y.shape}; give one label for each of {n} rows{fix}.")
    return y


def check_label_arrays(labels: Any, n: int, model: Any, name: str = "y") -> Any:
    """Check the labels of `n` images for a model whose labels are arrays of its `label_shape`.

    They are integers below `num_classes`, such as word indices, if the model has `num_classes`;
    else they are images.

    Returns:
        int32 or float32 [n, *label_shape].

    Raises:
        TypeError, ValueError: labels do not fit; the message says how to fix them.
    """
    if labels is None:
        raise ValueError(
            f"{name} is missing: {type(model).__name__} takes {name} of shape "
            f"({n}, {', '.join(map(str, model.label_shape))}), as in fit(x, y) or "
            "generate(labels=y)."
        )
    if model.num_classes is None:
        labels = in_numpy(check_images(labels, model.label_shape, model.label_likelihood, name))
    else:
        labels = as_array(labels, name)
        expected = f"integers from 0 to {model.num_classes - 1} of shape "
        expected += with_rows(model.label_shape)
        if labels.shape[1:] != model.label_shape:
            raise ValueError(f"{name} has shape {labels.shape}; the model takes {expected}.")
        labels = whole_numbers(labels, name, expected)
        if len(labels) and not 0 <= labels.min() <= labels.max() < model.num_classes:
            raise ValueError(
                f"{name} goes from {labels.min():g} to {labels.max():g}; the model takes "
                f"{expected}."
            )
        labels = np.asarray(labels, "int32")
    if len(labels) != n:
        raise ValueError(f"There are {n} inputs, but {len(labels)} in {name}; give pairs of both.")
    return labels


# All data of a call


class Data:
    """Checked inputs, labels and weights for a model.

    Attributes:
        is_array: whether the data are arrays, and not a stream of batches.
        x: a NumPy array, or an array on disk, or a stream that checks each batch when it is
            fetched. y: labels, or None if the inputs are the targets.
        columns: for arrays, x, y and float sample weights [n], each perhaps None; for a stream,
            empty.
        few: up to 256 inputs with their labels, or None if reading them would use them up.
        pairs: whether the data are pairs of noisy and clean images; None if this is unknown.
        own_errors: a context that raises the error of an invalid batch without the messages that a
            pipeline adds.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        weight: Any = None,
        prefix: str = "",
        inspection: streams.Inspection | None = None,
        training: bool = False,
    ):
        check_process()
        if x is None or isinstance(x, (tuple, dict)):
            came = "None" if x is None else f"a {type(x).__name__}"
            raise TypeError(
                f"{prefix}x is {came}; {type(model).__name__} takes an array of "
                f"{kind_of_items(model.image_shape)}, a data set or a generator of batches."
            )
        self.model, self.is_array = model, is_array(x)
        self.x: Any = None
        self.y: Any = None
        self.columns: list[Any] = []
        self.inspection, self.own_errors = inspection, contextlib.nullcontext()
        self.training, self.pairs = training, None
        if self.is_array:
            x, y, weight = check_batch(model, x, y, weight, prefix, training=training)
            self.columns = [x, y if model.learns_labels or y is not x else None, weight]
            self.x, self.y, _ = self.columns
            self.pairs = None if y is x else y is not None and not model.learns_labels
            self.few = few_rows(self.x, self.y if model.learns_labels else None)
        else:
            self.inspection = inspection or streams.Inspection()
            self.own_errors = self.inspection.speaking()
            self.x = self.inspection.of(*self._looked_at(x, prefix))

    def _looked_at(self, x, prefix):
        """Return a stream that still has its first batch, a check of batches, and limits."""
        model, kind, self.few = self.model, streams.kind(x), None

        def check(batch):
            checked = check_batch(model, *_unpack(batch), prefix, kind, self.training)
            return checked[: len(batch)] if isinstance(batch, tuple | list) else checked[:1]

        first, x = streams.first_batch(x)
        if first is not None:
            found, y, _ = check_batch(model, *_unpack(first), prefix, kind, self.training)
            self.few = few_rows(found, y if model.learns_labels else None)
            self.pairs = None if y is found else y is not None and not model.learns_labels
        labels = tuple(model.label_shape), -1 if model.semi_supervised else 0, model.num_classes
        limits = streams.Limits(
            tuple(model.image_shape),
            model.likelihood.bounds if model.likelihood.bounded else None,
            labels if model.learns_labels else None,
            model.takes_pairs and not (self.training and getattr(model, "corruption", None)),
            model.likelihood.whole,
            model.likelihood.check is not None,
        )
        return x, check, limits

    def one_batch(self) -> list:
        """Return x, y and weights as a single batch.

        Raises:
            TypeError: `x` is a stream of batches.
        """
        if not self.is_array:
            raise TypeError("x is a stream of batches, but one batch of arrays is expected.")
        return self.columns

    def rows_or_few(self) -> Any:
        """Return the inputs that are trained on, or some of a stream; None if it is read once."""
        if self.is_array:
            return self.x
        return None if self.few is None else self.few[0]

    def validation(self, data: Any, split: float) -> Data | None:
        """Return the validation data: the given data, or the last rows of these arrays."""
        if data is not None:
            found = Data(self.model, *_unpack(data), "validation_", self.inspection)
            if self.pairs and found.pairs is False:
                raise ValueError(
                    "The training data are pairs (noisy, clean), but validation_data= holds only "
                    "images: give pairs too, validation_data=(noisy, clean)."
                )
            if not self.inspection and found.inspection:
                self.inspection, self.own_errors = found.inspection, found.own_errors
            return found
        if not split or not self.is_array:
            return None
        rows = len(self.x)
        cut = int(rows * (1.0 - split))
        if not 0 < cut < rows:
            raise ValueError(
                f"validation_split={split} of {rows} rows leaves {cut} for training and "
                f"{rows - cut} for validation; both need at least one."
            )
        last = self.rows(slice(cut, None))
        self.columns = self.rows(slice(cut)).columns
        self.x, self.y, _ = self.columns
        return last

    def rows(self, chosen: Any) -> Data:
        """Return the data of the chosen rows of these arrays: a slice, or bool [n]."""
        some = copy.copy(self)
        some.columns = [column if column is None else column[chosen] for column in self.columns]
        some.x, some.y, _ = some.columns
        return some


def check_batch(
    model: Any,
    x: Any,
    y: Any,
    weight: Any,
    prefix: str = "",
    kind: str = "array",
    training: bool = False,
) -> tuple:
    """Check inputs, labels or clean images, and weights against a model.

    Returns:
        the same as NumPy arrays: x is float; y is int32 or float, x itself, or None; weights are
        float32, or None.
    """
    found = check_images(x, model.image_shape, model.likelihood, prefix + "x")
    if not model.learns_labels and y is not None and y is not x:
        y = as_array(y, prefix + "y", getattr(model.likelihood, "names", None))
    if model.learns_labels:
        check_targets(model, found, y, kind)
    if model.label_shape:
        y = check_label_arrays(y, len(found), model, prefix + "y")
    elif model.learns_labels:
        unlabeled = model.semi_supervised
        y = check_labels(y, len(found), model.num_classes, prefix + "y", unlabeled=unlabeled)
    elif y is not None:
        y = found if y is x else check_clean_images(model, found, y, kind, training, prefix + "y")
    if weight is not None:
        weight = check_weights(weight, len(found))
    return found, y, weight


def check_weights(weight: Any, n: int) -> np.ndarray:
    """Check sample weights, one finite number for each of `n` rows; return them as float32.

    Raises:
        ValueError: their number or shape is wrong, or some are NaN or infinite.
    """
    weight = as_array(weight, "sample_weight")
    if weight.shape not in ((n,), (n, 1)):
        raise ValueError(f"sample_weight has shape {weight.shape}; give {n} numbers.")
    if weight.dtype.kind not in "fiub" or not np.isfinite(weight).all():
        raise ValueError("sample_weight holds values that are not finite; give finite numbers.")
    return np.asarray(weight, "float32")


def check_targets(model: Any, x: Any, y: Any, kind: str | None = None) -> None:
    """Refuse missing labels, and targets that are neither labels nor shaped like the inputs.

    Args:
        kind: the kind of data, a key of `streams.IMAGES_ALONE`; None in a step.
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
            else f"{name} {learns} from {kind_of_items(model.image_shape)} and labels: {given}, "
            f"with y integers from 0 to {model.num_classes - 1}{unknown}; y is missing."
        )
    if not (model.learns_labels or y is None or are_the_images(x, y, values=False)):
        raise other_targets(model, "other", tuple(x.shape), tuple(y.shape))


def _unpack(data) -> tuple[Any, Any, Any]:
    return keras.utils.unpack_x_y_sample_weight(data)
