"""The .npy file of the rows that the score "joined" compares with; it is checked before use."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from zoo.anomaly.neighbors import Neighbors
from zoo.presets.hashed_files import array_in, read_bytes

FILE = "neighbors.npy"
LARGEST = 2**30  # bytes


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
    both = array_in(read_bytes(path, sha256, LARGEST, "detector"), "<f4")
    if both is None or both.ndim != 3 or both.shape[0] < 1 or both.shape[1] < 2:
        both = None
    if both is None or both.shape[2] != features:
        raise ValueError(f"{path} holds no float32 [groups, 1 + rows, {features}] in .npy format.")
    columns, rows = both[:, 0], both[:, 1:]
    of_columns = np.isin(columns, (0, 1)).all() and columns.any(axis=1).all()
    if not of_columns or not np.isfinite(rows).all():
        raise ValueError(f"{path} holds rows that are not finite, or groups without columns.")
    return Neighbors(rows, columns)
