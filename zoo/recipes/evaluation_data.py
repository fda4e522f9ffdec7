"""The data for measurements and pictures of a preset: a data set of the zoo, or the user's."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from zoo import data
from zoo.checks.names import UnknownNameError
from zoo.checks.words import kind_of_items
from zoo.data.own import in_drawn_order, read
from zoo.data.table_columns import Columns
from zoo.models import CLASSES
from zoo.presets.card import Card
from zoo.recipes.data_note import described, read_note
from zoo.recipes.own_data import learns_labels_of_data

NO_NAMES = "The model has no names of columns: columns are used in the order of the table."


def arrays_of(
    card: Card,
    path: str | None = None,
    labels: Any = None,
    report: Callable[[str], None] | None = None,
    preset: str | os.PathLike | None = None,
    **table: Any,
) -> tuple[str, tuple, tuple]:
    """Return the images for measurements and pictures of a preset.

    Args:
        card: the card of the preset.
        path: a data set of the zoo, a folder, or a file; None for the data set of the zoo that the
            card names. A folder or a file is only read if it is given here.
        labels: labels of these images, as for `zoo.data.own.read`.
        report: receives a description of how a table was read.
        preset: the folder of the preset, beside which a note may name its training data.
        table: `drop`, `delimiter` and `decimal` of a table, as for `zoo.data.from_table`.

    Returns:
        a description of the data for cards, without a path; `(x_train, y_train)` and
        `(x_test, y_test)`. For a data set of the zoo, these are its two parts. For the user's
        images, all images in `path` are test images; if they are the training data of the preset,
        the two parts are the images that were trained on and those that were held out.

    Raises:
        OSError: the data are not found.
        ValueError: the card names no data, or the folder now has another number of images.
    """
    recipe, note = card.get("recipe") or {}, read_note(preset, card)
    name = path or recipe.get("data") or ""
    if name in data.SOURCES:
        return (name, *data.load(name))
    if not path:  # a card never decides which files are read
        raise ValueError(_where(card, recipe, note))
    if not os.path.exists(name):
        if os.path.basename(name) == name:
            raise UnknownNameError("data set, folder or file", name, data.SOURCES)
        raise FileNotFoundError(
            f"{name} does not exist; give a folder or file of images by --data."
        )
    shape = card["input"]["shape"]
    size = {"size": tuple(shape[:2]), "channels": shape[2]} if len(shape) == 3 else {}
    model_class = CLASSES.get(card["class"])
    learns_labels = not model_class or learns_labels_of_data(model_class)
    options = {"labels": labels, "learns_labels": learns_labels, **table}
    options |= {"signals": len(shape) == 2, "columns": Columns.of_card(card)}
    options["missing"] = recipe.get("missing")
    own = read(name, **size, **options)
    if own.recognized and report:
        report(own.recognized)
        if options["columns"] is None:
            report(NO_NAMES)
    own = replace(own, y=_in_classes_of(card, own, name))
    what = described(own)
    if own.test:
        x_test, y_test = own.test
        return f"{what}, the test part of the file", (own.x, own.y), (x_test, y_test)
    if not note.means(name):
        _warn_of_as_many(card, recipe, note, len(own.x), name)
        y = None if own.y is None else np.asarray(own.y)
        return what, (own.x[:0], None), (own.x, y)
    if len(own.x) != recipe.get("images", len(own.x)):
        raise ValueError(
            f"{name} has {len(own.x)} {kind_of_items(shape)} now, but had {recipe['images']} in "
            "training: it is unknown which of them were held out. Give other data by --data."
        )
    x, y = in_drawn_order(own, recipe["seed"])
    cut = len(x) - recipe["validation"]
    train, test = (
        (x[part], None if y is None else y[part]) for part in (slice(cut), slice(cut, None))
    )
    return f"{what}, kept from training", train, test


def _where(card, recipe, note) -> str:
    """Return which data to give, for a preset that was trained on a user's data."""
    if not (note.data or recipe.get("images")):
        return f"The card of {card['name']} does not say what it was trained on; give --data."
    files = f"--data {note.data or 'PATH'}"
    if labels := note.labels or recipe.get("label_file"):
        files += f" --labels {labels}"
    if recipe.get("drop"):
        files += f" --drop {shlex.join(recipe['drop'])}"
    kind = "table" if card.get("columns") else "images"
    return f"{card['name']} was trained on the user's {kind}. If you have the data: {files}"


def _warn_of_as_many(card, recipe, note, n, name):
    """Warn that data may be the training data, if it is not known which these were."""
    if not note.data and n == recipe.get("images"):
        warnings.warn(
            f"{name} has {n:,} rows or images, as many as {card['name']} was trained on; it is "
            "unknown whether they are the same. If so, most of them are training data, and the "
            "metrics are too good: measure on other data.",
            stacklevel=3,
        )


def _in_classes_of(card, own, name):
    """Return labels numbered by the classes of the card, if a folder numbers them differently."""
    classes = card.get("classes") or ()
    if own.y is None or not own.class_names or not classes:
        return own.y
    if unknown := sorted(set(own.class_names) - {*classes}):
        raise ValueError(
            f"{name} has the class folder {unknown[0]}, but {card['name']} was trained on "
            f"{', '.join(classes)}: rename the folder, or leave it out."
        )
    return np.array([list(classes).index(label) for label in own.class_names], "int32")[own.y]
