"""Drawings as lists of strokes: their check, size, number of points, and picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.arguments import number, whole
from zoo.checks.arrays import as_array

SIDE = 8.0  # of a fitted drawing; then offsets are near 1

Drawing = list[np.ndarray]


def checked(drawing: Any, name: str = "drawing") -> Drawing:
    """Return a drawing as a list of strokes, float64 [points, 2].

    Args:
        drawing: strokes [points, 2]; empty ones are left out.

    Raises:
        TypeError: it is no list of strokes.
        ValueError: it has no points, coordinates that are not finite, or not two coordinates.
    """
    if not isinstance(drawing, list | tuple):
        raise TypeError(
            f"{name} is a {type(drawing).__name__}; a list of strokes [points, 2] is expected. For "
            "a single stroke: [stroke]."
        )
    strokes = []
    for i, stroke in enumerate(drawing):
        points = np.asarray(as_array(stroke, f"stroke {i} of {name}"), "float64")
        if not points.size:
            continue
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(
                f"stroke {i} of {name} has shape {points.shape}; [points, 2] is expected, x and y."
            )
        if not np.isfinite(points).all():
            raise ValueError(f"stroke {i} of {name} holds NaN or infinite coordinates.")
        strokes.append(points)
    if not strokes:
        raise ValueError(f"{name} has no points.")
    return strokes


def fitted(drawing: Any, side: float = SIDE) -> Drawing:
    """Return a drawing moved and scaled: its longer side is `side`, its first point the origin.

    Raises:
        ValueError: all points are the same, so that there is no size.

    Examples:
        >>> zoo.data.strokes.fitted([[(2, 2), (6, 2)]], side=1)
        [array([[0., 0.],
               [1., 0.]])]
    """
    strokes = checked(drawing)
    points = np.concatenate(strokes)
    longest = float(np.ptp(points, axis=0).max())
    if not 1e-30 < longest < 1e30:
        raise ValueError(
            "All points of the drawing are the same; draw a line at least."
            if longest == 0
            else f"The drawing has a side of {longest:g}; between 1e-30 and 1e30 is expected."
        )
    scale = number("side", side, above=0) / longest
    return [(stroke - points[0]) * scale for stroke in strokes]


def simplified(drawing: Any, tolerance: float = 0.1) -> Drawing:
    """Return a drawing with fewer points, by the algorithm of Ramer, Douglas and Peucker.

    Args:
        tolerance: how far a point that is left out may be from the line, at least 0, in the units
            of the drawing.

    Raises:
        ImportError: scikit-image is not installed.
    """
    try:
        from skimage.measure import approximate_polygon
    except ImportError as error:
        raise ImportError("simplified() needs scikit-image: pip install scikit-image") from error
    tolerance = number("tolerance", tolerance, least=0)
    found = []
    for stroke in checked(drawing):
        changes = np.any(np.diff(stroke, axis=0) != 0, axis=1)
        stroke = stroke[np.concatenate([[True], changes])]  # repeated points have no direction
        found.append(approximate_polygon(stroke, tolerance) if len(stroke) > 2 else stroke)
    return found


def to_image(
    drawing: Any, side: int = 64, *, width: float = 2.0, margin: float = 0.1
) -> np.ndarray:
    """Draw a drawing in black on white, uint8 [side, side].

    Args:
        side: in pixels. width: of a line, in pixels.
        margin: the part of the side that stays white at each edge.
    """
    from PIL import Image, ImageDraw

    strokes = checked(drawing)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    large = 4 * whole("side", side, least=1)  # drawn large and reduced, so that lines are smooth
    scale = large * (1.0 - 2.0 * margin) / max(float((high - low).max()), 1e-9)
    image = Image.new("L", (large, large), 255)
    pen, radius = ImageDraw.Draw(image), 2.0 * width
    for stroke in strokes:
        found = (stroke - (low + high) / 2) * scale + large / 2
        if len(found) > 1:
            pen.line([tuple(point) for point in found], 0, round(4 * width), joint="curve")
        for x, y in found:  # round ends and corners
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), 0)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
