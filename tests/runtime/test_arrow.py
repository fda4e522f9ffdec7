"""Arrow columns go into a session, and its outputs become columns, without a copy."""

import numpy as np
import pyarrow
import pytest

import export
from zoo.runtime.arrow import array_of, to_arrow
from zoo.runtime.table_rows import TableRows

pytestmark = pytest.mark.lowest

X = np.random.default_rng(0).random((40, 14, 14, 1), "float32")
FLAT = pyarrow.array(X.reshape(-1))
LISTS = pyarrow.FixedSizeListArray.from_arrays(FLAT, 196)


@pytest.fixture(scope="module")
def encoder(exported):
    return export.load(exported[0] / "encoder")


def nested(column, *sizes):
    for size in sizes:
        column = pyarrow.FixedSizeListArray.from_arrays(column, size)
    return column


def test_lists_of_a_fixed_size_are_not_copied_on_their_way_into_onnxruntime(encoder):
    for column in (LISTS, LISTS[5:30], pyarrow.chunked_array([LISTS]), nested(FLAT, 1, 14, 14)):
        (x,) = encoder.check({"x": column})[0].values()
        assert x.shape == (len(column), 14, 14, 1)
        assert x.flags.c_contiguous
        assert np.shares_memory(x, X)
    np.testing.assert_array_equal(encoder.check({"x": LISTS[5:30]})[0]["x"], X[5:30])


def test_a_session_gives_for_columns_what_it_gives_for_arrays(encoder):
    tensors = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(X)
    columns = [LISTS, LISTS.cast(pyarrow.list_(pyarrow.float32())), tensors]
    columns += [pyarrow.chunked_array([LISTS[:7], LISTS[7:]])]
    batch = pyarrow.RecordBatch.from_arrays(columns[:1], names=["pixels"])
    for column in [*columns, batch.column("pixels"), pyarrow.table(batch)["pixels"]]:
        for name, array in encoder(x=X).items():
            np.testing.assert_array_equal(encoder(x=column)[name], array)


def test_no_rows_are_no_rows(encoder):
    for empty in (LISTS[:0], pyarrow.chunked_array([], LISTS.type)):
        assert encoder(x=empty)["z_mean"].shape == (0, 3)


def test_labels_are_a_column_of_integers(exported):
    decoder = export.load(exported[0] / "decoder")
    z, label = np.ones((4, 3), "float32"), np.array([0, 3, 9, 3], "int32")
    given = {"z": to_arrow({"z": z}).column("z"), "label": pyarrow.array(label)}
    np.testing.assert_array_equal(decoder(**given)["x"], decoder(z=z, label=label)["x"])


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        (pyarrow.array([[1.0, 2.0], [1.0]]), ValueError, "lists .* have from 1 to 2 values"),
        (pyarrow.array([[1.0], None]), ValueError, "1 of the 2 cells .* the first in row 1"),
        (pyarrow.array([[1.0], [None]]), ValueError, "1 of the 2 cells .* are empty"),
        (pyarrow.array(["a"]), TypeError, "holds string; numbers, or lists of numbers"),
        (pyarrow.array([[1, 2]]), TypeError, "takes floats, got int64"),
        (nested(FLAT, 98), ValueError, r"got shape \(80, 98\)"),
        (nested(FLAT, 28, 7), ValueError, r"got shape \(40, 7, 28\)"),
        (
            pyarrow.FixedShapeTensorArray.from_numpy_ndarray(X.reshape(40, 7, 28)),
            ValueError,
            r"got shape \(40, 7, 28\)",
        ),
    ],
    ids=[
        *("lengths", "empty rows", "empty values", "text", "integers", "other sizes"),
        *("other lists of lists", "other tensors"),
    ],
)
def test_columns_that_do_not_fit_are_refused(encoder, column, error, said):
    with pytest.raises(error, match=said) as raised:
        encoder(x=column)
    assert "x: float32" in str(raised.value)


