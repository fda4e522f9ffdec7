"""Patches of photographs at their own size, for compression."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.checks.arguments import whole
from zoo.data.decoding import flat, in_mode, most_pixels, own_limit, printable_name
from zoo.data.folders import ENDINGS
from zoo.data.source import SOURCES, Source

SIDE = 128
TRAINING, TESTING = 2000, 48  # patches


def patches(
    images: str | os.PathLike | Sequence[np.ndarray],
    n: int = TRAINING,
    side: int = SIDE,
    *,
    seed: int = 0,
    mirrored: bool = True,
) -> np.ndarray:
    """Cut squares from photographs at random places, at their own size.

    Args:
        images: a folder of PNG, JPEG and WebP files, with its subfolders; or images uint8
            [height, width, 3]. Images with a side below `side` are left out.
        n: how many squares; larger images give more of them.
        side: of a square, in pixels.
        seed: the same seed gives the same squares.
        mirrored: whether half of them are mirrored.

    Returns:
        uint8 [n, side, side, 3].

    Raises:
        FileNotFoundError: there is no such folder, or it has no images.
        ValueError: all images are smaller than a square.

    Examples:
        >>> from sklearn.datasets import load_sample_images
        >>> x = zoo.data.patches(load_sample_images().images, n=8, side=64)
        >>> x.shape, x.dtype
        ((8, 64, 64, 3), dtype('uint8'))
    """
    n, side = whole("n", n, least=1), whole("side", side, least=1)
    read = _in_folder(images) if isinstance(images, (str, os.PathLike)) else list(images)
    large = [image for image in read if min(image.shape[:2]) >= side]
    if not large:
        raise ValueError(f"None of the {len(read)} images has {side} pixels on both sides.")
    generator = np.random.default_rng(seed)
    areas = np.array([float(image.shape[0] * image.shape[1]) for image in large])
    found = np.empty((n, side, side, 3), "uint8")
    for i, which in enumerate(generator.choice(len(large), n, p=areas / areas.sum())):
        image = large[which]
        top, left = (generator.integers(length - side + 1) for length in image.shape[:2])
        patch = image[top : top + side, left : left + side]
        found[i] = patch[:, ::-1] if mirrored and generator.random() < 0.5 else patch
    return found


def _in_folder(folder) -> list[np.ndarray]:
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{printable_name(folder)} is no folder.")
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    if not paths:
        kinds = ", ".join(ENDINGS)
        raise FileNotFoundError(f"{printable_name(folder)} holds no images ({kinds}).")
    return [_pixels(path) for path in paths]


def _pixels(path) -> np.ndarray:
    with own_limit(), Image.open(path) as image:
        if image.width * image.height > most_pixels():
            raise ValueError(f"{printable_name(path)} has more than {most_pixels():,} pixels.")
        return np.asarray(in_mode(flat(image), "RGB"))


def _free(name: str) -> tuple:
    """Return squares of the photographs that come with scikit-learn and scikit-image."""
    from sklearn.datasets import load_sample_images

    try:
        from skimage import data
    except ImportError as error:
        raise ImportError(
            f"{name} needs the photographs of scikit-image: pip install scikit-image"
        ) from error
    china, flower = load_sample_images().images
    colors = [data.astronaut(), data.coffee(), data.rocket()]
    grays = [np.stack([gray] * 3, axis=-1) for gray in (data.camera(), data.grass())]
    test = patches([flower, data.chelsea()], TESTING, seed=1, mirrored=False)
    return patches([china, *colors, *grays], TRAINING), None, test, None


def _berkeley(name: str) -> tuple:
    """Return squares of BSDS500's training photographs; those for testing are of Kodak's."""
    folder = Path(os.environ.get("ZOO_DATA") or ".")
    test = patches(folder / "kodak", TESTING, seed=1, mirrored=False)
    return patches(folder / "bsds500_train", TRAINING), None, test, None


SOURCES["photographs"] = Source(
    "Squares of 128x128 pixels of eight photographs that come with scikit-learn and scikit-image; "
    "two of these are for testing",
    "CC BY 2.0 (china, flower); CC0 or public domain (the others)",
    "danielbuechele, vultilion, linolafett, NASA, SpaceX, R. Michetti, L. Varshney and S. van der "
    "Walt",
    (),
    images=TRAINING,
    read=_free,
)
SOURCES["bsds500"] = Source(
    "Squares of 128x128 pixels of the 200 training photographs of BSDS500; for testing, of the 24 "
    "photographs of Kodak",
    "non-commercial research",
    "D. Martin, C. Fowlkes, D. Tal and J. Malik",
    (),
    images=TRAINING,
    read=_berkeley,
)
