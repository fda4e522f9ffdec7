"""What models that classify images have in common."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.models import checks
from zoo.models.part import Part, TensorInfo


class Classifying:
    """A model with `classifier`, `label_probability(x)` and labels that may be -1, for unknown."""

    semi_supervised = True

    def label_probability(self, x):
        """Return q(y | x) as a tensor, [batch, num_classes]."""
        raise NotImplementedError

    def predict_proba(self, x, *, batch_size: int = 1024) -> np.ndarray:
        """Return q(y | x) of images [n, *input_shape], float32 [n, num_classes]."""
        x = checks.check_images(x, self.image_shape, self.likelihood)
        x = np.asarray(ops.convert_to_numpy(x), "float32")
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
            "classifier": Part("classifier", classify, (x,), (probability,), self.classifying()),
        }

    def classifying(self) -> tuple:
        """Return the networks that `label_probability` uses."""
        return (self.encoder, self.classifier)


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
