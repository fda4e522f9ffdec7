"""What the `zoo` command says, to readers who leave early or were never there."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Let no loss of standard output end the work, and write warnings as one line each."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed from the start, as by `zoo list >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    output = _ToTheEnd(sys.stdout)
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.showwarning = _once()
        try:
            yield
        finally:
            output.end()


class _ToTheEnd:
    """Standard output whose reader may have seen enough, as in `zoo export NAME out | head -1`.

    What is written from then on goes nowhere, and whoever writes goes on.
    """

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        with self._whether_read_or_not():
            self._stream.write(text)
        return len(text)

    def flush(self):
        with self._whether_read_or_not():
            self._stream.flush()

    @contextlib.contextmanager
    def _whether_read_or_not(self):
        try:
            yield
        except BrokenPipeError:
            self._write_nowhere()

    def end(self):
        """Write what is left, but let no full disk be told of a second time."""
        try:
            self.flush()
        except OSError:
            self._write_nowhere()

    def _write_nowhere(self):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _once():
    """Return what shows warnings: the text alone, and each text once."""
    said = set()

    def show(message, *origin, **more):
        text = printable(str(message))
        if text not in said:
            said.add(text)
            print(f"zoo: {text}", file=sys.stderr)

    return show


def printable(text: str) -> str:
    """Write control characters as escapes: a terminal would obey those that a file brings along."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
