"""Hide most labels, for semi-supervised learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.arguments import whole


def keep_labels(y: Any, n: int, *, seed: int = 0) -> np.ndarray:
    """Keep a few labels, equally many of every class, and hide all others as -1.

    Args:
        y: integer labels [m], from 0; images that already have the label -1 keep it.
        n: the number of labels to keep, a multiple of the number of classes.
        seed: seed of the random choice.

    Returns:
        int32 [m]: the labels that are kept, and -1 for the others.

    Raises:
        TypeError: labels that are not integers.
        ValueError: no labels at all, or labels below -1; `n` is not a multiple of the number of
            classes, or a class has too few labels.

    Examples:
        >>> y = np.repeat([0, 1], 50)
        >>> few = zoo.data.keep_labels(y, 10)
        >>> int((few >= 0).sum())
        10
    """
    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"y has shape {y.shape}; give one label for each image, integers [m].")
    if y.dtype.kind not in "iu":
        raise TypeError(f"y has dtype {y.dtype}; labels are integers from 0, or -1 for none.")
    if y.min() < -1 or y.max() < 0:
        raise ValueError(
            f"y goes from {y.min()} to {y.max()}; labels are integers from 0, or -1 for none."
        )
    n = whole("n", n)
    classes, counts = np.unique(y[y >= 0], return_counts=True)
    each, rest = divmod(n, len(classes))
    if n < 1 or rest or each > counts.min():
        raise ValueError(
            f"n is {n}; keep a multiple of {len(classes)}, the number of classes, and at most "
            f"{len(classes) * counts.min()}."
        )
    generator = np.random.default_rng(seed)
    kept = np.full(len(y), -1, "int32")
    for label in classes:
        rows = generator.choice(np.flatnonzero(y == label), each, replace=False)
        kept[rows] = label
    return kept
