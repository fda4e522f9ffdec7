"""Imports: Keras late, the zoo's classes right after it, and the right package `export`."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from types import ModuleType

_INSTALL = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'autoencoder-zoo[jax]'",
    "torch": "pip install 'autoencoder-zoo[torch]'",
}


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Raise an error that says what to install, if Keras's backend is not installed."""
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

    `import export` would find a user's script of that name first.
    """
    beside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ours = importlib.machinery.PathFinder.find_spec("zoo.export", [beside])
    if ours is None:
        raise ImportError(f"{beside} holds no package export: install autoencoder-zoo again.")
    with contextlib.suppress(ValueError):  # raised for a module `export` without a spec
        seen = importlib.util.find_spec("export")
        if seen and seen.origin and os.path.realpath(seen.origin) == os.path.realpath(ours.origin):
            return importlib.import_module("export")
    if ours.name not in sys.modules:
        sys.modules[ours.name] = module = importlib.util.module_from_spec(ours)
        ours.loader.exec_module(module)
    return sys.modules[ours.name]


# Keras finds a class by its registered name, and a class is registered when its module is imported,
# which needs Keras. So the models are imported right after Keras. This is not possible if a module
# of the zoo imports Keras first (`from zoo.nn.corruption import Masking`), as the models need this
# module complete. Then they are imported with the next name of `zoo` that is used.


def register_classes() -> None:
    """Import the models, so that Keras knows their classes, if Keras is imported already."""
    if "keras" in sys.modules and not _is_half_imported("keras"):
        _import_models()


def register_classes_with_keras() -> None:
    """Import the models now, or right after anyone imports Keras."""
    if "keras" not in sys.modules:
        sys.meta_path.insert(0, _AfterKeras())
    register_classes()


def _import_models() -> None:
    # A module of the zoo whose import is not finished imports what it needs itself.
    if any(name.startswith("zoo.") and _is_half_imported(name) for name in [*sys.modules]):
        return
    with contextlib.suppress(Exception):  # using a model raises the error; importing Keras works
        importlib.import_module("zoo.models")


def _is_half_imported(name: str) -> bool:
    return getattr(getattr(sys.modules[name], "__spec__", None), "_initializing", False)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as usual, and imports the models after it."""

    looking = False

    def find_spec(self, name, path=None, target=None):
        if name != "keras" or self.looking:
            return None
        self.looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.looking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                sys.meta_path.remove(self)
                _import_models()

            spec.loader.exec_module = exec_module
        return spec
