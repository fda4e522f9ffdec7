"""Load the preset that a command names."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import zoo
from zoo.cli import own_classes
from zoo.cli.standard_error import quiet


def load_preset(name: str, modules: Iterable[str]) -> Any:
    """Load a preset; read its card first, without a backend, so that errors appear early.

    Args:
        name: a preset's name, a folder, or hf://user/name.
        modules: the names that `--import` gave.

    Raises:
        UnknownNameError, OSError, ValueError: as for `zoo.card` and `zoo.load`.
    """
    zoo.card(name)
    if sys.stderr.isatty():
        print(f"loading {name} ...", file=sys.stderr, flush=True)
    with quiet():
        load = zoo.load  # which imports the models
    return load(name, custom_objects=own_classes.imported(modules))
