"""The labeled images in a semi-supervised training."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.data import check_images, check_labels, in_numpy, is_array


class LabeledImages:
    """The labeled images of a training, set apart from those without a label.

    Every step samples a batch of them; replicas share the batch.

    Args:
        model: the model to train; its training function is made again when the images change.

    Attributes:
        share: the number of labeled images per unlabeled image; 0 if none were set apart.
    """

    def __init__(self, model):
        self.model, self.arrays, self.images, self.labels, self.share = model, (), None, None, 0.0

    def set_apart(self, x, y):
        """Keep the labeled images and return the others, if some have no label.

        Args:
            x: images [n, *input_shape]; a stream of batches is returned unchanged.
            y: integers [n], -1 for images without a label.

        Raises:
            ValueError: a class has no labeled image; or invalid images or labels.
        """
        arrays, share = (), 0.0
        if is_array(x) and y is not None:
            x = check_images(x, self.model.image_shape, self.model.likelihood)
            y = check_labels(y, len(x), self.model.num_classes, unlabeled=True)
            known = y >= 0
            if not known.all():
                check_every_class_has_a_label(y, self.model.num_classes)
                x = in_numpy(x)
                arrays = np.asarray(x[known]), y[known]
                share = float(known.sum() / (~known).sum())
                x, y = x[~known], y[~known]
        same = len(arrays) == len(self.arrays) and all(map(np.array_equal, arrays, self.arrays))
        if not (same and share == self.share):
            self.arrays, self.share = arrays, share
            tensors = [ops.convert_to_tensor(array) for array in arrays]
            self.images, self.labels = tensors or (None, None)
            self.model.train_function = None  # it holds the old images as constants
        return x, y

    def draw(self, n: int, seed_generator):
        """Sample n images and their labels inside a training step, as tensors."""
        uniform = backend.uniform((n,), seed_generator, shared=True)
        rows = backend.local_shard(ops.cast(uniform * len(self.labels), "int32"))
        return ops.take(self.images, rows, axis=0), ops.take(self.labels, rows)


def check_every_class_has_a_label(y, num_classes: int):
    """Refuse labels [n], -1 for unknown, if a class has none.

    Raises:
        ValueError: with the missing classes.
    """
    missing = sorted(set(range(num_classes)) - set(np.asarray(y)[np.asarray(y) >= 0]))
    if missing:
        raise ValueError(
            f"No image of class {', '.join(map(str, missing))} has a label; the model needs at "
            "least one of each class. zoo.data.keep_labels keeps as many of each."
        )
