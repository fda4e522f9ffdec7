"""Words for messages: names for kinds of data, and texts without control characters."""

from __future__ import annotations

from collections.abc import Sequence


def kind_of_items(shape: Sequence[int]) -> str:
    """Return the word for items of a shape: images, signals or rows.

    Args:
        shape: the shape of one item.

    Example:
        >>> from zoo.checks.words import kind_of_items
        >>> kind_of_items((28, 28, 1)), kind_of_items((140, 1)), kind_of_items((12,))
        ('images', 'signals', 'rows')
    """
    return {1: "rows", 2: "signals"}.get(len(shape), "images")


def printable(text: str) -> str:
    """Return a text with escaped control characters, so that a terminal does not execute them."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
