"""Images and labels of the user: from a folder, an .npy or .npz file, a table, or arrays."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.decoding import printable_name
from zoo.data.folders import ENDINGS, FROM_SUBFOLDERS, TemporaryFolder, from_folder
from zoo.data.stored import StoredImages, array_in
from zoo.data.tables import is_frame, is_table, read_table

_SIZE = (64, 64)
_IMAGE_KEYS, _LABEL_KEYS = ("x_train", "x", "images", "arr_0"), ("y_train", "y", "labels")


@dataclass(frozen=True)
class OwnData:
    """Images of the user, and what is known about them.

    Attributes:
        x: images, an array or `StoredImages` [n, ...].
        y: integer labels [n], or None.
        class_names: what the labels mean, if known.
        path: the path of the images, as the user gave it; "" for arrays.
        label_file: the path of the labels, if they have a separate file; or the column of a table
            that holds them.
        columns, categories, category_names, recognized: for a table; see `zoo.data.Table`.
        drop, delimiter, decimal, missing: how the table was read; see `zoo.data.from_table`.
        test: images and labels for testing, if an .npz file has them.
    """

    x: Any
    y: Any = None
    class_names: tuple[str, ...] = ()
    path: str = ""
    label_file: str = ""
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[int, int], ...] = ()
    category_names: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    delimiter: str = ""
    decimal: str = ""
    missing: str = ""
    recognized: str = ""
    test: tuple | None = None


def read(
    path: Any,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    labels: Any = None,
    learns_labels: bool = False,
    cache: str | os.PathLike | None = None,
    signals: bool = False,
    drop: tuple[str, ...] | list[str] = (),
    columns: Any = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    missing: str | None = None,
) -> OwnData:
    """Read images from a folder, an .npy or an .npz file; or rows from a table.

    Args:
        path: a folder, see `zoo.data.from_folder`; an .npy file, see `zoo.data.StoredImages`; a
            table or a data frame, see `zoo.data.from_table`; or an .npz file with the images as
            `x_train`, `x`, `images` or `arr_0`. The .npz file may have labels (for pairs, the
            second images) as `y_train`, `y` or `labels`, and test data as `x_test` and `y_test`.
        size: (height, width) of the images, or one number for both; by default, images in folders
            get 64 pixels a side. Arrays in files are not resized.
        channels: 3 or 1; by default, images in folders get 3.
        labels: "from_subfolders", an .npy file, or integers [n]; for a table, also a column.
        learns_labels: whether to read the labels that the folder or the .npz file has.
        cache: a folder for the decoded images of a folder; see `zoo.data.from_folder`.
        signals: whether arrays of three axes are signals [n, time, channels], not images.
        drop, columns, delimiter, decimal, missing: for a table; see `zoo.data.from_table`.

    Raises:
        OSError: there is no file or folder of that name.
        ValueError: no images, only one image, or images of another size; or a table that
            `from_table` refuses.
    """
    options = {"drop": tuple(drop), "delimiter": delimiter or "", "decimal": decimal or ""}
    options["missing"] = missing or ""
    if is_frame(path):
        return _read_table(path, "", labels, columns, options)
    path, given = Path(path), str(path)
    _check_name(given)
    if is_table(path):
        return _read_table(path, given, labels, columns, options)
    for name, value in options.items():
        if value:
            raise ValueError(
                f"{name}= ({value}) is for tables, but {path} is not a table: leave {name}= out."
            )
    if path.is_dir():
        wanted = labels == FROM_SUBFOLDERS or (labels is None and learns_labels)
        size = _SIZE if size is None else size
        kind = {"channels": channels or 3, "labels": FROM_SUBFOLDERS if wanted else None}
        data = from_folder(path, size, **kind, validation=0, cache=cache)
        found = OwnData(data.images, data.labels, data.class_names, given)
    elif not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; give a folder, an .npy or .npz file, or a table."
        )
    elif path.suffix.lower() in ENDINGS:
        raise ValueError(f"{path} is one image; give the folder that holds the images.")
    elif path.suffix == ".npz":
        found = _read_npz(path, given, learns_labels, signals)
        _check_shape(given, found.x.shape, size, channels)
    else:
        found = OwnData(StoredImages(path, signals), path=given)
        _check_shape(given, found.x.shape, size, channels)
    if labels is None or (isinstance(labels, str) and labels == FROM_SUBFOLDERS):
        return found
    return with_labels(found, labels)


def _check_name(path):
    """Refuse a path that a recipe cannot hold, because recipes are UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"The name of {printable_name(path)} is not UTF-8: rename it. Only files inside of a "
            "folder may have such names."
        ) from None


