"""The table of data sets: their origin and how they are read; arrays from verified files."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


def _of_ones_own(name: str) -> Sequence:
    raise ValueError(f"{name} stands for the user's data, which `zoo.data.load` cannot read.")


@dataclass(frozen=True)
class Source:
    """The origin of a data set, the hashes of its arrays, and the function that reads it.

    Attributes:
        title, licence, credit: for cards.
        classes: the names of the labels, in order.
        sha256: hashes of the bytes of each uint8 array; empty for bundled or generated data.
        images: the number of training images, including those for validation; 0 for other data.
        read: a function from the name of the data set to x_train, y_train, x_test and y_test:
            images uint8 [n, height, width] or [n, height, width, 3], or what `zoo.data.load`
            returns; integer labels, other images, or None. For the user's data it raises an error.
        columns: a function that returns the names of the columns of rows, such as words; or None.
    """

    title: str
    licence: str
    credit: str
    classes: tuple[str, ...]
    sha256: dict[str, str] = field(default_factory=dict)
    images: int = 0
    read: Callable[[str], Sequence] = field(default=_of_ones_own, kw_only=True)
    columns: Callable[[], tuple[str, ...]] | None = field(default=None, kw_only=True)


SOURCES: dict[str, Source] = {}
"""The data sets by name. The module with the reading function of a data set adds it."""


def in_folder(file: str) -> Path | None:
    """Return the path of a file in the folder that `ZOO_DATA` names, or None."""
    folder = os.environ.get("ZOO_DATA")
    path = Path(folder, file) if folder else None
    return path if path and path.is_file() else None


def read_arrays(path: str | os.PathLike, keys: tuple[str, ...]) -> list[np.ndarray]:
    """Return arrays of an .npz file.

    Raises:
        ValueError: the file is not an .npz file, or an array is missing.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[key] for key in keys]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is not an npz file with the arrays {', '.join(keys)}: {error}"
        ) from error


def checked(
    source: Source,
    keys: tuple[str, ...],
    arrays: list | tuple,
    place: str | os.PathLike,
    dtypes: dict[str, str] | None = None,
) -> list[np.ndarray]:
    """Check the content of arrays, and return them as uint8, or with the dtype that `dtypes` names.

    Raises:
        ValueError: the content has another hash.
    """
    dtypes = dtypes or {}
    arrays = [
        np.ascontiguousarray(array, dtypes.get(key, "uint8"))
        for key, array in zip(keys, arrays, strict=True)
    ]
    for key, array in zip(keys, arrays, strict=True):
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        if digest != source.sha256[key]:
            raise ValueError(
                f"{key} from {place} is not {source.title}: its content has the sha256 "
                f"{digest[:12]}..., but {source.sha256[key][:12]}... is expected. Get a new copy."
            )
    return arrays


def pixels(images: np.ndarray) -> np.ndarray:
    """Return images in [0, 1], float32 [n, height, width, channels]; float32 stays unchanged."""
    if images.dtype == "float32":
        return images
    scale = 16.0 if images.shape[1] == 8 else 255.0
    scaled = images.astype("float32") / np.float32(scale)
    return scaled if scaled.ndim == 4 else scaled[..., None]
