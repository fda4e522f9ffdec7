"""The commands `zoo train --missing learn` and `zoo impute`."""

import numpy as np
import pandas

from zoo.cli.main import main

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
