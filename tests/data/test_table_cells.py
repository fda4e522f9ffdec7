"""Signs in tables: delimiters, decimal commas, encodings, dates, lists, numbers of rows."""

import datetime
import re

import numpy as np
import pytest

import zoo
from zoo.data.own import read
from zoo.data.tables import from_table, read_table

ROWS = [[1, 2.5], [3, 4], [-7, 0.25]]


def write(path, *lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a;b", "1;2,5", "3;4", "-7;,25"), "semicolons between the cells, decimal commas"),
        (("a\tb", "1\t2,5e0", "3\t4", "-7\t0,25"), "tabs between the cells, decimal commas"),
        (('"a, x"|b', '1|"2,5"', "3|4", "-7|0,25"), "bars between the cells, decimal commas"),
        (("a,b", "1,2.5", "3,4", "-7,0.25"), "commas between the cells, decimal points"),
        (("a;b", "1;2.5", "3;4", "-7;0.25"), "semicolons between the cells, decimal points"),
    ],
)
def test_signs_are_recognized_and_said(lines, said, encoding, tmp_path):
    found = from_table(write(tmp_path / "t.csv", *lines, encoding=encoding), validation=0)
    np.testing.assert_array_equal(found.rows, np.float32(ROWS))
    assert said in found.recognized
    assert "; 2 columns of numbers" in found.recognized


def test_quoted_delimiters_do_not_decide(tmp_path):
    lines = ('"x, cm";"y, cm";"z, kg"', "1;2;3", "4;5;6")
    assert read_table(write(tmp_path / "t.csv", *lines)).columns == ("x, cm", "y, cm", "z, kg")
    lines = ("name;note", "x;'he said, \"yes\", and left'", "y;b", *("x;b", "y;b") * 9)
    read = read_table(write(tmp_path / "t.csv", *lines), drop="note")
    assert read.columns == ("name=x", "name=y")


def test_signs_can_be_given(tmp_path):
    path = write(tmp_path / "t.csv", "a:b", "1:1,234", "2:5,678")
    read = read_table(path, delimiter=":", decimal=",")
    np.testing.assert_array_equal(read.x, np.float32([[1, 1.234], [2, 5.678]]))
    path = write(tmp_path / "t.csv", "a,b", '1,"2,5"', '2,"3,5"')
    np.testing.assert_array_equal(read_table(path, decimal=",").x, [[1, 2.5], [2, 3.5]])
    path = write(tmp_path / "t.tsv", "a\tb", "1\t2", "3\t4")
    assert read_table(path, delimiter="tab").x.tolist() == [[1, 2], [3, 4]]
    for wrong in (";;", "a", '"'):
        with pytest.raises(ValueError, match="give one character"):
            read_table(path, delimiter=wrong)
    with pytest.raises(ValueError, match=r"give '.' or ','"):
        read_table(path, decimal=";")


