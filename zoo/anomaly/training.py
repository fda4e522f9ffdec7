"""How a detector trains its model: on all items, then without those that look like anomalies."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.monitors import check_finite


def is_trained(model: Any) -> bool:
    """Say whether a model comes from a preset, or has made a step of training."""
    if model.based_on:
        return True
    return bool(model.compiled and int(ops.convert_to_numpy(model.optimizer.iterations)))


def train(
    detector: Any, x: np.ndarray, *, trim: float, epochs: int, optimizer: Any, **options
) -> dict:
    """Train the model of a detector on checked items [n, ...].

    A network learns to reconstruct the anomalies among its data, too, and then gives them low
    scores. So the share `trim` of the items, those with the highest scores after the first half of
    the epochs, is left out of the second half.

    Args:
        trim: the share, in [0, 0.5]; 0 for normal data, which are all learned.
        optimizer: None takes the one that the model is compiled with, or Adam.
        options: of `model.fit`.

    Returns:
        the metrics of each epoch by name, lists.

    Source: Shen and Sanghavi 2019 (arXiv 1810.11874), iterative trimmed loss minimization, here
    with one trimming.
    """
    model = detector.model
    if model.learns_labels:
        raise ValueError(
            f"{type(model).__name__} learns from labels too: train it with model.fit(x, y) "
            "first, then make a detector of it."
        )
    if optimizer is not None or not model.compiled:
        model.compile(optimizer or "adam")
    left_out = round(trim * len(x))
    second = epochs // 2 if left_out else 0
    history = model.fit(detector.standardized(x), epochs=epochs - second, **options).history
    check_finite(model)
    if second:
        kept = np.sort(np.argsort(detector.scores(x))[: len(x) - left_out])
        options |= {"epochs": epochs, "initial_epoch": epochs - second}
        rest = model.fit(detector.standardized(x[kept]), **options).history
        check_finite(model)
        history = {name: values + rest[name] for name, values in history.items()}
    return history
