"""Saving indexes: a preset folder of the model, a JSON file, and a file of codes."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.files.atomic_writes import publish_folder
from zoo.presets.card import WEIGHTS, describe
from zoo.presets.hashed_files import digest
from zoo.presets.saving import save as save_preset
from zoo.search import bits

FILE, CODES, MODEL, FORMAT_VERSION = "index.json", "codes.npy", "model", 1


def save(index: Any, folder: str | os.PathLike, overwrite: bool) -> None:
    """Write an index as a folder, atomically; `zoo.search.load` reads it."""
    target = Path(os.path.abspath(folder))
    if overwrite and target.is_dir() and any(target.iterdir()) and not (target / FILE).is_file():
        raise FileExistsError(
            f"{target} is not the folder of an index, and is not replaced: choose another folder."
        )
    with publish_folder(target, overwrite) as scratch:
        card = save_preset(index.model, scratch / MODEL, about={"name": target.name})
        codes = bits.packed(index.codes) if index.has_bits else index.codes
        written = io.BytesIO()
        np.save(written, np.ascontiguousarray(codes), allow_pickle=False)
        (scratch / CODES).write_bytes(written.getvalue())
        content = {
            "format_version": FORMAT_VERSION,
            "metric": index.metric,
            "ids": index.ids.tolist(),
            "codes_sha256": describe(written.getvalue())["sha256"],
            "weights_sha256": card["files"][WEIGHTS]["sha256"],
        }
        content["sha256"] = digest(content)
        (scratch / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