def _read_table(table, given, labels, columns, options) -> OwnData:
    column = labels if isinstance(labels, str) and not labels.endswith(".npy") else None
    asked: dict[str, Any] = {name: value or None for name, value in options.items()}
    asked |= {"labels": column, "drop": options["drop"], "columns": columns}
    asked["missing"] = options["missing"] or "refuse"
    read = read_table(table, **asked)
    names = ("columns", "categories", "category_names", "recognized")
    more = {name: getattr(read, name) for name in names}
    found = OwnData(read.x, read.y, read.class_names, given, column or "", **more, **options)
    return found if labels is None or column else with_labels(found, labels)


def with_labels(own: OwnData, labels: Any) -> OwnData:
    """Return images with other labels: integers [n], or the path of an .npy file with labels."""
    file = str(labels) if isinstance(labels, str | os.PathLike) else ""
    y = array_in(labels, "labels") if file else labels
    return replace(own, y=y, class_names=(), label_file=file)


def in_drawn_order(own: OwnData, seed: int) -> tuple[Any, np.ndarray | None]:
    """Return images and labels in the order that a seed draws; the last ones are for validation.

    Args:
        own: n images.
        seed: seed of the order.

    Returns:
        images, and labels, an array [n], or None.
    """
    rows = np.random.default_rng(seed).permutation(len(own.x))
    return own.x[rows], None if own.y is None else np.asarray(own.y)[rows]


def _read_npz(path, given, learns_labels, signals) -> OwnData:
    try:
        with np.load(path, allow_pickle=False) as file:
            key = next((key for key in _IMAGE_KEYS if key in file), None)
            if key is None:
                raise ValueError(
                    f"it has {', '.join(file.files) or 'no arrays'}; the images are expected as "
                    f"{', '.join(_IMAGE_KEYS)}"
                )
            x = _on_disk(file[key], signals)
            y_key = next((key for key in _LABEL_KEYS if learns_labels and key in file), None)
            test = _on_disk(file["x_test"], signals) if "x_test" in file else None
            y_test = _labels(file["y_test"]) if y_key and "y_test" in file else None
            y = _labels(file[y_key]) if y_key else None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not an npz file of images: {error}.") from error
    return OwnData(x, y, path=given, test=None if test is None else (test, y_test))


def _labels(array):
    """Return labels unchanged; return images in place of labels with pixels in [0, 1]."""
    if array.ndim < 3:
        return array
    scale = 255.0 if array.dtype == "uint8" else 1.0
    return array.astype("float32") / np.float32(scale)


def _on_disk(array, signals) -> StoredImages:
    """Write an array to disk, and return it as stored images; uint8 stays uint8 there."""
    keep = TemporaryFolder()
    if array.dtype == "float64":
        if np.abs(array).max(initial=0) > np.finfo("float32").max:  # NaN is refused by the model
            raise ValueError("it holds numbers that float32 cannot hold; use a larger unit")
        array = array.astype("float32")
    np.save(Path(keep.path, "x.npy"), np.ascontiguousarray(array))
    x = StoredImages(Path(keep.path, "x.npy"), signals)
    x.keep = keep
    return x


def _check_shape(path, shape, size, channels):
    wanted = None if size is None else ((size, size) if np.ndim(size) == 0 else tuple(size))
    images = len(shape) == 4
    wrong = (wanted and (not images or shape[1:3] != wanted)) or (
        channels and (not images or shape[3] != channels)
    )
    if wrong:
        raise ValueError(
            f"{path} holds data of shape {shape[1:]}, but (height, width, channels) = "
            f"({', '.join(map(str, wanted or ('any', 'any')))}, {channels or 'any'}) was "
            "requested. Arrays are not resized: leave size and channels out, or give a folder of "
            "images."
        )
