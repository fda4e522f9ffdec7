"""Quality of recolored images: compared with images of rotated hues, and by their palettes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.palettes import palettes
from zoo.metrics.card_metrics import register, rounded
from zoo.nn import colors

if TYPE_CHECKING:
    from zoo.models.palette_net import PaletteNet


def turned_hues(images: np.ndarray, angles: Any) -> np.ndarray:
    """Return images, or palettes, with their hues rotated in Lab.

    Args:
        images: float32 [n, ..., 3], sRGB in [0, 1]. angles: radians [n].

    Returns:
        the same shape, sRGB in [0, 1]; colors outside of sRGB are clipped.

    Examples:
        >>> gray = np.full((1, 2, 2, 3), 0.5, "float32")  # has no hue
        >>> zoo.metrics.turned_hues(gray, [1.0]).round(2)[0, 0, 0]
        array([0.5, 0.5, 0.5], dtype=float32)
    """
    lab = colors.with_turned_hue(colors.rgb_to_lab(images), np.asarray(angles, "float32"))
    return _numpy(colors.lab_to_rgb(lab))


def color_distance(images: np.ndarray, others: np.ndarray) -> float:
    """Return the mean distance of pixels in the plane of a and b in Lab.

    Args:
        images, others: float32 [n, height, width, 3], sRGB in [0, 1].

    Examples:
        >>> x = np.random.default_rng(0).random((2, 4, 4, 3), "float32")
        >>> zoo.metrics.color_distance(x, x)
        0.0
    """
    a, b = (_numpy(colors.rgb_to_lab(each))[..., 1:].astype("float64") for each in (images, others))
    return float(np.sqrt(np.square(a - b).sum(axis=-1)).mean())


def palette_distance(images: np.ndarray, asked: np.ndarray) -> float:
    """Return the mean distance in Lab between the palettes of images and the requested palettes.

    Colors are matched so that the sum of their distances is minimal.

    Args:
        images: float32 [n, height, width, 3]. asked: palettes [n, colors, 3]; sRGB in [0, 1].

    Examples:
        >>> x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        >>> zoo.metrics.palette_distance(x, zoo.data.palettes(x)) < 0.01
        True
    """
    from scipy.optimize import linear_sum_assignment

    found = palettes(images, asked.shape[1])
    a, b = (_numpy(colors.rgb_to_lab(each)).astype("float64") for each in (found, asked))
    distance = np.sqrt(np.square(a[:, :, None] - b[:, None]).sum(axis=-1))
    return float(np.mean([each[linear_sum_assignment(each)].mean() for each in distance]))


def asked_of(model: PaletteNet, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images with hues rotated by angles of seed 0, and the palettes of these images.

    Examples:
        >>> x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        >>> images, asked = zoo.metrics.asked_of(zoo.PaletteNet((8, 8, 3), filters=(4,)), x)
        >>> images.shape, asked.shape
        ((2, 8, 8, 3), (2, 6, 3))
    """
    angles = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, len(x))
    return turned_hues(x, angles), turned_hues(model.labels_from_images(x), angles)


def _numpy(tensor):
    from keras import ops

    return ops.convert_to_numpy(tensor)


# On cards


@register(
    "color error",
    "",
    "mean distance of a and b in Lab to the image with its hues turned by an angle, seed 0, given "
    "its palette; the images as they are have {alone}",
)
def _color_error(e):
    images, asked = asked_of(e.model, e.x)
    alone = rounded(color_distance(e.x, images))
    return rounded(color_distance(e.model.recolor(e.x, asked), images)), {"alone": alone}


@register(
    "distance of palettes",
    "",
    "in Lab, of the palettes of the recolored images to those asked for, colors matched; the "
    "images as they are have {alone}",
)
def _distance_of_palettes(e):
    _, asked = asked_of(e.model, e.x)
    alone = rounded(palette_distance(e.x, asked))
    return rounded(palette_distance(e.model.recolor(e.x, asked), asked)), {"alone": alone}
