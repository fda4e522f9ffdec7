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

_LONGEST_HEADER = 1000


def digest(content: dict) -> str:
    """Return the SHA-256 of all entries of a JSON object except `sha256`."""
    others = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


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
