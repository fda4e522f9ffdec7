"""Reading `.keras` files: only the weights are written to disk, and no objects are made."""

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

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
LARGEST_CONFIG = 2**24  # bytes


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
        for entry in file.infolist():
            plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not plain or entry.flag_bits & 1:
                raise ValueError(
                    f"{path} has a compression or an encryption that Keras does not use."
                )
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
        size = self._file.getinfo(name).file_size
        if size > largest:
            raise ValueError(
                f"{name} in {self.path} has {size:,} bytes; for this model it can have at most "
                f"{largest:,}."
            )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Archive, Path]]:
    """Yield an open `.keras` file and a temporary folder.

    Raises:
        ValueError: a file that is not an archive of a Keras model, or a corrupted one.
    """
    try:
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory() as folder:
            yield Archive(path, file), Path(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # EINVAL means a position before the start of a corrupted file
        raise ValueError(f"{path} is not a .keras file, or is corrupted: {error}") from error
