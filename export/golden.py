"""Golden inputs and outputs: an application in any language can test itself with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from zoo.runtime.golden import ARRAYS, INDEX
from zoo.runtime.signature_file import FORMAT_VERSION

from .parity import Arrays

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
        "format_version": FORMAT_VERSION,
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
            # Files are numbered, as a tensor's name may not be a valid file name.
            entry = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
            entry |= {"file": f"{kind}{number}.bin"}
            entry |= tolerances[name] if kind == "output" else {}
            little = array.astype(array.dtype.newbyteorder("<"))
            (folder / entry["file"]).write_bytes(little.tobytes())
            index[f"{kind}s"].append(entry)
    np.savez_compressed(folder / ARRAYS, **keyed)
    text = json.dumps(index, indent=2) + "\n"
    (folder / INDEX).write_text(text, encoding="utf-8")
