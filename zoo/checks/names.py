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
    """An unknown name; the message has the most similar known ones, and all of them or `fix`."""

    def __init__(self, kind: str, name: object, known: Iterable[str], fix: str = ""):
        known = list(known)
        fix = fix or f"There are: {', '.join(known) or 'none'}."
        near = suggestion(str(name), known)
        super().__init__(f"There is no {kind} {str(name)!r}{near or '.'} {fix}")
