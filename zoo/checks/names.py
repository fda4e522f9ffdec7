"""Suggestions of similar names, for errors about unknown names."""

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'a' or 'b'?" with the most similar names, or ""."""
    near = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


class UnknownNameError(ValueError):
    """An unknown name; the message has the most similar known ones, and all of them or `fix`."""

    def __init__(self, kind: str, name: object, known: Iterable[str], fix: str = ""):
        known = list(known)
        fix = fix or f"There are: {', '.join(known) or 'none'}."
        near = suggestion(str(name), known)
        super().__init__(f"There is no {kind} {str(name)!r}{near or '.'} {fix}")
