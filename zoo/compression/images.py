"""Reading images of any size and kind for compression, and writing them without loss."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zoo.data import decoding
from zoo.data.decoding import FORMATS, most_pixels, own_limit, printable_name

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
    most = most_pixels(max_pixels)
    name = printable_name(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{name} does not exist, or is no file.")
    try:
        with own_limit(), Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > most:
                size = f"{name} has {image.width} x {image.height} pixels"
                raise ValueError(decoding.too_large(size, most))
            return _decoded(image, channels)
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(
            f"{name} cannot be read as an image ({', '.join(FORMATS)}): {error}"
        ) from (error)


def _decoded(image, channels) -> ReadImage:
    changes = []
    if getattr(image, "n_frames", 1) > 1:
        changes.append(f"only the first of {image.n_frames} frames is read")
    if image.mode.startswith(("I", "F")):
        changes.append("16 bits a channel become 8")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        changes.append("transparent pixels are put on white")
    gray = image.mode in ("1", "L", "LA", "I", "I;16", "F")
    if gray and channels == 3:
        changes.append("gray becomes three channels")
    elif not gray and channels == 1:
        changes.append("colors become gray")
    image.load()
    if image.getexif().get(0x0112, 1) != 1:
        changes.append("it is turned upright")
        ImageOps.exif_transpose(image, in_place=True)
    flat = decoding.in_mode(decoding.flat(image), "L" if channels == 1 else "RGB")
    pixels = np.asarray(flat, "uint8").reshape(flat.height, flat.width, channels)
    return ReadImage(pixels, changes)


def check_lossless(path: str | os.PathLike) -> None:
    """Raise a ValueError unless images are written into such a file without loss."""
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
    check_lossless(f"image{suffix}")
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(path, format=suffix[1:].upper(), **LOSSLESS[suffix])
