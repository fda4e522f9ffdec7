"""Photographs as in visual inspection: of the same part again and again, or of anything."""

from __future__ import annotations

import numpy as np
from PIL import Image

from zoo.data.source import in_folder

SIDE = 64
_WINDOW = 320  # side of a view, in pixels of the photograph


def views_of_a_part(n: int, number: int, generator: np.random.Generator) -> np.ndarray:
    """Return n photographs of the same scene, float32 [n, 64, 64, 3] in [0, 1].

    Each shows the middle of one photograph, rotated by up to 3 degrees, shifted by up to 12 of its
    pixels, up to 3 % larger or smaller, up to 15 % brighter or darker, with noise of 0.02.

    Args:
        number: the number of the photograph in the Kodak suite, 1 to 24.
    """
    photograph = _opened(f"kodak/{number:02d}.png")
    found = []
    for _ in range(n):
        turned = photograph.rotate(generator.uniform(-3, 3), Image.Resampling.BILINEAR)
        x, y = np.array(turned.size) / 2 + generator.uniform(-12, 12, 2)
        half = generator.uniform(0.97, 1.03) * _WINDOW / 2
        box = (x - half, y - half, x + half, y + half)
        view = turned.resize((SIDE, SIDE), Image.Resampling.BOX, box)
        pixels = np.asarray(view, "float32") / 255 * generator.uniform(0.85, 1.15)
        found.append(pixels + generator.normal(0, 0.02, pixels.shape))
    return np.clip(np.stack(found), 0, 1).astype("float32")


def squares(n: int, files: list[str], generator: np.random.Generator) -> np.ndarray:
    """Return n squares at random places of photographs, float32 [n, 64, 64, 3] in [0, 1]."""
    photographs = [_opened(file) for file in files]
    found = []
    for _ in range(n):
        photograph = photographs[generator.integers(len(photographs))]
        x, y = generator.integers(np.array(photograph.size) - SIDE + 1)
        found.append(np.asarray(photograph.crop((x, y, x + SIDE, y + SIDE)), "float32") / 255)
    return np.stack(found)


def photograph(file: str) -> np.ndarray:
    """Return a photograph of `ZOO_DATA`, float32 [height, width, 3] in [0, 1].

    Raises:
        FileNotFoundError: it is not there.
    """
    return np.asarray(_opened(file), "float32") / 255


def files_of_bsds() -> list[str]:
    """Return the names of the training photographs of BSDS500 in `ZOO_DATA`, in order.

    Raises:
        FileNotFoundError: the photographs are not there.
    """
    folder = _path("bsds500_train/100075.jpg").parent
    return sorted(f"bsds500_train/{path.name}" for path in folder.glob("*.jpg"))


def _opened(file):
    with Image.open(_path(file)) as image:
        return image.convert("RGB")


def _path(file):
    path = in_folder(file)
    if path is None:
        raise FileNotFoundError(
            f"{file} is not in the folder of ZOO_DATA: get the photographs of the Kodak suite, "
            "01.png to 24.png, and the training part of BSDS500, as jpg files."
        )
    return path
