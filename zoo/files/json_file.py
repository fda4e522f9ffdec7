"""Functions of `export.runtime.json_file`, even if a user's script `export.py` hides it."""

import importlib
from typing import TYPE_CHECKING

from zoo.importing import export_package

if TYPE_CHECKING:
    from export.runtime.json_file import parse_object, read_object, shortened
else:
    _found = importlib.import_module(f"{export_package().__name__}.runtime.json_file")
    parse_object, read_object, shortened = (
        _found.parse_object,
        _found.read_object,
        _found.shortened,
    )

__all__ = ["parse_object", "read_object", "shortened"]
