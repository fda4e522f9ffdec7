"""Strokes from images of thin lines, such as digits: their skeletons, followed by a pen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zoo.checks.arguments import number
from zoo.checks.arrays import as_array
from zoo.data.strokes.drawings import Drawing, simplified

SCALE = 2  # images are enlarged, for smoother lines
_LOOK_BACK = 4  # pixels from which the direction of the pen is known
_SHORTEST = 4  # pixels of a stroke, unless it is the only one
_AROUND = ((-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
Pixel = tuple[int, int]


def of_images(images: Any, tolerance: float = 0.35, threshold: float = 0.43) -> list[Drawing]:
    """Return the strokes with which images of thin lines may have been drawn.

    Lines are thinned to one pixel. The pen begins at the end of a line that is nearest to the
    upper left corner, goes on as straight as it can, and is lifted where all around was drawn;
    the next stroke begins at the nearest end. True strokes may have another order and direction.

    Args:
        images: bright lines on black in [0, 1], [n, height, width] or [n, height, width, 1].
        tolerance: how far points that are left out may be from the line, in pixels.
        threshold: pixels above it belong to a line.

    Returns:
        drawings in pixels; an image without lines gives an empty one.

    Raises:
        ImportError: scikit-image is not installed.

    Examples:
        >>> image = np.zeros((1, 16, 16))
        >>> image[0, 8, 3:12] = 1.0
        >>> (line,) = zoo.data.strokes.of_images(image)[0]
        >>> line.shape
        (2, 2)
    """
    try:
        from skimage.morphology import skeletonize
    except ImportError as error:
        raise ImportError("of_images() needs scikit-image: pip install scikit-image") from error
    from PIL import Image

    images = np.asarray(as_array(images, "images"), "float32")
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    if images.ndim != 3:
        raise ValueError(
            f"images has shape {images.shape}; [n, height, width] or [n, height, width, 1] is "
            "expected."
        )
    if images.size and not 0 <= images.min() <= images.max() <= 1:
        raise ValueError(
            f"images has values from {images.min():g} to {images.max():g}; bright lines on black "
            "in [0, 1] are expected. For pixels up to 255: images / 255."
        )
    threshold = number("threshold", threshold, above=0, below=1)
    drawings = []
    for image in images:
        size = (image.shape[1] * SCALE, image.shape[0] * SCALE)
        large = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        strokes = _followed(skeletonize(large > threshold))
        strokes = [(stroke + 0.5) / SCALE - 0.5 for stroke in strokes]
        drawings.append(simplified(strokes, tolerance) if strokes else [])
    return drawings


def _followed(skeleton: np.ndarray) -> Drawing:
    """Return the strokes of a pen that draws all pixels of a skeleton, x and y."""
    pixels = [(int(row), int(column)) for row, column in zip(*np.nonzero(skeleton), strict=True)]
    everything, left, strokes = {*pixels}, {*pixels}, []
    pen: Pixel | None = None
    while left:
        ends = [pixel for pixel in sorted(left) if len(_near(pixel, left)) <= 1] or sorted(left)
        start = min(ends, key=sum if pen is None else lambda pixel, at=pen: math.dist(pixel, at))
        path = _line(start, left)
        if len(path) >= _SHORTEST or (not strokes and not left):
            path = _joined(path, everything, everything - left)
            strokes.append(np.array(path, "float64")[:, ::-1])
            pen = path[-1]
    return strokes


def _near(pixel: Pixel, among: set[Pixel]) -> list[Pixel]:
    row, column = pixel
    return [(row + a, column + b) for a, b in _AROUND if (row + a, column + b) in among]


def _line(start: Pixel, left: set[Pixel]) -> list[Pixel]:
    """Return a line from a pixel, as straight as it can be, and remove its pixels from `left`."""
    path = [start]
    left.discard(start)
    while near := _near(path[-1], left):
        (row, column), before = path[-1], path[max(0, len(path) - 1 - _LOOK_BACK)]
        down, right = row - before[0], column - before[1]

        def straight(pixel, row=row, column=column, down=down, right=right):
            a, b = pixel[0] - row, pixel[1] - column
            return (down * a + right * b) / math.hypot(a, b)

        path.append(max(near, key=straight))
        left.discard(path[-1])
    return path


def _joined(path: list[Pixel], everything: set[Pixel], drawn: set[Pixel]) -> list[Pixel]:
    """Return a line whose ends touch the drawn lines beside them, or each other in a closed one."""
    if len(path) < _SHORTEST:
        return path
    others = drawn - {*path}
    closed = path[-1] in _near(path[0], everything)
    before, after = _near(path[0], others)[:1], _near(path[-1], others)[:1]
    if closed and not before:
        return [*path, path[0]]
    return [*before, *path, *after]
