"""Shards are computed in one process or several, and what was done survives a kill."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from support import shards as support

import export
from zoo.inference.sharded.engines import run
from zoo.inference.sharded.folder import ShardFolder
from zoo.runtime.arrow import array_of

pytestmark = pytest.mark.xdist_group("ray")  # one cluster at a time
SETTINGS = {"the data": "the same"}
PROGRAM = Path(support.__file__)


@pytest.fixture
def encoder(exported):
    return exported[0] / "encoder"


@pytest.fixture
def data(tmp_path):
    return support.write_parquet(tmp_path / "data.parquet")


@pytest.fixture
def of_ray(monkeypatch):
    """Ray, whose workers find the modules of the tests."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # read when Ray is imported
    pytest.importorskip("ray")
    paths = (PROGRAM.parents[2], PROGRAM.parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))


def check_rows(out, encoder):
    """All rows, in order and with their names, have the codes that one call gives."""
    table = pyarrow.parquet.read_table(out)
    assert table["name"].to_pylist() == [f"row {i}" for i in range(90)]
    for name, codes in export.load(encoder)(x=support.X).items():
        np.testing.assert_allclose(array_of(table[name]), codes, rtol=1e-5, atol=1e-6)


def quiet(text):
    """Take the place of `print`."""


def test_all_rows_come_back_in_order_and_the_folder_is_gone(encoder, data, tmp_path):
    job, shards = support.work(encoder, data)
    rows = [(shard.first, shard.rows) for shard in shards]
    assert rows == [(0, 20), (20, 20), (40, 20), (60, 20), (80, 10)]
    out = tmp_path / "codes.parquet"
    done = run(job, shards, ShardFolder(out, SETTINGS), out, say=quiet)
    assert done[:2] == (90, 0)
    check_rows(out, encoder)
    assert sorted(os.listdir(tmp_path)) == ["codes.parquet", "data.parquet"]


def test_after_an_error_only_what_is_missing_is_computed(encoder, tmp_path):
    x = support.X.copy()
    x[50] = np.nan
    data, out = support.write_parquet(tmp_path / "data.parquet", x), tmp_path / "codes.parquet"
    job, shards = support.work(encoder, data)
    folder = ShardFolder(out, SETTINGS)
    with pytest.raises(ValueError, match=r"data\.parquet, among rows 40 to 59 of all.*: x: .* NaN"):
        run(job, shards, folder, out, say=quiet)
    assert not out.exists()
    folder.close()

    support.write_parquet(data)
    folder, said = ShardFolder(out, SETTINGS), []
    before = {shard.number: folder.file(shard).stat().st_mtime_ns for shard in shards[:2]}
    missing = folder.missing(shards, job.schema)
    assert [shard.number for shard in missing] == [2, 3, 4]
    assert before == {s.number: folder.file(s).stat().st_mtime_ns for s in shards[:2]}
    done = run(job, shards, folder, out, say=said.append)
    assert said == ["2 of 5 shards are there already"]
    assert done.computed == 50
    check_rows(out, encoder)


def start(encoder, data, out, engine, seconds):
    paths = (PROGRAM.parents[2], PROGRAM.parents[1])
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, (encoder, data, out, engine, seconds))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check_a_killed_driver(encoder, data, out, engine):
    driver = start(encoder, data, out, engine, 1.0)
    folder, begun = Path(f"{out}.shards"), time.monotonic()
    try:
        while len(list(folder.glob("shard-*.parquet"))) < 2:
            assert driver.poll() is None, driver.stdout.read()
            assert time.monotonic() < begun + 120
            time.sleep(0.02)
    finally:
        driver.kill()
    driver.wait()
    assert not out.exists()
    assert len(list(folder.glob("shard-*.parquet"))) < 5
    second = start(encoder, data, out, engine, 0)
    said, _ = second.communicate(timeout=180)
    assert second.returncode == 0, said
    assert "of 5 shards are there already" in said
    check_rows(out, encoder)
    assert not folder.exists()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_shards(encoder, data, tmp_path):
    check_a_killed_driver(encoder, data, tmp_path / "codes.parquet", "process")


@pytest.mark.slow
def test_a_driver_of_ray_that_is_killed_leaves_whole_shards(encoder, data, tmp_path, of_ray):
    check_a_killed_driver(encoder, data, tmp_path / "codes.parquet", "ray")


@pytest.mark.slow
def test_a_shard_whose_worker_is_killed_is_computed_by_another(encoder, data, tmp_path, of_ray):
    job, shards = support.work(encoder, data)
    out, mark = tmp_path / "codes.parquet", tmp_path / "killed"
    killed = support.Killed(job, 1, mark)
    done = run(killed, shards, ShardFolder(out, SETTINGS), out, engine="ray", workers=2, say=quiet)
    assert done.computed == 90
    assert int(mark.read_text()) != os.getpid()
    check_rows(out, encoder)


@pytest.mark.slow
def test_workers_that_are_killed_again_and_again_end_in_an_error(encoder, data, tmp_path, of_ray):
    job, shards = support.work(encoder, data)
    out = tmp_path / "codes.parquet"
    folder = ShardFolder(out, SETTINGS)
    killed = support.Killed(job, 1, None)
    with pytest.raises(RuntimeError, match="killed, or crashed, 4 times.*fewer workers"):
        run(killed, shards, folder, out, engine="ray", workers=1, say=quiet)
    assert [shard.number for shard in folder.missing(shards, job.schema)] != list(range(5))
    assert not out.exists()


@pytest.mark.slow
def test_what_a_job_raises_in_a_worker_comes_to_the_driver(encoder, tmp_path, of_ray):
    x = support.X.copy()
    x[50] = np.nan
    data, out = support.write_parquet(tmp_path / "data.parquet", x), tmp_path / "codes.parquet"
    job, shards = support.work(encoder, data)
    with pytest.raises(
        ValueError, match=r"^data\.parquet, among rows 40 to 59 of all.*: x: .* NaN"
    ):
        run(job, shards, ShardFolder(out, SETTINGS), out, engine="ray", workers=2, say=quiet)


@pytest.mark.slow
def test_a_worker_that_cannot_load_the_model_says_why(encoder, data, tmp_path, of_ray):
    job, shards = support.work(encoder, data)
    out = tmp_path / "codes.parquet"
    options = {"engine": "ray", "workers": 1, "say": quiet}
    with pytest.raises(RuntimeError, match="cannot load the model: .*there is no model.* the zoo"):
        run(support.Unloadable(job), shards, ShardFolder(out, SETTINGS), out, **options)


def test_without_ray_the_error_says_what_to_install(encoder, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    job, shards = support.work(encoder, data)
    out = tmp_path / "codes.parquet"
    with pytest.raises(ImportError, match=r"pip install 'autoencoder-zoo\[ray\]'"):
        run(job, shards, ShardFolder(out, SETTINGS), out, engine="ray", say=quiet)
