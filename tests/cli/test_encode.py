"""`zoo encode`, and `zoo detect` and `zoo generate` with an engine."""

import os
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image
from support.command_line import DIGITS, run

import zoo
from zoo.anomaly import Detector
from zoo.cli import generate_shards
from zoo.cli.main import main
from zoo.inference.sharded.folder import SETTINGS, ShardFolder
from zoo.runtime.arrow import array_of, to_arrow

X = zoo.data.load("digits")[1][0][:60]
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exports the encoder"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with digits in a Parquet file, the exported encoder, and a detector."""
    folder = tmp_path_factory.mktemp("data")
    names = pyarrow.array([f"digit {i}" for i in range(len(X))])
    table = pyarrow.table({"name": names, "pixels": to_arrow({"x": X}).column("x")})
    pyarrow.parquet.write_table(table, folder / "digits.parquet", row_group_size=10)
    assert main(["export", DIGITS, str(folder / "out"), "--format", "onnx"]) == 0
    Detector(zoo.load(DIGITS), quantile=0.9).fit(X).save(folder / "detector")
    return folder


def read(path):
    return pyarrow.parquet.read_table(path)


def test_a_preset_encodes_a_file(data, tmp_path, capsys):
    out = tmp_path / "codes.parquet"
    given = ("encode", DIGITS, data / "digits.parquet", "--id", "name", "--outputs", "z_mean")
    code, said, err = run(capsys, *given, "--out", out, "--shard-rows", 20)
    assert (code, err) == (0, "")
    assert "reads pixels, name" in said
    assert f"{out} is written: 60 rows with name, z_mean. 60 of them were computed in" in said
    table = read(out)
    assert table["name"].to_pylist() == [f"digit {i}" for i in range(60)]
    np.testing.assert_allclose(array_of(table["z_mean"]), zoo.load(DIGITS).encode(X), atol=1e-5)
    assert os.listdir(tmp_path) == ["codes.parquet"]
    code, _, err = run(capsys, *given, "--out", out)
    assert code == 1
    assert "exists already" in err


def test_a_folder_of_images_is_encoded(data, tmp_path, capsys):
    for i, image in enumerate(X[:5]):
        pixels = np.round(255 * image[..., 0]).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_bytes(b"text")
    out = tmp_path / "codes.parquet"
    given = ("encode", data / "out", tmp_path, "--out", out, "--outputs", "z_mean")
    code, _, err = run(capsys, *given, "--id", "name")
    assert code == 1
    assert "--id is for tables, and " in err
    code, said, _ = run(capsys, *given, "--shard-rows", 2)
    assert code == 0
    assert "Images that could not be read, whose rows have only the name: 1." in said
    table, kept = read(out), [0, 1, 3, 4]
    assert table["file"].to_pylist() == [f"{i}.png" for i in range(5)]
    seen = np.round(255 * X[kept]).astype("float32") / np.float32(255)
    expected = zoo.load(DIGITS).encode(seen)
    np.testing.assert_allclose(array_of(table["z_mean"].take(kept)), expected, atol=1e-5)


