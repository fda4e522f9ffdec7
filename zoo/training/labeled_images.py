"""The labeled images in a semi-supervised training."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.backend import backend


class LabeledImages:
    """The labeled images of a training, set apart from those without a label.

    Every step samples a batch of them; replicas share the batch.

    Args:
        model: the model to train; its training function is made again when the images change.

    Attributes:
        per_unlabeled: the number of labeled images per unlabeled one; 0 if none were set apart.
    """

    def __init__(self, model: Any):
        self.model, self.tensors, self.per_unlabeled = model, [], 0.0
        self.arrays: tuple[np.ndarray, ...] = ()

    def set_apart(self, data: Any) -> None:
        """Take the labeled images out of the data and keep them, if some have no label.

        Args:
            data: a `zoo.checks.data.Data` with labels, -1 for images without one, or None; a stream
                of batches does not change.

        Raises:
            ValueError: a class has no labeled image.
        """
        per_unlabeled = 0.0
        arrays: tuple[np.ndarray, ...] = ()
        if data is not None and data.is_array and (data.y < 0).any():
            check_every_class_has_a_label(data.y, self.model.num_classes)
            known = data.y >= 0
            x, y, weight = data.columns
            weight = np.ones(len(y)) if weight is None else np.reshape(weight, -1)
            arrays = (
                np.asarray(x[known], "float32"),
                np.asarray(y[known], "int32"),
                np.asarray(weight[known], "float32"),
            )
            per_unlabeled = float(known.sum() / (~known).sum())
            data.columns = [c if c is None else c[~known] for c in data.columns]
            data.x, data.y, _ = data.columns
        same = len(arrays) == len(self.arrays) and all(map(np.array_equal, arrays, self.arrays))
        if not (same and per_unlabeled == self.per_unlabeled):
            self.arrays, self.per_unlabeled = arrays, per_unlabeled
            self.tensors = [ops.convert_to_tensor(array) for array in arrays]
            self.model.train_function = None  # it holds the old images as constants

    def draw(self, n: int, seed_generator: Any) -> list:
        """Sample n images, labels and weights with replacement in a training step, as tensors."""
        uniform = backend.uniform((n,), seed_generator, shared=True)
        rows = backend.local_shard(ops.cast(uniform * len(next(iter(self.arrays))), "int32"))
        return [ops.take(tensor, rows, axis=0) for tensor in self.tensors]


def check_every_class_has_a_label(y: Any, num_classes: int) -> None:
    """Refuse labels [n], -1 for unknown, if a class has none.

    Raises:
        ValueError: with the missing classes.
    """
    missing = sorted(set(range(num_classes)) - set(np.asarray(y)[np.asarray(y) >= 0]))
    if missing:
        raise ValueError(
            f"No training image of class {', '.join(map(str, missing))} has a label; the model "
            "needs at least one of each class. zoo.data.keep_labels keeps as many of each, and "
            "validation_split= takes the last images away."
        )
