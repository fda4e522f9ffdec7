"""The data that a preset is measured and shown with: a data set's, or a user's own."""

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

NO_NAMES = "The model knows no names of columns: they are taken in the order of the table."


def arrays_of(
    card: Card,
    path: str | None = None,
    labels: Any = None,
    report: Callable[[str], None] | None = None,
    preset: str | os.PathLike | None = None,
    **table: Any,
) -> tuple[str, tuple, tuple]:
    """Return the images that a preset is measured and shown with.

    Args:
        card: of the preset.
        path: a data set of the zoo, a folder, or a file; None for the data set of the zoo that the
            card names. A folder or a file is read only if it is given here.
        labels: of these images, as for `zoo.data.own.read`.
        report: is given in words how a table was read.
        preset: its folder, beside which a note may say where its training data lay.
        table: `drop`, `delimiter` and `decimal` of a table, as for `zoo.data.from_table`.

    Returns:
        what the data are, as cards may say it, without a path; `(x_train, y_train)` and
        `(x_test, y_test)`: the data set's; or of a user's own images, all of those in `path`, of
        which none are for training; or those that were trained on and those that were kept from it.

    Raises:
        OSError: the data are not here.
        ValueError: the card names no data; or its folder has other images by now.
    """
    recipe, note = card.get("recipe") or {}, read_note(preset, card)
    name = path or recipe.get("data") or ""
    if name in data.SOURCES:
        return (name, *data.load(name))
    if not path:  # no file names what is read here
        raise ValueError(_where(card, recipe, note))
    if not os.path.exists(name):
        if os.path.basename(name) == name:
            raise UnknownNameError("data set, folder or file", name, data.SOURCES)
        raise FileNotFoundError(f"{name} is not here; give --data with a folder or file of images.")
    shape = card["input"]["shape"]
    size = {"size": tuple(shape[:2]), "channels": shape[2]} if len(shape) == 3 else {}
    model_class = CLASSES.get(card["class"])
    learns_labels = not model_class or learns_labels_of_data(model_class)
    options = {"labels": labels, "learns_labels": learns_labels, **table}
    options |= {"signals": len(shape) == 2, "columns": Columns.of_card(card)}
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
            f"{name} has {len(own.x)} {kind_of_items(shape)} by now, and had {recipe['images']} in "
            "training: it is not known which were kept from it. Give --data with others."
        )
    x, y = in_drawn_order(own, recipe["seed"])
    cut = len(x) - recipe["validation"]
    train, test = (
        (x[part], None if y is None else y[part]) for part in (slice(cut), slice(cut, None))
    )
    return f"{what}, kept from training", train, test


def _where(card, recipe, note) -> str:
    """Say which data are wanted, for a preset that was trained on some of a user's own."""
    if not (note.data or recipe.get("images")):
        return f"The card of {card['name']} does not say what it was trained on; give --data."
    files = f"--data {note.data or 'PATH'}"
    if labels := note.labels or recipe.get("label_file"):
        files += f" --labels {labels}"
    if recipe.get("drop"):
        files += f" --drop {shlex.join(recipe['drop'])}"
    kind = "a table" if card.get("columns") else "images"
    return f"{card['name']} was trained on {kind} of its own. If they are here: {files}"


def _warn_of_as_many(card, recipe, note, n, name):
    """Warn that data may be those of the training, if nothing here says where those lay."""
    if not note.data and n == recipe.get("images"):
        warnings.warn(
            f"{name} has {n:,} rows or images, as many as {card['name']} was trained on, and it is "
            "not known here where those lay. If these are the same, most of them were trained on, "
            "and metrics are too good: measure others.",
            stacklevel=3,
        )


def _in_classes_of(card, own, name):
    """Return labels by the classes of the card, where those of a folder have other numbers."""
    classes = card.get("classes") or ()
    if own.y is None or not own.class_names or not classes:
        return own.y
    if unknown := sorted(set(own.class_names) - {*classes}):
        raise ValueError(
            f"{name} has the class folder {unknown[0]}, and {card['name']} was trained on "
            f"{', '.join(classes)}: rename the folder, or give it without this one."
        )
    return np.array([list(classes).index(label) for label in own.class_names], "int32")[own.y]
