"""Pictures that are other than they seem: huge ones in small files, lying headers, cut ones."""

import random
import struct
import zlib
from pathlib import Path

from PIL import Image

from support.mutations import changed_bytes

_CHANNELS = {0: 1, 2: 3, 6: 4}  # by PNG's types of color


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def black_png(path: Path, width: int, height: int, depth: int = 8, color: int = 0) -> None:
    """Write a black PNG, which is small whatever its size."""
    row = bytes(1 + width * _CHANNELS[color] * depth // 8)
    compress = zlib.compressobj(1)
    rows = b"".join(compress.compress(row) for _ in range(height)) + compress.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def _large_png(path, rng):
    kind = rng.choice([(8, 0), (8, 2), (8, 6), (16, 0), (16, 2)])
    black_png(path, rng.choice([9000, 13000]), rng.choice([4000, 13000]), *kind)


def _lying_png(path, rng):
    """Say another size in the header than the rows have."""
    black_png(path, 16, 16)
    sides = [rng.choice([0, 1, 15, 17, 5000, 40_000, 2**31 - 1, 2**32 - 1]) for _ in range(2)]
    data = path.read_bytes()
    header = struct.pack(">II", *sides) + data[24:29]
    path.write_bytes(data[:8] + _chunk(b"IHDR", header) + data[33:])


def _large_webp(path, rng):
    Image.new("RGB", (16_000, rng.choice([2000, 10_000]))).save(
        path, "WEBP", lossless=True, method=0
    )


def _lying_jpeg(path, rng):
    Image.new("RGB", (16, 16)).save(path, "JPEG", progressive=rng.random() < 0.5)
    data = bytearray(path.read_bytes())
    start = next(i for i in range(len(data)) if data[i] == 255 and data[i + 1] in (0xC0, 0xC2))
    struct.pack_into(">HH", data, start + 5, *(rng.choice([0, 3, 9000, 65_535]) for _ in range(2)))
    path.write_bytes(data)


def _animation(path, rng):
    pictures = [Image.new("RGB", (64, 64), (10 * i, 0, 0)) for i in range(9)]
    pictures[0].save(path, rng.choice(["PNG", "WEBP"]), save_all=True, append_images=pictures[1:])


def _cut(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _changed(path, rng):
    data, _ = changed_bytes(path.read_bytes(), rng)
    path.write_bytes(data)


_WAYS = (_large_png, _lying_png, _large_webp, _lying_jpeg, _animation, _cut, _changed)


def change_picture(folder: Path, rng: random.Random, mark: str) -> str:
    """Change `changed.png` in a folder, and say how."""
    way = rng.choice(_WAYS)
    way(folder / "changed.png", rng)
    return way.__name__
