"""Saving feature detectors: settings, a network and arrays."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.files.atomic_writes import publish_folder
from zoo.presets.card import describe
from zoo.presets.hashed_files import digest
from zoo.presets.safety import warn_of_refused

FILE, FORMAT_VERSION, KIND = "detector.json", 1, "features"
NETWORK, WEIGHTS = "network.json", "network.weights.h5"
COMMON = ("center", "spread", "projection")  # arrays besides those of the method


def settings(detector: Any) -> dict:
    """Return all of a detector except its network and arrays, as JSON values."""
    return {
        "kind": KIND,
        "method": detector.method,
        "rule": detector.rule,
        "rule_value": detector.rule_value,
        "threshold": detector.threshold,
        "image_shape": None if detector.image_shape is None else list(detector.image_shape),
        "layers": None if detector.layers is None else list(detector.layers),
        "projected": detector.projected,
        "regularization": detector.regularization,
        "memory": detector.memory,
        "smoothing": detector.smoothing,
        "scale": detector.scale.tolist(),
        "offset": detector.offset.tolist(),
        "seed": detector.seed,
    }


def save(detector: Any, folder: str | os.PathLike, overwrite: bool) -> None:
    """Write a fitted feature detector as a folder, atomically."""
    arrays = {name: getattr(detector, name) for name in COMMON}
    for name, variable in zip(detector.normal.names, detector.normal.variables(), strict=True):
        arrays[name] = keras.ops.convert_to_numpy(variable)
    saved = keras.saving.serialize_keras_object(detector.extractor)
    warn_of_refused(saved)
    with publish_folder(Path(os.path.abspath(folder)), overwrite) as scratch:
        text = json.dumps(saved, indent=1)
        (scratch / NETWORK).write_text(text, encoding="utf-8")
        detector.extractor.save_weights(scratch / WEIGHTS)
        for name, array in arrays.items():
            written = io.BytesIO()
            np.save(written, np.ascontiguousarray(array), allow_pickle=False)
            (scratch / f"{name}.npy").write_bytes(written.getvalue())
        content = {"format_version": FORMAT_VERSION, **settings(detector)}
        content["files"] = {
            path.name: describe(path.read_bytes())["sha256"] for path in sorted(scratch.iterdir())
        }
        content["sha256"] = digest(content)
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        (scratch / FILE).write_text(text, encoding="utf-8")
