"""The guide's programs for Ray Data and Spark run; they need packages that other pages do not."""

import re
import sys
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet
import pytest

import zoo
from zoo import export
from zoo.runtime.arrow import array_of

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "many-machines.md"
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports the encoder"),
]


def block(word):
    (found,) = [code for code in BLOCKS if word in code]
    return found


@pytest.fixture
def names(tmp_path, monkeypatch):
    """The names that the guide's earlier blocks define, and their files, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    export.export_model(zoo.load("vae_digits"), "out", formats=("onnx",), parts=["encoder"])
    made = {"__name__": "__main__"}
    exec(block("row_group_size=300"), made)
    return made | {"session": export.load("out/encoder", threads=1)}


def check(folder, column, names):
    table = pyarrow.parquet.read_table(folder).sort_by("id")
    assert table["id"].to_pylist() == list(range(1000, 2437))
    expected = names["session"](x=names["x"])["z_mean"]
    np.testing.assert_allclose(array_of(table[column]), expected, rtol=1e-5, atol=1e-6)


def test_ray_data_encodes_with_an_actor_for_each_session(names, monkeypatch):
    for name in ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "0")
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    ray.init(num_cpus=3, include_dashboard=False, object_store_memory=100 * 2**20)
    try:
        exec(block("import ray.data"), names)
    finally:
        ray.shutdown()
    check("codes_of_ray", "z_mean", names)


def test_spark_encodes_in_its_workers(names, monkeypatch):
    pyspark = pytest.importorskip("pyspark.sql")
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        monkeypatch.setenv(name, sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    builder = pyspark.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    try:
        exec(block("mapInPandas"), names | {"spark": spark})
    finally:
        spark.stop()
    check("codes_of_spark", "z", names)
