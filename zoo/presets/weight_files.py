"""Check untrusted HDF5 files of weights, before any value is read.

A file of a few kilobytes can declare gigabytes, refer to other files, or hold gigabytes of zeros in
compressed form. So the sizes that it states are first compared with the size of the file.
"""

from __future__ import annotations

import contextlib
import math
import os
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import keras

from zoo.presets.model_sizes import alone

DENSEST = 32  # how many bytes of weights one stored byte may unpack to
_FEW = 1024  # values; a larger array must have a weight's shape, a smaller one may be a seed state
_SHUFFLE, _DEFLATE = h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE
_FILTERS = ([], [_DEFLATE], [_SHUFFLE], [_SHUFFLE, _DEFLATE])  # used by `zoo.save` or Keras


class _RefusedError(ValueError):
    """The error for a file that this module refuses; other errors come from libraries."""


class Stored(NamedTuple):
    """The most that a file of weights can hold, judged by its bytes.

    Attributes:
        values: the number of values. arrays: the number of arrays.
    """

    values: int
    arrays: int


def stored(path: str | os.PathLike) -> Stored:
    """Return how many values and arrays a file of weights can hold, after a check of its storage.

    Raises:
        ValueError: it is not an HDF5 file, or is damaged; it has a link, values in other files or
            beyond its end, values that are not numbers, or a compression that Keras does not use.
    """
    size, total, values, arrays = os.path.getsize(path), 0, 0, 0

    def look(name, item):
        nonlocal total, values, arrays
        if isinstance(item, h5py.Group):
            _check_links(name, item)
            return
        if not isinstance(item, h5py.Dataset):
            raise _RefusedError(f"{name!r} is neither a group nor an array")
        _check_type(name, item)
        held = _stored_bytes(name, item, size)
        total += held
        arrays += 1
        values += min(item.size or 0, DENSEST * held // item.dtype.itemsize)
        if total > size:
            raise _RefusedError(f"its arrays take more than the {size:,} bytes of the file")

    with _in_words(), h5py.File(path, "r") as file:
        _check_links("/", file)
        file.visititems(look)
    return Stored(values, arrays)


def check_weights(path: str | os.PathLike, model: keras.Model) -> None:
    """Check the shapes in a file of weights, and the unpacked sizes of its compressed arrays.

    Args:
        path: an HDF5 file of Keras that `stored` has checked.
        model: the model for these weights; the file may also hold the state of its optimizer.

    Raises:
        ValueError: an array has a shape that no weight of the model has, is not stored whole, or
            unpacks to more than it declares.
    """
    shapes = {tuple(variable.shape) for variable in held_by(model)}

    def look(name, item):
        if isinstance(item, h5py.Group):
            return
        if item.size and item.size > _FEW and item.shape not in shapes:
            raise _RefusedError(
                f"{name!r} has the shape {item.shape}, which no weight of the model has"
            )
        if item.chunks:
            _check_unpacked(name, item, file)
        elif item.size and not item.id.get_storage_size():
            raise _RefusedError(f"{name!r} has {item.size:,} values, but the file holds none")

    with open(path, "rb") as file, _in_words(), h5py.File(path, "r") as weights:
        weights.visititems(look)


def load_all_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Load a file of weights that `stored` and `check_weights` have checked.

    Raises:
        ValueError: weights of the model are missing in the file. UserWarning: the same, in cases
            in which Keras would only warn and keep the initial weights.
    """
    with alone, warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*freshly-initialized weights")
        try:
            model.load_weights(path)
        except (OSError, RuntimeError) as error:
            raise _damaged(error) from error


def held_by(model: keras.Model) -> list:
    """Return the variables of a model, and of its optimizer if it has one."""
    return [*model.variables, *(model.optimizer.variables if model.compiled else ())]


def without_attributes(path: Path, folder: Path) -> Path:
    """Return a file with the same arrays, but with no attributes except those written here.

    An attribute can state a length of gigabytes, and Keras reads the attribute that marks an array
    as bfloat16. Files without such arrays are returned unchanged; others are copied into the
    folder.
    """
    with _in_words(), h5py.File(path, "r") as old:
        found: list[str] = []
        old.visititems(lambda name, item: found.append(name) if _is_bfloat16(item) else None)
        if not found:
            return path
        target = folder / f"plain_{path.name}"
        with h5py.File(target, "w") as new:

            def copy(name, item):
                if isinstance(item, h5py.Group):
                    new.require_group(name)
                    return
                new.create_dataset(name, data=item[()])
                if _is_bfloat16(item):
                    new[name].attrs["dtype"] = "bfloat16"

            old.visititems(copy)
    return target


def _is_bfloat16(item) -> bool:
    """Return whether an array has the type in which Keras stores bfloat16: two opaque bytes."""
    return isinstance(item, h5py.Dataset) and item.dtype.kind == "V"


def _check_links(name, group):
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise _RefusedError(f"{key!r} in {name!r} is a link, but links are not followed")


def _check_type(name, item):
    if item.external or item.is_virtual:
        raise _RefusedError(f"the values of {name!r} are in another file, which is not read")
    plain = item.dtype.kind in "fiub" and item.dtype.itemsize <= 8
    opaque = item.dtype.kind == "V" and item.dtype.itemsize == 2  # bfloat16
    if item.dtype.names or item.dtype.subdtype or not (plain or opaque):
        raise _RefusedError(f"{name!r} holds {item.dtype}, but weights are numbers")
    others = [key for key in item.attrs if key != "dtype" or not opaque]
    if others:
        raise _RefusedError(f"{name!r} has the attribute {others[0]!r}, which Keras does not write")


def _stored_bytes(name, item, size) -> int:
    """Return how many bytes of the file the values of an array take; `size` is the file's size."""
    if item.shape is None:
        return 0
    if item.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
        return item.nbytes
    if not item.chunks:
        start, held = item.id.get_offset(), item.id.get_storage_size()
        if start is None:  # never written
            return 0
        if held != item.nbytes or start + held > size:
            raise _RefusedError(f"the values of {name!r} lie beyond the end of the file")
        return held
    if any(piece > length for piece, length in zip(item.chunks, item.shape, strict=True)):
        raise _RefusedError(f"{name!r} is stored in pieces of {item.chunks}, larger than itself")
    if _filters(item) not in _FILTERS:
        raise _RefusedError(f"{name!r} is compressed in a way that Keras does not use")
    pieces = _pieces(item)
    if any(piece.byte_offset + piece.size > size for piece in pieces):
        raise _RefusedError(f"the values of {name!r} lie beyond the end of the file")
    return sum(piece.size for piece in pieces)


def _filters(item) -> list[int]:
    settings = item.id.get_create_plist()
    return [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]


def _pieces(item) -> list:
    """Return the positions of an array's pieces in its file."""
    pieces: list[Any] = []
    item.id.chunk_iter(pieces.append)
    return pieces


def _check_unpacked(name, item, file):
    """Refuse an array if a piece is missing, or unpacks to a wrong size."""
    filters, pieces = _filters(item), _pieces(item)
    whole = math.prod(item.chunks) * item.dtype.itemsize
    needed = math.prod(-(-n // m) for n, m in zip(item.shape, item.chunks, strict=True))
    if len(pieces) != needed:
        raise _RefusedError(f"{name!r} has {len(pieces)} of {needed} pieces")
    for piece in pieces:
        found = piece.size
        if _DEFLATE in filters and not piece.filter_mask >> filters.index(_DEFLATE) & 1:
            file.seek(piece.byte_offset)
            found = _unpacked_size(file.read(piece.size), whole)
        if found != whole:
            raise _RefusedError(
                f"a piece of {name!r} does not unpack to the {whole:,} bytes that it should have"
            )


def _unpacked_size(data, most) -> int:
    """Return the unpacked size of compressed data in bytes; it stops at a number above `most`."""
    unpacking = zlib.decompressobj()
    found = 0
    while data and found <= most and not unpacking.eof:
        found += len(unpacking.decompress(data, 2**20))
        data = unpacking.unconsumed_tail
    return found


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except _RefusedError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, zlib.error) as error:
        raise _damaged(error) from error


def _damaged(error) -> ValueError:
    return ValueError(
        "it is not an HDF5 file, is cut off, or refers to places beyond its end; get it "
        f"again (HDF5 says: {error})"
    )
