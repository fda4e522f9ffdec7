"""The folder that keeps the results of shards beside the file to write, until it is complete."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from zoo.checks.words import printable
from zoo.files.atomic_writes import naming_full_disk, publish_file, write_file
from zoo.files.locks import LOCK, lock_folder, unlock_folder
from zoo.inference.sharded.jobs import Shard
from zoo.runtime.json_file import read_object

SETTINGS, PART = "settings.json", "part"
_BYTES_AT_ONCE = 2**26  # of results that are in memory at the same time
_OURS = re.compile(r"\.?shard-\d{6,}\..*parquet|settings\.json|\.settings\..*json|lock")


class ShardFolder:
    """Results of shards in files, such as `codes.parquet.shards/shard-000000.parquet`.

    Each file is written whole or not at all. So if a process is killed, the folder holds whole
    shards only, and a later call with the same settings uses them. It is locked for one process.

    Args:
        out: the Parquet file that the shards become.
        settings: what the results depend on, as text by a name in words, such as
            {"the model": its SHA-256}.

    Attributes:
        path: the folder. part: a folder in it, for an exported part.

    Raises:
        FileExistsError: the folder holds other files, or files without settings.
        ValueError: it holds results of other settings; the error names those that differ.
        BlockingIOError: another process works with it.
    """

    def __init__(self, out: str | os.PathLike, settings: dict[str, str]):
        self.path = Path(f"{os.path.abspath(out)}.shards")
        self.part = self.path / PART
        with naming_full_disk(self.path):
            self._check_content()
            lock_folder(self.path, "computes")
            try:
                self._check_settings(settings)
            except BaseException:
                self.close()
                raise

    def _check_content(self):
        if not self.path.is_dir():
            return
        names = sorted(os.listdir(self.path))
        others, why = [name for name in names if not self._is_ours(name)], "which is none of them"
        if not others and SETTINGS not in names:
            # Settings are written first and removed last, so these files may be somebody else's.
            others, why = [n for n in names if not _begins(n)], f"without a {SETTINGS} beside it"
        if others:
            raise FileExistsError(
                f"{self.path} is the folder for partial results, but it holds "
                f"{printable(others[0])}, {why}: move it elsewhere, or choose another name with "
                "--out."
            )

    def _is_ours(self, name):
        path = self.path / name
        if path.is_dir() and not path.is_symlink():
            return name == PART or re.fullmatch(rf"\.{PART}\..*\.writing", name) is not None
        return _OURS.fullmatch(name) is not None and path.is_file() and not path.is_symlink()

    def _check_settings(self, settings):
        path = self.path / SETTINGS
        if not path.exists():
            write_file(path, json.dumps(settings, indent=1) + "\n")
            return
        try:
            found = read_object(path)
        except ValueError as error:
            raise ValueError(f"{error}. Delete {self.path} to begin anew.") from error
        names = {*settings, *found}
        if other := sorted(n for n in names if settings.get(n) != found.get(n)):
            raise ValueError(
                f"{self.path} holds partial results of another run: "
                f"{', '.join(map(printable, other))} differed. Run the command as before, or "
                "delete the folder to begin anew."
            )

    def file(self, shard: Shard) -> Path:
        """Return the path of the results of a shard."""
        return self.path / f"shard-{shard.number:06}.parquet"

    def missing(self, shards: Iterable[Shard], schema: Any) -> list[Shard]:
        """Return the shards without results; files that do not hold a whole shard are removed.

        Args:
            shards: all of them. schema: the `pyarrow.Schema` that results have.
        """
        lost = []
        for shard in shards:
            if not _is_whole(self.file(shard), shard, schema):
                self.file(shard).unlink(missing_ok=True)
                lost.append(shard)
        return lost

    def merge(self, shards: Iterable[Shard], schema: Any, out: Path) -> int:
        """Write the results of all shards into one file, in order; return how many rows are empty.

        A row is empty if its last column is null, as it is for an image that cannot be read. The
        results of a shard become a row group, or several if they are large.
        """
        import pyarrow.parquet

        empty = 0
        with pyarrow.parquet.ParquetWriter(out, schema) as writer:
            for shard in shards:
                for table in _joined(self.file(shard)):
                    writer.write_table(table)
                    empty += table.column(table.num_columns - 1).null_count
        return empty

    def remove(self) -> None:
        """Remove the folder, once its results are elsewhere."""
        if not self.path.is_dir():
            return
        self._check_content()
        for name in sorted(os.listdir(self.path), key=lambda name: (_begins(name), name == LOCK)):
            path = self.path / name
            if name == LOCK:
                unlock_folder(self.path)  # Windows does not delete a locked file
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another process has just begun there
            self.path.rmdir()

    def close(self) -> None:
        """Let other processes work with the folder."""
        unlock_folder(self.path)


def _begins(name: str) -> bool:
    """Return whether a file is written before the results, and removed after them."""
    return name in (SETTINGS, LOCK) or name.startswith(f".{Path(SETTINGS).stem}.")


def write_shard(
    run: Callable[[Shard], Iterator[Any]], shard: Shard, schema: Any, path: str | os.PathLike
) -> int:
    """Compute a shard, write its results, whole or not at all, and return the number of rows.

    Args:
        run: from `Job.opened`. shard: the shard. schema: of its results. path: the file to write.

    Raises:
        RuntimeError: the results have more or fewer rows than the shard.
    """
    import pyarrow.parquet

    rows = 0
    with (
        publish_file(path, overwrite=True) as scratch,
        pyarrow.parquet.ParquetWriter(scratch, schema) as writer,
    ):
        for batch in run(shard):
            writer.write_batch(batch)
            rows += len(batch)
        if rows != shard.rows:
            raise RuntimeError(
                f"Shard {shard.number} gave {rows} rows, and {shard.rows} are expected: its file "
                "was changed during the run. Run the command again."
            )
    return rows


def _joined(path: Path) -> Iterator[Any]:
    """Yield the rows of a file as tables of some megabytes, each of several row groups."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as held:
        some, size = [], 0
        for i in range(held.num_row_groups):
            some.append(held.read_row_group(i))
            size += some[-1].nbytes
            if size > _BYTES_AT_ONCE or i == held.num_row_groups - 1:
                yield pyarrow.concat_tables(some)
                some, size = [], 0


def _is_whole(path: Path, shard: Shard, schema: Any) -> bool:
    """Return whether a file holds the results of a shard, by its footer."""
    import pyarrow
    import pyarrow.parquet

    if not path.is_file():
        return False
    try:
        with pyarrow.parquet.ParquetFile(path) as held:
            same = held.schema_arrow.remove_metadata().equals(schema.remove_metadata())
            return same and held.metadata.num_rows == shard.rows
    except (pyarrow.ArrowException, OSError):
        return False


def fingerprint(path: str | os.PathLike) -> str:
    """Return a SHA-256 of the content of a file, or of the names and contents in a folder.

    Example:
        >>> from pathlib import Path
        >>> from zoo.inference.sharded.folder import fingerprint
        >>> _ = Path("a.txt").write_text("a")
        >>> fingerprint("a.txt")[:8]
        'ca978112'
    """
    path = Path(path)
    if path.is_file():
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{fingerprint(file)}\n".encode())
    return digest.hexdigest()
