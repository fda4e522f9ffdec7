"""Images to compressed files and back, by the encoder and the decoder of a model."""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import tiles
from .compressed_file import CompressedImage, parse
from .entropy_tables import TABLES_FILE, Tables, read_tables
from .json_file import shortened
from .signature_file import check_bytes, read_signature

MOST_PIXELS = 25_000_000
_MOST_COEFFICIENTS = 4  # for each pixel of max_pixels
_AT_ONCE = 8  # tiles


class Codec:
    """Compresses images to bytes, and restores them; `load_codec` makes one of exported files.

    Args:
        encode: a function from images [n, side, side, channels] in [0, 1] to coefficients
            [n, side / block, side / block, tables.channels]; None if it only restores.
        decode: the reverse of it.
        tables: how coefficients become bits.
        tile: (height, width, channels) of the images that the functions take.
        block: how many pixels wide and high a block is, for which there is a row of coefficients.
        margin: how many blocks beyond a tile's edge its results depend on.
        name: the name of the model, which is written into files.
        identity: 8 bytes by which the files of this model are recognized.
        max_pixels: an image with more pixels is refused.

    Attributes:
        rates: how many rates there are. The rate 1 gives the smallest files, the last one the best
            images.
    """

    def __init__(
        self,
        encode: Callable[[np.ndarray], np.ndarray] | None,
        decode: Callable[[np.ndarray], np.ndarray],
        tables: Tables,
        tile: tuple[int, int, int],
        block: int,
        margin: int,
        *,
        name: str,
        identity: bytes,
        max_pixels: int = MOST_PIXELS,
    ):
        if len(tile) != 3 or tile[2] not in (1, 3) or tile[0] != tile[1] or tile[0] % block:
            raise ValueError(
                f"The model takes images of {tuple(tile)}; a codec needs square ones, of 1 or 3 "
                f"channels, whose side is a multiple of {block}."
            )
        self._encode, self._decode = encode, decode
        self.tables, self.tile, self.block, self.margin = tables, tuple(tile), block, margin
        self.name, self.identity, self.max_pixels = name, identity, max_pixels

    @property
    def rates(self) -> int:
        return self.tables.rates

    def compress(self, image: np.ndarray, rate: int | None = None) -> bytes:
        """Return an image as the bytes of a file.

        Args:
            image: uint8 [height, width, channels], or [height, width] for one channel; of any size.
            rate: from 1, the smallest files, to `rates`, the best images; by default the last.

        Raises:
            TypeError, ValueError: it is no such image, has too many pixels, or there is no such
                rate.
        """
        rate = self._checked(rate)
        image = self._checked_image(image)
        q = self.quantized(image, rate)
        return CompressedImage(
            name=self.name,
            identity=self.identity,
            height=image.shape[0],
            width=image.shape[1],
            channels=image.shape[2],
            rate=rate,
            coefficients_crc=_crc(q),
            payload=self.tables.encode(q, rate - 1),
        ).to_bytes()

    def decompress(self, data: bytes, what: str = "the file") -> np.ndarray:
        """Return the image in a file's bytes, uint8 [height, width, channels].

        Args:
            data: what `compress` returned. what: the file's name, for errors.

        Raises:
            ValueError: it is no such file, it was damaged, or it was made by another model or
                another version of it.
        """
        held = parse(data, what)
        self._check_made_by_this(held, what)
        if held.height * held.width > self.max_pixels:
            raise ValueError(
                f"{what} states an image of {held.width} x {held.height} pixels, and max_pixels, "
                f"or ZOO_MAX_PIXELS, is {self.max_pixels:,}."
            )
        rows, columns = (-(-side // self.block) for side in (held.height, held.width))
        if rows * columns * self.tables.channels > _MOST_COEFFICIENTS * self.max_pixels:
            raise ValueError(f"{what} would need too much memory with this model.")
        try:
            q = self.tables.decode(held.payload, rows, columns, held.rate - 1)
        except ValueError as error:
            raise ValueError(f"{what} holds no image of this model: {error}") from error
        if _crc(q) != held.coefficients_crc:
            raise ValueError(
                f"{what} was decoded to other coefficients than those that were encoded: its model "
                "has other tables, or constriction has another version."
            )
        return self.restored(q, held.rate)[: held.height, : held.width]

    def quantized(self, image: np.ndarray, rate: int) -> np.ndarray:
        """Return the integers that an image becomes, int32 [rows, columns, tables.channels]."""
        if self._encode is None:
            raise ValueError("This codec has only a decoder: export the model's encoder, too.")
        rows, columns = (-(-side // self.block) for side in image.shape[:2])
        q = np.empty((rows, columns, self.tables.channels), "int32")
        places = self._places(rows, columns)
        for several in _together(places):
            cut = [
                tiles.cut(image, self.tile[0], *(tiles.scaled(s, self.block) for s in place))
                for place in several
            ]
            x = np.stack(cut).astype("float32") / np.float32(255)
            for place, y in zip(several, self._encode(x), strict=True):
                tiles.paste(q, self.tables.quantized(y, rate - 1), *place)
        return q

    def restored(self, q: np.ndarray, rate: int) -> np.ndarray:
        """Return the image of integers, uint8 [rows * block, columns * block, channels]."""
        rows, columns, _ = q.shape
        image = np.empty((rows * self.block, columns * self.block, self.tile[2]), "uint8")
        coefficients = self.tables.dequantized(q, rate - 1)
        side = self.tile[0] // self.block
        for several in _together(self._places(rows, columns)):
            z = np.stack([tiles.cut(coefficients, side, *place) for place in several])
            for place, x in zip(several, self._decode(z), strict=True):
                gray_levels = np.rint(np.clip(x, 0.0, 1.0) * 255).astype("uint8")
                tiles.paste(image, gray_levels, *(tiles.scaled(s, self.block) for s in place))
        return image

    def _places(self, rows, columns) -> list[tuple]:
        side = self.tile[0] // self.block
        along = (tiles.spans(blocks, side, self.margin) for blocks in (rows, columns))
        return list(itertools.product(*along))

    def _checked(self, rate):
        if rate is None:
            return self.rates
        if type(rate) is bool or not isinstance(rate, (int, np.integer)):
            raise TypeError(f"rate is {rate!r}; give a whole number from 1 to {self.rates}.")
        if not 1 <= rate <= self.rates:
            raise ValueError(
                f"rate is {rate}, but the model {shortened(self.name)} has the rates 1 (the "
                f"smallest files) to {self.rates} (the best images)."
            )
        return int(rate)

    def _checked_image(self, image: Any) -> np.ndarray:
        image = np.asarray(image)
        channels = self.tile[2]
        if image.ndim == 2 and channels == 1:
            image = image[..., None]
        if image.ndim != 3 or image.shape[2] != channels or 0 in image.shape:
            raise ValueError(
                f"The image has shape {image.shape}; [height, width, {channels}] is expected, with "
                "at least one pixel."
            )
        if image.dtype != np.uint8:
            raise TypeError(
                f"The image has dtype {image.dtype}; uint8 is expected, from 0 to 255. An image in "
                "[0, 1] is np.rint(image * 255).astype('uint8')."
            )
        if image.shape[0] * image.shape[1] > self.max_pixels:
            raise ValueError(
                f"The image has {image.shape[1]} x {image.shape[0]} pixels, and max_pixels, or "
                f"ZOO_MAX_PIXELS, is {self.max_pixels:,}."
            )
        return image

    def _check_made_by_this(self, held: CompressedImage, what: str) -> None:
        if held.identity != self.identity:
            raise ValueError(
                f"{what} was made by the model {shortened(held.name)} "
                f"({held.identity.hex()}), and this is {shortened(self.name)} "
                f"({self.identity.hex()}): another model, or another version of it. Name the model "
                "that made the file."
            )
        if held.rate > self.rates or held.channels != self.tile[2]:
            raise ValueError(f"{what} has a rate or channels that its model does not have.")

    def __repr__(self) -> str:
        return f"<Codec {self.name}, {self.rates} rates, {self.tile[2]} channels>"


def load_codec(folder: str | os.PathLike, *, max_pixels: int = MOST_PIXELS, **options) -> Codec:
    """Make a codec of the exported parts of a `CompressiveAutoencoder`.

    It needs NumPy, onnxruntime and constriction, but neither Keras nor TensorFlow.

    Args:
        folder: what `export_model` wrote, with the folders `decoder` and, to compress, `encoder`.
        max_pixels: an image with more pixels is refused.
        options: as for `load`, such as device="cuda".

    Raises:
        FileNotFoundError: there is no decoder, or it is not that of a `CompressiveAutoencoder`.
        ValueError, RuntimeError: as `load` does; or the tables are no tables.
    """
    from .session import load

    folder = Path(folder)
    decoder = load(folder / "decoder", **options)
    encoder = load(folder / "encoder", **options) if (folder / "encoder").is_dir() else None
    path = folder / "decoder" / TABLES_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: {folder} is not an export of a CompressiveAutoencoder."
        )
    text = path.read_bytes()
    check_bytes(text, read_signature(folder / "decoder")["files"].get(TABLES_FILE), path)
    tables, content = read_tables(text, path)
    name, identity, block, margin = _described(content, path)
    (z, *_), (x, *_) = decoder.inputs, decoder.outputs
    blocks = (*(side // block for side in x.shape[:2]), tables.channels)
    if len(x.shape) != 3 or z.shape != blocks:
        raise ValueError(
            f"{path} does not fit a decoder from {z.shape} to {x.shape}; a codec needs an export "
            "with images as [height, width, channels], without channels_first."
        )
    if encoder is not None:
        _check_encoder(folder, encoder, x.shape, z.shape, text)

    return Codec(
        (lambda images: encoder(x=images)["z"]) if encoder else None,
        lambda codes: decoder(z=codes)["x"],
        tables,
        x.shape,
        block,
        margin,
        name=name,
        identity=identity,
        max_pixels=max_pixels,
    )


def _check_encoder(folder, encoder, images, codes, tables) -> None:
    """Raise a ValueError unless an encoder belongs to the decoder beside it."""
    (x, *_), (z, *_) = encoder.inputs, encoder.outputs
    path = folder / "encoder" / TABLES_FILE
    same = path.is_file() and path.read_bytes() == tables
    if not same or (x.name, x.shape, z.name, z.shape) != ("x", images, "z", codes):
        raise ValueError(
            f"{folder} holds an encoder that does not belong to its decoder: export both together."
        )


def _described(content: dict[str, Any], path: Path) -> tuple[str, bytes, int, int]:
    """Return the name, identity, block and margin in a file of tables."""
    name, identity = content.get("name"), content.get("identity")
    block, margin = content.get("block"), content.get("margin")
    if not isinstance(name, str) or not isinstance(identity, str) or len(identity) != 16:
        raise ValueError(f"{path} has no valid name and identity.")
    if not {*identity} <= {*"0123456789abcdef"}:
        raise ValueError(f"{path} has the identity {shortened(identity)}.")
    if type(block) is not int or type(margin) is not int or block < 1 or margin < 1:
        raise ValueError(f"{path} has no valid block and margin.")
    return name, bytes.fromhex(identity), block, margin


def _together(places: list) -> Iterator[list]:
    for start in range(0, len(places), _AT_ONCE):
        yield places[start : start + _AT_ONCE]


def _crc(q: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(q.astype("<i2")).tobytes())
