"""Rows of Parquet files and images become inputs of a part, and its outputs rows with their ids."""

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image
from support import shards as support

import export
import zoo
from zoo.inference.sharded import sources
from zoo.inference.sharded.scoring import Scoring, reading_of
from zoo.runtime.arrow import array_of, to_arrow

X = support.X


@pytest.fixture(scope="module")
def encoder(exported):
    return export.load(exported[0] / "encoder")


@pytest.fixture(scope="module", params=["channels_first", "channels_last"])
def color(request, tmp_path_factory):
    """The encoder of color images."""
    out = tmp_path_factory.mktemp("color") / "out"
    model = zoo.VAE((8, 12, 3), 2, hidden_units=(4,))
    export.export_model(model, out, formats=("onnx",), parts=["encoder"], layout=request.param)
    return model, export.load(out / "encoder")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """The exported detector of a table with two numbers and a category, and the table."""
    out = tmp_path_factory.mktemp("table") / "out"
    draw = np.random.default_rng(0)
    columns = {"speed": draw.normal(size=20), "kind": ["new", "old"] * 10}
    frame = pandas.DataFrame({**columns, "load": draw.integers(9, size=20)})
    data = zoo.data.from_table(frame)
    model = zoo.VAE((4,), 1, hidden_units=(4,), likelihood=data.likelihood())
    fitted = zoo.anomaly.Detector(model).fit(data.rows, epochs=1, verbose=0)
    export.export_model(fitted, out, formats=("onnx",))
    return export.load(out / "detector"), frame, fitted.scores(data.rows)


def scored(session, path, outputs=None, **options):
    """Return the results of all shards as one table."""
    files, of_images = sources.files_of(str(path))
    if of_images:
        shards, columns, reading = sources.image_shards(files, 3), None, None
    else:
        shards, columns = sources.parquet_shards(str(path), files, 20)
        reading = reading_of(session, columns, **options)
    job = Scoring.of(session, str(path), reading, columns, outputs)
    run = job.opened()
    return pyarrow.Table.from_batches([b for shard in shards for b in run(shard)], job.schema)


def write(path, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=7)
    return path


def check_codes(table, expected):
    for name, codes in expected.items():
        np.testing.assert_allclose(array_of(table[name]), codes, rtol=1e-5, atol=1e-6)


LISTS = to_arrow({"x": X}).column("x")


@pytest.mark.parametrize(
    "column",
    [
        LISTS,
        LISTS.cast(pyarrow.list_(pyarrow.float64())),
        pyarrow.array(X.reshape(90, 14, 14).tolist()),
    ],
    ids=["fixed size", "any size, float64", "nested"],
)
def test_a_column_of_lists_is_x(encoder, column, tmp_path):
    table = scored(encoder, write(tmp_path / "a.parquet", pixels=column, year=np.arange(90)))
    assert table.schema.names == ["row", "z_mean", "z_log_var"]
    assert table["row"].to_pylist() == list(range(90))
    check_codes(table, encoder(x=X))


def test_pixels_of_bytes_are_divided_by_255(encoder, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=X.shape).astype("uint8")
    column = to_arrow({"x": pixels}).column("x")
    table = scored(encoder, write(tmp_path / "a.parquet", pixels=column))
    check_codes(table, encoder(x=pixels.astype("float32") / 255))


def test_ids_keep_their_type_and_outputs_are_chosen(encoder, tmp_path):
    ids = pyarrow.array([None, *range(1, 90)], pyarrow.timestamp("us"))
    path = write(tmp_path / "a.parquet", when=ids, a=LISTS, b=LISTS)
    table = scored(encoder, path, ["z_log_var"], id_column="when", column="b")
    assert table.schema.names == ["when", "z_log_var"]
    assert table["when"].combine_chunks().equals(ids)
    check_codes(table, {"z_log_var": encoder(x=X)["z_log_var"]})


