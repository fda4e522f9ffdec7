"""Check the installation: the backend of Keras, and the package `export` next to this one."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

_INSTALL = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'autoencoder-zoo[jax]'",
    "torch": "pip install 'autoencoder-zoo[torch]'",
}


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Raise an error that says what to install if Keras's backend is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _INSTALL:
            raise
        raise ImportError(
            f"Keras needs {error.name}, which is not installed: {_INSTALL[error.name]}. Or "
            "choose another backend: KERAS_BACKEND=tensorflow, jax or torch (the environment "
            f"variable is {os.environ.get('KERAS_BACKEND')!r} now)."
        ) from error


def export_package() -> ModuleType:
    """Return the package `export` next to this one.

    `import export` could find a user's script with that name first.
    """
    beside = str(Path(__file__).resolve().parents[2])
    ours = importlib.machinery.PathFinder.find_spec("zoo.export", [beside])
    if ours is None or ours.loader is None or ours.origin is None:
        raise ImportError(f"{beside} has no package export: install autoencoder-zoo again.")
    with contextlib.suppress(ValueError):  # raised for a module `export` without a spec
        seen = importlib.util.find_spec("export")
        if seen and seen.origin and os.path.realpath(seen.origin) == os.path.realpath(ours.origin):
            return importlib.import_module("export")
    if ours.name not in sys.modules:
        sys.modules[ours.name] = module = importlib.util.module_from_spec(ours)
        ours.loader.exec_module(module)
    return sys.modules[ours.name]
