"""Weights of images by class, for `fit(class_weight=)`."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_class_weight(model: Any, class_weight: dict) -> None:
    """Check weights by class for a model.

    Raises:
        TypeError: it is not a dict. ValueError: the model does not have the class, or a weight is
            not a finite number of at least 0.
    """
    if not model.learns_labels or model.label_shape:
        raise ValueError(
            "class_weight needs integer labels; this model has none. Use sample_weight."
        )
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight is a {type(class_weight).__name__}; give a dict of weights by label, "
            "such as {0: 1.0, 1: 2.5}."
        )
    known = range(-1 if model.semi_supervised else 0, model.num_classes)
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


def weights_by_class(class_weight: dict, labels: np.ndarray, weight: Any = None) -> np.ndarray:
    """Return the weight of every row by its label, float32 [n].

    Raises:
        ValueError: sample weights were given as well.
    """
    if weight is not None:
        raise ValueError("Give sample_weight or class_weight, not both.")
    weights = np.ones(len(labels), "float32")
    for label, value in class_weight.items():
        weights[labels == label] = value
    return weights
