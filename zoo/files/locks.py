"""Locks of folders for one process, which the system releases when the process ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # as on Windows; nothing is locked there
    fcntl = None

LOCK = "lock"
_held: dict[Path, int] = {}


def lock_folder(folder: str | os.PathLike) -> None:
    """Lock a folder for this process, until `unlock_folder` or the end of the process.

    A folder that this process has locked already stays locked, so that a training can be started
    again after an error.

    Raises:
        BlockingIOError: another process has locked it; the error has its number.
    """
    if fcntl is None:
        return
    path = Path(os.path.realpath(folder), LOCK)
    if path in _held and _is_there(path, _held[path]):
        return
    unlock_folder(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        number = os.read(file, 20).decode(errors="replace")
        os.close(file)
        raise BlockingIOError(
            f"Process {number} trains with its state in {folder} already: wait until it ends, end "
            "it, or use another folder."
        ) from error
    except OSError:
        pass  # a file system without locks
    os.ftruncate(file, 0)
    os.write(file, str(os.getpid()).encode())
    _held[path] = file


def unlock_folder(folder: str | os.PathLike) -> None:
    """Release the lock of `lock_folder`."""
    file = _held.pop(Path(os.path.realpath(folder), LOCK), None)
    if file is not None:
        os.close(file)


def _is_there(path: Path, file: int) -> bool:
    """Return whether an open file is still the file at this path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False
