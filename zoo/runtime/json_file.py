"""Reading untrusted JSON files, with the standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEEPEST = 100  # levels of nesting; a model that nests models twice has about 40


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ValueError: the file is incomplete, not UTF-8 or not an object; it has the same entry twice,
            or a number with thousands of digits; or it is nested more than 100 levels deep.
    """
    return parse_object(path.read_bytes(), path)


def parse_object(text: bytes, path: str | Path) -> dict[str, Any]:
    """Return the object in the bytes of a JSON file; errors name `path`.

    Raises:
        ValueError: as `read_object` does.
    """
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_each_once)
        if not isinstance(content, dict):
            raise ValueError(f"an object was expected, but this is a {type(content).__name__}")
        _check_depth(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable as JSON: {error}") from error
    return content


def shortened(value: Any) -> str:
    """Return the `repr` of a value, shortened if it is long, for errors."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an entry that appears twice, as JSON readers differ in which one they use."""
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the entry {twice!r} appears more than once")
    return content


def _check_depth(content: dict[str, Any]) -> None:
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        held = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in held for item in items if isinstance(item, (dict, list))]
        if not level:
            return
    raise ValueError(f"it is nested more than {DEEPEST} levels deep")
