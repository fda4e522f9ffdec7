"""A user's own classes on the command line, from the modules that `--import` names.

Only the command line determines what is imported; files cannot.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any


def add_option(parser: Any) -> None:
    """Add `--import MODULE` to a command, which may be given several times."""
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="your own module, in this folder or installed, with the registered classes to use",
    )


def options_again(modules: Iterable[str]) -> str:
    """Return the `--import` options for modules, to print a command."""
    return "".join(f" --import {name}" for name in modules)


def imported(modules: Iterable[str]) -> dict:
    """Import modules and return the objects that they registered with Keras, as `custom_objects`.

    Args:
        modules: names as in an `import` statement; modules in the current folder are found.

    Returns:
        classes and functions by their registered names, and models also by their class names. They
        are defined in one of the modules or in a submodule, or are names in it.

    Raises:
        ValueError: a module cannot be imported, or registers nothing.
    """
    return {name: found for module in modules for name, found in _registered_in(module).items()}


def _registered_in(name: str) -> dict:
    import keras

    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        hint = f" Leave out .py: --import {name[:-3]}." if name.endswith(".py") else ""
        raise ValueError(
            f"--import {name} failed: {error}. Give the name of a module in this folder, or of an "
            f"installed one, as in an import statement.{hint}"
        ) from error
    finally:
        sys.path.remove(os.getcwd())
    held = {id(value) for value in vars(module).values()}
    registered = {
        key: found
        for key, found in keras.saving.get_custom_objects().items()
        if id(found) in held or f"{found.__module__}.".startswith(f"{name}.")
    }
    if not registered:
        raise ValueError(
            f"--import {name}: the module registers nothing. Decorate its classes with "
            '@keras.saving.register_keras_serializable(package="mine").'
        )
    models = {
        key.rpartition(">")[2]: found  # the name in files, even if the class was renamed
        for key, found in registered.items()
        if isinstance(found, type) and issubclass(found, keras.Model)
    }
    return registered | models | {found.__name__: found for found in models.values()}
