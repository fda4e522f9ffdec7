"""Files beside a preset, of a detector or an index: their hashes, and arrays that are checked."""

from __future__ import annotations

import hashlib
import io
import json
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np

from zoo.presets.card import describe
from zoo.runtime.json_file import shortened

_LONGEST_HEADER = 1000


def digest(content: dict) -> str:
    """Return the SHA-256 of all entries of a JSON object except `sha256`."""
    others = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def check_digest(path: Path, content: dict) -> None:
    """Raise a ValueError unless the entries of a JSON file have the `sha256` that it states."""
    if content["sha256"] != digest(content):
        raise ValueError(f"{path} does not match the sha256 that it states: it was altered.")


def check_entries(path: Path, content: dict, kinds: dict, version: int) -> None:
    """Check the types of the entries of a JSON file, and its `format_version`.

    Args:
        path: the file, for errors. content: the JSON object in it.
        kinds: for each entry that is needed a type, or a tuple of types; none is bool.
        version: the format that is read.

    Raises:
        ValueError: an entry is missing or has another type, or the file has another format.
    """
    for name, kind in kinds.items():
        value = content.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{path} has an invalid {name}: {shortened(value)}.")
    if content["format_version"] != version:
        raise ValueError(
            f"{path} has format {content['format_version']}, but this version of the zoo reads "
            f"{version}."
        )


def read_bytes(path: Path, sha256: str, most: int, owner: str) -> bytes:
    """Return the content of a file.

    Args:
        path: the file. sha256: the hash that its owner states. most: the largest size in bytes.
        owner: what the file belongs to, such as "detector", for errors.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is a link, no regular file or too large, or has another hash.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; the {owner} is incomplete.")
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        raise ValueError(f"{path} is not a regular file of at most {most:,} bytes.")
    content = path.read_bytes()
    if describe(content)["sha256"] != sha256:
        raise ValueError(f"{path} does not match the sha256 that its {owner} states.")
    return content


def array_in(content: bytes, dtype: Any) -> np.ndarray | None:
    """Return the array in the bytes of an .npy file, or None.

    None means that it is not what `numpy.save` writes of an array of this dtype in C order, or that
    the file is shorter or longer than its shape says.
    """
    file = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            return None
        shape, by_columns, found = np.lib.format.read_array_header_1_0(file, _LONGEST_HEADER)
    except ValueError:
        return None
    size = len(content) - file.tell()
    if by_columns or found != np.dtype(dtype) or found.itemsize * math.prod(shape) != size:
        return None
    return np.frombuffer(content, found, offset=file.tell()).reshape(shape)