def test_tensors_with_other_axes_are_not_taken_for_rows_of_this_shape():
    """Of an image with channels last, a part with channels first would see other pixels."""
    images = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(np.ones((2, 8, 12, 3), "float32"))
    assert array_of(images, (3, 8, 12)).shape == (2, 8, 12, 3)
    assert array_of(images.storage, (3, 8, 12)).shape == (2, 3, 8, 12)  # flat: as the part has it


def test_outputs_become_columns_that_share_their_memory(encoder):
    codes = encoder(x=X)
    batch = to_arrow(codes)
    assert batch.schema.field("z_mean").type == pyarrow.list_(pyarrow.float32(), 3)
    for name, array in codes.items():
        again = array_of(batch.column(name))
        np.testing.assert_array_equal(again, array)
        assert np.shares_memory(again, array)
    scores = to_arrow({"score": np.arange(3, dtype="float32"), "map": X[:3]})
    assert scores.schema.types == [pyarrow.float32(), LISTS.type]
    np.testing.assert_array_equal(array_of(scores.column("map"), (14, 14, 1)), X[:3])
    with pytest.raises(ValueError, match="different numbers of rows"):
        to_arrow({"a": np.zeros(2), "b": np.zeros(3)})


# Rows of tables: the same as by row, without reading each row by itself.

ROWS = TableRows(["speed", "kind=new", "kind=old", "load"], [
    {"column": "kind", "first": 1, "values": ["new", "old"]}
])  # fmt: skip
SPEED, KIND, LOAD = [0.5, 0.1, 7.0], ["new", "old", "new"], [2, 3, -4]


@pytest.mark.parametrize(
    "kinds",
    [
        pyarrow.array(KIND),
        pyarrow.array(KIND).dictionary_encode(),
        pyarrow.array(KIND, "large_string"),
    ],
)
def test_a_table_of_arrow_is_read_by_column(kinds, monkeypatch):
    table = pyarrow.table({"load": LOAD, "kind": kinds, "speed": SPEED})
    expected = ROWS.array(table.to_pylist())
    monkeypatch.delattr(TableRows, "_fill")
    np.testing.assert_array_equal(ROWS.array(table), expected)
    (batch,) = table.to_batches()
    np.testing.assert_array_equal(ROWS.array(batch), expected)
    chunks = pyarrow.concat_tables([table[:1], table[1:]])
    np.testing.assert_array_equal(ROWS.array(chunks), expected)


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("speed", [0.5, None, 7.0], "Row 1 has None in column 'speed'"),
        ("speed", [0.5, 1e39, 7.0], "Row 1 has 1e[+]39 in column 'speed'"),
        ("kind", ["new", "blue", "old"], "Row 1 has 'blue' in column 'kind'"),
        ("kind", ["new", None, "old"], "Row 1 has no value in column 'kind'"),
    ],
)
def test_a_wrong_cell_of_a_table_of_arrow_is_named(name, cells, said):
    table = pyarrow.table({"speed": SPEED, "kind": KIND, "load": LOAD} | {name: cells})
    with pytest.raises(ValueError, match=said):
        ROWS.array(table)


def test_other_columns_of_a_table_of_arrow_are_refused_as_those_of_rows():
    table = pyarrow.table({"speed": SPEED, "kind": KIND, "load": LOAD})
    others = table.drop_columns(["load"]), table.append_column("id", pyarrow.array([1, 2, 3]))
    for other, name in zip(others, ("load", "id"), strict=True):
        with pytest.raises(ValueError, match=name) as of_rows:
            ROWS.array(other.to_pylist())
        with pytest.raises(ValueError, match=name) as of_arrow:
            ROWS.array(other)
        assert str(of_arrow.value) == str(of_rows.value)


def test_text_that_holds_numbers_and_lost_cells_are_read_by_row():
    table = pyarrow.table(
        {"speed": SPEED, "kind": [" old ", "new", "old"], "load": ["1", "2", "3"]}
    )
    assert ROWS.array(table)[:, 2:].tolist() == [[1, 1], [0, 2], [1, 3]]
    lost = TableRows(["a", "b"], missing=True)
    found = lost.array(pyarrow.table({"a": [1.0, None], "b": [2.0, 3.0]}))
    np.testing.assert_array_equal(found, [[1, 2], [np.nan, 3]])
