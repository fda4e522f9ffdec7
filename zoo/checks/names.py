"""Suggestions of similar names, for errors about unknown names."""

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'a' or 'b'?" with the most similar names, or "".

    Capitals and hyphens do not count: "Fashion-MNIST" is nearest to "fashion_mnist".
    """
    alike: dict[str, list[str]] = {}
    for one in known:
        alike.setdefault(_plain(one), []).append(one)
    near = difflib.get_close_matches(_plain(str(name)), alike, n=3, cutoff=0.5)
    found = [one for plain in near for one in alike[plain]][:3]
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


class UnknownNameError(ValueError):
    """An unknown name; the message has the most similar known ones, and all of them or `fix`.

    Args:
        kind: what the name should be, as "preset".
        name: what came.
        known: all names.
        fix: a sentence in place of all names.
        listing: what lists all names, as "`zoo list`"; for long lists, whose names are then
            in the message only if none is similar.
    """

    def __init__(
        self, kind: str, name: object, known: Iterable[str], fix: str = "", listing: str = ""
    ):
        known = list(known)
        near = suggestion(str(name), known)
        if near and listing:
            fix = fix or f"{listing} shows all {len(known)}."
        fix = fix or f"There are: {', '.join(known) or 'none'}."
        super().__init__(f"There is no {kind} {str(name)!r}{near or '.'} {fix}")
