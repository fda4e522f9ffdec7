"""What data are called in the output: images, signals or rows."""

from __future__ import annotations

from collections.abc import Sequence


def kind_of_items(shape: Sequence[int]) -> str:
    """Return what items of a shape are called: images, signals or rows.

    Args:
        shape: of one item.

    Example:
        >>> from zoo.items import kind_of_items
        >>> kind_of_items((28, 28, 1)), kind_of_items((140, 1)), kind_of_items((12,))
        ('images', 'signals', 'rows')
    """
    return {1: "rows", 2: "signals"}.get(len(shape), "images")
