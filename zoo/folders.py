"""Folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def publish_folder(
    target: str | os.PathLike, overwrite: bool = False, *, marks: tuple[str, ...] = ()
) -> Iterator[Path]:
    """Yield an empty scratch folder that becomes `target` when the block succeeds.

    The scratch folder lies beside `target`, so that the last step is a rename. If the
    block raises (an error, a full disk, Ctrl-C), the scratch folder is removed and
    whatever stood at `target` before is still there, untouched.

    Args:
        target: the folder to create.
        overwrite: replace an existing folder. The old one goes only after the new one is
            complete.
        marks: further patterns of files by which a folder may be replaced.

    Raises:
        FileExistsError: `target` exists and `overwrite` is false, or it is a file, or a folder
            that holds other things than presets, exports and demonstrations.
    """
    target = Path(os.path.abspath(target))
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} is a file, and a folder was to be written there.")
    if target.exists() and not overwrite and any(target.iterdir()):
        raise FileExistsError(
            f"The folder {target} exists already. Choose another one, or pass overwrite=True "
            "(--overwrite on the command line) to replace it."
        )
    if target.exists():
        _check_replaceable(target, marks)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        scratch.chmod(0o755)
        yield scratch
        _replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_OURS = ("card.json", "signature.json", "saved_model.pb", "app.py")


def _check_replaceable(target: Path, marks: tuple[str, ...]) -> None:
    """Refuse to delete what was not written here."""
    here, home = Path.cwd().resolve(), Path.home().resolve()
    real = target.resolve()
    stands_on = any(real == kept or real in kept.parents for kept in (here, home))
    patterns = (*_OURS, *(f"*/{name}" for name in _OURS), *marks)
    ours = any(path for pattern in patterns for path in target.glob(pattern))
    if stands_on or (any(target.iterdir()) and not ours):
        raise FileExistsError(
            f"{target} holds more than a preset or an export, and would be deleted as a whole. "
            "Choose another folder, or delete it yourself."
        )


def _replace(new: Path, target: Path) -> None:
    if not target.exists():
        os.rename(new, target)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    old = retired / "folder"
    try:
        os.rename(target, old)
        os.rename(new, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.rename(old, target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)


def write_file(path: str | os.PathLike, text: str) -> None:
    """Write a text file so that readers see the old text or the new one, never half of it."""
    path = Path(path)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    finally:
        if os.path.exists(scratch):
            os.unlink(scratch)
