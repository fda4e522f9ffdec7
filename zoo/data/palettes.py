"""Palettes: a few representative colors of an image."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from zoo.checks.arguments import whole


def palettes(images: Any, colors: int = 6, *, seed: int = 0) -> np.ndarray:
    """Return the palettes of images: the means of k-means in Lab, from dark to light.

    Args:
        images: float [n, height, width, 3], sRGB in [0, 1].
        colors: the number of colors, at least 1; if an image has fewer, some occur several times.
        seed: seed of k-means.

    Returns:
        float32 [n, colors, 3], sRGB in [0, 1].

    Raises:
        ValueError: images without three channels, or out of range.

    Examples:
        >>> flag = np.zeros((1, 8, 8, 3), "float32")
        >>> flag[:, :4, :, 0] = 1.0  # red above black
        >>> zoo.data.palettes(flag, 2).round(2).tolist()
        [[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]
    """
    from keras import ops
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    from zoo.nn.colors import lab_to_rgb, rgb_to_lab

    x = np.asarray(images, "float32")
    colors = whole("colors", colors, least=1)
    if x.ndim != 4 or x.shape[-1] != 3:
        raise ValueError(f"The images have the shape {x.shape}; give [n, height, width, 3].")
    if not len(x):
        return np.zeros((0, colors, 3), "float32")
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(f"The pixels go from {x.min()} to {x.max()}; give [0, 1].")
    found = np.zeros((len(x), colors, 3), "float32")
    with warnings.catch_warnings(), threadpool_limits(1):  # an image is too little to share
        warnings.simplefilter("ignore", ConvergenceWarning)  # an image has fewer colors
        for i, image in enumerate(x):
            lab = ops.convert_to_numpy(rgb_to_lab(image.reshape(-1, 3)))
            means = KMeans(colors, n_init=1, max_iter=20, random_state=seed).fit(lab)
            found[i] = means.cluster_centers_[np.argsort(means.cluster_centers_[:, 0])]
    return ops.convert_to_numpy(lab_to_rgb(ops.convert_to_tensor(found)))
