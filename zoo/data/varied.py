"""Further images made of a few: enlarged parts of them, and mirror images."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.arguments import number, whole
from zoo.checks.arrays import as_array


def varied(
    x: Any, copies: int = 16, *, least: float = 0.5, mirrored: bool = True, seed: int = 0
) -> np.ndarray:
    """Return images, and parts of them that are enlarged to their size, half of them mirrored.

    A model, and also PCA, that learns from a few hundred photographs learns their chance details.
    Parts of them have other details, and what all photographs have in common. Leave out what does
    not suit the data: a mirrored letter is another letter.

    Args:
        x: images [n, height, width, channels]; of training only, so that no part of an image for
            validation or for testing is among them.
        copies: the number of parts of each image.
        least: the smallest share of the height and of the width that a part has, above 0 and at
            most 1; it is drawn uniformly from there to 1, and then the place.
        mirrored: whether to mirror half of the parts, and to add a mirror image of each image.
        seed: the same seed gives the same parts.

    Returns:
        float32 [m, height, width, channels]: the images, their mirror images if `mirrored`, and all
        parts; linear interpolation makes the pixels.

    Raises:
        ValueError: not images of this shape, or arguments out of range.

    Example:
        >>> x = zoo.data.load("digits")[0][0][:100]
        >>> zoo.data.varied(x, 3, mirrored=False).shape  # 100 images and 300 parts
        (400, 8, 8, 1)
    """
    from scipy.ndimage import zoom

    copies, least = whole("copies", copies), number("least", least, above=0, most=1)
    x = as_array(x)
    if np.ndim(x) != 4:
        raise ValueError(
            f"x has the shape {np.shape(x)}; images [n, height, width, channels] are expected."
        )
    x = np.asarray(x, "float32")
    generator, parts = np.random.default_rng(seed), []
    sides = np.array(x.shape[1:3])
    for image in np.repeat(x[None], copies, axis=0).reshape(-1, *x.shape[1:]):
        cut = np.maximum(1, np.round(sides * generator.uniform(least, 1))).astype(int)
        top, left = (int(generator.integers(n - m + 1)) for n, m in zip(sides, cut, strict=True))
        part = image[top : top + cut[0], left : left + cut[1]]
        part = zoom(part, (*(sides / cut), 1), order=1, mode="nearest", grid_mode=True)
        parts.append(part[:, ::-1] if mirrored and generator.random() < 0.5 else part)
    mirror_images = [x[:, :, ::-1]] if mirrored else []
    return np.concatenate(
        [x, *mirror_images, np.reshape(np.asarray(parts, "float32"), (-1, *x.shape[1:]))]
    )
