"""Atomic writes: folders and files are written completely or not at all.

Only folders that this module wrote are replaced.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.files.folder_exchange import exchange

try:
    import fcntl
except ImportError:  # Windows: hidden folders of killed processes are not removed
    fcntl = None

LIST = ".written.json"
_HIDDEN = ".writing"
_A_MINUTE = 60
_ADVICE = "; free some space, or choose a folder on another disk"
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextlib.contextmanager
def publish_folder(target: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `target` when the block succeeds.

    The temporary folder is in a hidden folder next to `target`, so that the last step is a rename,
    or an exchange of two folders. If the block raises (an error, a full disk, Ctrl-C), the
    temporary folder is removed, and `target` does not change. If a process is killed, the next
    process that writes to `target` removes its temporary files.

    A published folder holds `.written.json`, the list of its files. A folder is replaced only if it
    holds no other files.

    Args:
        target: the folder to create.
        overwrite: replace an existing folder. The old one is removed after the new one is complete.

    Raises:
        FileExistsError: `target` exists and `overwrite` is false; it is a file, or a folder with
            files that are not on its list; or it appeared or changed during the block.
    """
    target = Path(os.path.abspath(target))
    _clean_up(target)
    check_target(target, overwrite)
    before = _identity(target)
    with naming_full_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _hidden_folder(target) as hidden:
            scratch = hidden / "folder"
            scratch.mkdir(mode=0o755)
            yield scratch
            _write_list(scratch)
            _publish(scratch, target, before)


def check_target(target: str | os.PathLike, overwrite: bool) -> None:
    """Refuse a target that `publish_folder` would refuse, before a long computation begins.

    Args:
        target: the folder to write.
        overwrite: whether to replace an existing folder.

    Raises:
        FileExistsError: as `publish_folder` does.
        NotADirectoryError: a folder above the target is a file.
    """
    target = Path(os.path.abspath(target))
    _check_parents(target)
    if target.is_symlink():
        raise FileExistsError(f"{target} is a link: give the folder itself, or another name.")
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} is a file, so no folder can be written there.")
    if _is_free(target):
        return
    if not overwrite:
        raise FileExistsError(
            f"The folder {target} exists already. Choose another one, or pass overwrite=True "
            "(--overwrite on the command line) to replace it."
        )
    here, home, real = Path.cwd().resolve(), Path.home().resolve(), target.resolve()
    if any(real == kept or real in kept.parents for kept in (here, home)):
        raise FileExistsError(f"{target} is your current or home folder. Choose another one.")
    _check_replaceable(target, target)


def _check_parents(target: Path) -> None:
    """Refuse a target whose parent folder is a file."""
    there = next(parent for parent in target.parents if os.path.lexists(parent))
    if not there.is_dir():
        raise NotADirectoryError(
            f"{target} cannot be written, as {there} is a file, not a folder: choose another place."
        )


def _is_free(target: Path) -> bool:
    return not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir()))


def _check_replaceable(folder: Path, name: Path) -> None:
    """Refuse a folder that holds files which are not on its list."""
    listed = _read_list(folder)
    if listed is None:
        raise FileExistsError(
            f"{name} has no list of its files ({LIST}), so it may hold your own files and is not "
            "replaced. Choose another folder, or delete it yourself."
        )
    others = [entry for entry in _entries(folder) if entry not in listed]
    if others:
        shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
        raise FileExistsError(
            f"{name} holds files that were not written by the zoo: {shown}. Nothing is replaced. "
            "Move them elsewhere, or choose another folder."
        )


def _entries(folder: Path) -> list[str]:
    """Return the relative paths of all files and folders in a folder; links are not followed."""
    found = []
    for place, folders, files in os.walk(folder):
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in folders + files]
    return sorted(found)


