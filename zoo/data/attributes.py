"""Digits whose labels are levels of an ordered attribute: the thickness of strokes, or an angle."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source
from zoo.data.variants import rotated_levels

LEVELS = 10
ANGLES = tuple(range(-45, 46, 10))  # degrees, counterclockwise


def draw(name: str, digits: list | tuple, *, seed: int = 0) -> list[np.ndarray]:
    """Return digits with the levels of an attribute as labels.

    "mnist_thickness" leaves the digits unchanged. A digit's level is the decile of its stroke width
    (see `stroke_width`) among the training digits, 0 for the thinnest. "mnist_angles" rotates each
    digit by one of the ten `ANGLES`, drawn at random; the level is the number of the angle.

    Args:
        name: "mnist_thickness" or "mnist_angles".
        digits: x_train, y_train, x_test and y_test, images uint8 [n, 28, 28].
        seed: seed of the drawn angles.

    Returns:
        x_train, levels_train, x_test, levels_test: uint8 [n, 28, 28] and int32 [n], in the order of
        the digits.
    """
    x_train, _, x_test, _ = digits
    if name == "mnist_thickness":
        width, width_test = stroke_width(x_train), stroke_width(x_test)
        edges = np.quantile(width, np.arange(1, LEVELS) / LEVELS)
        return [x_train, _level(width, edges), x_test, _level(width_test, edges)]
    generator = np.random.default_rng(seed)
    drawn = []
    for x in (x_train, x_test):
        levels = generator.integers(0, LEVELS, len(x)).astype("int32")
        drawn += [rotated_levels(x, np.asarray(ANGLES)[levels]), levels]
    return drawn


def stroke_width(images: Any) -> np.ndarray:
    """Return the mean stroke width of images, computed from area and perimeter.

    It is fast, and it defines the labels. `zoo.metrics.stroke_thickness` measures generated images
    by another method, so that a model is not judged by the measure that it was trained on.

    A line of width w and length l, with w small against l, has the area w l and the perimeter 2 l;
    its width is therefore 2 area / perimeter. For gray images, the area is the sum of the pixels,
    and the perimeter is the sum of the gradient magnitudes (the coarea formula).

    Args:
        images: bright strokes on black, [n, height, width] or with a last axis of 1, of any scale.

    Returns:
        float64 [n], in pixels; 0 for empty images.
    """
    x = np.asarray(images, "float32")
    x = np.pad(x.reshape(x.shape[:3]), ((0, 0), (1, 1), (1, 1)))
    down, right = np.diff(x, axis=1)[:, :, :-1], np.diff(x, axis=2)[:, :-1]
    area = x.sum((1, 2), dtype="float64")
    perimeter = np.sqrt(down**2 + right**2).sum((1, 2), dtype="float64")
    return 2 * area / np.maximum(perimeter, 1e-12)


def _level(values, edges):
    return np.searchsorted(edges, values, side="right").astype("int32")


for _name, _title, _levels in (
    ("mnist_thickness", "the thickness of strokes", tuple(map(str, range(LEVELS)))),
    ("mnist_angles", "angles of rotation", tuple(f"{angle}°" for angle in ANGLES)),
):
    SOURCES[_name] = Source(
        f"MNIST, labeled by {_title} in {LEVELS} levels",
        SOURCES["mnist"].licence,
        SOURCES["mnist"].credit,
        _levels,
        images=SOURCES["mnist"].images,
        read=lambda name: draw(name, gray_images("mnist")),
    )
