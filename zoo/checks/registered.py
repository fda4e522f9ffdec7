"""Find the classes that the files of models register, without importing Keras."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

_REGISTERED = re.compile(r"^@register\nclass (\w+)", re.MULTILINE)


def homes_of_classes(folder: Traversable | None = None) -> dict[str, str]:
    """Return a dict from the classes registered by `@register` to their modules.

    Args:
        folder: the folder of the modules of `zoo.models`; None for the one of this package.
    """
    folder = files("zoo") / "models" if folder is None else folder
    texts = {
        entry.name.removesuffix(".py"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".py")
    }
    return {
        name: f"zoo.models.{module}"
        for module, text in texts.items()
        for name in _REGISTERED.findall(text)
    }
