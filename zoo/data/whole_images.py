"""Reading images of any size and kind for compression, and writing them without loss."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zoo.data import decoding
from zoo.data.decoding import FORMATS, most_pixels, own_limit, printable_name

_ORIENTATION = 0x0112  # of EXIF
_MOST_OF_WEBP = 16_383  # pixels a side
LOSSLESS = {".png": {"optimize": True}, ".webp": {"lossless": True}}


class ReadImage(NamedTuple):
    """An image that was read.

    Attributes:
        pixels: uint8 [height, width, channels].
        changes: what a codec does not keep of it, in words.
    """

    pixels: np.ndarray
    changes: list[str]


def read_image(
    path: str | os.PathLike, channels: int = 3, *, max_pixels: int | None = None
) -> ReadImage:
    """Read an image file at its own size, in 8 bits.

    Args:
        path: a PNG, JPEG or WebP file; of an animation, the first frame is read.
        channels: 3, or 1 for gray.
        max_pixels: an image with more pixels in its header is not decoded; by default the variable
            `ZOO_MAX_PIXELS`, or 25 million.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, damaged, or too large.

    Example:
        >>> from PIL import Image
        >>> Image.new("RGBA", (40, 20), (255, 0, 0, 128)).save("half.png")
        >>> image = zoo.compression.read_image("half.png")
        >>> image.pixels.shape, image.changes
        ((20, 40, 3), ['transparent pixels are put on white'])
    """
    with _opened(path, most_pixels(max_pixels)) as image:
        return _decoded(image, channels)


def size_of(path: str | os.PathLike) -> tuple[int, int]:
    """Return the height and width that the header of an image file states.

    Raises: as `read_image` does.
    """
    with _opened(path, most_pixels()) as image:
        return image.height, image.width


@contextlib.contextmanager
def _opened(path, most) -> Iterator[Image.Image]:
    name = printable_name(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{name} does not exist, or is no file.")
    try:
        with own_limit(), Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > most:
                size = f"{name} has {image.width} x {image.height} pixels"
                raise ValueError(decoding.too_large(size, most))
            yield image
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(
            f"{name} cannot be read as an image ({', '.join(FORMATS)}): {error}"
        ) from error


def _decoded(image, channels) -> ReadImage:
    changes = []
    if getattr(image, "n_frames", 1) > 1:
        changes.append(f"only the first of {image.n_frames} frames is read")
    raw = str(image.tile[0][3]) if image.tile else ""
    if image.mode.startswith(("I", "F")) or ";16" in raw:
        changes.append("16 bits a channel become 8")
    if image.mode == "CMYK":
        changes.append("CMYK becomes RGB")
    if "icc_profile" in image.info:
        changes.append("its color profile is left out")
    if set(image.getexif()) - {_ORIENTATION}:
        changes.append("its metadata (EXIF) are left out")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        changes.append("transparent pixels are put on white")
    gray = image.mode in ("1", "L", "LA", "I", "I;16", "F")
    if gray and channels == 3:
        changes.append("gray becomes three channels")
    elif not gray and channels == 1:
        changes.append("colors become gray")
    image.load()
    if image.getexif().get(_ORIENTATION, 1) != 1:
        changes.append("it is turned upright")
        ImageOps.exif_transpose(image, in_place=True)
    flat = decoding.in_mode(decoding.flat(image), "L" if channels == 1 else "RGB")
    pixels = np.asarray(flat, "uint8").reshape(flat.height, flat.width, channels)
    return ReadImage(pixels, changes)


def check_lossless(path: str | os.PathLike, size: tuple[int, int] = (1, 1)) -> None:
    """Raise a ValueError unless an image of this size is written into such a file without loss."""
    if Path(path).suffix.lower() == ".webp" and max(size) > _MOST_OF_WEBP:
        raise ValueError(f"WebP holds at most {_MOST_OF_WEBP:,} pixels a side: write a .png file.")
    if Path(path).suffix.lower() not in LOSSLESS:
        raise ValueError(
            f"{printable_name(path)} is to hold the restored image: end its name in "
            f"{' or '.join(LOSSLESS)}, which keep every pixel."
        )


def write_image(path: str | os.PathLike, pixels: np.ndarray, suffix: str | None = None) -> None:
    """Write an image uint8 [height, width, 1 or 3] without loss, as PNG or WebP.

    Args: suffix: the kind of file, if the name does not tell it.
    """
    suffix = (suffix or Path(path).suffix).lower()
    check_lossless(f"image{suffix}", pixels.shape[:2])
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(path, format=suffix[1:].upper(), **LOSSLESS[suffix])
