"""The .npy file of the rows that the score "joined" compares with; it is checked before use."""

from __future__ import annotations

import io
import math
import stat
from pathlib import Path

import numpy as np

from zoo.anomaly.neighbors import Neighbors
from zoo.presets.card import describe

FILE = "neighbors.npy"
LARGEST = 2**30  # bytes
_LONGEST_HEADER = 1000


def to_bytes(neighbors: Neighbors) -> bytes:
    """Return an .npy file of float32 [groups, 1 + rows, features].

    The first row of each group marks the columns that it uses by 1 and 0; then come its rows.
    """
    written = io.BytesIO()
    both = np.concatenate([neighbors.columns[:, None], neighbors.rows], axis=1)
    np.save(written, np.ascontiguousarray(both, "float32"), allow_pickle=False)
    return written.getvalue()


def read(folder: Path, sha256: str, features: int) -> Neighbors:
    """Read the rows that `to_bytes` wrote.

    Args:
        folder: the folder of the detector. sha256: the hash of the file, stated by the detector.
        features: the number of columns of the model.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file has another hash, or does not hold valid rows.
    """
    path = folder / FILE
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; the detector is incomplete.")
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
        raise ValueError(f"{path} is not a regular file of at most {LARGEST:,} bytes.")
    content = path.read_bytes()
    if describe(content)["sha256"] != sha256:
        raise ValueError(f"{path} does not match the sha256 that its detector states.")
    both = _array(content)
    if both is None or both.shape[2] != features:
        raise ValueError(f"{path} holds no float32 [groups, 1 + rows, {features}] in .npy format.")
    columns, rows = both[:, 0], both[:, 1:]
    of_columns = np.isin(columns, (0, 1)).all() and columns.any(axis=1).all()
    if not of_columns or not np.isfinite(rows).all():
        raise ValueError(f"{path} holds rows that are not finite, or groups without columns.")
    return Neighbors(rows, columns)


def _array(content: bytes) -> np.ndarray | None:
    """Return the array in an .npy file if it is float32 with three axes, else None."""
    file = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            return None
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file, _LONGEST_HEADER)
    except ValueError:
        return None
    size = len(content) - file.tell()
    if by_columns or dtype != np.float32 or len(shape) != 3 or 4 * math.prod(shape) != size:
        return None
    if shape[0] < 1 or shape[1] < 2:
        return None
    return np.frombuffer(content, "<f4", offset=file.tell()).reshape(shape)
