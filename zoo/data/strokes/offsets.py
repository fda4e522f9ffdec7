"""Drawings as sequences of offsets, stroke-3 and stroke-5, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.arrays import as_array
from zoo.data.strokes.drawings import Drawing, checked, to_image

END = (0.0, 0.0, 0.0, 0.0, 1.0)  # the rows after a drawing


def to_stroke3(drawing: Any) -> np.ndarray:
    """Return the stroke-3 sequence of a drawing, float32 [points - 1, 3].

    A first stroke of one point gets this point twice, since the pen begins on the paper.

    Examples:
        >>> zoo.data.strokes.to_stroke3([[(0, 0), (4, 0)], [(4, 2), (0, 2)]])
        array([[ 4.,  0.,  1.],
               [ 0.,  2.,  0.],
               [-4.,  0.,  1.]], dtype=float32)
    """
    strokes = checked(drawing)
    if len(strokes[0]) == 1:
        strokes = [np.repeat(strokes[0], 2, axis=0), *strokes[1:]]
    lifted = np.concatenate([np.arange(len(stroke)) == len(stroke) - 1 for stroke in strokes])
    offsets = np.diff(np.concatenate(strokes), axis=0)
    return np.column_stack([offsets, lifted[1:]]).astype("float32")


def from_stroke3(rows: Any, *, first_row_moves: bool = False) -> Drawing:
    """Return the drawing of a stroke-3 sequence [n, 3]; its first point is the origin.

    Args:
        first_row_moves: whether the first row moves to the first point without drawing a line, as
            in the files of Quick, Draw! and of Sketch-RNN; this point becomes the origin.
    """
    rows = _rows(rows, 3)
    if first_row_moves and not len(rows):
        raise ValueError("rows is empty, and has no first point; give one row at least.")
    points = np.cumsum(rows[:, :2], axis=0)
    if first_row_moves:
        points, lifted = points - points[0], rows[:, 2]
    else:
        points, lifted = np.concatenate([[[0.0, 0.0]], points]), np.append(0.0, rows[:, 2])
    ends = np.flatnonzero(lifted[:-1] > 0.5) + 1
    return np.split(points, ends)


def to_stroke5(drawings: Sequence, length: int | None = None) -> np.ndarray:
    """Return drawings as one array of stroke-5 sequences, float32 [n, length, 5].

    Args:
        drawings: drawings, or stroke-3 sequences [rows, 3].
        length: how many rows each has with its end, one more than its stroke-3 sequence at least;
            by default that of the longest.

    Raises:
        ValueError: there are no drawings, or one is too long.

    Examples:
        >>> zoo.data.strokes.to_stroke5([[[(0, 0), (4, 0)]]], length=3)
        array([[[4., 0., 0., 1., 0.],
                [0., 0., 0., 0., 1.],
                [0., 0., 0., 0., 1.]]], dtype=float32)
    """
    if not isinstance(drawings, list | tuple | np.ndarray):
        raise TypeError(f"drawings is a {type(drawings).__name__}; give a list of drawings.")
    sequences = [_rows(one, 3) if _is_stroke3(one) else to_stroke3(one) for one in list(drawings)]
    if not sequences:
        raise ValueError("There are no drawings; give one at least.")
    longest = max(map(len, sequences))
    length = longest + 1 if length is None else whole("length", length, least=2)
    if longest >= length:
        which = max(range(len(sequences)), key=lambda i: len(sequences[i]))
        raise ValueError(
            f"drawing {which} has {longest} rows and an end, and length is {length}: leave out "
            "points by zoo.data.strokes.simplified, or give a greater length."
        )
    found = np.tile(np.array(END, "float32"), (len(sequences), length, 1))
    for rows, sequence in zip(found, sequences, strict=True):
        n = len(sequence)
        rows[:n, :2] = sequence[:, :2]
        rows[:n, 2:] = np.column_stack([sequence[:, 2] < 0.5, sequence[:, 2] >= 0.5, np.zeros(n)])
    return found


def from_stroke5(rows: Any) -> Drawing:
    """Return the drawing of one stroke-5 sequence [n, 5], up to its end."""
    return from_stroke3(stroke3_of(rows))


def stroke3_of(rows: Any) -> np.ndarray:
    """Return the stroke-3 sequence of one stroke-5 sequence [n, 5], up to its end."""
    rows = _rows(rows, 5)
    ended = np.flatnonzero(rows[:, 2:].argmax(axis=1) == 2)
    rows = rows[: ended[0]] if len(ended) else rows
    lifted = rows[:, 2:].argmax(axis=1) == 1
    return np.column_stack([rows[:, :2], lifted]).astype("float32")


def _is_stroke3(one) -> bool:
    return not isinstance(one, list | tuple) and getattr(one, "shape", ())[-1:] == (3,)


def _rows(rows, width):
    rows = np.asarray(as_array(rows, "rows"), "float64")
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(
            f"rows has shape {rows.shape}; [n, {width}] is expected, one stroke-{width} sequence."
        )
    if not np.isfinite(rows).all():
        raise ValueError("rows holds NaN or infinite values.")
    return rows


def to_images(sequences: Any, side: int = 56) -> np.ndarray:
    """Return drawings as images of white lines on black, float32 [n, side, side, 1] in [0, 1].

    Args:
        sequences: stroke-5 sequences [n, time, 5], or a list of drawings.
    """
    if not len(sequences):
        raise ValueError("There are no drawings; give one at least.")
    images = []
    for one in sequences:
        drawing = one if isinstance(one, list | tuple) else from_stroke5(one)
        images.append(255 - to_image(drawing, side))
    return np.stack(images)[..., None].astype("float32") / np.float32(255)
