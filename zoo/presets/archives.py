"""Read `.keras` files and presets in `.zip` files, without creating the objects in them.

Only the files that loading needs are written to disk, and this module chooses their names, not the
archive.
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

from zoo.files.download_cache import LARGEST_CARD, LARGEST_CONFIG, LARGEST_WEIGHTS
from zoo.presets.card import CARD, CONFIG, WEIGHTS
from zoo.runtime.json_file import parse_object

METADATA = "metadata.json"
_DENSEST = 8  # how many bytes one packed byte may unpack to; weights hardly compress
_SPARE = 2**20  # bytes that each file may have beyond that, as texts compress well


class Archive:
    """A `.keras` file that holds exactly the files that Keras writes for a model.

    Attributes:
        path: the path of the file.
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
        _check_entries(path, file.infolist())
        _check_size(path, file.getinfo(CONFIG), LARGEST_CONFIG)
        self.config = parse_object(file.read(CONFIG), f"{CONFIG} in {path}")
        if not isinstance(self.config.get("config"), dict):
            raise ValueError(f"{CONFIG} in {path} does not describe a model.")

    def unpack_weights(self, folder: Path) -> Path:
        """Write the weights into a folder and return the path."""
        target = folder / WEIGHTS
        with self._file.open(WEIGHTS) as packed, open(target, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return target


def _check_entries(path, entries):
    """Compare the sizes that an archive states with the archive's size, before unpacking."""
    size = path.stat().st_size
    for entry in entries:
        stored = entry.compress_type == zipfile.ZIP_STORED
        if not (stored or entry.compress_type == zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
            raise ValueError(f"{path} uses a compression or an encryption that Keras does not use.")
        most = entry.compress_size if stored else _DENSEST * entry.compress_size + _SPARE
        if entry.header_offset + entry.compress_size > size or entry.file_size > most:
            raise ValueError(
                f"{entry.filename} in {path} states a size of {entry.file_size:,} bytes, which its "
                f"{min(entry.compress_size, size):,} packed bytes cannot hold: pack it again, "
                "without compression."
            )
    if sum(entry.compress_size for entry in entries) > size:
        raise ValueError(f"{path} states larger sizes than the {size:,} bytes that it has.")


def _check_size(path, entry, largest):
    if entry.file_size > largest:
        raise ValueError(
            f"{entry.filename} in {path} has {entry.file_size:,} bytes; the limit here is "
            f"{largest:,}."
        )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Archive, Path]]:
    """Yield an open `.keras` file and a temporary folder.

    Raises:
        ValueError: the file is not an archive of a Keras model, or is corrupted.
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

    These three are written under fixed names; other entries of the file are not unpacked.

    Raises:
        ValueError: the file is not a zip file or is corrupted; or one of the three is missing,
            duplicated, in a folder, or too large.
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
            _check_entries(path, entries)
            for entry in entries:
                _check_size(path, entry, largest[entry.filename])
                with file.open(entry) as packed, open(Path(folder, entry.filename), "wb") as plain:
                    shutil.copyfileobj(packed, plain)
        yield Path(folder)


@contextlib.contextmanager
def _errors_in_words(path, kind):
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # a corrupted file causes EINVAL, by a position before its start
        raise ValueError(f"{path} is not {kind}, or is corrupted: {error}") from error
