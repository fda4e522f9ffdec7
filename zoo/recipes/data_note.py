"""Descriptions of a user's data for cards, and a local note of the paths of these data.

A card may be published, so it has no path. The note is a hidden file beside the folder of a preset,
`.NAME.data.json`, not inside of it, so that copies, archives or repositories of the folder do not
contain it. From the note, `zoo evaluate --data PATH` knows that most of PATH was training data.
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
    """The path of the training data as the user gave it, its absolute path, and that of labels."""

    data: str = ""
    path: str = ""
    labels: str = ""

    def means(self, path: str) -> bool:
        """Return whether a path is the path of the training data."""
        return bool(self.data) and (path == self.data or os.path.realpath(path) == self.path)


def described(own: OwnData) -> str:
    """Return the description of a user's data for cards: kind, number and size, without a path.

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
    """Write the path of a new preset's data beside its folder, or remove an older note there."""
    file = _file(preset)
    if own is None or not own.path:
        file.unlink(missing_ok=True)
        return
    labels = own.label_file if labels_in_a_file(own) else ""
    note = DataNote(own.path, os.path.realpath(own.path), labels)
    content = {"weights": card["files"][WEIGHTS]["sha256"], **note._asdict()}
    write_file(file, json.dumps(content, indent=1) + "\n")


def read_note(preset: str | os.PathLike | None, card: Card) -> DataNote:
    """Return the path of a preset's training data, or empty strings if it is not known here.

    Cards of earlier versions have the path themselves. A note is ignored if it belongs to another
    preset that had the same folder before.
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
    """Return whether the labels are in a separate file, and not in a column of a table."""
    return bool(own.label_file) and (not own.columns or own.label_file.endswith(".npy"))


def _file(preset: Path) -> Path:
    return preset.with_name(f".{preset.name}.data.json")
