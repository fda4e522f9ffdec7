"""Rows as dictionaries and tables for exported parts: by name, with categories as text."""

import json

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import export
import zoo
from zoo.runtime.table_rows import columns_of

ROWS = [{"speed": 0.5, "kind": "new", "load": 2}, {"load": "3", "kind": " old ", "speed": 0.1}]
X = np.array([[0.5, 1, 0, 2], [0.1, 0, 1, 3]], "float32")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The exported detector of a table with two numbers and a category between them."""
    folder = tmp_path_factory.mktemp("table")
    draw = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {"speed": draw.normal(size=20), "kind": ["new", "old"] * 10, "load": draw.normal(size=20)}
    )
    data = zoo.data.from_table(frame)
    model = zoo.VAE((4,), 1, hidden_units=(4,), likelihood=data.likelihood())
    detector = zoo.anomaly.Detector(model).fit(data.rows, epochs=1, verbose=0)
    export.export_model(detector, folder / "out", formats=("onnx",))
    return export.load(folder / "out" / "detector")


def test_the_signature_lists_the_values_of_each_category(session):
    entry = session.signature["inputs"][0]
    assert entry["categories"] == [{"column": "kind", "first": 1, "values": ["new", "old"]}]
    assert columns_of(json.loads(json.dumps(entry))).names == ["speed", "kind", "load"]


FRAME = pandas.DataFrame({"load": [2.0, 3.0], "kind": ["new", "old"], "speed": [0.5, 0.1]})


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        FRAME,
        polars.from_dict(FRAME.to_dict("list")),
        pyarrow.table(FRAME.to_dict("list")),
        pandas.DataFrame(X, columns=["speed", "kind=new", "kind=old", "load"]),
    ],
    ids=["dictionaries", "pandas", "polars", "pyarrow", "zeros and ones"],
)
def test_rows_are_taken_by_name_with_text_as_text(session, rows):
    np.testing.assert_array_equal(session.check({"x": rows})[0]["x"], X)
    np.testing.assert_array_equal(session(x=rows)["score"], session(x=X)["score"])


def test_one_dictionary_is_one_row(session):
    np.testing.assert_array_equal(session.check({"x": ROWS[0]})[0]["x"], X[:1])


def test_a_frame_without_names_is_an_array(session):
    np.testing.assert_array_equal(session.check({"x": pandas.DataFrame(X)})[0]["x"], X)


ONE_HOT = {"speed": 1, "kind=new": 1, "kind=old": 0, "load": 2}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {**ROWS[0], "kind": "odd"},
            "has 'odd' in column 'kind'; expected one of 'new', 'old'",
        ),
        ({**ROWS[0], "kind": None}, "Row 1 has no value in column 'kind'"),
        ({**ROWS[0], "kind": ""}, "Row 1 has no value in column 'kind'"),
        ({**ONE_HOT, "kind=old": 1}, "Row 1 has 2 values in the category 'kind'"),
        ({**ONE_HOT, "kind=new": 0}, "Row 1 has 0 values in the category 'kind'"),
        ({**ONE_HOT, "kind=new": 0.5, "kind=old": 0.5}, "one of its columns must be 1"),
        ({"speed": 1, "kind": "new"}, "Row 1 lacks 'load'"),
        ({**ROWS[0], "color": 1}, "Row 1 has 'color'"),
        ({**ROWS[0], "speed": "fast"}, "Row 1 has 'fast' in column 'speed'"),
        ({**ROWS[0], "speed": 1e39}, "give a finite number"),
        ({**ROWS[0], " speed": 1}, "has a column twice"),
        ([1, 2], "Row 1 is not a dictionary"),
    ],
)
def test_rows_that_do_not_fit_are_refused(session, row, message):
    with pytest.raises(ValueError, match=message):
        session(x=[ROWS[0], row])


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": ["a"]},
        {"columns": ["a", "a", "b", "c"]},
        {"columns": "abcd"},
        {"categories": [{"column": "k", "first": 3, "values": ["x", "y"]}]},
        {"categories": [{"column": "k", "first": -1, "values": ["x", "y"]}]},
        {"categories": [{"column": "k", "first": 1, "values": ["x"]}]},
        {"categories": [{"column": "k", "first": 1, "values": ["x", "x"]}]},
        {"categories": [{"column": "k", "first": 0, "values": ["x", "y"]}] * 2},
        {"categories": [7]},
        {"categories": 7},
    ],
)
def test_a_signature_with_columns_that_do_not_go_together_is_refused(changed):
    entry = {"shape": ["batch", 4], "columns": ["a", "b", "c", "d"]}
    assert columns_of(entry).names == ["a", "b", "c", "d"]
    named_twice = [{"column": "a", "first": 1, "values": ["x", "y"]}]
    assert columns_of({**entry, "categories": named_twice}) is None
    with pytest.raises(ValueError, match="columns|categor"):
        columns_of({**entry, **changed})


@pytest.fixture(scope="module")
def imputer(tmp_path_factory):
    """The exported imputer of a table with two numbers and a category between them."""
    folder = tmp_path_factory.mktemp("imputer")
    draw = np.random.default_rng(0)
    numbers = {name: draw.normal(size=20) for name in ("speed", "load")}
    frame = pandas.DataFrame({**numbers, "kind": ["new", "old"] * 10})[["speed", "kind", "load"]]
    frame.loc[3, "kind"], frame.loc[4, "load"] = None, None
    data = zoo.data.from_table(frame, missing="learn")
    model = zoo.VAE((4,), 1, hidden_units=(4,), likelihood=data.likelihood())
    export.export_model(model, folder / "out", parts=["imputer"], formats=("onnx",))
    return export.load(folder / "out" / "imputer")


NAN = float("nan")
HOLED = np.array([[NAN, 1, 0, 2], [0.1, NAN, NAN, 3], [0.1, 0, 1, NAN]], "float32")


@pytest.mark.parametrize("lost", [None, NAN, pandas.NA, "", " NA ", "?", "null"])
def test_cells_without_a_value_become_nan_for_an_imputer(imputer, lost):
    rows = [
        {"speed": lost, "kind": "new", "load": 2},
        {"speed": 0.1, "kind": lost, "load": 3},
        {"speed": 0.1, "kind": "old", "load": lost},
    ]
    np.testing.assert_array_equal(imputer.check({"x": rows})[0]["x"], HOLED)
    full = imputer(x=rows)["imputed"]
    np.testing.assert_array_equal(full[~np.isnan(HOLED)], HOLED[~np.isnan(HOLED)])
    np.testing.assert_allclose(full[:, 1:3].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(imputer(x=HOLED)["imputed"], full)


def test_frames_with_holes_are_rows_of_an_imputer(imputer):
    frame = pandas.DataFrame({"speed": [None, 0.1], "kind": ["new", None], "load": [2, 3]})
    for table in (frame, frame.convert_dtypes(), polars.from_pandas(frame)):
        np.testing.assert_array_equal(imputer.check({"x": table})[0]["x"], HOLED[:2])
    columns = ["speed", "kind=new", "kind=old", "load"]
    frame = pandas.DataFrame(HOLED, columns=columns)
    np.testing.assert_array_equal(imputer.check({"x": frame})[0]["x"], HOLED)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"speed": "fast", "kind": "new", "load": 1}, "or None if there is none"),
        ({"speed": 1e39, "kind": "new", "load": 1}, "give a finite number"),
        ({"speed": 1, "kind": "odd", "load": 1}, "has 'odd' in column 'kind'"),
        ({"speed": 1, "kind": "new"}, "lacks 'load'"),
        ({"speed": 1, "kind=new": None, "kind=old": 1, "load": 2}, "or all without a value"),
    ],
)
def test_other_mistakes_are_refused_for_an_imputer_too(imputer, row, message):
    with pytest.raises(ValueError, match=message):
        imputer(x=[row])


def test_a_category_that_is_nan_in_part_is_refused_in_arrays_as_in_python(imputer):
    array = HOLED.copy()
    array[1, 2] = 0
    with pytest.raises(ValueError, match="Row 1 has NaN in some columns of the category 'kind'"):
        imputer(x=array)
    columns = ["speed", "kind=new", "kind=old", "load"]
    likelihood = zoo.MixedColumns([0] * 4, [1] * 4, [(1, 3)], names=columns, missing="learn")
    model = zoo.VAE((4,), 1, hidden_units=(4,), likelihood=likelihood)
    with pytest.raises(ValueError, match="Row 1 of x holds NaN in some of"):
        model.impute(array)
