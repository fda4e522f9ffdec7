"""The output of the `zoo` command, which works with closed pipes and closed streams, too."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

from zoo.checks.words import printable


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Continue if standard output is closed, and write each warning as one line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed at the start, as in `zoo list >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    output = _ToTheEnd(sys.stdout)
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.showwarning = _once()
        try:
            yield
        finally:
            output.end()


class _ToTheEnd:
    """Standard output whose reader may close it early, as in `zoo export NAME out | head -1`.

    After that, the output is discarded, and the command continues.
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
        """Flush the output, without a second error if the disk is full."""
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
    """Return a function that shows warnings: only the text, and each text once."""
    said = set()

    def show(message, *origin, **more):
        text = printable(str(message))
        if text not in said:
            said.add(text)
            print(f"zoo: {text}", file=sys.stderr)

    return show
