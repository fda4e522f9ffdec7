"""Patches of photographs at their own size, for compression."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.checks.arguments import whole
from zoo.data.decoding import printable_name
from zoo.data.folders import ENDINGS
from zoo.data.source import SOURCES, Source
from zoo.data.whole_images import read_image, size_of

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
    sources = _paths(images) if isinstance(images, (str, os.PathLike)) else list(images)
    sizes = [_size(source) for source in sources]
    large = [i for i, size in enumerate(sizes) if min(size) >= side]
    if not large:
        raise ValueError(f"None of the {len(sources)} images has {side} pixels on both sides.")
    generator = np.random.default_rng(seed)
    areas = np.array([float(sizes[i][0] * sizes[i][1]) for i in large])
    chosen = generator.choice(large, n, p=areas / areas.sum())
    places = []
    for which in chosen:
        top, left = (int(generator.integers(length - side + 1)) for length in sizes[which])
        places.append((top, left, mirrored and generator.random() < 0.5))
    found = np.empty((n, side, side, 3), "uint8")
    for which in np.unique(chosen):  # each image is decoded once, and not kept
        image = _pixels(sources[which])
        for i in np.flatnonzero(chosen == which):
            top, left, turned = places[i]
            patch = image[top : top + side, left : left + side]
            found[i] = patch[:, ::-1] if turned else patch
    return found


def _paths(folder) -> list[Path]:
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{printable_name(folder)} is no folder.")
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    if not paths:
        kinds = ", ".join(ENDINGS)
        raise FileNotFoundError(f"{printable_name(folder)} holds no images ({kinds}).")
    return paths


def _size(source) -> tuple[int, int]:
    """Return the height and width of an image, or of a file's image as its header states them."""
    if isinstance(source, Path):
        return size_of(source)
    image = np.asarray(source)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"An image has dtype {image.dtype} and shape {image.shape}; uint8 and "
            "[height, width, 3] are expected."
        )
    return image.shape[:2]


def _pixels(source) -> np.ndarray:
    return read_image(source).pixels if isinstance(source, Path) else np.asarray(source)


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
    if not os.environ.get("ZOO_DATA"):
        raise FileNotFoundError(
            f"{name} is read from the folders bsds500_train and kodak in the folder that the "
            "environment variable ZOO_DATA names, which is not set."
        )
    folder = Path(os.environ["ZOO_DATA"])
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
