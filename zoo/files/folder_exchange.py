"""Exchange two folders in one step, if the system supports it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_SWAP = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS
_HERE = -100  # AT_FDCWD: paths are as for open()


def exchange(new: Path, target: Path, aside: Path) -> None:
    """Replace the folder `target` by the folder `new`.

    If the system supports it, this is one step, and the old folder is at `new` afterwards.
    Otherwise there are two steps, and the old folder is at `aside` afterwards; between the steps,
    nothing is at `target`. If the second step fails, the first one is undone.

    Args:
        new: a folder.
        target: a folder on the same file system.
        aside: a path that does not exist, on the same file system.

    Raises:
        OSError: a rename failed; both folders are where they were before.
    """
    if _exchanged(new, target):
        return
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(aside, target)
        raise


def _exchanged(new: Path, target: Path) -> bool:
    paths = os.fsencode(new), os.fsencode(target)
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return library.renamex_np(*paths, ctypes.c_uint(_SWAP)) == 0
        return library.renameat2(_HERE, paths[0], _HERE, paths[1], ctypes.c_uint(_SWAP)) == 0
    except (AttributeError, OSError, TypeError):  # no such function, or no such library
        return False
