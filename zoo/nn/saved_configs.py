"""Whether a model is being made from a saved configuration, which may come from a stranger.

Nothing that a configuration names is opened then: it holds its parts whole.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

from zoo.runtime.json_file import shortened

SAVED = contextvars.ContextVar("saved", default=False)


@contextlib.contextmanager
def as_saved() -> Iterator[None]:
    """Take networks unchanged, as a file describes them, and open nothing that it names."""
    token = SAVED.set(True)
    try:
        yield
    finally:
        SAVED.reset(token)


def refuse_name(setting: str, name: str) -> None:
    """Refuse to open what a setting names while a model is made from a configuration.

    Raises:
        ValueError: inside of `as_saved`.
    """
    if SAVED.get():
        raise ValueError(
            f"{setting} is {shortened(name)} in a saved configuration, which must hold the whole "
            f"network or model: what a file names is not opened. If you trust it, load it yourself "
            f"and give it as {setting}=."
        )
