"""`.keras` files, taken apart: nothing is written but the weights, and nothing is made."""

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
    """A `.keras` file that holds what Keras writes for a model, and no more.

    Attributes:
        path: of the file.
        config: what it says of the model, as read from JSON.
    """

    def __init__(self, path: Path, file: zipfile.ZipFile):
        self.path, self._file = path, file
        names = sorted(entry.filename for entry in file.infolist())
        if names != sorted((METADATA, CONFIG, WEIGHTS)):
            raise ValueError(
                f"{path} holds {', '.join(map(repr, names)) or 'nothing'}; a model that Keras 3 "
                f"saved is {METADATA}, {CONFIG} and {WEIGHTS}."
            )
        for entry in file.infolist():
            plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not plain or entry.flag_bits & 1:
                raise ValueError(f"{path} is packed or encrypted in a way that Keras does not use.")
        self._check_size(CONFIG, LARGEST_CONFIG)
        self.config = parse_object(file.read(CONFIG), f"{CONFIG} in {path}")
        if not isinstance(self.config.get("config"), dict):
            raise ValueError(f"{CONFIG} in {path} describes no model.")

    @property
    def most_values(self) -> int:
        """How many weights the file can hold, of two bytes or more each, as Keras writes them."""
        return self._file.getinfo(WEIGHTS).file_size // 2

    def unpack_weights(self, folder: Path, largest: int) -> Path:
        """Write the weights into a folder, if they have `largest` bytes at most; return the path.

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
                f"{name} in {self.path} has {size:,} bytes, more than the {largest:,} that this "
                "model's could have."
            )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Archive, Path]]:
    """Yield a `.keras` file, and an empty folder for as long.

    Raises:
        ValueError: a file that is no archive of a Keras model, or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory() as folder:
            yield Archive(path, file), Path(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # and that was a place before the start of the file
        raise ValueError(f"{path} is no .keras file, or a damaged one: {error}") from error
