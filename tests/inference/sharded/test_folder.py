"""The folder of partial results takes back what it wrote, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from filelock import FileLock

from zoo.files.locks import LOCK
from zoo.inference.sharded.folder import SETTINGS, ShardFolder, fingerprint, write_shard
from zoo.inference.sharded.jobs import Shard
from zoo.runtime.arrow import to_arrow

BATCH = to_arrow({"row": np.arange(4), "z": np.ones((4, 3), "float32")})
SHARDS = [Shard(0, 0, 4), Shard(1, 4, 4), Shard(2, 8, 4)]
GIVEN = {"the model": "1", "--id": "name"}


@pytest.fixture
def folder(tmp_path):
    """One with the first two of three shards, which nobody has open."""
    made = ShardFolder(tmp_path / "out.parquet", GIVEN)
    for shard in SHARDS[:2]:
        write_shard(lambda _: iter([BATCH]), shard, BATCH.schema, made.file(shard))
    made.close()
    return made


def missing(folder, tmp_path):
    again = ShardFolder(tmp_path / "out.parquet", GIVEN)
    try:
        return [shard.number for shard in again.missing(SHARDS, BATCH.schema)]
    finally:
        again.close()


def test_whole_shards_are_taken_back(folder, tmp_path):
    assert missing(folder, tmp_path) == [2]


def spoil_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_rows(path):
    pyarrow.parquet.write_table(pyarrow.Table.from_batches([BATCH[:3]]), path)


def spoil_columns(path):
    other = to_arrow({"row": np.arange(4), "z": np.ones((4, 2), "float32")})
    pyarrow.parquet.write_table(pyarrow.Table.from_batches([other]), path)


@pytest.mark.parametrize("spoil", [spoil_cut, spoil_empty, spoil_rows, spoil_columns])
def test_a_shard_that_is_not_whole_or_has_another_form_is_computed_again(folder, tmp_path, spoil):
    spoil(folder.file(SHARDS[0]))
    assert missing(folder, tmp_path) == [0, 2]
    assert not folder.file(SHARDS[0]).exists()


def test_results_of_other_settings_are_refused_by_name(folder, tmp_path):
    for other in ({**GIVEN, "the model": "2"}, {"--id": "name"}):
        with pytest.raises(ValueError, match="another run: the model differed. Run the command as"):
            ShardFolder(tmp_path / "out.parquet", other)
    assert missing(folder, tmp_path) == [2]  # the lock is free, and nothing is lost


def test_a_folder_in_which_another_process_works_is_refused(folder, tmp_path):
    with (
        FileLock(folder.path / LOCK),
        pytest.raises(BlockingIOError, match="computes with its state in"),
    ):
        ShardFolder(tmp_path / "out.parquet", GIVEN)
    assert missing(folder, tmp_path) == [2]


def test_settings_that_cannot_be_read_are_refused(folder, tmp_path):
    (folder.path / SETTINGS).write_text(json.dumps(GIVEN)[:-3])
    with pytest.raises(ValueError, match="not readable as JSON.* Delete .* to begin anew"):
        ShardFolder(tmp_path / "out.parquet", GIVEN)


def test_shards_without_settings_are_left_alone(folder, tmp_path):
    """They can be the user's own, such as the data that are about to be read."""
    (folder.path / SETTINGS).unlink()
    kept = sorted(folder.path.iterdir())
    with pytest.raises(FileExistsError, match=r"holds shard-000000\.parquet, without a settings"):
        ShardFolder(tmp_path / "out.parquet", GIVEN)
    assert sorted(folder.path.iterdir()) == kept


def test_a_removal_that_is_interrupted_leaves_settings_to_go_on_with(folder, tmp_path, monkeypatch):
    removed = []

    def remove(path, missing_ok=False):
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(path.name)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", remove)
        with pytest.raises(KeyboardInterrupt):
            folder.remove()
    assert removed == ["shard-000000.parquet", "shard-000001.parquet"]
    assert missing(folder, tmp_path) == [2]


def test_a_folder_with_other_files_is_left_alone(folder, tmp_path):
    for make in (
        lambda path: path.write_text("mine"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(tmp_path),
    ):
        path = folder.path / "shard-000009.txt"
        make(path)
        with pytest.raises(FileExistsError, match=r"holds shard-000009\.txt, which is none of"):
            ShardFolder(tmp_path / "out.parquet", GIVEN)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.file(SHARDS[2]).symlink_to(folder.file(SHARDS[0]))
    with pytest.raises(FileExistsError, match=r"holds shard-000002\.parquet"):
        ShardFolder(tmp_path / "out.parquet", GIVEN)


def test_a_shard_with_too_few_rows_is_not_written(tmp_path):
    path = tmp_path / "shard-000000.parquet"
    with pytest.raises(RuntimeError, match="Shard 0 gave 4 rows, and 5 are expected"):
        write_shard(lambda _: iter([BATCH]), Shard(0, 0, 5), BATCH.schema, path)
    assert list(tmp_path.iterdir()) == []


def test_the_rows_of_shards_become_one_file(folder, tmp_path):
    written = SHARDS[:2]
    halves = iter([BATCH[:2], BATCH[2:]])
    write_shard(lambda _: halves, SHARDS[1], BATCH.schema, folder.file(SHARDS[1]))
    out = tmp_path / "out.parquet"
    assert folder.merge(written, BATCH.schema, out) == 0
    expected = pyarrow.Table.from_batches([BATCH, BATCH])
    assert pyarrow.parquet.read_table(out).equals(expected)
    assert pyarrow.parquet.ParquetFile(out).num_row_groups == 2
    folder.remove()
    assert list(tmp_path.iterdir()) == [out]


def test_rows_without_values_are_counted(folder, tmp_path):
    some = BATCH.take(pyarrow.array([0, None, 2, None]))
    write_shard(lambda _: iter([some]), SHARDS[1], BATCH.schema, folder.file(SHARDS[1]))
    assert folder.merge(SHARDS[:2], BATCH.schema, tmp_path / "out.parquet") == 2


def test_the_fingerprint_is_of_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_bytes(b"1")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    (tmp_path / "a" / "weights").write_bytes(b"2")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")
    (tmp_path / "a" / "weights").write_bytes(b"1")
    (tmp_path / "b" / "weights").rename(tmp_path / "b" / "other")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")
