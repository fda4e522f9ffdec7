"""Images in a folder: decoded once to one size, then read from disk."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.checks.arguments import whole
from zoo.data import decoding
from zoo.data.decoding import printable_name
from zoo.data.stored import StoredImages
from zoo.files.atomic_writes import publish_folder

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
FROM_SUBFOLDERS = "from_subfolders"
_PIXELS, _FILES = "pixels.npy", "files.json"
_LEAST = 8  # pixels a side
_MOST_THREADS = 8
_AT_ONCE = 512  # images that are in memory while they are decoded
_BYTES_AT_ONCE = 2**27  # limit of the memory for these images
_LAYOUT = 1  # version of the cache's layout; increase it when the layout changes


class ImageFolder(tuple):
    """The images of a folder: unpacks into `(x, y), (x_val, y_val)`; see `zoo.data.from_folder`.

    Attributes:
        class_names: what the labels mean, in order; () without labels.
        files: paths of all images inside the folder, in the order of the cache. Bytes of a name
            that are not UTF-8 are encoded as by `os.fsdecode`, so that the path can be opened.
        broken: files that could not be read, as {path: reason}.
        folder: the folder of the files.
        images: all images, a `zoo.data.StoredImages` in the order of `files`.
        labels: labels of all images, int32 [n], or None.
    """

    class_names: tuple[str, ...]
    files: tuple[str, ...]
    broken: dict[str, str]
    folder: Path
    images: StoredImages
    labels: np.ndarray | None


def from_folder(
    folder: str | os.PathLike,
    size: int | tuple[int, int] = (64, 64),
    *,
    channels: int = 3,
    labels: str | None = None,
    validation: float = 0.1,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    max_pixels: int | None = None,
) -> ImageFolder:
    """Read the images of a folder and of its subfolders as data for `fit`.

    PNG, JPEG and WebP files of any size and mode are rotated by their EXIF entry, resized with
    antialiasing so that they cover the requested size, and cropped at the center. Transparent
    pixels are laid on white; 16 bits become 8. Files that cannot be read, and images of more than
    `max_pixels`, are left out with a warning that names them; hidden files are ignored.

    Images are decoded once, by several threads, into an .npy file of uint8, from which they are
    read when needed. Only the disk limits their number.

    Args:
        folder: the folder of the images.
        size: (height, width), or one number for both, at least 8.
        channels: 3 for color, 1 for gray.
        labels: None, or "from_subfolders": the class of an image is the folder right below `folder`
            that holds it; classes are numbered in alphabetical order.
        validation: the share of the images that is kept for validation, drawn by `seed`; from 0
            to below 1.
        seed: seed of that draw.
        cache: a folder for the decoded images. The next call reads them from there as long as the
            settings and the names, sizes and times of the files stay the same. Its content may be
            deleted at any time. By default a temporary folder, removed with the last view of the
            images.
        max_pixels: the largest number of pixels of an image; the header of an image tells it before
            it is decoded. A JPEG counts at the reduced size at which it is decoded, a progressive
            one at full size. The same number limits the pixels that all threads together decode
            at the same time. By default the environment variable ZOO_MAX_PIXELS, or 25 million.

    Returns:
        `(x, y), (x_val, y_val)`, with the attributes of `ImageFolder`. Images are
        `zoo.data.StoredImages`, float32 [n, height, width, channels] in [0, 1]; labels are int32
        [n], or None. `numpy.asarray(x)` reads all images.

    Raises:
        OSError: there is no such folder. MemoryError: too little memory for an image.
        ValueError: no images in the folder, none that can be read, or a setting out of range; with
            labels, fewer than two classes, or images outside of the class folders.

    Example:
        >>> from PIL import Image
        >>> import os
        >>> for name, gray in (("cats", 40), ("dogs", 200)):
        ...     os.makedirs(f"pets/{name}")
        ...     for i in range(5):
        ...         Image.new("L", (30, 20 + i), gray).save(f"pets/{name}/{i}.png")
        >>> pets = zoo.data.from_folder("pets", 16, channels=1, labels="from_subfolders")
        >>> (x, y), (x_val, y_val) = pets
        >>> x.shape, x_val.shape, pets.class_names
        ((9, 16, 16, 1), (1, 16, 16, 1), ('cats', 'dogs'))
    """
    size = _checked_size(size)
    if channels not in (1, 3) or isinstance(channels, bool):
        raise ValueError(f"channels is {channels!r}; give 3 for color, or 1 for gray.")
    if labels not in (None, FROM_SUBFOLDERS):
        raise ValueError(f'labels is {labels!r}; give "{FROM_SUBFOLDERS}", or None for no labels.')
    if isinstance(validation, bool) or not 0 <= validation < 1:
        raise ValueError(
            f"validation is {validation!r}; give the share of the images that is kept for "
            "validation, from 0 to below 1."
        )
    most = decoding.most_pixels(max_pixels)
    folder = Path(folder)
    found = _listed(folder)
    if labels:
        _check_classes(folder, found)
    place, keep = _decoded(folder, found, size, channels, most, cache)
    content = json.loads((place / _FILES).read_text(encoding="utf-8"))
    files, broken = tuple(content["files"]), content["broken"]
    if broken:
        warnings.warn(_told(folder, broken, len(found)), stacklevel=2)
    x = StoredImages(place / _PIXELS)
    x.keep = keep  # views share it
    if len(x) != len(files):
        raise ValueError(f"{place} was changed; delete it so that the images are decoded again.")
    classes, y = (), None
    if labels:
        classes, y = np.unique([name.split("/")[0] for name in files], return_inverse=True)
        classes, y = tuple(map(printable_name, classes.tolist())), y.astype("int32")
    rows = np.random.default_rng(whole("seed", seed)).permutation(len(x))
    kept = min(max(1, round(validation * len(x))), len(x) - 1) if validation else 0
    made = ImageFolder(
        (x[part], None if y is None else y[part]) for part in (rows[kept:], rows[:kept])
    )
    made.class_names, made.files, made.broken = classes, files, broken
    made.folder, made.images, made.labels = folder, x, y
    return made


def _checked_size(size) -> tuple[int, int]:
    """Return height and width."""
    sides = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(sides) != 2:
        raise ValueError(f"size is {size!r}; give (height, width), or one number for both.")
    height, width = (whole("size", side) for side in sides)
    if min(height, width) < _LEAST:
        raise ValueError(f"size is {size!r}; give at least {_LEAST} pixels a side.")
    return height, width


# Listing of files


def _listed(folder: Path) -> list[tuple[str, int, int]]:
    """Return path in the folder, size in bytes and time of each image file, sorted by path."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise NotADirectoryError(f"{folder} {what}; give a folder that holds images.")
    found, others = [], set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() in ENDINGS:
                status = path.stat()
                inside = path.relative_to(folder).as_posix()
                found.append((inside, status.st_size, status.st_mtime_ns))
            else:
                others.add(path.suffix or name)
    if not found:
        instead = f", but files such as {', '.join(sorted(others)[:3])}" if others else ""
        raise ValueError(f"{folder} holds no images ({', '.join(ENDINGS)}){instead}.")
    return sorted(found)


