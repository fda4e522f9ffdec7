"""Whether a model is being made from a saved configuration, which may come from a stranger.

A configuration must then contain all its parts: nothing that it only names is loaded.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

from zoo.runtime.json_file import shortened

SAVED = contextvars.ContextVar("saved", default=False)


@contextlib.contextmanager
def as_saved() -> Iterator[None]:
    """Use networks unchanged inside this context, and load nothing that a configuration names."""
    token = SAVED.set(True)
    try:
        yield
    finally:
        SAVED.reset(token)


def refuse_name(setting: str, name: str) -> None:
    """Refuse to load what a setting names while a model is made from a configuration.

    Raises:
        ValueError: inside `as_saved`.
    """
    if SAVED.get():
        raise ValueError(
            f"{setting} is {shortened(name)} in a saved configuration, which must contain the "
            f"whole network or model: what a file names is not opened. If you trust it, load it "
            f"yourself and give the result as {setting}=."
        )
