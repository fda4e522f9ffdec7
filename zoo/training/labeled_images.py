"""The labeled images of a semi-supervised training."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.training.fitting import compile_steps_anew


class LabeledImages:
    """The labeled images of a training, kept apart from those without a label.

    Every step samples a batch of them; replicas share the batch.

    Args:
        x: float32 [n, *input_shape]. labels: int32 [n]. weights: float32 [n].
        per_unlabeled: the number of labeled images per unlabeled one; 0 if none were set apart.
    """

    def __init__(
        self, x: Any = (), labels: Any = (), weights: Any = (), per_unlabeled: float = 0.0
    ):
        self.arrays, self.per_unlabeled = (x, labels, weights), per_unlabeled
        self.tensors = [ops.convert_to_tensor(array) for array in self.arrays]

    def is_same(self, other: LabeledImages) -> bool:
        """Return whether these are the same images, labels and weights."""
        equal = all(map(np.array_equal, self.arrays, other.arrays))
        return equal and self.per_unlabeled == other.per_unlabeled

    def draw(self, n: int, seed_generator: Any) -> list:
        """Sample n images, labels and weights with replacement in a training step, as tensors."""
        uniform = backend.uniform((n,), seed_generator, shared=True)
        rows = backend.local_shard(ops.cast(uniform * len(next(iter(self.arrays))), "int32"))
        return [ops.take(tensor, rows, axis=0) for tensor in self.tensors]


def set_apart(data: Any, num_classes: int) -> tuple[LabeledImages, Any]:
    """Split data into the labeled images and the data of those without a label.

    Args:
        data: a `zoo.checks.data.Data` with labels, -1 for images without one, or None.

    Returns:
        the labeled images, and the others as a new `Data`. If all images have labels, or the data
        are a stream of batches, nothing is split off, and the same data are returned.

    Raises:
        ValueError: a class has no labeled image.
    """
    if data is None or not data.is_array or not (data.y < 0).any():
        return LabeledImages(), data
    check_every_class_has_a_label(data.y, num_classes)
    known = data.y >= 0
    x, y, weight = data.columns
    weight = np.ones(len(y)) if weight is None else np.reshape(weight, -1)
    labeled = LabeledImages(
        np.asarray(x[known], "float32"),
        np.asarray(y[known], "int32"),
        np.asarray(weight[known], "float32"),
        float(known.sum() / (~known).sum()),
    )
    return labeled, data.rows(~known)


def keep_labeled(model: Any, data: Any) -> Any:
    """Keep the labeled images of data in `model.labeled`, and return the data of the others.

    The model's step is compiled again if it holds other labeled images as constants.
    """
    labeled, others = set_apart(data, model.num_classes)
    if not labeled.is_same(model.labeled):
        model.labeled = labeled
        compile_steps_anew(model)
    return others


def check_every_class_has_a_label(y: Any, num_classes: int) -> None:
    """Refuse labels [n] (-1 means unknown) if a class has no label.

    Raises:
        ValueError: names the missing classes.
    """
    missing = sorted(set(range(num_classes)) - set(np.asarray(y)[np.asarray(y) >= 0]))
    if missing:
        raise ValueError(
            f"No training image of class {', '.join(map(str, missing))} has a label; the model "
            "needs at least one of each class. zoo.data.keep_labels keeps equally many of "
            "each, and validation_split= removes the last images."
        )