def _check_classes(folder, found):
    beside = [name for name, *_ in found if "/" not in name]
    if beside:
        raise ValueError(
            f"{len(beside)} images lie in {folder} itself and have no class, such as "
            f"{printable_name(beside[0])}: move them into one of the class folders, or leave "
            "labels out."
        )
    classes = {name.split("/")[0] for name, *_ in found}
    if len(classes) < 2:
        raise ValueError(
            f"{folder} has one class folder with images, {printable_name(classes.pop())}; labels "
            "need two or more. Give the folder above it, or leave labels out."
        )


def _told(folder, broken, n) -> str:
    shown = list(broken.items())[:5]
    some = "; ".join(f"{printable_name(name)} ({reason})" for name, reason in shown)
    more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
    what = printable_name(folder)
    return f"{len(broken)} of {n} images in {what} cannot be read and are left out: {some}{more}."


# Decoding


def _decoded(folder, found, size, channels, most, cache):
    """Return the folder of the decoded images, and the object that keeps it alive, or None."""
    limit = [] if most == decoding.MOST_PIXELS else [most]
    listing = json.dumps([_LAYOUT, size, channels, found, *limit])
    fingerprint = hashlib.sha256(listing.encode()).hexdigest()[:16]
    keep = None
    if cache is None:
        keep = TemporaryFolder()
        cache = keep.path
    place = Path(cache, f"{folder.resolve().name}-{fingerprint}")
    if not place.is_dir():
        try:
            with publish_folder(place) as scratch:
                budget = decoding.PixelBudget(most)
                names = [name for name, *_ in found]
                _decode_into(scratch, folder, names, size, channels, budget)
        except FileExistsError:
            if not (place / _FILES).is_file():  # else another process has made it
                raise
    return place, keep


class TemporaryFolder:
    """A folder that is removed with the last reference to this object, or when Python ends."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="zoo-images-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _decode_into(scratch: Path, folder: Path, names, size, channels, budget):
    files, broken = [], {}
    shape = (*size, channels)
    at_once = max(1, min(_AT_ONCE, _BYTES_AT_ONCE // math.prod(shape)))
    with (
        open(scratch / _PIXELS, "wb") as out,
        decoding.own_limit(),
        ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads,
    ):
        _write_header(out, (len(names), *shape))
        for i in range(0, len(names), at_once):
            some = names[i : i + at_once]
            results = threads.map(lambda name: _try(folder / name, size, channels, budget), some)
            for name, result in zip(some, results, strict=True):
                if isinstance(result, str):
                    broken[name] = result
                else:
                    files.append(name)
                    out.write(result.tobytes())
        out.seek(0)
        _write_header(out, (len(files), *shape))  # same length as the first: NumPy pads headers
    if not files:
        raise ValueError(_told(folder, broken, len(names)) + " No image is left.")
    content = json.dumps({"files": files, "broken": broken})  # ASCII: names may not be UTF-8
    (scratch / _FILES).write_text(content, encoding="utf-8")


def _write_header(out, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)


def _try(path, size, channels, budget):
    """Return the pixels of a file, uint8 [height, width, channels], or the reason of a failure."""
    try:
        return decoding.pixels(path, size, channels, budget)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise errors of any class
        if isinstance(error, Image.UnidentifiedImageError):
            return "not a PNG, JPEG or WebP file"
        if isinstance(error, Image.DecompressionBombError):
            return decoding.too_large("more than 178 million pixels", budget.most)
        return str(error) or type(error).__name__
