"""The commands `zoo train --missing learn` and `zoo impute`."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from support.command_line import run

import zoo
from zoo.cli.main import main

HOLES = pandas.DataFrame({"a": [1.5, np.nan, 2.5, 3.0], "b": [0.1, 0.2, np.nan, 0.4]})

RNG = np.random.default_rng(0)


def table():
    size = RNG.normal(size=60)
    frame = pandas.DataFrame({"id": [f"row {i}" for i in range(60)]})
    frame["height"] = (170 + 10 * size).round(1)
    frame["weight"] = (70 + 8 * size).round(1)
    frame["eyes"] = np.where(size > 0, "blue", "brown")
    return frame


def test_a_table_with_empty_cells_is_learned_from_and_filled(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = table()
    frame.loc[3:9, "height"] = np.nan
    frame.loc[7:20, "eyes"] = None
    frame.to_csv("holes.csv", index=False)
    command = ["train", "VAE", "--data", "holes.csv", "--drop", "id", "--out", "model"]
    settings = ["--epochs", "1", "--latent-dim", "1", "--hidden-units", "8"]
    assert main([*command, *settings]) == 1
    assert "--missing learn" in capsys.readouterr().err
    assert main([*command, *settings, "--missing", "learn"]) == 0
    impute = ["impute", "./model", "holes.csv", "--drop", "id", "--out", "full.csv"]
    assert main(impute) == 0
    full = pandas.read_csv("full.csv")
    assert list(full.columns) == list(frame.columns)
    assert not full.isna().any(axis=None)
    assert ((full == frame) | frame.isna()).all(axis=None)
    assert {*full["eyes"]} == {"blue", "brown"}
    frame.to_csv("signs.csv", index=False, sep="~", decimal=",")
    signs = ["impute", "./model", "signs.csv", "--drop", "id", "--out", "same.csv"]
    assert main([*signs, "--decimal", ","]) == 1
    assert main([*signs, "--decimal", ",", "--delimiter", "~"]) == 0
    pandas.testing.assert_frame_equal(pandas.read_csv("same.csv"), full)
    assert main(impute) == 1
    assert "full.csv" in capsys.readouterr().err
    assert main(["evaluate", "./model", "--data", "holes.csv", "--drop", "id"]) == 0
    assert "nan" not in capsys.readouterr().out.lower()
    assert main([*impute[:3], "--out", "other.csv"]) == 1
    assert "holes.csv has 'id', which the model does not know" in capsys.readouterr().err
    assert main([*impute[:-1], "full.xlsx"]) == 1
    assert "a .csv file, and --out is full.xlsx" in capsys.readouterr().err


@pytest.mark.slow
def test_a_conditional_model_of_rows_with_holes_is_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = table().drop(columns="id")
    frame.loc[::3, "height"] = np.nan
    frame.to_csv("holes.csv", index=False)
    command = ["train", "CVAE", "--data", "holes.csv", "--labels", "eyes", "--missing", "learn"]
    settings = ["--epochs", "1", "--latent-dim", "1", "--hidden-units", "8", "--out", "model"]
    assert main([*command, *settings]) == 0
    assert main(["evaluate", "./model", "--data", "holes.csv", "--labels", "eyes"]) == 0
    assert main(["impute", "./model", "holes.csv", "--out", "full.csv"]) == 1
    assert "needs the labels" in capsys.readouterr().err
    model, rows = zoo.load("./model"), frame.drop(columns="eyes")
    assert not model.impute(rows, np.zeros(len(rows), int)).isna().any(axis=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table with empty cells, and a model of it."""
    path = tmp_path_factory.mktemp("holes")
    HOLES.to_csv(path / "holes.csv", index=False)
    columns = zoo.GaussianColumns.adapted(HOLES, missing="learn")
    zoo.save(zoo.VAE((2,), 1, hidden_units=(3,), likelihood=columns), path / "model")
    return path


@pytest.mark.slow
def test_a_fresh_process_knows_the_classes(folder, tmp_path):
    command = [sys.executable, "-m", "zoo", "impute", "./model", "holes.csv"]
    environment = {**os.environ, "PYTHONPATH": str(Path(zoo.__file__).parent.parent)}
    out = tmp_path / "full.csv"
    done = subprocess.run(
        [*command, "--out", out], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not pandas.read_csv(out).isna().any(axis=None)


@pytest.mark.parametrize(
    "command", [["impute", "./model", "holes.csv"], ["generate", "./model", "--n", "5"]]
)
def test_a_missing_pandas_is_named_before_anything_is_computed(
    command, folder, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "pandas", None)
    code, _, complaint = run(capsys, *command, "--out", tmp_path / "rows.csv")
    assert code == 1
    assert "needs pandas for its DataFrame: pip install pandas" in complaint
    assert "=" not in complaint  # no argument of Python
    assert not os.listdir(tmp_path)
