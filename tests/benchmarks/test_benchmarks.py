"""The benchmarks run, on little data, and write the tables that they promise."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="all of them start it"),
]
HERE = Path(__file__).parent


def said(script, *arguments):
    pytest.importorskip("psutil")
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def rows_of(table):
    """Return the cells of a table's rows, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_training_is_timed_next_to_plain_keras(tmp_path):
    out = tmp_path / "table.md"
    options = ("--rounds", 1, "--images", 1280, "--only", "VAE, dense", "--out", out)
    said("training.py", *options)
    (row,) = rows_of(out.read_text())
    assert row[0].startswith("VAE, dense")
    assert int(row[1].replace(",", "")) > 0
    assert "(x " in row[2]


def test_a_backend_is_timed_for_the_report_of_a_gpu():
    options = ("--backend-alone", "tensorflow", "--rounds", 1, "--images", 256)
    lines = said("scaling.py", *options).splitlines()
    assert len(lines) == 3 * 2
    for line in lines:
        _, batch, speed, peak = line.split("\t")
        assert min(int(cell.replace(",", "")) for cell in (batch, speed, peak)) > 0


def test_decoding_is_timed_by_each_way_out_of_keras(tmp_path):
    out = tmp_path / "table.md"
    said("inference.py", "--preset", "vae_digits", "--rounds", 1, "--seconds", 0.01, "--out", out)
    ways = [row[0] for row in rows_of(out.read_text())]
    assert {"Keras, predict", "SavedModel", "onnxruntime, CPU, int8"} <= set(ways)


def test_areas_of_detectors_are_kept_and_not_measured_again(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    is_anomaly = np.arange(60) % 6 == 0
    (tmp_path / "adbench").mkdir()
    np.savez(tmp_path / "adbench" / "few.npz", X=rows + 9 * is_anomaly[:, None], y=is_anomaly)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    areas = tmp_path / "areas.jsonl"
    options = ("--tables", "few", "--detectors", "zoo", "--areas", areas, "--out", tmp_path)
    said("anomalies.py", *options, "--trials", 1)
    first = areas.read_text()
    name, trial, detector, area, _ = json.loads(first)
    assert (name, trial, detector) == ("few", 1, "zoo")
    assert area > 0.9
    said("anomalies.py", *options, "--trials", 1)
    assert areas.read_text() == first


def test_a_consumer_is_timed_as_a_process():
    told = said("consumer.py", "--preset", "vae_digits", "--runs", 1)
    assert "consumer process: " in told
    assert "ms a call at batch  1024" in told


def test_encoding_in_shards_is_timed(tmp_path):
    out = tmp_path / "table.md"
    said("sharded.py", "--preset", "vae_digits", "--rows", 100, "--rounds", 1, "--out", out)
    rows = rows_of(out.read_text())
    assert len(rows) in (2, 4)  # with Ray, or without
    assert all(int(cell.replace(",", "")) > 0 for row in rows for cell in row[1:])
