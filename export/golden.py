"""Inputs with the outputs that they must give, for applications in any language to test with."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import runtime
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
        inputs, outputs: arrays by name, of float32 or int32, with as many rows each.
        tolerances: `atol` and `rtol` of every output.
    """
    folder.mkdir()
    index: dict[str, Any] = {
        "format_version": runtime.FORMAT_VERSION,
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
            # Numbered, as a tensor's name need not be a file's.
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
    """Run a part's golden inputs here, and compare with the outputs that Keras gave.

    Needs onnxruntime and NumPy alone: for the machine, the device and the versions that a part
    is deployed on.

    Args:
        folder: the folder of one part, such as `out/decoder`.
        device, threads: as for `export.load`.

    Returns:
        the largest absolute difference of each output.

    Raises:
        ParityError: an output is further off than the index allows.
        FileNotFoundError: there is no part in `folder`, or an older export without golden files.
        ValueError, RuntimeError: as `export.load` does; a golden file that was altered.
    """
    folder = Path(folder)
    session = runtime.load(folder, device=device, threads=threads)
    index = json.loads(_checked(folder, session.signature, INDEX))
    held = io.BytesIO(_checked(folder, session.signature, ARRAYS))
    with np.load(held, allow_pickle=False) as arrays:
        inputs = {entry["name"]: arrays[f"input.{entry['name']}"] for entry in index["inputs"]}
        expected = {entry["name"]: arrays[f"output.{entry['name']}"] for entry in index["outputs"]}
    got = session(**inputs)
    differences = {}
    for entry in index["outputs"]:
        name = entry["name"]
        wanted = expected[name].astype("float64")
        off = np.abs(got[name] - wanted)
        allowed = entry["atol"] + entry["rtol"] * np.abs(wanted)
        if not (off <= allowed).all():  # false for NaN as well
            raise ParityError(
                f"Output {name!r} of the {index['part']} is off by up to {off.max():.2e} on "
                f"{session.device}, where {entry['atol']:.2e} + {entry['rtol']:.0e} * |expected| "
                "is allowed: this installation computes something else than Keras did."
            )
        differences[name] = float(off.max())
    return differences


def _checked(folder: Path, signature: dict[str, Any], name: str) -> bytes:
    path = folder / FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: export again for golden files.")
    data = path.read_bytes()
    runtime.check_bytes(data, signature.get("files", {}).get(f"{FOLDER}/{name}"), path)
    return data
