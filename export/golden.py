"""Golden inputs and outputs, with which applications in any language can test themselves."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import runtime, signature_file
from .json_file import parse_object
from .parity import Arrays, ParityError

FOLDER = "golden"
INDEX = "index.json"
ARRAYS = "golden.npz"
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
    except Exception as error:  # changed files may cause any error
        raise ValueError(
            f"{path.parent} holds no inputs and outputs of this part ({type(error).__name__}: "
            f"{error}): export again."
        ) from error
    got = session.compute(*session.check(inputs))
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
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        inputs = {tensor.name: arrays[f"input.{tensor.name}"] for tensor in session.inputs}
        expected = {
            tensor.name: arrays[f"output.{tensor.name}"].astype("float64")
            for tensor in session.outputs
        }
    entries = {entry["name"]: entry for entry in index["outputs"]}
    bounds = {
        name: (float(entries[name]["atol"]), float(entries[name]["rtol"])) for name in expected
    }
    return inputs, expected, bounds


def _checked(folder: Path, signature: dict[str, Any], name: str) -> bytes:
    path = folder / FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: export again for golden files.")
    data = path.read_bytes()
    signature_file.check_bytes(data, signature.get("files", {}).get(f"{FOLDER}/{name}"), path)
    return data
