"""Parquet files and images are found and divided into shards."""

import os

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from zoo.inference.sharded.sources import (
    file_system,
    files_of,
    fingerprint_of_files,
    image_shards,
    parquet_shards,
)


def write(path, rows, group, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table({"a": np.arange(rows), **columns})
    pyarrow.parquet.write_table(table, path, row_group_size=group)


def shards_of(folder, rows):
    files, of_images = files_of(str(folder))
    assert not of_images
    return parquet_shards(str(folder), files, rows)[0]


def test_shards_are_whole_row_groups_of_one_file(tmp_path):
    write(tmp_path / "b.parquet", 10, 4)
    write(tmp_path / "a" / "1.parquet", 7, 3)
    write(tmp_path / "empty.parquet", 0, 1)
    write(tmp_path / ".hidden.parquet", 5, 5)
    (tmp_path / "_SUCCESS").write_text("")
    found = [(s.number, s.first, s.rows, *s.source[1:]) for s in shards_of(tmp_path, 5)]
    assert found == [
        (0, 0, 6, "a/1.parquet", (0, 1)),
        (1, 6, 1, "a/1.parquet", (2,)),
        (2, 7, 8, "b.parquet", (0, 1)),
        (3, 15, 2, "b.parquet", (2,)),
    ]
    assert [s.rows for s in shards_of(tmp_path, 1)] == [3, 3, 1, 4, 4, 2]


def test_one_file_is_a_source_too(tmp_path):
    write(tmp_path / "a.parquet", 10, 5)
    assert [s.rows for s in shards_of(tmp_path / "a.parquet", 100)] == [10]


def test_files_of_other_columns_are_refused(tmp_path):
    write(tmp_path / "a.parquet", 3, 3)
    write(tmp_path / "b.parquet", 3, 3, b=["x", "y", "z"])
    with pytest.raises(ValueError, match=r"b\.parquet has the columns a \(int64\), b \(string\)"):
        shards_of(tmp_path, 5)


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: give a .parquet file"):
        files_of(str(tmp_path / "none"))
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match="is a file, but no .parquet file"):
        files_of(str(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match="holds no .parquet files and no images"):
        files_of(str(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"a\.parquet is not a Parquet file"):
        shards_of(tmp_path, 5)
    write(tmp_path / "a.parquet", 0, 1)
    with pytest.raises(ValueError, match="has no rows"):
        shards_of(tmp_path, 5)
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="holds both"):
        files_of(str(tmp_path))


def test_images_are_divided_by_name(tmp_path):
    for name in ("b.PNG", "a.jpg", "sub/c.webp", ".d.png", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    files, of_images = files_of(str(tmp_path))
    assert of_images
    shards = image_shards(files, 2)
    assert [[name for _, name in s.source] for s in shards] == [["a.jpg", "b.PNG"], ["sub/c.webp"]]
    assert [(s.first, s.rows) for s in shards] == [(0, 2), (2, 1)]


def test_the_fingerprint_tells_changes(tmp_path):
    write(tmp_path / "a.parquet", 3, 3)
    before = fingerprint_of_files(files_of(str(tmp_path))[0])
    assert fingerprint_of_files(files_of(str(tmp_path))[0]) == before
    os.utime(tmp_path / "a.parquet", (1, 1))
    assert fingerprint_of_files(files_of(str(tmp_path))[0]) != before


def test_a_url_that_fsspec_opens_is_a_source(tmp_path):
    write(tmp_path / "a.parquet", 10, 5)
    assert [s.rows for s in shards_of(f"file://{tmp_path}", 5)] == [5, 5]
    system, _ = file_system("memory://sharded")
    with system.open("/sharded/a.parquet", "wb") as file:
        file.write((tmp_path / "a.parquet").read_bytes())
    assert [s.source[1] for s in shards_of("memory://sharded", 20)] == ["a.parquet"]
    with pytest.raises(ValueError, match="strange://x cannot be opened by fsspec"):
        files_of("strange://x")
