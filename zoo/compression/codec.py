"""A codec of a Keras model: images to compressed files and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.runtime.codec import MOST_PIXELS
from zoo.runtime.codec import Codec as RuntimeCodec


class Codec(RuntimeCodec):
    """Compresses images of any size with a `CompressiveAutoencoder`, and restores them.

    Files hold integers whose probabilities are in tables of integers, so that they are decoded to
    the same integers on every machine and with every backend; the restored images then agree within
    rounding. An image is processed in tiles of the model's `input_shape`, which overlap so that no
    seams are seen, and each coefficient is stored once.

    Args:
        model: a `CompressiveAutoencoder`; square `input_shape`, whose side is a multiple of the
            block.
        max_pixels: an image with more pixels is refused.

    Attributes:
        rates: how many rates there are. The rate 1 gives the smallest files, the last one the best
            images.

    Raises:
        TypeError: it is another model. ValueError: its shape does not suit.
        ImportError: when something is compressed or restored, if constriction is not installed.

    Examples:
        >>> model = zoo.CompressiveAutoencoder((80, 80, 3), 16, filters=(8, 8))
        >>> codec = zoo.compression.Codec(model)
        >>> image = np.zeros((100, 150, 3), "uint8")
        >>> data = codec.compress(image, rate=1)
        >>> codec.decompress(data).shape
        (100, 150, 3)

    Methods: `compress(image, rate)` returns bytes, `decompress(data)` an image.
    """

    def __init__(self, model: Any, *, max_pixels: int = MOST_PIXELS):
        if not hasattr(model, "update_tables"):
            raise TypeError(
                f"A codec needs a CompressiveAutoencoder, and this is a {type(model).__name__}."
            )
        if len(model.code_shape) != 3 or model.code_shape[:2] != tuple(
            side // model.block for side in model.image_shape[:2]
        ):
            raise ValueError(
                f"Codes of shape {model.code_shape} are not (rows, columns, channels) of square "
                f"blocks that fill images of {model.image_shape}, as a codec needs: take an "
                "input_shape whose sides are multiples of the block's."
            )
        self.model = model
        super().__init__(
            self._coefficients,
            self._images,
            model.tables,
            model.image_shape,
            model.block,
            model.margin,
            name=model.name,
            identity=model.identity(),
            max_pixels=max_pixels,
        )

    def compress(self, image: np.ndarray, rate: int | None = None) -> bytes:
        if self.model.identity() != self.identity:
            raise ValueError(
                "The model was trained since this codec was made: make a new one of it, "
                "zoo.compression.Codec(model)."
            )
        return super().compress(image, rate)

    def _coefficients(self, x: np.ndarray) -> np.ndarray:
        return self.model.encode(x)

    def _images(self, z: np.ndarray) -> np.ndarray:
        return self.model.decode(z)
