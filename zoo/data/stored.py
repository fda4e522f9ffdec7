"""Images that stay on disk while a model is trained on them."""

from __future__ import annotations

import itertools
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

_DTYPES = ("uint8", "float16", "float32")
_CHUNK = 4096  # rows in memory at the same time, when a whole file is read


def array_in(path: str | os.PathLike, what: str) -> np.memmap:
    """Return the array in an .npy file as a memory map; `what` names its content in errors.

    Raises:
        OSError: the file does not exist.
        ValueError: it is not a file written by `numpy.save`, or it holds objects.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        reason = "it is an archive" if zipfile.is_zipfile(path) else str(error)
        raise ValueError(
            f"{path} is not an .npy file of {what}, such as numpy.save writes: {reason}."
        ) from error


class StoredImages:
    """Images in an .npy file, which are read only when they are needed.

    Use it like an array of images, in `fit`, `evaluate` or `encode`. Slices and index arrays give
    views of the same file; `numpy.asarray` reads the images of a view.

    Args:
        path: a file written by `numpy.save`: uint8 (0 to 255), float16 or float32, of shape
            [n, height, width, channels], [n, height, width], or [n, features].
        signals: whether an array of three axes holds signals [n, time, channels], not images.

    Attributes:
        shape: shape of the returned images, [n, height, width, channels] or [n, features]; for
            signals [n, time, channels].
        dtype: float32; uint8 values are scaled to [0, 1].

    Raises:
        OSError: the file does not exist.
        ValueError: it does not hold an array of images.

    Examples:
        >>> np.save("pixels.npy", np.zeros((100, 28, 28), "uint8"))
        >>> zoo.data.StoredImages("pixels.npy").shape
        (100, 28, 28, 1)
    """

    dtype = np.dtype("float32")
    keep: Any = None  # must live as long as the views, such as a temporary folder

    def __init__(self, path: str | os.PathLike, signals: bool = False):
        self.path = Path(path)
        array = array_in(path, "images")
        if array.dtype not in _DTYPES or array.ndim not in (2, 3, 4) or not len(array):
            raise ValueError(
                f"{path} holds {array.dtype} of shape {array.shape}; images are "
                f"{', '.join(_DTYPES)} of shape (n, height, width, channels), (n, height, width) "
                "or (n, features)."
            )
        if not array.flags.c_contiguous:
            raise ValueError(
                f"{path} is stored column by column; write it again with "
                "numpy.save(path, numpy.ascontiguousarray(array))."
            )
        self._start, self._stored, self._image = array.offset, array.dtype, array.shape[1:]
        self._gray = array.ndim == 3 and not signals
        self.rows = np.arange(len(array))

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self._image, *((1,) if self._gray else ()))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        """Return the image at an index, or a view for a slice, indices or a mask."""
        if isinstance(key, int | np.integer):
            return self.take(key)
        rows = self.rows[key]
        if rows.ndim != 1:
            raise IndexError("Index stored images by a slice, or by indices or a mask [n].")
        view = object.__new__(StoredImages)
        view.__dict__ = {**self.__dict__, "rows": rows}
        return view

    def __array__(self, dtype=None, copy=None):
        return self.take(np.arange(len(self))).astype(dtype or self.dtype, copy=False)

    def take(self, places: Any, axis: int = 0, out: Any = None, mode: str = "raise") -> np.ndarray:
        """Read the images at given indices, like `numpy.take`: float32 [*places.shape, ...]."""
        if axis != 0 or out is not None or mode != "raise":
            raise ValueError("Take stored images along axis 0, into a new array.")
        rows = self.rows[np.asarray(places)]
        values = self._read(np.ravel(rows)).reshape(*rows.shape, *self.shape[1:])
        if self._stored == "uint8":
            return values.astype("float32") / np.float32(255)
        return values.astype("float32", copy=False)

    def _read(self, rows):
        """Read rows of the file, [n, values]; consecutive rows are read together."""
        read = np.empty((len(rows), int(np.prod(self._image))), self._stored)
        width = read[:1].nbytes
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        edges = [0, *breaks, len(rows)] if len(rows) else []
        with open(self.path, "rb", buffering=0) as file:
            for first, end in itertools.pairwise(edges):
                file.seek(self._start + int(rows[first]) * width)
                wanted = memoryview(read[first:end].data).cast("B")
                while len(wanted):
                    got = file.readinto(wanted)
                    if not got:
                        raise ValueError(
                            f"{self.path} is too short: it was cut after it was opened."
                        )
                    wanted = wanted[got:]
        return read

    def value_range(self) -> tuple[float, float]:
        """Return the smallest and the largest value; NaN if the file holds NaN."""
        if self._stored == "uint8":
            return 0.0, 1.0
        low, high = np.inf, -np.inf
        for i in range(0, len(self), _CHUNK):
            piece = np.asarray(self[i : i + _CHUNK])
            low, high = np.minimum(low, piece.min()), np.maximum(high, piece.max())
        return float(low), float(high)
