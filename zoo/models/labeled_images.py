"""The labeled images in a semi-supervised training."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.data import check_images, check_labels, in_numpy, is_array


class LabeledImages:
    """The labeled images of a training, set apart from those without a label.

    It is true if there are any. Every step samples a batch of them; replicas share the batch.

    Args:
        model: the model to train; its training function is made again when the images change.

    Attributes:
        share: the number of labeled images per unlabeled image.
    """

    def __init__(self, model):
        self.model, self.images, self.labels, self.share = model, None, None, 0.0

    def __bool__(self):
        return self.images is not None

    def set_apart(self, x, y):
        """Keep the labeled images and return the others, if some have no label.

        Args:
            x: images [n, *input_shape]; a stream of batches is returned unchanged.
            y: integers [n], -1 for images without a label.

        Raises:
            ValueError: a class has no labeled image; or invalid images or labels.
        """
        images = labels = None
        share = 0.0
        if is_array(x) and y is not None:
            x = check_images(x, self.model.image_shape, self.model.likelihood)
            y = check_labels(y, len(x), self.model.num_classes, unlabeled=True)
            known = y >= 0
            if not known.all():
                check_every_class_has_a_label(y, self.model.num_classes)
                x = in_numpy(x)
                images, labels = np.asarray(x[known]), y[known]
                share = float(known.sum() / (~known).sum())
                x, y = x[~known], y[~known]
        same = _equal(self.images, images) and _equal(self.labels, labels)
        if not (same and share == self.share):
            self.share = share
            tensors = (None if a is None else ops.convert_to_tensor(a) for a in (images, labels))
            self.images, self.labels = tensors
            self.model.train_function = None  # it holds the old images as constants
        return x, y

    def draw(self, n: int, seed_generator):
        """Sample n images and their labels inside a training step, as tensors."""
        uniform = backend.uniform((n,), seed_generator, shared=True)
        rows = backend.local_shard(ops.cast(uniform * len(self.labels), "int32"))
        return ops.take(self.images, rows, axis=0), ops.take(self.labels, rows)


def _equal(tensor, array) -> bool:
    if tensor is None or array is None:
        return tensor is array
    return np.array_equal(ops.convert_to_numpy(tensor), array)


def cross_entropy(logits, label):
    """Return -log softmax(logits)[label], [batch]."""
    one_hot = ops.one_hot(label, logits.shape[-1])
    return -ops.sum(one_hot * ops.log_softmax(logits, axis=-1), axis=1)


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
