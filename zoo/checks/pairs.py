"""Targets of models without labels: the inputs themselves, or the clean images of noisy ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks import streams
from zoo.checks.arrays import as_array, check_images
from zoo.checks.words import kind_of_items

ROWS = 1024  # rows to compare at once, so that an array on disk is not loaded whole


def are_the_images(x: Any, y: Any, values: bool = True) -> bool:
    """Return whether targets are the images themselves.

    Args:
        values: whether to compare values. In a graph this is impossible; only shapes are compared.
    """
    if x is y:
        return True
    shapes = [tuple(v.shape) if hasattr(v, "shape") else np.shape(v) for v in (x, y)]
    if shapes[0] != shapes[1]:
        return False
    if not values:
        return True
    y = as_array(y, "y")
    starts = range(0, len(x), ROWS)
    pairs = ((np.asarray(x[i : i + ROWS]), np.asarray(y[i : i + ROWS])) for i in starts)
    # NaN stands for what is after the end of a signal.
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f") for a, b in pairs
    )


def check_clean_images(
    model: Any, x: Any, y: Any, kind: str, training: bool, name: str = "y"
) -> Any:
    """Check the targets of a model without labels.

    Args:
        x: the checked inputs of the model. y: the targets that were passed with them, not None.
        kind: the kind of data, a key of `streams.IMAGES_ALONE`.
        training: whether the model learns from them.
        name: the name of y, for errors.

    Returns:
        `x` itself if `y` holds the same images, else `y`, checked as the clean images of the noisy
        `x`.

    Raises:
        ValueError: the model does not take pairs, or corrupts images itself; or the shape or range
            is wrong.
        TypeError: the model does not take this dtype.
    """
    if are_the_images(x, y):
        return x
    if not model.takes_pairs or tuple(x.shape) != tuple(y.shape):
        raise other_targets(model, kind, tuple(x.shape), tuple(y.shape))
    if training and (corruption := getattr(model, "corruption", None)) is not None:
        raise ValueError(
            f"{type(model).__name__} has corruption={corruption!r} and got pairs (noisy, clean): "
            "it would corrupt the noisy images again. For pairs make the model with "
            f"corruption=None; to corrupt clean images, {streams.IMAGES_ALONE[kind]}, with the "
            "clean images as x."
        )
    return check_images(y, model.image_shape, model.likelihood, name)


def other_targets(model: Any, kind: str, shape: tuple, came: tuple) -> ValueError:
    """Return the error for targets that are neither the inputs nor clean images of their shape."""
    name, items = type(model).__name__, kind_of_items(model.image_shape)
    advice = f"To leave out y: {streams.IMAGES_ALONE[kind]}."
    if model.takes_pairs:
        return ValueError(
            f"{name} learns from {items} only, which are also the targets, or from pairs (noisy, "
            f"clean) of one shape; x has shape {shape} and y {came}. {advice} To restore noisy "
            f"{items}, let y hold the clean version of each, in the same order."
        )
    return ValueError(
        f"{name} learns from {items} only, which are also the targets, but y is something else. "
        f"Leave out y, or give x itself. {advice} To restore noisy {items}, train a "
        "zoo.DenoisingAutoencoder, zoo.Autoencoder or zoo.VAE with pairs, fit(noisy, clean), or "
        "give zoo.DenoisingAutoencoder the clean ones and corruption=."
    )
