"""Files of compressed images: their layout, and checks before anything in them is used."""

from __future__ import annotations

import os
import struct
import zlib
from typing import NamedTuple

from .json_file import shortened

MAGIC = b"\x89ZAE\r\n\x1a\n"  # like PNG's, so that copies as text are noticed
FORMAT_VERSION = 1
SUFFIX = ".zae"
LARGEST = 2**30  # bytes
LONGEST_NAME = 100  # bytes
_FIXED = struct.Struct("<BBBB8sIIIIB")
_SUM = struct.Struct("<I")


class CompressedImage(NamedTuple):
    """The content of a file of a compressed image.

    Attributes:
        name: the name of the model that made it; for people only, nothing is looked up by it.
        identity: 8 bytes, the beginning of the hash of the model's decoder and tables.
        height, width: of the image, in pixels. channels: 1 or 3.
        rate: the number of the rate, from 1, the smallest files.
        blocks: how many blocks of coefficients there are.
        coefficients_crc: the CRC-32 of the coefficients, as the encoder saw them.
        payload: the bits of the coefficients.
    """

    name: str
    identity: bytes
    height: int
    width: int
    channels: int
    rate: int
    coefficients_crc: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        name = self.name.encode("utf-8", "replace")[:LONGEST_NAME]
        fixed = _FIXED.pack(
            FORMAT_VERSION,
            self.rate,
            self.channels,
            0,
            self.identity,
            self.height,
            self.width,
            self.coefficients_crc,
            len(self.payload),
            len(name),
        )
        body = MAGIC + fixed + name + self.payload
        return body + _SUM.pack(zlib.crc32(body))

    @property
    def bits_per_pixel(self) -> float:
        """The bits of the whole file for each pixel."""
        return 8 * len(self.to_bytes()) / (self.height * self.width)


def read_compressed(path: str | os.PathLike) -> bytes:
    """Return the bytes of a file that begins like one of `zoo compress`, and is not too large.

    Raises:
        OSError: there is no such file. ValueError: it is another file.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{os.fspath(path)} does not exist, or is no file.")
    with open(path, "rb") as file:
        data = file.read(len(MAGIC))
        if data == MAGIC:
            data += file.read(LARGEST)
    if len(data) > LARGEST:
        raise ValueError(f"{os.fspath(path)} has more than {LARGEST:,} bytes.")
    return data


def parse(data: bytes, what: str = "the file") -> CompressedImage:
    """Return the content of a file's bytes, after comparing its checksum.

    Args:
        data: all bytes of the file. what: its name, for errors.

    Raises:
        ValueError: it is no such file, has another version, is incomplete, or was changed.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(
            f"{what} is not an image that `zoo compress` wrote: it does not begin with the bytes "
            f"{MAGIC!r}."
        )
    start = len(MAGIC) + _FIXED.size
    if len(data) < start + _SUM.size:
        raise ValueError(f"{what} is incomplete: it has only {len(data)} bytes. Copy it again.")
    version, rate, channels, reserved, identity, height, width, crc, size, named = (
        _FIXED.unpack_from(data, len(MAGIC))
    )
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{what} has format version {version}, but this version of the zoo reads "
            f"{FORMAT_VERSION}: install the version that wrote it."
        )
    if len(data) != start + named + size + _SUM.size:
        raise ValueError(
            f"{what} has {len(data)} bytes, but states {start + named + size + _SUM.size}: it was "
            "cut, or something was added. Copy it again."
        )
    if _SUM.unpack(data[-_SUM.size :])[0] != zlib.crc32(data[: -_SUM.size]):
        raise ValueError(f"{what} was damaged: its checksum differs. Copy it again.")
    if reserved or not rate or channels not in (1, 3) or not height or not width or size % 4:
        raise ValueError(f"{what} has an invalid header: {shortened(data[:start])}.")
    name = data[start : start + named].decode("utf-8", "replace")
    payload = data[start + named : -_SUM.size]
    return CompressedImage(name, identity, height, width, channels, rate, crc, payload)
