"""One process at a time in a folder, by a lock that the system drops when a process ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # as on Windows, where nothing is locked
    fcntl = None

LOCK = "lock"
_held: dict[Path, int] = {}


def lock_folder(folder: str | os.PathLike) -> None:
    """Make a folder this process's own, until `unlock_folder`, or until the process ends.

    What was locked here already stays so: a training that an error ended can be started again.

    Raises:
        BlockingIOError: another process has it; its number is given.
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
            f"Process {number} trains with its state in {folder} already: wait for its end, end it,"
            " or use another folder."
        ) from error
    except OSError:
        pass  # a file system without locks
    os.ftruncate(file, 0)
    os.write(file, str(os.getpid()).encode())
    _held[path] = file


def unlock_folder(folder: str | os.PathLike) -> None:
    """Let other processes have a folder that `lock_folder` took."""
    file = _held.pop(Path(os.path.realpath(folder), LOCK), None)
    if file is not None:
        os.close(file)


def _is_there(path: Path, file: int) -> bool:
    """Say whether a file that was opened still lies where it was, and not another one."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False
