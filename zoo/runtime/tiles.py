"""Tiles of an image of any size, for networks that take images of one size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """A tile along one axis, in blocks: where it starts, and which part of its results is used."""

    start: int
    first: int
    stop: int


def spans(blocks: int, tile: int, margin: int) -> list[Span]:
    """Return tiles that overlap by what their edges spoil, and cover each block once.

    A tile's results at the edges of the image are used, as there is nothing beyond them.

    Args:
        blocks: how many blocks there are along the axis.
        tile: how many blocks a tile has.
        margin: how many blocks beyond a tile's edge its results depend on.

    Raises:
        ValueError: tiles are too small to overlap.

    Examples:
        >>> from zoo.runtime.tiles import spans
        >>> spans(5, 8, 2)
        [Span(start=0, first=0, stop=5)]
        >>> [tuple(span) for span in spans(12, 8, 2)]  # blocks 0 to 5, then 6 to 11
        [(0, 0, 6), (4, 6, 12)]
    """
    if blocks <= tile:
        return [Span(0, 0, blocks)]
    if tile <= 2 * margin:
        raise ValueError(
            f"An image of {blocks} blocks needs tiles of at least {2 * margin + 1} blocks, and the "
            f"model takes {tile}: make it with a larger input_shape."
        )
    found, done = [], 0
    while done < blocks:
        start = max(0, min(done - margin, blocks - tile))
        stop = blocks if start + tile == blocks else start + tile - margin
        found.append(Span(start, done, stop))
        done = stop
    return found


def cut(array: np.ndarray, tile: int, row: Span, column: Span) -> np.ndarray:
    """Return one tile of an array [height, width, ...], whose edges are repeated if it is smaller.

    Args: tile: the height and width of a tile; `row` and `column` are in the array's own units.
    """
    found = array[row.start : row.start + tile, column.start : column.start + tile]
    missing = [(0, tile - length) for length in found.shape[:2]]
    if not any(more for _, more in missing):
        return found
    return np.pad(found, [*missing, *[(0, 0)] * (array.ndim - 2)], mode="edge")


def paste(whole: np.ndarray, tile: np.ndarray, row: Span, column: Span) -> None:
    """Copy the part of a tile's results that is used into the results of the whole."""
    whole[row.first : row.stop, column.first : column.stop] = tile[
        row.first - row.start : row.stop - row.start,
        column.first - column.start : column.stop - column.start,
    ]


def scaled(span: Span, size: int) -> Span:
    """Return a span of blocks in pixels, for blocks of a size."""
    return Span(*(size * value for value in span))
