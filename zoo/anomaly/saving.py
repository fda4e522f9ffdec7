"""Saving detectors: a preset folder of the model, a JSON file, and a file of rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from zoo.anomaly import calibration, neighbors_file
from zoo.files.atomic_writes import publish_folder
from zoo.presets.card import WEIGHTS, describe
from zoo.presets.hashed_files import digest
from zoo.presets.saving import save as save_preset

FILE, MODEL, FORMAT_VERSION = "detector.json", "model", 1


def save(detector: Any, folder: str | os.PathLike, overwrite: bool) -> None:
    """Write a fitted detector as a folder, atomically; `zoo.anomaly.load` reads it."""
    target = Path(os.path.abspath(folder))
    with publish_folder(target, overwrite) as scratch:
        card = save_preset(detector.model, scratch / MODEL, about={"name": target.name})
        content = {
            "format_version": FORMAT_VERSION,
            **settings(detector),
            "weights_sha256": card["files"][WEIGHTS]["sha256"],
        }
        if detector.joined is not None:
            (scratch / neighbors_file.FILE).write_bytes(
                rows := neighbors_file.to_bytes(detector.joined.neighbors)
            )
            content["joined"] = {
                "own_score": detector.own_score,
                "centers": list(detector.joined.centers),
                "scales": list(detector.joined.scales),
                "neighbors_sha256": describe(rows)["sha256"],
            }
        if detector.normal_map is not None:
            (scratch / calibration.FILE).write_bytes(calibration.to_bytes(detector.normal_map))
        content["sha256"] = digest(content)
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        (scratch / FILE).write_text(text, encoding="utf-8")


def settings(detector: Any) -> dict:
    """Return all of a detector except its model, as JSON values."""
    names = None if getattr(detector.model.likelihood, "names", None) else detector.names
    normal = detector.normal_error
    return {
        **({} if names is None else {"names": list(names)}),  # else the likelihood stores the names
        **({} if detector.units is None else {"units": list(detector.units)}),
        **({} if normal is None else {"normal_error": normal.tolist()}),
        **_normal_map(detector),
        **({"of_pixels": True} if detector.of_pixels else {}),
        "score": detector.score,
        "rule": detector.rule,
        "rule_value": detector.rule_value,
        "samples": detector.samples,
        "seed": detector.seed,
        "threshold": detector.threshold,
        "mean": None if detector.mean is None else detector.mean.tolist(),
        "deviation": None if detector.deviation is None else detector.deviation.tolist(),
    }


def _normal_map(detector) -> dict[str, str]:
    """Return the hash of the file of usual errors, if the detector has them."""
    if detector.normal_map is None:
        return {}
    return {"normal_map_sha256": describe(calibration.to_bytes(detector.normal_map))["sha256"]}
