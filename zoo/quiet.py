"""What libraries say while they start."""

import contextlib
import os
import sys


@contextlib.contextmanager
def quiet():
    """Drop what libraries write to standard error while they start; errors still raise.

    TensorFlow's native start-up notes heed no logging level.
    """
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
