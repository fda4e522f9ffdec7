"""What models that classify images have in common."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo import engine
from zoo.models import checks
from zoo.models.signature import TensorInfo


class Classifying:
    """A model with `classifier`, `label_probability(x)` and labels that may be -1, for unknown."""

    semi_supervised = True

    def label_probability(self, x):
        """Return q(y | x) as a tensor, [batch, num_classes]."""
        raise NotImplementedError

    def predict_proba(self, x, *, batch_size: int = 1024) -> np.ndarray:
        """Return q(y | x) of images [n, *input_shape], float32 [n, num_classes]."""
        x = checks.check_images(x, self.image_shape, self.likelihood)
        x = checks.in_numpy(x)
        return self._run("label_probability", x, None, batch_size)

    def predict_labels(self, x, *, batch_size: int = 1024) -> np.ndarray:
        """Return the most probable label of images [n, *input_shape], int32 [n]."""
        return self.predict_proba(x, batch_size=batch_size).argmax(axis=1).astype("int32")

    def parts(self):
        """Return what can be exported: beside the others, `classifier`."""
        x = TensorInfo("x", "float32", self.image_shape, self.likelihood.low, self.likelihood.high)
        probability = TensorInfo("label_probability", "float32", (self.num_classes,), 0.0, 1.0)

        def classify(tensors):
            return {"label_probability": self.label_probability(tensors["x"])}

        return {
            **super().parts(),
            "classifier": self.part(
                "classifier", classify, (x,), (probability,), self.classifying()
            ),
        }

    def classifying(self) -> tuple:
        """Return the networks that `label_probability` uses."""
        return (self.encoder, self.classifier)


class FewLabels(Classifying):
    """A classifying model whose steps see images without a label, and some with one beside them.

    `fit(x, y)` sets the labelled images of arrays apart, if some have no label.
    """

    labelled = None

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train; as for other models, with y = -1 for images without a label.

        Raises:
            ValueError: some class has no labelled image; and what other models refuse.
        """
        before, self.labelled = self.labelled, None
        try:
            if checks.is_array(x) and y is not None:
                x, y = self._set_labelled_apart(x, y)
        except Exception:
            self.labelled = before  # which the step still holds
            raise
        if are_the_same(before, self.labelled):
            self.labelled = before  # the very tensors that the step was made with
        else:
            self.train_function = None
        return super().fit(x, y, *args, **kwargs)

    def _set_labelled_apart(self, x, y):
        """Keep the labelled images, if some have no label, and return the others."""
        x, y, _ = self._checked(x, y)
        y = np.asarray(ops.convert_to_numpy(y), "int32")
        known = y >= 0
        if known.all():
            return x, y
        check_every_class_has_a_label(y, self.num_classes)
        x = checks.in_numpy(x)
        share = known.sum() / (~known).sum()
        images, labels = (
            ops.convert_to_tensor(np.asarray(x[known])),
            ops.convert_to_tensor(y[known]),
        )
        self.labelled = images, labels, float(share)
        return x[~known], y[~known]

    def drawn_labelled(self):
        """Return `labeled_batch_size` images and labels, drawn of those that `fit` set apart.

        Replicas share them; `engine.batch_mean` is a mean over all.
        """
        images, labels, _ = self.labelled
        drawn = engine.uniform((self.labeled_batch_size,), self.seed_generator, shared=True)
        rows = engine.own_part(ops.cast(drawn * len(labels), "int32"))
        return ops.take(images, rows, axis=0), ops.take(labels, rows)


def are_the_same(first, second) -> bool:
    """Say whether two sets of labelled images, their labels and their share are alike, or none."""
    if first is None or second is None:
        return first is second
    return all(
        np.array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
        for a, b in zip(first, second, strict=True)
    )


def cross_entropy(logits, label):
    """Return -log softmax(logits)[label], [batch]."""
    one_hot = ops.one_hot(label, logits.shape[-1])
    return -ops.sum(one_hot * ops.log_softmax(logits, axis=-1), axis=1)


def check_every_class_has_a_label(y, num_classes: int):
    """Refuse labels [n], -1 for unknown, among which some class is missing.

    Raises:
        ValueError: with the classes named.
    """
    missing = sorted(set(range(num_classes)) - set(np.asarray(y)[np.asarray(y) >= 0]))
    if missing:
        raise ValueError(
            f"No image of class {', '.join(map(str, missing))} has a label; the model needs one of "
            "each class at least. zoo.data.keep_labels draws balanced ones."
        )
