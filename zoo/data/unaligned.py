"""Small, unaligned, noisy copies of images, such as a distant camera takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.arguments import number, whole
from zoo.data.in_files import SOURCES  # after olivetti was added
from zoo.data.source import Source, pixels

COPIES, COPIES_FOR_TESTS = 16, 4
IMAGES_OF_A_PERSON = 8  # for training


def unaligned(
    images: Any,
    factor: int = 8,
    *,
    shift: float = 0.0625,
    rotation: float = 15.0,
    zoom: float = 0.1,
    noise: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Return small copies of images that are shifted, rotated, scaled and noisy.

    The shift, the angle and the scale of each image are drawn uniformly between their bounds. The
    image is resampled bilinearly; outside of the image, the nearest border pixel is used. Then each
    square of `factor` x `factor` pixels is averaged, normal noise is added, and the values are
    clipped to [0, 1].

    Args:
        images: [n, height, width, channels], in [0, 1]; both sides are multiples of `factor`.
        factor: how many times smaller the copies are, at least 1.
        shift: the largest shift along each axis, as a share of the side, in [0, 0.5].
        rotation: the largest angle, in degrees, in [0, 180].
        zoom: the largest change of the scale, as a share, in [0, 0.5].
        noise: the standard deviation of the noise, at least 0; 0.1 is a tenth of the range.
        seed: seed of all draws.

    Returns:
        float32 [n, height / factor, width / factor, channels], in [0, 1].

    Raises:
        ValueError: images of another shape or range, or sides that the factor does not divide.

    Examples:
        >>> y = np.ones((3, 16, 16, 1))
        >>> zoo.data.unaligned(y, 4, noise=0.0).shape
        (3, 4, 4, 1)
    """
    from scipy import ndimage

    y = np.asarray(images, "float32")
    factor, seed = whole("factor", factor, least=1), whole("seed", seed)
    if y.ndim != 4:
        channel = " The channel is missing: images[..., None]." if y.ndim == 3 else ""
        raise ValueError(
            f"The images have the shape {y.shape}; give [n, height, width, channels].{channel}"
        )
    if y.shape[1] % factor or y.shape[2] % factor:
        raise ValueError(
            f"The images have {y.shape[1]} x {y.shape[2]} pixels; both sides must be multiples of "
            f"factor={factor}: choose another factor, or crop the images."
        )
    if y.size and not (y.min() >= 0 and y.max() <= 1):
        raise ValueError(
            f"The pixels go from {y.min()} to {y.max()}; give [0, 1], such as pixels from 0 to 255 "
            "divided by 255."
        )
    shift = number("shift", shift, least=0, most=0.5)
    rotation = number("rotation", rotation, least=0, most=180)
    zoom = number("zoom", zoom, least=0, most=0.5)
    noise = number("noise", noise, least=0)
    n, height, width, channels = y.shape
    generator = np.random.default_rng(seed)
    moves = shift * generator.uniform(-1, 1, (n, 2)) * (height, width)
    angles = np.radians(rotation * generator.uniform(-1, 1, n))
    scales = 1 + zoom * generator.uniform(-1, 1, n)
    middle = (np.array([height, width]) - 1) / 2
    moved = np.empty_like(y)
    for i, angle in enumerate(angles):
        cos, sin = np.cos(angle) / scales[i], np.sin(angle) / scales[i]
        turn = np.array([[cos, -sin], [sin, cos]])
        offset = middle - turn @ (middle + moves[i])  # the middle goes to middle + move
        for channel in range(channels):
            moved[i, ..., channel] = ndimage.affine_transform(
                y[i, ..., channel], turn, offset, order=1, mode="nearest"
            )
    squares = moved.reshape(n, height // factor, factor, width // factor, factor, channels)
    small = squares.mean(axis=(2, 4))
    small += noise * generator.standard_normal(small.shape).astype("float32")
    return np.clip(small, 0, 1)


def pairs_of_faces(train: np.ndarray, test: np.ndarray) -> tuple:
    """Return pairs of small and large faces, several of each image.

    Args:
        train: the training images of "olivetti", float32 [320, 64, 64, 1], sorted by person.
        test: its test images, [80, 64, 64, 1].

    Returns:
        `(x, y), (x_test, y_test)`: x float32 [n, 8, 8, 1] and y [n, 64, 64, 1]. Each training image
        gives 16 consecutive pairs, every second of them mirrored. The pairs of all first images of
        the 40 people come first, and those of all eighth images last, so that the last 640 pairs
        show images that the others do not. Each test image gives 4 pairs.
    """
    order = np.argsort(np.arange(len(train)) % IMAGES_OF_A_PERSON, kind="stable")
    y = np.repeat(train[order], COPIES, axis=0)
    y[1::2] = y[1::2, :, ::-1]
    y_test = np.repeat(test, COPIES_FOR_TESTS, axis=0)
    return (unaligned(y, seed=0), y), (unaligned(y_test, seed=1), y_test)


def _of_olivetti(name):
    try:
        x_train, _, x_test, _ = SOURCES["olivetti"].read("olivetti")
    except OSError as error:
        raise OSError(
            f"{name} is made from the data set olivetti. {error} To make pairs from other images, "
            "use zoo.data.unaligned."
        ) from error
    train, test = pairs_of_faces(pixels(x_train), pixels(x_test))
    return *train, *test


SOURCES["olivetti_unaligned"] = Source(
    "Pairs of images: small, unaligned, noisy copies of the Olivetti faces, and the faces",
    SOURCES["olivetti"].licence,
    SOURCES["olivetti"].credit,
    (),
    images=5120,
    read=_of_olivetti,
)
