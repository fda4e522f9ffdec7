"""Harder variants of MNIST, generated from the digits by a seed.

The published files are one random sample of these variants. On other samples a support vector
machine has as many errors as on the published ones with plain and with turned digits, half a point
more with noise, and clearly more with rectangles (`zoo reproduce mnist_variants_draws`); with
photographs, which are other ones, it has fewer.

Source: Larochelle et al. 2007, An empirical evaluation of deep architectures on problems with many
factors of variation (doi 10.1145/1273496.1273556), sections 3.1 and 3.2.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.checks.names import UnknownNameError
from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source
from zoo.data.whole_images import read_image

TRAINING = {
    "mnist_basic": 12_000,
    "mnist_rot": 12_000,
    "mnist_bg_rand": 12_000,
    "mnist_bg_img": 12_000,
    "mnist_bg_img_rot": 12_000,
    "rectangles": 1200,
    "rectangles_img": 12_000,
}
"""The numbers of training images; the last sixth of them is for validation."""

TESTING = 50_000
SIDE = 28
PHOTOGRAPHS = 20
LEAST_DEVIATION = 10.0  # of the gray levels in a patch; others have too little texture


def draw(
    name: str,
    digits: tuple | None = None,
    *,
    photographs: Sequence[np.ndarray] = (),
    training: int | None = None,
    testing: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, ...]:
    """Generate a variant.

    "mnist_basic" has the digits unchanged; "mnist_rot" rotates each by a uniform angle in [0, 2
    pi); "mnist_bg_rand" has noise as the background: each pixel is the maximum of the digit and
    uniform noise; "mnist_bg_img" has a patch of a photograph in its place, and "mnist_bg_img_rot"
    digits that are rotated before. "rectangles" has the white outlines of tall (label 0) and wide
    (label 1) rectangles on black, whose sides differ by at least 3 pixels; "rectangles_img" has
    full ones, a patch on another patch, with sides of at least 10 pixels that differ by at least 5.

    Patches are gray, from random places of random photographs. Those whose gray levels have a
    standard deviation below `LEAST_DEVIATION` are drawn again. The paper leaves out patches with a
    low variance, too, but does not say which number is low.

    Args:
        name: one of `TRAINING`.
        digits: images uint8 [n, 28, 28] and labels [n] to sample from, where n is at least
            training + testing; not needed for rectangles.
        photographs: gray uint8 [height, width], for the variants with photographs.
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
    if name.endswith(("img", "img_rot")) and not photographs:
        raise ValueError(f"{name} has photographs as backgrounds: give some.")
    if name == "rectangles":
        x, y = _rectangles(total, generator)
    elif name == "rectangles_img":
        x, y = _full_rectangles(total, photographs, generator)
    else:
        if digits is None or np.asarray(digits[0]).dtype != np.uint8:
            raise ValueError(f"{name} is made from digits: give images as uint8, and their labels.")
        x, y = digits
        if len(x) < total:
            raise ValueError(f"{total:,} digits are needed, but there are {len(x):,}.")
        chosen = generator.permutation(len(x))[:total]
        x, y = np.asarray(x)[chosen], np.asarray(y)[chosen]
        if name.endswith("rot"):
            x = rotated_levels(x, 360 * generator.random(len(x)))
        if name == "mnist_bg_rand":
            x = np.maximum(x, generator.integers(0, 256, x.shape, "uint8"))
        elif name.startswith("mnist_bg_img"):
            x = np.maximum(x, textures(photographs, total, generator))
    y = y.astype("int32")
    return x[:training], y[:training], x[training:], y[training:]


def rotated(images: np.ndarray, angle: float) -> np.ndarray:
    """Rotate images counterclockwise about their centers by linear interpolation; black comes in.

    Args:
        images: [n, height, width, ...]. angle: in degrees.
    """
    from scipy import ndimage

    return ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1)