AMBIGUOUS = {
    "thousands": ("a;b", "1;1,234", "2;5,678"),
    "quoted": ("a,b", '1,"2,5"', '2,"3,5"'),
    "both signs": ("a;b", "1.5;1,2", "2;5,6"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_commas_that_may_mean_two_things_are_refused(name, tmp_path):
    said = r"in line 2, column '[ab]'.*decimal=',' \(--decimal , on the command line\)"
    with pytest.raises(ValueError, match=said):
        read_table(write(tmp_path / "t.csv", *AMBIGUOUS[name]))


REFUSED = {
    "points and decimal commas": (["1.234", "2,5"], ",", "'1.234' in line 2, column 'b'.*comma"),
    "points between thousands": (["1.234,5", "2.000,25"], None, "holds '1.234,5' in column 'b'"),
    "commas between thousands": (["1,234.5", "2,000.25"], None, "holds '1,234.5' in column 'b'"),
    "per cent": (["12 %", "15.5 %"], None, "without thousands separators, percent signs"),
    "money": (["€5", "€1,200"], None, "'€1,200'|'€5'"),
    "underscores": (["1_000", "2"], None, "holds '1_000' in line 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_numbers_with_other_signs_are_refused(name, tmp_path):
    cells, decimal, said = REFUSED[name]
    lines = [f"{i};{cells[i % 2]}" for i in range(6)]
    with pytest.raises(ValueError, match=said):
        read_table(write(tmp_path / "t.csv", "a;b", *lines), decimal=decimal)


@pytest.mark.parametrize("values", [("<=50K", ">50K"), ("18-25", "26-40"), ("5 l", "7 l")])
def test_categories_with_digits_stay_categories(values, tmp_path):
    lines = [f"{i / 2};{values[i % 2]}" for i in range(6)]
    found = from_table(write(tmp_path / "t.csv", "a;b", *lines), validation=0)
    assert found.columns == ("a", f"b={values[0]}", f"b={values[1]}")
    assert found.recognized.endswith("1 column of numbers; categories: b (2 values)")


def test_an_encoding_that_does_not_hold_is_said(tmp_path):
    (tmp_path / "t.csv").write_bytes("a,b\n1,2\n".encode("utf-16")[2:])
    with pytest.raises(ValueError, match="such as UTF-16 without a byte order mark has"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes("a,b\n1,2\n".encode("utf-16")[:-1])
    with pytest.raises(ValueError, match="is not text in UTF-16"):
        read_table(tmp_path / "t.csv")


# Dates and other cells


@pytest.mark.parametrize(
    ("dates", "numbers"),
    [
        (("2024-01-03", "2024-01-04", "2023-12-31"), (3, 4, 0)),
        (("03.01.2024", "04.01.2024", "31.12.2023"), (0, 1, -3)),
        (("2024-01-03 12:00", "2024-01-03 06:00:00", "2024-01-04 00:00"), (0.25, 0, 0.75)),
        (("12:30", "00:00", "01:00"), (45000, 0, 3600)),
        (("12:30:01", "00:00:00", "01:00:00"), (45001, 0, 3600)),
    ],
)
def test_dates_are_refused_with_the_line_that_makes_them_numbers(dates, numbers, tmp_path):
    pandas = pytest.importorskip("pandas")
    path = write(tmp_path / "t.csv", "a,day", *(f"{i},{day}" for i, day in enumerate(dates)))
    with pytest.raises(
        ValueError, match=r"holds (dates|times) in column 'day'.*drop=\['day'\]"
    ) as e:
        read_table(path)
    line = re.search(r": (frame\['day'\] = .*?)\. Leave out", str(e.value))[1]
    frame = pandas.read_csv(path)
    line = line.replace("to_datetime(frame['day'])", "to_datetime(frame['day'], format='mixed')")
    exec(line, {"pandas": pandas, "frame": frame})
    np.testing.assert_allclose(read_table(frame).x[:, 1], numbers, atol=1e-6)


def frames(columns):
    """Return a table with these columns of each library, and as a file of Parquet."""
    pandas, polars, pyarrow = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    return {
        "pandas": pandas.DataFrame(columns),
        "polars": polars.DataFrame(columns, strict=False),
        "pyarrow": pyarrow.table(columns),
    }


KINDS = {
    "days": ([datetime.date(2024, 1, 1 + i) for i in range(4)], "holds dates .*2024-01-01"),
    "moments": ([datetime.datetime(2024, 1, 1, 1, i, 0, 9) for i in range(4)], "holds dates"),
    "durations": ([datetime.timedelta(i, 3) for i in range(4)], "total_seconds"),
    "lists": ([[1, 2], [3], [4], [5]], r"column 'x', .*a cell holds one number or text"),
    "objects": ([{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}], "a cell holds one number or text"),
    "bytes": ([b"a", b"b", b"a", b"b"], r"a bytes in column 'x'.*drop=\['x'\]"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_typed_cells_that_are_no_numbers_are_refused(kind, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")

    cells, said = KINDS[kind]
    tables = frames({"a": [1.5, 2, 3, 5], "x": cells})
    parquet.write_table(tables["pyarrow"], tmp_path / "t.parquet")
    for table in (*tables.values(), tmp_path / "t.parquet"):
        with pytest.raises(ValueError, match=said):
            read_table(table)
        assert read_table(table, drop="x").columns == ("a",)


def test_frames_and_files_are_read_alike(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")

    columns = {
        "n": [1, 2, 3, 1], "x": [0.5, 2.25, -1e9, 1.0], "ok": [True, False, True, True],
        " kind ": ["a ", "b", "a", "a"], "label": ["u", "v", "u ", "v"],
    }  # fmt: skip
    tables = frames(columns)
    parquet.write_table(tables["pyarrow"], tmp_path / "t.parquet")
    tables["pandas"].to_csv(tmp_path / "t.csv", index=False)
    tables["pandas"].to_csv(tmp_path / "t.tsv", index=False, sep="\t", decimal=",")
    files = [tmp_path / f"t.{ending}" for ending in ("parquet", "csv", "tsv")]
    names = ("n", "x", "ok=False", "ok=True", "kind=a", "kind=b")
    for table in (*tables.values(), tables["pandas"].convert_dtypes(), *files):
        found = from_table(table, labels="label", validation=0)
        assert (found.columns, found.class_names) == (names, ("u", "v"))
        assert (found.categories, found.category_names) == (((2, 4), (4, 6)), ("ok", "kind"))
        np.testing.assert_array_equal(found.rows[:2], [[1, 0.5, 0, 1, 1, 0], [2, 2.25, 1, 0, 0, 1]])
        np.testing.assert_array_equal(found.labels, [0, 1, 0, 1])
        assert read(table, labels="label").columns == names


def test_cells_of_frames_that_are_missing_are_refused_with_their_row():
    for table in frames({"a": [1.5, None, 3.0], "b": [1, 2, 4]}).values():
        with pytest.raises(ValueError, match="no value in row 1, column 'a'"):
            read_table(table)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, None, 3], dtype="Int64")})
    with pytest.raises(ValueError, match="no value in row 1, column 'a'"):
        read_table(frame)
    frame = pandas.DataFrame({"a": pandas.array(["x", None, "x", "y"], dtype="string")})
    with pytest.raises(ValueError, match="no value in row 1, column 'a'"):
        read_table(frame)


def test_what_is_no_table_is_answered():
    pandas, polars = map(pytest.importorskip, ("pandas", "polars"))
    with pytest.raises(ValueError, match="numbers as names.*frame.columns = "):
        read_table(pandas.DataFrame(np.zeros((3, 2))))
    twice = pandas.DataFrame(np.zeros((3, 2)), columns=["a", "a"])
    with pytest.raises(ValueError, match="the column 'a' twice"):
        read_table(twice)
    with pytest.raises(TypeError, match=r"give frame.collect\(\)"):
        read_table(polars.DataFrame({"a": [1, 2]}).lazy())
    with pytest.raises(TypeError, match=r"pandas.DataFrame\(table\)"):
        read_table({"a": [1, 2]})
    with pytest.raises(TypeError, match="table is a ndarray.*GaussianColumns.adapted"):
        read_table(np.zeros((3, 2)))


def test_a_model_trains_on_a_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    from zoo.recipes.own_data import recipe_of_class
    from zoo.recipes.training import train

    frame = pandas.DataFrame({"a": np.arange(30) % 7, "b": list("xy") * 15})
    recipe = recipe_of_class(zoo.VAE, (3,), 30, {"latent_dim": 1, "hidden_units": [4]})
    card = train(recipe, tmp_path / "out", images=frame, epochs=1, verbose=False)
    assert card["columns"] == ["a", "b=x", "b=y"]
    assert card["categories"] == [{"column": "b", "first": 1, "values": ["x", "y"]}]


# Rows that are counted, whole numbers, labels


@pytest.mark.parametrize("ids", [range(7, 27), [*range(20, 0, -1)], [i * i for i in range(20)]])
def test_a_column_that_numbers_the_rows_is_named(ids, tmp_path):
    path = write(tmp_path / "t.csv", "tx_id,a", *(f"{n},{i % 7}" for i, n in enumerate(ids)))
    with pytest.warns(
        UserWarning, match=r"'tx_id' .* number the rows.*drop=\['tx_id'\].*--id tx_id"
    ):
        found = from_table(path, validation=0)
    assert found.columns == ("tx_id", "a")
    read_table(path, columns=("tx_id", "a"))  # a model that knows it
    found = from_table(path, id_column="tx_id", validation=0.5)
    assert (found.columns, list(found.ids)) == (("a",), [str(n) for n in ids])


def test_text_that_names_the_rows_is_named(tmp_path):
    path = write(tmp_path / "t.csv", "a,who", *(f"{i % 7},p{i}" for i in range(20)))
    with pytest.raises(ValueError, match="column 'who'.*it names the rows.*--id who"):
        read_table(path)
    assert read_table(path, id_column="who").ids[:2] == ("p0", "p1")


def test_whole_numbers_that_float32_rounds_are_named(tmp_path):
    lines = [f"{16_777_217 + 7 * (i % 5)},{i % 7}" for i in range(20)]
    with pytest.warns(UserWarning, match="16777217 becomes 16777216"):
        read_table(write(tmp_path / "t.csv", "a,b", *lines))
    lines = [f"{2**53 + 1 + i % 2},{i % 7}" for i in range(20)]
    with pytest.warns(UserWarning, match="9007199254740993 becomes 9007199254740992"):
        read_table(write(tmp_path / "t.csv", "a,b", *lines))


@pytest.mark.parametrize("number", [3e38, 3.5e38, 10**400])
def test_numbers_beyond_float32_are_refused_in_frames_and_files(number, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, number, 2], "b": [1, 5, 3]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for table in (frame, tmp_path / "t.csv"):
        if number < 3.4e38:
            assert np.isfinite(read_table(table).x).all()
        else:
            with pytest.raises(ValueError, match="which float32 cannot hold,"):
                read_table(table)


@pytest.mark.parametrize("label", ["3000000000", "-3000000000", "inf", "1e300", "0.5", "nan"])
def test_labels_that_int32_does_not_hold_are_refused(label, tmp_path):
    path = write(tmp_path / "t.csv", "a,y", "1,4", f"2,{label}", "3,4000000000")
    said = "no label" if label == "nan" else re.escape(f"the label {label} in line 3")
    with pytest.raises(ValueError, match=f"{said}.*, column 'y'"):
        read_table(path, labels="y")


def test_labels_that_are_no_count_of_classes_are_refused_before_a_model_is_made(tmp_path):
    from zoo.recipes.own_data import adapted, recipe_of_class

    lines = [f"{i},{i % 7},{[90210, 10115][i % 2]}" for i in range(30)]
    path = write(tmp_path / "t.csv", "a,b,plz", *lines)
    recipe = recipe_of_class(zoo.CVAE, (2,), 30)
    with pytest.raises(ValueError, match="labels go up to 90210, but only 2 different ones"):
        adapted(recipe, read(path, labels="plz", drop=["a"]), None, "name")


def test_numbers_of_npz_files_that_float32_does_not_hold_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=[[1.0, 1e39], [2.0, 3.0]])
    with pytest.raises(ValueError, match="numbers that float32 cannot hold; use a larger unit"):
        read(tmp_path / "x.npz")
