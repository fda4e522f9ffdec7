"""Test an installation: golden inputs must give the same outputs as in Keras."""

from __future__ import annotations

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .json_file import parse_object, shortened
from .session import Session, load
from .signature_file import check_bytes
from .tensors import TensorSpec

FOLDER = "golden"
INDEX = "index.json"
ARRAYS = "golden.npz"
MOST_ROWS = 64  # exports hold eight rows of each case of the parity check, which has at most four


class ParityError(RuntimeError):
    """An exported file does not compute the same as the Keras model; `report` lists the errors."""

    def __init__(self, message: str, report: dict[str, Any] | None = None):
        super().__init__(message)
        self.report = report


def self_test(
    folder: str | os.PathLike, *, device: str = "cpu", threads: int | None = None
) -> dict[str, float]:
    """Run a part on its golden inputs, and compare with the outputs of Keras.

    Use it to test the machine, the device and the versions of a deployment. It needs only
    onnxruntime and NumPy.

    Args:
        folder: the folder of one part, such as `out/decoder`.
        device, threads: as for `load`.

    Returns:
        the largest absolute difference of each output.

    Raises:
        ParityError: an error is larger than the golden index allows.
        FileNotFoundError: there is no part in `folder`, or it is an older export without golden
            files.
        ValueError, RuntimeError: as `load` does; or a golden file was changed.
    """
    folder = Path(folder)
    session = load(folder, device=device, threads=threads)
    path = folder / FOLDER / INDEX
    index = parse_object(_checked(folder, session.signature, INDEX), path)
    arrays = _checked(folder, session.signature, ARRAYS)
    try:
        inputs, expected, bounds = _read(session, index, arrays)
        feed = session.check(inputs)
    except Exception as error:  # changed files may cause any error
        raise ValueError(
            f"{path.parent} holds no inputs and outputs of this part ({type(error).__name__}: "
            f"{error}): export again."
        ) from error
    got = session.compute(*feed)
    differences = {}
    for name, wanted in expected.items():
        if wanted.shape != got[name].shape:
            raise ValueError(
                f"{path.parent} has {wanted.shape} of {name!r}, not {got[name].shape}."
            )
        (atol, rtol), off = bounds[name], np.abs(got[name] - wanted)
        if not (off <= atol + rtol * np.abs(wanted)).all():  # false for NaN as well
            raise ParityError(
                f"Output {name!r} of the {session.signature['part']} is off by up to "
                f"{off.max():.2e} on {session.device}, where {atol:.2e} + {rtol:.0e} * |expected| "
                "is allowed: this installation computes other values than Keras."
            )
        differences[name] = float(off.max())
    return differences


def _read(session: Session, index: dict[str, Any], archive: bytes) -> tuple[dict, ...]:
    """Return inputs, outputs as float64, and `(atol, rtol)`, by name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as arrays:
        inputs = {t.name: _array(arrays, f"input.{t.name}", t) for t in session.inputs}
        expected = {
            t.name: _array(arrays, f"output.{t.name}", t).astype("float64") for t in session.outputs
        }
    entries = {entry["name"]: entry for entry in index["outputs"]}
    bounds = {name: (entries[name]["atol"], entries[name]["rtol"]) for name in expected}
    for name, allowed in bounds.items():
        numbers = all(type(number) in (int, float) for number in allowed)
        if not numbers or not all(0 <= number < math.inf for number in allowed):
            raise ValueError(
                f"atol and rtol of {name!r} are {shortened(allowed)}, not numbers from 0"
            )
    return inputs, expected, bounds


def _array(archive: zipfile.ZipFile, key: str, tensor: TensorSpec) -> np.ndarray:
    """Return an array of the archive; its header is checked before memory is allocated."""
    with archive.open(f"{key}.npy") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{key} has version {version} of NumPy's format, not (1, 0)")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != tensor.dtype or not shape or shape[1:] != tensor.shape:
        raise ValueError(f"{key} is {dtype} {shortened(shape)}, but {tensor} was expected")
    if not 1 <= shape[0] <= MOST_ROWS:
        raise ValueError(f"{key} has {shape[0]} rows, but 1 to {MOST_ROWS} were expected")
    with archive.open(f"{key}.npy") as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{key} holds NaN or infinite values")
    return array


def _checked(folder: Path, signature: dict[str, Any], name: str) -> bytes:
    path = folder / FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: export again for golden files.")
    data = path.read_bytes()
    check_bytes(data, signature.get("files", {}).get(f"{FOLDER}/{name}"), path)
    return data
