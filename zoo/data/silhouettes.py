"""Pairs of images of clothes: silhouettes, or images with a few gray levels, and the originals."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.arguments import whole
from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source, pixels

LEAST = 0.02  # least value of a pixel of the garment; light clothes have small values


def silhouettes(images: Any) -> np.ndarray:
    """Return silhouettes on black: all that is not background, with holes filled.

    Args:
        images: [n, height, width, 1], in [0, 1], each of one object.

    Returns:
        float32 [n, height, width, 1], 0 or 1.

    Examples:
        >>> ring = np.zeros((1, 5, 5, 1))
        >>> ring[:, 1:4, 1:4] = 0.5
        >>> ring[:, 2, 2] = 0.0
        >>> int(zoo.data.silhouettes(ring).sum())
        9
    """
    from scipy import ndimage

    x = _checked(images)[..., 0] > LEAST
    # The background is connected to the border; a frame around every image connects its parts.
    outside = np.pad(~x, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)  # different images are not connected
    parts, _ = ndimage.label(outside, structure)
    background = parts == parts[:, :1, :1]
    return (~background[:, 1:-1, 1:-1, None]).astype("float32")


def gray_levels(images: Any, levels: int = 4) -> np.ndarray:
    """Return images with a few gray levels: smoothed, then segmented by brightness.

    Args:
        images: [n, height, width, 1], in [0, 1].
        levels: the number of levels, at least 2. Level 0 is all outside of the silhouette.

    Returns:
        float32 [n, height, width, 1], of the values k / (levels - 1).

    Examples:
        >>> image = np.linspace(0, 1, 64).reshape(1, 8, 8, 1)
        >>> np.unique(zoo.data.gray_levels(image)).round(2)
        array([0.  , 0.33, 0.67, 1.  ], dtype=float32)
    """
    from scipy import ndimage

    levels = whole("levels", levels, least=2)
    x = _checked(images)
    inside = silhouettes(x)
    smooth = ndimage.gaussian_filter(x, (0, 1, 1, 0))
    weight = ndimage.gaussian_filter(inside, (0, 1, 1, 0))
    shade = smooth / np.maximum(weight, 1e-6)  # the background does not darken the border
    level = 1 + np.clip(np.floor(shade * (levels - 1)), 0, levels - 2)
    return inside * level.astype("float32") / np.float32(levels - 1)


def _checked(images) -> np.ndarray:
    x = np.asarray(images, "float32")
    if x.ndim != 4 or x.shape[-1] != 1:
        raise ValueError(f"The images have the shape {x.shape}; give gray ones, [n, h, w, 1].")
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(f"The pixels go from {x.min()} to {x.max()}; give [0, 1].")
    return x


def _of_fashion_mnist(name):
    x_train, _, x_test, _ = gray_images("fashion_mnist")
    train, test = pixels(x_train), pixels(x_test)
    return silhouettes(train), train, silhouettes(test), test


SOURCES["fashion_silhouettes"] = Source(
    "Silhouettes of the clothes of Fashion-MNIST, and the clothes, as pairs of images, 28x28",
    SOURCES["fashion_mnist"].licence,
    SOURCES["fashion_mnist"].credit,
    (),
    images=SOURCES["fashion_mnist"].images,
    read=_of_fashion_mnist,
)
