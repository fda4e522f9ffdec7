"""Prepare a preset for publication: its card and texts, without paths and secrets.

Cards hold no paths of data, because a note beside the folder holds them (`zoo.recipes.data_note`).
Cards of earlier versions hold them, too. This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

from zoo.files.addresses import public_source
from zoo.presets.card import Card

PATH = "PATH"  # replaces a path
_OPTIONS = re.compile(r"(--(?:data|images|labels))[ =](.*?)(?= --|$)")
_HOMES = re.compile(r"(?:/home/|/Users/|[A-Za-z]:(?:\\|\\\\|/)Users(?:\\|\\\\|/))[\w.-]")


def public_card(card: Card) -> Card:
    """Return a card that may be published, without the paths that older cards may hold."""
    found: Any = Card(copy.deepcopy(dict(card)))
    recipe = found.get("recipe") or {}
    place = recipe.get("data") or ""
    own = bool(place) and ("images" in recipe or _is_path(place))
    if own:
        recipe["data"] = ""
        if _labels_are_a_file(card):
            recipe.pop("label_file", None)
    for figure in found.get("figures") or ():
        figure["command"] = _OPTIONS.sub(
            lambda found: f"{found[1]} {PATH}" if own or _is_path(found[2]) else found[0],
            figure["command"],
        )
        if own:
            figure["protocol"] = figure["protocol"].replace(f"images of {place}", "own images")
    if found.get("based_on"):
        found["based_on"] = public_source(found["based_on"])
    return found


def public_recipe(text: str, card: Card) -> str:
    """Return the `recipe.toml` of a preset that was trained on a user's data, without paths.

    Args:
        text: the content of the file. card: the preset's card.
    """
    left_out = ("label_file = ",) if _labels_are_a_file(card) else ()
    lines = [line for line in text.splitlines() if not line.startswith(left_out)]
    return "\n".join('data = ""' if line.startswith("data = ") else line for line in lines) + "\n"


def _labels_are_a_file(card) -> bool:
    """Return whether labels are in a separate file, and not in a column of a table."""
    name = (card.get("recipe") or {}).get("label_file") or ""
    return str(name).endswith(".npy") or not card.get("columns")


def _is_path(name) -> bool:
    return bool(set(name) & {*"/\\.~"})


def check_text(name: str, text: str) -> None:
    """Refuse a text that names a home folder, as a last check before it is published.

    Args:
        name: the name of the file. text: its content.

    Raises:
        ValueError: the text names a home folder, of this user or another.
    """
    home = os.fspath(Path.home())
    found = _HOMES.search(text)
    at = found.start() if found else text.find(home + os.sep) if len(home) > 1 else -1
    if at >= 0:
        raise ValueError(
            f"{name} names a folder on somebody's machine: ...{text[at : at + 60]!r}. Nothing was "
            "sent. Remove it from about=, from texts=, or from that file."
        )