def _write_list(folder: Path) -> None:
    content = {"written": [*_entries(folder), LIST]}
    (folder / LIST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read_list(folder: Path) -> set[str] | None:
    try:
        return set(json.loads((folder / LIST).read_text(encoding="utf-8"))["written"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _identity(folder: Path) -> tuple | None:
    """Return values that change if the folder is replaced or its entries change."""
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _publish(scratch: Path, target: Path, before: tuple | None) -> None:
    """Move a complete folder to its target; fail if the target has changed since the start."""
    if before is None or _is_free(target):
        try:
            os.rename(scratch, target)  # fails if a non-empty folder has appeared
        except OSError as error:
            if _is_free(target):
                raise
            raise _appeared(target) from error
        return
    exchange(scratch, target, aside=scratch.with_name("old"))
    old = scratch if scratch.exists() else scratch.with_name("old")
    try:
        if _identity(old) != before:
            raise _appeared(target)
        _check_replaceable(old, target)
    except BaseException:
        exchange(old, target, aside=scratch.with_name("new"))
        raise


def _appeared(target: Path) -> FileExistsError:
    return FileExistsError(
        f"{target} was written or changed by another process during this run, and is not replaced. "
        "Choose another folder, or try again."
    )


@contextlib.contextmanager
def _hidden_folder(target: Path) -> Iterator[Path]:
    """Yield a new hidden folder next to a target, which is removed at the end.

    The folder holds a lock, which the system releases when the process ends for any reason.
    """
    name = {"prefix": f".{target.name}.", "suffix": _HIDDEN, "dir": target.parent}
    while True:
        hidden = Path(tempfile.mkdtemp(**name))
        with open(hidden / "lock", "wb") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(hidden / "lock", file):
                continue  # another process removed the folder before it was locked
            try:
                yield hidden
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
            return


def _is_at(path: Path, file: Any) -> bool:
    """Return whether this path still leads to the open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _clean_up(target: Path) -> None:
    """Remove temporary files of killed processes next to a target, and restore a moved target."""
    if not fcntl:
        return
    for hidden in target.parent.glob(f".{glob.escape(target.name)}.*{_HIDDEN}"):
        with contextlib.suppress(OSError):
            if not (hidden / "lock").exists():
                if time.time() - hidden.stat().st_mtime > _A_MINUTE:  # newer: just being made
                    hidden.rmdir()
                continue
            with open(hidden / "lock", "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if its process is alive
                if (hidden / "old").exists() and not os.path.lexists(target):
                    os.rename(hidden / "old", target)
                shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def publish_file(target: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Yield the path of a temporary file that becomes `target` when the block succeeds.

    Args:
        target: the file to create; the temporary file has the same extension.
        overwrite: replace an existing file, once the new one is complete.

    Raises:
        FileExistsError: `target` is a folder; or it exists, or appears during the block, and
            `overwrite` is false.
    """
    target = Path(os.path.abspath(target))
    check_file(target, overwrite)
    with naming_full_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
        scratch = Path(name)
        try:
            yield scratch
            scratch.chmod(0o644)
            if overwrite:
                os.replace(scratch, target)
            else:
                _rename_to_nothing(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)


def check_file(target: str | os.PathLike, overwrite: bool) -> None:
    """Refuse a target that `publish_file` would refuse, before a long computation begins.

    Raises:
        FileExistsError: as `publish_file` does.
        NotADirectoryError: a folder above the target is a file.
    """
    target = Path(os.path.abspath(target))
    _check_parents(target)
    if target.is_dir():
        raise FileExistsError(f"{target} is a folder, so no file can be written there.")
    if os.path.lexists(target) and not overwrite:
        raise _exists(target)


@contextlib.contextmanager
def naming_full_disk(target: str | os.PathLike) -> Iterator[None]:
    """Add the target to the error for a full disk, which usually names no path.

    Raises:
        OSError: the disk is full, or the user's quota is used up.
    """
    try:
        yield
    except OSError as error:
        # HDF5 sets no errno.
        full = error.errno in _FULL or "No space left on device" in str(error)
        if not full:
            raise
        # An inner block may have added the advice.
        said = (error.strerror or str(error)).removesuffix(_ADVICE) + _ADVICE
        raise OSError(error.errno or errno.ENOSPC, said, os.fspath(target)) from error


def _rename_to_nothing(scratch: Path, target: Path) -> None:
    """Rename a file to an unused name; making a hard link fails if the name is used."""
    try:
        os.link(scratch, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise _exists(target) from None
        os.rename(scratch, target)


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(
        f"{target} exists already. Choose another name, or pass overwrite=True (--overwrite on "
        "the command line) to replace it."
    )


def need_space(folder: str | os.PathLike, model: Any, copies: int = 1) -> None:
    """Refuse to save a model if the disk is too full, because HDF5 would crash the process.

    Args:
        folder: an existing folder, to which the model will be saved.
        model: a Keras model; the state of its optimizer also needs space.
        copies: how many times both will be written.

    Raises:
        OSError: there is not enough free space.
    """
    optimizer = getattr(model, "optimizer", None)  # none if the model is not compiled
    variables = [*model.variables, *(optimizer.variables if optimizer else ())]
    size = copies * sum(2048 + 4 * math.prod(variable.shape) for variable in variables)
    free = shutil.disk_usage(folder).free
    if free < size:
        said = f"No space left: {size / 1e6:.1f} MB are needed, and {free / 1e6:.1f} MB are free"
        raise OSError(errno.ENOSPC, said, str(folder))


def write_file(path: str | os.PathLike, text: str) -> None:
    """Write a text file so that readers see the old or the new text, never an incomplete one."""
    with publish_file(path, overwrite=True) as scratch:
        scratch.write_text(text, encoding="utf-8")
