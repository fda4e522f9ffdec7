"""Files of ensembles: a folder for each member, and a JSON file with their hashes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.anomaly import saving, thresholds
from zoo.files.atomic_writes import publish_folder
from zoo.presets.card import describe
from zoo.presets.hashed_files import check_digest, check_entries, digest, read_bytes
from zoo.runtime.json_file import shortened

KIND, FORMAT_VERSION = "ensemble", 1
MOST = 100  # members
_LARGEST = 2**26  # bytes of the JSON file of a member
_KINDS = {
    **{"rule": str, "rule_value": (int, float), "threshold": (int, float), "members": list},
    **{"sha256": str, "format_version": int},
}


def settings(detector: Any) -> dict:
    """Return all of an ensemble except its members, as JSON values."""
    return {
        "kind": KIND,
        "rule": detector.rule,
        "rule_value": detector.rule_value,
        "threshold": detector.threshold,
    }


def save(detector: Any, folder: str | os.PathLike, overwrite: bool) -> None:
    """Write a fitted ensemble as a folder, atomically: members in the folders 1, 2, ..."""
    with publish_folder(Path(os.path.abspath(folder)), overwrite) as scratch:
        hashes = []
        for number, member in enumerate(detector.members, 1):
            saving.save(member, scratch / str(number), False)
            written = (scratch / str(number) / saving.FILE).read_bytes()
            hashes.append(describe(written)["sha256"])
        content = {"format_version": FORMAT_VERSION, **settings(detector), "members": hashes}
        content["sha256"] = digest(content)
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        (scratch / saving.FILE).write_text(text, encoding="utf-8")


def load(
    folder: Path, content: dict, load_member: Callable[[Path], Any]
) -> tuple[list[Any], tuple[str, float, float]]:
    """Return the members of an ensemble whose `detector.json` was read, its rule and threshold.

    Args:
        folder: the folder. content: of its `detector.json`.
        load_member: loads the detector in a folder, with all its checks.

    Returns:
        the members; and the rule of the threshold, its value, and the threshold.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was altered, or the members do not belong together.
    """
    path = folder / saving.FILE
    check_entries(path, content, _KINDS, FORMAT_VERSION)
    check_digest(path, content)
    hashes = content["members"]
    if not 2 <= len(hashes) <= MOST or not all(isinstance(found, str) for found in hashes):
        raise ValueError(
            f"{path} has invalid members: {shortened(hashes)}; the SHA-256 of each of 2 to {MOST} "
            "members is expected."
        )
    threshold = content["threshold"]
    fits = abs(threshold) <= float(np.finfo("float32").max)
    if content["rule"] not in thresholds.RULES or not fits:
        found = f"{shortened(content['rule'])} and {shortened(threshold)}"
        raise ValueError(
            f"{path} has an invalid rule or threshold: {found}; one of "
            f"{', '.join(thresholds.RULES)} and a number that float32 holds are expected."
        )
    try:
        rule, value = thresholds.chosen(**{content["rule"]: content["rule_value"]})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has an invalid rule of the threshold: {error}") from error
    members = []
    for number, sha256 in enumerate(hashes, 1):
        read_bytes(folder / str(number) / saving.FILE, sha256, _LARGEST, "detector")
        members.append(load_member(folder / str(number)))
    _check_alike(path, members)
    return members, (rule, value, float(threshold))


def _check_alike(path: Path, members: Sequence[Any]) -> None:
    """Refuse members whose scores and maps cannot be averaged."""
    names = ("score", "names", "units", "of_pixels")
    found = [
        (type(m.model), tuple(m.model.image_shape), *(getattr(m, name) for name in names))
        for m in members
    ]
    if any(one != found[0] for one in found):
        raise ValueError(
            f"{path} has members that differ in class, shape, score or names, so that their "
            "scores cannot be averaged; give a folder that DetectorEnsemble.save wrote."
        )
