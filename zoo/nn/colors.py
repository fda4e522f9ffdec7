"""Colors: sRGB, CIE Lab (whose distances are close to perceived differences), and hues."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

_WHITE = np.array([0.95047, 1.0, 1.08883], "float32")  # D65, 2 degrees
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
).astype("float32")
_TO_RGB = np.linalg.inv(_TO_XYZ.astype("float64")).astype("float32")
_EDGE = 6 / 29  # of the linear part of the cube root


def rgb_to_lab(rgb: Any) -> Any:
    """Convert sRGB to Lab.

    Args:
        rgb: [..., 3], in [0, 1].

    Returns:
        float32 [..., 3]: L from 0 to 100, a and b about from -110 to 110.

    Example:
        >>> from zoo.nn.colors import rgb_to_lab
        >>> round(float(rgb_to_lab(np.ones((1, 3), "float32"))[0, 0]), 1)
        100.0

    Source: IEC 61966-2-1:1999 for sRGB; CIE 15:2004, section 8.2, for Lab.
    """
    rgb = ops.cast(rgb, "float32")
    bent = ops.power((ops.maximum(rgb, 0.04045) + 0.055) / 1.055, 2.4)
    linear = ops.where(rgb > 0.04045, bent, rgb / 12.92)
    t = ops.matmul(linear, _TO_XYZ.T / _WHITE)
    root = ops.power(ops.maximum(t, _EDGE**3), 1 / 3)
    f = ops.where(t > _EDGE**3, root, t / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return ops.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def lab_to_rgb(lab: Any) -> Any:
    """Convert Lab to sRGB, the inverse of `rgb_to_lab`; colors outside sRGB are clipped.

    Args:
        lab: [..., 3].

    Returns:
        float32 [..., 3], in [0, 1].
    """
    y = (lab[..., 0] + 16.0) / 116.0
    f = ops.stack([y + lab[..., 1] / 500.0, y, y - lab[..., 2] / 200.0], axis=-1)
    t = ops.where(f > _EDGE, f * f * f, 3 * _EDGE**2 * (f - 4 / 29))
    linear = ops.clip(ops.matmul(t, (_TO_RGB * _WHITE).T), 0.0, 1.0)
    bent = 1.055 * ops.power(ops.maximum(linear, 0.0031308), 1 / 2.4) - 0.055
    return ops.clip(ops.where(linear > 0.0031308, bent, 12.92 * linear), 0.0, 1.0)


def with_turned_hue(lab: Any, angle: Any) -> Any:
    """Return colors with rotated hues: a and b are rotated, lightness and chroma are kept.

    Distances between colors of one image are kept too. So rotating an image also rotates its
    k-means palette, and changes nothing else.

    Args:
        lab: [batch, ..., 3]. angle: radians [batch].
    """
    shape = (-1, *[1] * (len(lab.shape) - 2))
    cos, sin = ops.reshape(ops.cos(angle), shape), ops.reshape(ops.sin(angle), shape)
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    return ops.stack([light, cos * a - sin * b, sin * a + cos * b], axis=-1)