def test_many_rows_run_in_pieces(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(Scoring, "at_once", 4)
    table = scored(encoder, write(tmp_path / "a.parquet", pixels=LISTS))
    assert table["row"].to_pylist() == list(range(90))
    check_codes(table, encoder(x=X))


def test_labels_are_a_column(exported, tmp_path):
    decoder = export.load(exported[0] / "decoder")
    z, y = np.random.default_rng(0).normal(size=(9, 3)).astype("float32"), np.arange(9) % 3
    path = write(tmp_path / "a.parquet", z=to_arrow({"z": z}).column("z"), y=y)
    with pytest.raises(
        ValueError, match=r"also takes label: int32 .*: name the column with --label"
    ):
        scored(decoder, path)
    table = scored(decoder, path, label="y")
    check_codes(table, {"x": decoder(z=z, label=y)["x"].reshape(9, -1)})


def test_rows_of_a_table_are_read_by_name(detector, tmp_path):
    session, frame, expected = detector
    path = write(tmp_path / "a.parquet", **frame[["load", "kind", "speed"]], more=np.arange(20))
    table = scored(session, path, ["score", "is_anomaly"], id_column="more")
    assert table["more"].to_pylist() == list(range(20))
    np.testing.assert_allclose(table["score"].to_numpy(), expected, rtol=1e-5)
    assert table["is_anomaly"].to_pylist() == session(x=frame)["is_anomaly"].tolist()
    with pytest.raises(ValueError, match="columns load are missing; there are speed, kind"):
        scored(session, write(tmp_path / "b.parquet", **frame[["speed", "kind"]]))


def test_a_wrong_cell_is_named_with_its_file(detector, tmp_path):
    session, frame, _ = detector
    path = write(tmp_path / "a.parquet", **frame.assign(kind=["new"] * 15 + ["blue"] * 5))
    with pytest.raises(ValueError, match=r"a\.parquet, .* count from row 0\): Row 15 has 'blue'"):
        scored(session, path)


def test_columns_of_numbers_are_taken_in_their_order(tmp_path):
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood="gaussian")
    export.export_model(model, tmp_path / "out", formats=("onnx",), parts=["encoder"])
    session = export.load(tmp_path / "out" / "encoder")
    x = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    columns = {"b": x[:, 0].astype("float64"), "name": ["n"] * 9, "a": x[:, 1], "c": x[:, 2]}
    check_codes(scored(session, write(tmp_path / "a.parquet", **columns)), session(x=x))


def test_columns_that_do_not_fit_are_refused(encoder, tmp_path):
    path = write(tmp_path / "a.parquet", a=LISTS, b=LISTS, c=np.arange(90))
    with pytest.raises(ValueError, match="there are 2 columns of lists and 1 of numbers: a, b, c"):
        scored(encoder, path)
    with pytest.raises(ValueError, match="--column d: there is no such column; .* a, b, c"):
        scored(encoder, path, column="d")
    with pytest.raises(ValueError, match="--label is for models that take labels"):
        scored(encoder, path, label="c")
    with pytest.raises(
        ValueError, match="no output 'z'; --outputs takes some of z_mean, z_log_var"
    ):
        scored(encoder, path, ["z"], column="a")
    with pytest.raises(ValueError, match="The column of ids is 'z_mean', which is also an output"):
        scored(
            encoder,
            write(tmp_path / "a.parquet", a=LISTS, z_mean=np.arange(90)),
            id_column="z_mean",
        )


# Images


@pytest.mark.parametrize("at_once", [1, 2, 50])
def test_images_are_read_as_from_folder_reads_them(color, at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(Scoring, "at_once", at_once)
    model, session = color
    draw = np.random.default_rng(0)
    for name, size in (("b.png", (20, 16, 3)), ("a/1.jpg", (9, 30, 3)), ("c.webp", (8, 12, 3))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(draw.integers(256, size=size).astype("uint8")).save(tmp_path / name)
    table = scored(session, tmp_path, ["z_mean"])
    found = zoo.data.from_folder(tmp_path, (8, 12), validation=0)
    assert table["file"].to_pylist() == list(found.files) == ["a/1.jpg", "b.png", "c.webp"]
    check_codes(table, {"z_mean": model.encode(np.asarray(found.images))})


def test_an_image_that_cannot_be_read_is_an_empty_row(color, tmp_path):
    _, session = color
    for name in "abcde":
        Image.new("RGB", (12, 8), (40, 80, ord(name))).save(tmp_path / f"{name}.png")
    expected = scored(session, tmp_path)
    (tmp_path / "b.png").write_bytes(b"text")
    table = scored(session, tmp_path)
    assert table["file"].to_pylist() == expected["file"].to_pylist()
    assert table["z_mean"][1].as_py() is table["z_log_var"][1].as_py() is None
    kept = [0, 2, 3, 4]
    assert table.take(kept).to_pylist() == expected.take(kept).to_pylist()
    for name in "abcde":
        (tmp_path / f"{name}.png").write_bytes(b"")
    assert scored(session, tmp_path)["z_mean"].null_count == 5


def test_a_part_that_takes_no_images_of_files_is_refused(detector, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is a folder of images, but the detector takes x: "):
        scored(detector[0], tmp_path)
