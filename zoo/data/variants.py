"""Harder variants of MNIST, generated from the digits by a seed.

The published files are one random sample of these variants. Errors on another sample agree with
the published ones up to the noise of a test set of 50,000 images.

Source: Larochelle et al. 2007, An empirical evaluation of deep architectures on problems with many
factors of variation (doi 10.1145/1273496.1273556), sections 3.1 and 3.2.
"""

from __future__ import annotations

import numpy as np

from zoo.checks.names import UnknownNameError
from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source

TRAINING = {"mnist_basic": 12_000, "mnist_rot": 12_000, "mnist_bg_rand": 12_000, "rectangles": 1200}
"""The numbers of training images; the last sixth of them is for validation."""

TESTING = 50_000
SIDE = 28


def draw(
    name: str,
    digits: tuple | None = None,
    *,
    training: int | None = None,
    testing: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, ...]:
    """Generate a variant.

    "mnist_basic" has the digits unchanged; "mnist_rot" rotates each by a uniform angle in [0, 2
    pi); "mnist_bg_rand" has noise as the background: each pixel is the maximum of the digit and
    uniform noise; "rectangles" has the white outlines of tall (label 0) and wide (label 1)
    rectangles on black, whose sides differ by at least 3 pixels.

    Args:
        name: one of `TRAINING`.
        digits: images uint8 [n, 28, 28] and labels [n] to sample from, where n is at least
            training + testing; not needed for rectangles.
        training, testing: the numbers of images, by default from `TRAINING` and `TESTING`.
        seed: the same seed gives the same images.

    Returns:
        x_train, y_train, x_test, y_test: uint8 [n, 28, 28] and int32 [n]; no digit is in both sets.
    """
    if name not in TRAINING:
        raise UnknownNameError("variant", name, TRAINING)
    generator = np.random.default_rng(seed)
    training = TRAINING[name] if training is None else training
    total = training + (TESTING if testing is None else testing)
    if name == "rectangles":
        x, y = _rectangles(total, generator)
    else:
        if digits is None or np.asarray(digits[0]).dtype != np.uint8:
            raise ValueError(f"{name} is made from digits: give images as uint8, and their labels.")
        x, y = digits
        if len(x) < total:
            raise ValueError(f"{total:,} digits are needed, but there are {len(x):,}.")
        chosen = generator.permutation(len(x))[:total]
        x, y = np.asarray(x)[chosen], np.asarray(y)[chosen]
        if name == "mnist_rot":
            x = np.stack([rotated(image, 2 * np.pi * generator.random()) for image in x])
        elif name == "mnist_bg_rand":
            x = np.maximum(x, generator.integers(0, 256, x.shape, "uint8"))
    y = y.astype("int32")
    return x[:training], y[:training], x[training:], y[training:]


def rotated(image: np.ndarray, angle: float) -> np.ndarray:
    """Rotate an image [side, side] about its center, counterclockwise, by an angle in radians."""
    from scipy.ndimage import affine_transform

    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    center = (np.array(image.shape) - 1) / 2
    moved = affine_transform(image.astype("float64"), turn, center - turn @ center, order=1)
    return np.rint(moved).astype("uint8")


def _rectangles(n, generator):
    sides = np.empty((0, 2), int)
    while len(sides) < n:
        drawn = generator.integers(1, SIDE + 1, (2 * n, 2))
        sides = np.concatenate([sides, drawn[np.abs(drawn[:, 0] - drawn[:, 1]) >= 3]])
    sides = sides[:n]
    corners = generator.integers(0, SIDE - sides + 1)
    place = np.arange(SIDE)
    first, last = corners[:, :, None], (corners + sides - 1)[:, :, None]
    inside = (place >= first) & (place <= last)
    edge = (place == first) | (place == last)
    rows, columns = inside[:, 0, :, None], inside[:, 1, None, :]
    outline = rows & columns & (edge[:, 0, :, None] | edge[:, 1, None, :])
    return 255 * outline.astype("uint8"), sides[:, 1] > sides[:, 0]


def _of_mnist(name):
    x_train, y_train, x_test, y_test = gray_images("mnist")
    return draw(name, (np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])))


for _name, _what in (
    ("mnist_basic", "12,000 and 50,000 digits"),
    ("mnist_rot", "turned digits"),
    ("mnist_bg_rand", "digits on noise"),
):
    SOURCES[_name] = Source(
        f"MNIST, {_what}, after Larochelle et al. 2007",
        SOURCES["mnist"].licence,
        SOURCES["mnist"].credit,
        SOURCES["mnist"].classes,
        images=TRAINING[_name],
        read=_of_mnist,
    )
SOURCES["rectangles"] = Source(
    "Tall and wide rectangles, after Larochelle et al. 2007",
    "Apache-2.0",
    "autoencoder-zoo",
    ("tall", "wide"),
    images=TRAINING["rectangles"],
    read=draw,
)