def rotated_levels(images: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate each of the images, uint8 [n, height, width], by its own angle in degrees, [n]."""
    turned = [
        rotated(image[None].astype("float64"), angle)[0]
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.rint(turned).astype("uint8")


def textures(
    photographs: Sequence[np.ndarray], n: int, generator: np.random.Generator
) -> np.ndarray:
    """Return n patches of photographs, uint8 [n, 28, 28], whose gray levels vary enough.

    Args:
        photographs: gray uint8 [height, width], with at least 28 pixels on both sides.
        n: how many. generator: draws photographs and places.
    """
    found: list[np.ndarray] = []
    for _ in range(1000 * n):  # a photograph of the sky has few patches that vary
        if len(found) == n:
            break
        image = photographs[int(generator.integers(len(photographs)))]
        top, left = (generator.integers(length - SIDE + 1) for length in image.shape)
        patch = image[top : top + SIDE, left : left + SIDE]
        if patch.std() >= LEAST_DEVIATION:
            found.append(patch)
    if len(found) < n:
        raise ValueError(
            f"Only {len(found)} of {n} patches of these photographs have gray levels with a "
            f"standard deviation of {LEAST_DEVIATION}: give photographs with more variation."
        )
    return np.stack(found)


def _sides(n, least, difference, generator):
    """Return heights and widths [n, 2] that differ enough."""
    sides = np.empty((0, 2), int)
    while len(sides) < n:
        drawn = generator.integers(least, SIDE + 1, (2 * n, 2))
        sides = np.concatenate([sides, drawn[np.abs(drawn[:, 0] - drawn[:, 1]) >= difference]])
    return sides[:n]


def _full_rectangles(n, photographs, generator):
    sides = _sides(n, 10, 5, generator)
    corners = generator.integers(0, SIDE - sides + 1)[:, :, None]
    place = np.arange(SIDE)
    within = (place >= corners) & (place < corners + sides[:, :, None])  # [n, 2, 28]
    inside = within[:, 0, :, None] & within[:, 1, None, :]
    above, below = (textures(photographs, n, generator) for _ in range(2))
    return np.where(inside, above, below), sides[:, 1] > sides[:, 0]


def _rectangles(n, generator):
    sides = _sides(n, 1, 3, generator)
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
    photographs = _berkeley(name) if "img" in name else ()
    digits = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    return draw(name, digits, photographs=photographs)


def _rectangles_of_photographs(name):
    return draw(name, photographs=_berkeley(name))


def _berkeley(name):
    """Return the first photographs of BSDS500's training part, in gray."""
    if not os.environ.get("ZOO_DATA"):
        raise FileNotFoundError(
            f"{name} takes photographs from the folder bsds500_train in the folder that the "
            "environment variable ZOO_DATA names, which is not set."
        )
    paths = sorted((Path(os.environ["ZOO_DATA"]) / "bsds500_train").glob("*.jpg"))[:PHOTOGRAPHS]
    if not paths:
        raise FileNotFoundError(
            f"{name} takes photographs from bsds500_train in the folder that ZOO_DATA names, which "
            "has no JPEG files."
        )
    weights = np.array([0.299, 0.587, 0.114])
    return [np.rint(read_image(path).pixels @ weights).astype("uint8") for path in paths]


for _name, _what in (
    ("mnist_basic", "12,000 and 50,000 digits"),
    ("mnist_rot", "turned digits"),
    ("mnist_bg_rand", "digits on noise"),
    ("mnist_bg_img", "digits on patches of photographs of BSDS500"),
    ("mnist_bg_img_rot", "turned digits on patches of photographs of BSDS500"),
):
    _photographs = "img" in _name
    SOURCES[_name] = Source(
        f"MNIST, {_what}, after Larochelle et al. 2007",
        SOURCES["mnist"].licence + "; non-commercial research" * _photographs,
        SOURCES["mnist"].credit + "; D. Martin, C. Fowlkes, D. Tal and J. Malik" * _photographs,
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
SOURCES["rectangles_img"] = Source(
    "Tall and wide rectangles of patches of photographs of BSDS500, after Larochelle et al. 2007",
    "non-commercial research",
    "D. Martin, C. Fowlkes, D. Tal and J. Malik",
    ("tall", "wide"),
    images=TRAINING["rectangles_img"],
    read=_rectangles_of_photographs,
)