def test_an_exported_part_needs_no_backend(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(zoo, "load", None)
    given = ("encode", data / "out", data / "digits.parquet", "--overwrite")
    assert run(capsys, *given, "--out", tmp_path / "a.parquet")[0] == 0
    assert run(capsys, *given, "--out", tmp_path / "a.parquet", "--shard-rows", 7)[0] == 0
    encoder = data / "out" / "encoder"
    assert run(capsys, "encode", encoder, *given[2:], "--out", tmp_path / "b.parquet")[0] == 0
    assert read(tmp_path / "a.parquet").equals(read(tmp_path / "b.parquet"))
    code, _, err = run(capsys, "encode", data / "out" / "decoder", *given[2:], "--out", "c.parquet")
    assert code == 1
    assert "is the part decoder, not the encoder" in err


def test_after_an_error_the_same_command_goes_on(data, tmp_path, capsys, monkeypatch):
    x = X.copy()
    x[45] = np.nan
    path, out = tmp_path / "x.parquet", tmp_path / "codes.parquet"
    table = pyarrow.Table.from_batches([to_arrow({"x": x})])
    pyarrow.parquet.write_table(table, path, row_group_size=10)
    given = ("encode", data / "out", path, "--out", out, "--shard-rows", 10)
    code, said, err = run(capsys, *given)
    assert code == 1
    assert "x.parquet, among rows 40 to 49 of all (row numbers count from row 40): x:" in err
    assert f"{out}.shards keeps what is done" in said
    code, said, _ = run(capsys, *given)
    assert (code, "4 of 6 shards are there already" in said) == (1, True)
    for change, word in ((("--outputs", "z_mean"), "--outputs"), (("--shard-rows", 20), "--shard")):
        code, _, err = run(capsys, *given, *change)
        assert code == 1
        assert f"holds partial results of another run: {word}" in err
    with monkeypatch.context() as patch:
        patch.setattr("zoo.cli.sharded.__version__", "0.0.1")
        assert "another run: the version of the zoo differed" in run(capsys, *given)[2]
    os.utime(path, (1, 1))
    assert "another run: the data differed" in run(capsys, *given)[2]
    assert "another run: the model differed" in run(capsys, "encode", DIGITS, path, *given[3:])[
        2
    ].replace("the data, ", "")


def test_the_result_may_lie_in_the_folder_of_the_data(data, tmp_path, capsys, monkeypatch):
    """It is no part of the data, nor are the shards that an error has left."""
    x = X.copy()
    x[45] = np.nan
    table = pyarrow.Table.from_batches([to_arrow({"x": x})])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet", row_group_size=10)
    monkeypatch.chdir(tmp_path)
    for address, out in ((".", "codes.parquet"), (f"file://{tmp_path}", tmp_path / "b.parquet")):
        given = ("encode", data / "out", address, "--out", out, "--shard-rows", 10)
        assert run(capsys, *given)[0] == 1
        _, said, err = run(capsys, *given)
        assert "4 of 6 shards are there already" in said
        assert "x.parquet, among rows 40 to 49" in err
        shutil.rmtree(f"{out}.shards")
    pyarrow.parquet.write_table(table[:40], tmp_path / "x.parquet")
    given = ("encode", data / "out", ".", "--out", "codes.parquet", "--overwrite")
    for _ in range(2):
        assert run(capsys, *given)[0] == 0
        assert read("codes.parquet").num_rows == 40


def test_the_data_are_not_replaced_by_the_result(data, tmp_path, capsys):
    path = tmp_path / "a.parquet"
    shutil.copy(data / "digits.parquet", path)
    code, _, err = run(capsys, "encode", data / "out", path, "--out", path, "--overwrite")
    assert code == 1
    assert "is also the file to write, which would replace the data" in err
    assert path.read_bytes() == (data / "digits.parquet").read_bytes()


def test_a_mistake_leaves_nothing(data, tmp_path, capsys):
    given = ("encode", data / "out", data / "digits.parquet", "--out", tmp_path / "a.parquet")
    code, _, err = run(capsys, *given, "--column", "none")
    assert code == 1
    assert "there is no such column; the columns are name, pixels" in err
    assert list(tmp_path.iterdir()) == []
    assert run(capsys, *given)[0] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--out", "codes.csv"), "--out is codes.csv: give a name that ends in .parquet"),
        (("--out", "a.parquet", "--workers", 2), "--workers is for --engine ray"),
        (("--out", "none/../a.parquet", "--label", "name"), "this one takes none"),
    ],
)
def test_options_that_do_not_fit_are_refused(data, given, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "encode", data / "out", data / "digits.parquet", *given)
    assert code == 1
    assert said in err


def test_a_model_without_an_encoder_is_refused(data, tmp_path, capsys):
    given = (data / "digits.parquet", "--out", tmp_path / "a.parquet")
    code, _, err = run(capsys, "encode", "gan_fashion_mnist", *given)
    assert code == 1
    assert "A GAN has no encoder; its parts are decoder" in err
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_the_error_says_what_to_install(data, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run(capsys, "encode", data / "out", data, "--out", "a.parquet")
    assert code == 1
    assert "pip install 'autoencoder-zoo[parquet]'" in err


def test_without_ray_the_error_says_what_to_install(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    given = (data / "out", data / "digits.parquet", "--out", tmp_path / "a.parquet")
    code, _, err = run(capsys, "encode", *given, "--engine", "ray")
    assert code == 1
    assert "pip install 'autoencoder-zoo[ray]'" in err
    assert list(tmp_path.iterdir()) == []


# Detectors


def test_a_detector_scores_a_file(data, tmp_path, capsys):
    out = tmp_path / "scores.parquet"
    given = ("detect", data / "detector", data / "digits.parquet", "--engine", "process")
    code, said, err = run(capsys, *given, "--id", "name", "--out", out)
    assert (code, err) == (0, "")
    assert "60 rows with name, score, is_anomaly." in said
    detector = zoo.anomaly.load(data / "detector")
    table = read(out)
    np.testing.assert_allclose(table["score"].to_numpy(), detector.scores(X), rtol=1e-4)
    expected = detector.scores(X) > detector.threshold
    assert table["is_anomaly"].to_pylist() == expected.astype(int).tolist()
    assert 0 < expected.sum() < len(expected)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("detector", ("--engine", "process", "--top", 3), "--top does not go together with"),
        ("detector", ("--shard-rows", 3), "--shard-rows is for --engine"),
        ("detector", (), "a .parquet file is written with an engine"),
        (None, ("--engine", "process"), "vae_digits is no detector with a threshold"),
    ],
)
def test_other_options_of_detectors_are_refused(data, name, given, said, tmp_path, capsys):
    name = DIGITS if name is None else data / name
    out = ("--out", tmp_path / "a.parquet")
    code, _, err = run(capsys, "detect", name, data / "digits.parquet", *out, *given)
    assert code == 1
    assert said in err


