"""Reading `.keras` files and presets in `.zip` files, without making any object.

Only files that loading needs are written to disk, under names that the archives do not choose.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from zoo.json_file import parse_object
from zoo.presets.card import CARD, CONFIG, WEIGHTS
from zoo.presets.download_cache import LARGEST_CARD, LARGEST_CONFIG, LARGEST_WEIGHTS

METADATA = "metadata.json"


class Archive:
    """A `.keras` file that holds exactly the files that Keras writes for a model.

    Attributes:
        path: of the file.
        config: the configuration of the model, from JSON.
    """

    def __init__(self, path: Path, file: zipfile.ZipFile):
        self.path, self._file = path, file
        names = sorted(entry.filename for entry in file.infolist())
        if names != sorted((METADATA, CONFIG, WEIGHTS)):
            raise ValueError(
                f"{path} holds {', '.join(map(repr, names)) or 'nothing'}; a model saved by Keras "
                f"3 holds {METADATA}, {CONFIG} and {WEIGHTS}."
            )
        _check_compression(path, file.infolist())
        self._check_size(CONFIG, LARGEST_CONFIG)
        self.config = parse_object(file.read(CONFIG), f"{CONFIG} in {path}")
        if not isinstance(self.config.get("config"), dict):
            raise ValueError(f"{CONFIG} in {path} describes no model.")

    @property
    def most_values(self) -> int:
        """The largest number of weights that the file can hold, at two bytes or more each."""
        return self._file.getinfo(WEIGHTS).file_size // 2

    def unpack_weights(self, folder: Path, largest: int) -> Path:
        """Write the weights into a folder and return the path; they may have `largest` bytes.

        Raises:
            ValueError: they have more.
        """
        self._check_size(WEIGHTS, largest)
        target = folder / WEIGHTS
        with self._file.open(WEIGHTS) as packed, open(target, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return target

    def _check_size(self, name, largest):
        _check_size(self.path, self._file.getinfo(name), largest)


def _check_compression(path, entries):
    for entry in entries:
        plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not plain or entry.flag_bits & 1:
            raise ValueError(f"{path} has a compression or an encryption that Keras does not use.")


def _check_size(path, entry, largest):
    if entry.file_size > largest:
        raise ValueError(
            f"{entry.filename} in {path} has {entry.file_size:,} bytes; here it can have at most "
            f"{largest:,}."
        )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Archive, Path]]:
    """Yield an open `.keras` file and a temporary folder.

    Raises:
        ValueError: a file that is not an archive of a Keras model, or a corrupted one.
    """
    with (
        _errors_in_words(path, "a .keras file"),
        zipfile.ZipFile(path) as file,
        tempfile.TemporaryDirectory() as folder,
    ):
        yield Archive(path, file), Path(folder)


@contextlib.contextmanager
def unpacked_preset(path: Path) -> Iterator[Path]:
    """Yield a temporary folder with card, configuration and weights from a `.zip` file.

    These three are written under their own names; whatever else the file holds is not unpacked.

    Raises:
        ValueError: not a zip file, a corrupted one, one of the three is missing, there twice, in a
            folder, or too large.
    """
    largest = {CARD: LARGEST_CARD, CONFIG: LARGEST_CONFIG, WEIGHTS: LARGEST_WEIGHTS}
    with tempfile.TemporaryDirectory() as folder:
        with _errors_in_words(path, "a .zip file"), zipfile.ZipFile(path) as file:
            entries = [entry for entry in file.infolist() if entry.filename in largest]
            if sorted(entry.filename for entry in entries) != sorted(largest):
                raise ValueError(
                    f"{path} is not a preset: {', '.join(largest)} must be in it, each once and "
                    "not in a folder. shutil.make_archive(NAME, 'zip', NAME) packs the folder NAME."
                )
            _check_compression(path, entries)
            for entry in entries:
                _check_size(path, entry, largest[entry.filename])
                with file.open(entry) as packed, open(Path(folder, entry.filename), "wb") as plain:
                    shutil.copyfileobj(packed, plain)
        yield Path(folder)


@contextlib.contextmanager
def _errors_in_words(path, kind):
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # EINVAL means a position before the start of a corrupted file
        raise ValueError(f"{path} is not {kind}, or is corrupted: {error}") from error
