"""Lock folders for one process; the system releases a lock when the process ends."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"
_held: dict[Path, FileLock] = {}


def lock_folder(folder: str | os.PathLike, work: str = "trains") -> None:
    """Lock a folder for this process, until `unlock_folder` or the end of the process.

    A process may lock the same folder twice, so that a training can be started again after an
    error. On a file system without locks this does nothing.

    Args:
        folder: the folder. work: what this process does, for errors in others: "trains".

    Raises:
        BlockingIOError: another process has locked the folder; the error has the process number.
        OSError: the folder cannot be written.
    """
    unlock_folder(folder)  # the open lock file may belong to a folder that was deleted since
    path = _lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Do not use a plain file instead of a lock: it would remain when the process is killed.
    lock = FileLock(path, thread_local=False, fallback_to_soft=False, on_acquired=_write_number)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise BlockingIOError(
            f"{_holder(path)} {work} with its state in {folder}: wait until it ends, stop "
            "it, or use another folder."
        ) from error
    except OSError as error:
        if error.filename:  # the file cannot be opened; errors of the lock itself name no file
            raise
        return
    _held[path] = lock


def unlock_folder(folder: str | os.PathLike) -> None:
    """Release the lock of `lock_folder`."""
    lock = _held.pop(_lock_file(folder), None)
    if lock is not None:
        lock.release()


def _lock_file(folder) -> Path:
    return Path(os.path.realpath(folder), LOCK)


def _write_number(file: int) -> None:
    """Write the number of this process into the open lock file, for errors in other processes."""
    os.ftruncate(file, 0)
    # On Windows the first byte is locked, and other processes cannot read it.
    os.write(file, f" {os.getpid()}".encode())


def _holder(path) -> str:
    """Name the process that has a lock, for errors, with its number if it can be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(1)
            return f"Process {int(file.read(20))}"
    except (OSError, ValueError):
        return "Another process"
