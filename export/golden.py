"""Golden inputs and outputs, with which applications in any language can test themselves."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from . import runtime, signature_file
from .json_file import parse_object, shortened
from .parity import Arrays, ParityError
from .tensors import Tensor

FOLDER = "golden"
INDEX = "index.json"
ARRAYS = "golden.npz"
MOST_ROWS = 64  # eight of every case of the proof are written, and there are at most four cases
RULE = "abs(got - expected) <= atol + rtol * abs(expected), for every element"


def write(
    folder: Path, part: str, inputs: Arrays, outputs: Arrays, tolerances: dict[str, dict]
) -> None:
    """Write arrays as `golden.npz` and as raw files, with an index of both.

    Args:
        folder: the folder to create.
        part: the name of the part that the arrays belong to.
        inputs, outputs: arrays by name, float32 or int32, all with the same number of rows.
        tolerances: `atol` and `rtol` of every output.
    """
    folder.mkdir()
    index: dict[str, Any] = {
        "format_version": signature_file.FORMAT_VERSION,
        "part": part,
        "npz": f"{ARRAYS}, whose keys are input.NAME and output.NAME",
        "raw": "little-endian, row after row, without any header",
        "rule": RULE,
    }
    keyed = {}
    for kind, arrays in (("input", inputs), ("output", outputs)):
        index[f"{kind}s"] = []
        for number, (name, array) in enumerate(arrays.items()):
            keyed[f"{kind}.{name}"] = array
            # The files have numbers, as a tensor's name may not be a valid file name.
            entry = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
            entry |= {"file": f"{kind}{number}.bin"}
            entry |= tolerances[name] if kind == "output" else {}
            little = array.astype(array.dtype.newbyteorder("<"))
            (folder / entry["file"]).write_bytes(little.tobytes())
            index[f"{kind}s"].append(entry)
    np.savez_compressed(folder / ARRAYS, **keyed)
    text = json.dumps(index, indent=2) + "\n"
    (folder / INDEX).write_text(text, encoding="utf-8")


def self_test(
    folder: str | os.PathLike, *, device: str = "cpu", threads: int | None = None
) -> dict[str, float]:
    """Run a part on its golden inputs, and compare with the outputs of Keras.

    Use it to test the machine, the device and the versions of a deployment. It needs only
    onnxruntime and NumPy.

    Args:
        folder: the folder of one part, such as `out/decoder`.
        device, threads: as for `export.load`.

    Returns:
        the largest absolute difference of each output.

    Raises:
        ParityError: an error is larger than the index allows.
        FileNotFoundError: there is no part in `folder`, or an older export without golden files.
        ValueError, RuntimeError: as `export.load` does; a golden file that was changed.
    """
    folder = Path(folder)
    session = runtime.load(folder, device=device, threads=threads)
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


def _read(session: runtime.Session, index: dict[str, Any], archive: bytes) -> tuple[dict, ...]:
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


def _array(archive: zipfile.ZipFile, key: str, tensor: Tensor) -> np.ndarray:
    """Return an array of the archive, whose header must be right before memory is taken."""
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
    signature_file.check_bytes(data, signature.get("files", {}).get(f"{FOLDER}/{name}"), path)
    return data