# Generated rows


@pytest.mark.parametrize("at_once", [generate_shards.AT_ONCE, 8])
def test_images_are_generated_in_shards(tmp_path, capsys, at_once, monkeypatch):
    monkeypatch.setattr(generate_shards, "AT_ONCE", at_once)
    given = ("generate", DIGITS, "--engine", "process", "--n", 50)
    code, said, err = run(capsys, *given, "--shard-rows", 20, "--out", tmp_path / "a.parquet")
    assert (code, err) == (0, "")
    assert "50 rows with x." in said
    images = array_of(read(tmp_path / "a.parquet")["x"])
    assert images.shape == (50, 64)
    assert len(np.unique(images, axis=0)) == 50  # no image is there twice
    for seed, name in ((0, "b.parquet"), (1, "c.parquet")):
        out = ("--out", tmp_path / name, "--seed", seed)
        assert run(capsys, *given, "--shard-rows", 20, *out)[0] == 0
    assert read(tmp_path / "b.parquet").equals(read(tmp_path / "a.parquet"))
    assert not read(tmp_path / "c.parquet").equals(read(tmp_path / "a.parquet"))


def test_labels_go_on_in_turn_from_shard_to_shard(cvae, tmp_path, capsys):
    cvae.compile()
    zoo.save(cvae, tmp_path / "cvae")
    given = ("generate", tmp_path / "cvae", "--engine", "process", "--n", 10, "--shard-rows", 4)
    out = ("--labels", 3, 1, 4, "--out", tmp_path / "a.parquet")
    assert run(capsys, *given, *out)[0] == 0
    assert read(tmp_path / "a.parquet")["label"].to_pylist() == [3, 1, 4, 3, 1, 4, 3, 1, 4, 3]
    assert run(capsys, *given, "--out", tmp_path / "b.parquet")[0] == 0
    assert len(set(read(tmp_path / "b.parquet")["label"].to_pylist())) > 3


def test_what_cannot_be_generated_is_refused(tmp_path, capsys):
    given = ("generate", DIGITS, "--n", 5, "--out", tmp_path / "a.parquet")
    code, _, err = run(capsys, *given)
    assert code == 1
    assert "a .parquet file is written with an engine; add --engine process" in err
    code, _, err = run(capsys, *given, "--engine", "process", "--labels", 3)
    assert code == 1
    assert "VAE is not conditional and takes no labels" in err
    assert list(tmp_path.iterdir()) == []


def test_rows_of_another_backend_are_not_mixed_with_these(tmp_path, capsys, monkeypatch):
    given = ("generate", DIGITS, "--n", 20, "--engine", "process", "--shard-rows", 10)
    out = tmp_path / "a.parquet"
    monkeypatch.setattr(ShardFolder, "merge", None)
    assert run(capsys, *given, "--out", out)[0] == 1
    settings = Path(f"{out}.shards", SETTINGS)
    settings.write_text(settings.read_text().replace('"tensorflow"', '"torch"'))
    assert "another run: the backend differed" in run(capsys, *given, "--out", out)[2]


def test_rows_of_a_table_are_generated_under_conditions(tmp_path, capsys):
    draw = np.random.default_rng(0)
    frame = pandas.DataFrame({"age": draw.integers(20, 80, 60), "kind": ["a", "b"] * 30})
    frame["height"] = draw.normal(170, 8, 60).round(1)
    model = zoo.VAE((4,), 1, hidden_units=(4,), likelihood=zoo.data.from_table(frame).likelihood())
    model.compile()
    zoo.save(model, tmp_path / "vae")
    given = ("generate", tmp_path / "vae", "--engine", "process", "--shard-rows", 30)
    out = ("--out", tmp_path / "rows.parquet", "--where", "kind=b", "age<50")
    code, said, err = run(capsys, *given, "--n", 70, *out)
    assert (code, err) == (0, "")
    assert "70 rows with age, kind, height." in said
    rows = read(tmp_path / "rows.parquet").to_pandas()
    assert rows.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    assert set(rows["kind"]) == {"b"}
    assert (rows["age"] < 50).all()
    code, _, err = run(capsys, *given, "--match", tmp_path / "a.csv", "--out", "a.parquet")
    assert code == 1
    assert "--match does not go together with --engine" in err
