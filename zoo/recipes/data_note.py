"""What cards say of a user's own data, and a note of where these lay, which stays on this machine.

A card is for everybody, so it has no path. The note is a hidden file beside the folder of a preset,
`.NAME.data.json`, not inside of it: it is not in a copy, an archive or a repository of the folder.
It tells `zoo evaluate --data PATH` that a model was trained on most of what is at PATH.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from zoo.data import SOURCES
from zoo.data.own import OwnData
from zoo.files.atomic_writes import write_file
from zoo.presets.card import WEIGHTS, Card
from zoo.runtime.json_file import read_object


class DataNote(NamedTuple):
    """Where the data of a training lay: as it was given, and the whole path; the same of labels."""

    data: str = ""
    path: str = ""
    labels: str = ""

    def means(self, path: str) -> bool:
        """Return whether a path is where the data lay."""
        return bool(self.data) and (path == self.data or os.path.realpath(path) == self.path)


def described(own: OwnData) -> str:
    """Return what a card says of a user's own data: their kind, number and size, and no path.

    Example:
        >>> import numpy as np
        >>> from zoo.recipes.data_note import described
        >>> described(zoo.data.own.OwnData(np.zeros((300, 64, 64, 3))))
        'own images, 300 of 64x64'
    """
    n, *shape = own.x.shape
    size = "x".join(map(str, shape[:2]))
    if own.columns:
        return f"own table, {n:,} rows of {len(own.columns)} columns"
    if len(shape) == 3:
        files = " files" if own.path and os.path.isdir(own.path) else ""
        return f"own images, {n:,}{files} of {size}"
    if len(shape) == 2:
        return f"own signals, {n:,} of {size}"
    return f"own vectors, {n:,} of {size} values"


def write_note(preset: Path, card: Card, own: OwnData | None) -> None:
    """Write where the data of a new preset lay, beside its folder; or remove the note of an old."""
    file = _file(preset)
    if own is None or not own.path:
        file.unlink(missing_ok=True)
        return
    labels = own.label_file if labels_in_a_file(own) else ""
    note = DataNote(own.path, os.path.realpath(own.path), labels)
    content = {"weights": card["files"][WEIGHTS]["sha256"], **note._asdict()}
    write_file(file, json.dumps(content, indent=1) + "\n")


def read_note(preset: str | os.PathLike | None, card: Card) -> DataNote:
    """Return where the data of a preset lay, or empty texts if that is not known here.

    Cards of earlier versions say so themselves. The note of another preset, which had the same
    folder before, does not count.
    """
    recipe = card.get("recipe") or {}
    old = recipe.get("data") or ""
    if old and old not in SOURCES:
        labels = recipe.get("label_file") or ""
        return DataNote(old, os.path.realpath(old), labels if isinstance(labels, str) else "")
    if preset is None:
        return DataNote()
    try:
        content = read_object(_file(Path(os.path.abspath(preset))))
        found = DataNote(*(content[name] for name in DataNote._fields))
        same = content["weights"] == card["files"][WEIGHTS]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return DataNote()
    return found if same and all(isinstance(text, str) for text in found) else DataNote()


def labels_in_a_file(own: OwnData) -> bool:
    """Return whether the labels are in a file of their own, and not in a column of a table."""
    return bool(own.label_file) and (not own.columns or own.label_file.endswith(".npy"))


def _file(preset: Path) -> Path:
    return preset.with_name(f".{preset.name}.data.json")
