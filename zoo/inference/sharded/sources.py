"""Parquet files or images, at a path or a URL that fsspec opens, and their shards."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from zoo.checks.words import printable
from zoo.data.folders import ENDINGS as IMAGES
from zoo.inference.sharded.jobs import Shard

PARQUET = (".parquet",)
_STAMPS = ("size", "mtime", "ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated")


class File(NamedTuple):
    """A file: its path in its file system, its path inside the folder, and its size and times."""

    path: str
    name: str
    stamp: tuple[str, ...]


def file_system(address: str) -> tuple[Any, str]:
    """Return the file system of fsspec for a path or a URL, and the path in it.

    Raises:
        ValueError: fsspec does not know this kind of URL, or cannot open it.
    """
    import fsspec

    if "://" not in address:
        return fsspec.filesystem("file"), os.path.abspath(address)
    try:
        return fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise ValueError(f"{printable(address)} cannot be opened by fsspec: {error}") from error


def files_of(address: str, out: str | os.PathLike | None = None) -> tuple[list[File], bool]:
    """Return the Parquet files or images at a path or URL, by name, and whether they are images.

    Args:
        address: a .parquet file, or a folder whose files, also in its subfolders, are .parquet
            files or images. Files and folders whose names begin with a point are left out.
        out: the file to write, which is left out with the folder of its partial results; so it may
            lie in the folder of the data.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is or holds neither .parquet files nor images, or both; or the file to write
            is the only file of the data.
    """
    system, root = file_system(address)
    ours = _places_of(system, out)
    if system.isfile(root):
        if ours and root == ours[0]:
            raise ValueError(
                f"{printable(address)} is also the file to write, which would replace the data: "
                "give another name with --out."
            )
        if not root.lower().endswith(PARQUET):
            raise ValueError(
                f"{printable(address)} is a file, but no .parquet file: give one, or a folder of "
                f".parquet files or of images ({', '.join(IMAGES)})."
            )
        return [File(root, root.rpartition("/")[2], _stamp(system.info(root)))], False
    if not system.isdir(root):
        raise FileNotFoundError(
            f"{printable(address)} does not exist: give a .parquet file, or a folder of .parquet "
            "files or of images."
        )
    root = root.rstrip("/")
    found: dict[bool, list[File]] = {False: [], True: []}
    for path, info in system.find(root, detail=True).items():
        name = path[len(root) :].lstrip("/")
        if ours and (path == ours[0] or path.startswith(ours[1])):
            continue
        if name.lower().endswith(IMAGES + PARQUET) and "/." not in f"/{name}":
            found[name.lower().endswith(IMAGES)].append(File(path, name, _stamp(info)))
    if bool(found[True]) == bool(found[False]):
        none = "no .parquet files and no images"
        held = "both .parquet files and images" if found[True] else none
        raise ValueError(
            f"{printable(address)} holds {held}: give a folder of .parquet files, or one of images "
            f"({', '.join(IMAGES)})."
        )
    of_images = bool(found[True])
    return sorted(found[of_images]), of_images


def _places_of(system, out) -> tuple[str, str] | None:
    """Return the path of the file to write, and the start of those in its folder, if local."""
    from fsspec.implementations.local import LocalFileSystem

    if out is None or not isinstance(system, LocalFileSystem):
        return None
    path = system._strip_protocol(os.path.abspath(out))
    return path, f"{path}.shards/"


def _stamp(info) -> tuple[str, ...]:
    return tuple(f"{key}={info[key]}" for key in _STAMPS if key in info)


def fingerprint_of_files(files: Iterable[File]) -> str:
    """Return a SHA-256 of the names, sizes and times of files, which tells whether they changed."""
    listing = json.dumps([(file.name, file.stamp) for file in files])
    return hashlib.sha256(listing.encode()).hexdigest()


def image_shards(files: list[File], rows: int) -> list[Shard]:
    """Return shards of `rows` images, the last of fewer; a source is paths and names of files."""
    return [
        Shard(number, first, len(some), tuple((file.path, file.name) for file in some))
        for number, first in enumerate(range(0, len(files), rows))
        for some in [files[first : first + rows]]
    ]


def parquet_shards(address: str, files: list[File], rows: int) -> tuple[list[Shard], Any]:
    """Return shards of about `rows` rows, and the `pyarrow.Schema` of the files.

    A shard has whole row groups of one file, at least one. Its source is the path and the name of
    the file, and the numbers of these row groups.

    Raises:
        ValueError: a file is not a Parquet file or has other columns than the first one, or there
            are no rows.
    """
    import pyarrow
    import pyarrow.parquet

    system, _ = file_system(address)
    shards: list[Shard] = []
    first, schema = 0, None
    for file in files:
        try:
            with system.open(file.path, "rb") as opened:
                held = pyarrow.parquet.ParquetFile(opened)
                groups = [held.metadata.row_group(i).num_rows for i in range(held.num_row_groups)]
                found = held.schema_arrow.remove_metadata()
        except pyarrow.ArrowException as error:
            raise ValueError(f"{printable(file.path)} is not a Parquet file: {error}") from error
        schema = schema or found
        if not found.equals(schema):
            raise ValueError(
                f"{printable(file.path)} has the columns {_told(found)}, but {files[0].name} has "
                f"{_told(schema)}: all files of a folder must have the same columns in this order."
            )
        for some in _joined(groups, rows):
            n = sum(groups[i] for i in some)
            shards.append(Shard(len(shards), first, n, (file.path, file.name, some)))
            first += n
    if not first:
        raise ValueError(f"{printable(address)} has no rows: give a file with at least one.")
    return shards, schema


def _joined(groups, rows) -> list[tuple[int, ...]]:
    """Return the numbers of row groups that follow each other, together of at least `rows` rows."""
    found: list[tuple[int, ...]] = []
    some: list[int] = []
    for i, n in enumerate(groups):
        some.append(i)
        if n and sum(groups[j] for j in some) >= rows:
            found.append(tuple(some))
            some = []
    return [*found, tuple(some)] if sum(groups[j] for j in some) else found


def _told(schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
