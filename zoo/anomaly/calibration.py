"""Maps of errors that are smoothed, and compared with the usual error at the same place.

At edges that lie a little differently in each image, even normal images can have large
errors. Where
nothing ever changes, a small error says much. So the error of a place is divided by the mean error
that normal images have there.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from zoo.anomaly.scores import WINDOW
from zoo.inference.compiled import run_in_batches
from zoo.presets.hashed_files import array_in, read_bytes

FILE = "normal_map.npy"
LARGEST = 2**28  # bytes
MOST = 4096  # images that the usual errors are computed from
SHARE = 0.1  # of the mean over all places, added to the usual error of each
_LEAST = 1e-12  # for images that are reconstructed without error


def window_means(errors: Any) -> Any:
    """Return the mean of errors over channels and over 5x5 pixels around each pixel.

    At the sides of an image, it is the mean over those pixels that are there.

    Args:
        errors: tensors [batch, height, width, channels].

    Returns:
        a tensor [batch, height, width].
    """
    errors = ops.mean(errors, axis=-1)
    down, right = (_means_along(size) for size in errors.shape[1:])
    return ops.matmul(ops.matmul(down, errors), right.T)


def _means_along(size: int) -> np.ndarray:
    """Return the matrix [size, size] of means over windows along an axis."""
    place = np.arange(size)
    near = np.abs(place[:, None] - place) <= WINDOW // 2
    return (near / near.sum(axis=1, keepdims=True)).astype("float32")


def normal_map(detector: Any, x: np.ndarray) -> np.ndarray:
    """Return the usual error of each place, float32 [height, width].

    It is the mean m(p) of `window_means` over normal images, plus a tenth of the mean of m.

    Args:
        detector: a detector with a trained model. x: checked images [n, height, width, channels];
            of many images, an evenly spaced selection is used.
    """
    x = x[:: -(-len(x) // MOST)]
    usual = run_in_batches(detector.smoothed, x, batch_size=256).mean(axis=0, dtype="float64")
    return np.maximum(usual + SHARE * usual.mean(), _LEAST).astype("float32")


def to_bytes(normal: np.ndarray) -> bytes:
    """Return an .npy file of the usual errors."""
    written = io.BytesIO()
    np.save(written, np.ascontiguousarray(normal, "float32"), allow_pickle=False)
    return written.getvalue()


def read(folder: Path, sha256: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read the usual errors that `to_bytes` wrote.

    Args:
        folder: the folder of the detector. sha256: the hash that the detector states.
        shape: (height, width) of the images.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file has another hash, or does not hold errors of this size above 0.
    """
    path = folder / FILE
    found = array_in(read_bytes(path, sha256, LARGEST, "detector"), "<f4")
    if found is None or found.shape != shape or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(f"{path} holds no float32 {shape} above 0 in .npy format.")
    return found
