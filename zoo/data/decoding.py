"""Decode one image file to a given size: limits, orientation, transparency, 16 bits."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import numpy as np
from PIL import Image, ImageOps

from zoo.checks.arguments import whole

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 25_000_000
VARIABLE = "ZOO_MAX_PIXELS"


def most_pixels(asked: int | None = None) -> int:
    """Return the largest number of pixels of an image.

    It is the given number, else that of the variable `ZOO_MAX_PIXELS`, else 25 million.

    Raises:
        TypeError, ValueError: not a whole number of at least 1.
    """
    if asked is not None:
        return whole("max_pixels", asked, least=1)
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return MOST_PIXELS
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(
            f"The environment variable {VARIABLE} is {text!r}; give the largest number of pixels "
            f"of an image, such as {MOST_PIXELS}, or unset it."
        )
    return int(text)


class PixelBudget:
    """Limits how many pixels threads decode at the same time.

    More threads therefore need no more memory. Large images are decoded in a single thread, because
    the C library keeps the memory that a thread has once used.

    Args:
        most: the limit, in pixels. A single image may use all of it.
    """

    def __init__(self, most: int):
        self.most, self._taken, self._changed = most, 0, threading.Condition()
        self._of_large = ThreadPoolExecutor(1)

    def run(self, count: int, work: Callable, *arguments: Any) -> Any:
        """Wait until `count` pixels fit, then return `work(*arguments)`, which decodes them."""
        if count * 4 > self.most:
            return self._of_large.submit(self._run, count, work, *arguments).result()
        return self._run(count, work, *arguments)

    def _run(self, count, work, *arguments):
        count = min(count, self.most)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + count <= self.most)
            self._taken += count
        try:
            return work(*arguments)
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()


@contextlib.contextmanager
def own_limit() -> Iterator[None]:
    """Silence Pillow's warning about large images, because `pixels` checks its own limit.

    Raises:
        ValueError: an image has more pixels than Pillow reads at all.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            yield
        except Image.DecompressionBombError as error:
            raise ValueError(too_large("an image that Pillow refuses", most_pixels())) from error


def pixels(
    path: str | os.PathLike | IO[bytes],
    size: tuple[int, int],
    channels: int,
    budget: PixelBudget | None = None,
) -> np.ndarray:
    """Read an image file as `from_folder` does.

    Args:
        path: a PNG, JPEG or WebP file, or an open one; of an animation, only the first frame is
            read.
        size: (height, width).
        channels: 3, or 1 for gray.
        budget: limits the pixels that are decoded at the same time; by default the limit is
            `most_pixels()`. An image with more pixels in its header is not decoded.

    Returns:
        uint8 [height, width, channels].

    Raises:
        ValueError: more pixels than the limit. MemoryError: too little memory for this image.
        Exception: whatever the decoder raises for a broken file.

    Example:
        >>> from PIL import Image
        >>> Image.new("RGBA", (40, 20), (255, 0, 0, 0)).save("transparent.png")
        >>> from zoo.data import decoding
        >>> decoding.pixels("transparent.png", (8, 8), 3)[0, 0].tolist()
        [255, 255, 255]
    """
    height, width = size
    budget = budget or PixelBudget(most_pixels())
    with Image.open(path, formats=FORMATS) as image:  # reads the header
        whole_size = image.size
        image.draft(None, (2 * max(size), 2 * max(size)))  # JPEG: decodes no more than is needed
        # A progressive JPEG is held whole, at whatever size it is decoded.
        decoded = whole_size if image.info.get("progressive") else image.size
        count = decoded[0] * decoded[1]
        if count > budget.most:
            shape = f"{whole_size[0]} x {whole_size[1]} pixels"
            raise ValueError(too_large(shape, budget.most))
        try:
            image = budget.run(count, _fitted, image, (width, height), channels)
        except MemoryError as error:
            name = printable_name(path) if isinstance(path, str | os.PathLike) else "an open file"
            raise MemoryError(
                f"There is not enough memory to decode {name}, an image of "
                f"{whole_size[0]} x {whole_size[1]} pixels. Leave it out, or set a limit that "
                f"refuses it: max_pixels={max(1, count - 1)}, or the environment variable "
                f"{VARIABLE}."
            ) from error
    return np.asarray(image, "uint8").reshape(height, width, channels)


def too_large(what: str, most: int) -> str:
    """Return the message for an image with too many pixels."""
    return f"{what}; max_pixels, or {VARIABLE}, is {most:,}"


def printable_name(path: str | os.PathLike) -> str:
    r"""Return a path as printable text; bytes that are not UTF-8 become escapes.

    Example:
        >>> from zoo.data.decoding import printable_name
        >>> print(printable_name(b"M\xfcnchen.jpg".decode("utf-8", "surrogateescape")))
        M\xfcnchen.jpg
    """
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _fitted(image, size, channels):
    """Return an opened image with its orientation applied, in 8 bits, resized and cropped."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    image = in_mode(flat(image), "L" if channels == 1 else "RGB")
    return ImageOps.fit(image, size, method=Image.Resampling.LANCZOS)


def flat(image: Image.Image) -> Image.Image:
    """Return an image in 8 bits, with transparent pixels on white."""
    if image.mode.startswith("I"):  # 16 bits of gray
        values = np.asarray(image).astype("float32")
        values /= 257
        np.rint(np.clip(values, 0, 255, out=values), out=values)
        return Image.fromarray(values.astype("uint8"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(in_mode(image, "RGBA"))
        return white.convert("RGB")
    return image


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return an image in a mode, without the copy that `convert` makes of an image in that mode."""
    return image if image.mode == mode else image.convert(mode)
