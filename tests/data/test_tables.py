"""Tables of a user's own: what is read, what is refused, and the path from a file to ONNX."""

import sys

import numpy as np
import pytest
from support.command_line import run

import export
import zoo
from zoo.data.tables import read_table

LINES = ("id,age,income", "1,20,100.5", "2,30,200", "3,45,150", "4,33,90")


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    return write(tmp_path / "people.csv", *LINES)


def test_a_table_is_read_in_its_own_units(table):
    found = zoo.data.from_table(table, drop=["id"], validation=0.25, seed=1)
    (x, y), (x_val, y_val) = found
    assert found.columns == ("age", "income")
    np.testing.assert_array_equal(
        found.rows, np.float32([[20, 100.5], [30, 200], [45, 150], [33, 90]])
    )
    assert (x.shape, x_val.shape, y, y_val) == ((3, 2), (1, 2), None, None)
    together = np.concatenate([x, x_val])
    assert sorted(together[:, 0]) == [20, 30, 33, 45]
    np.testing.assert_allclose(found.likelihood().means, x.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    "lines",
    [
        ("a;b", "1;2.5", "3;4"),
        ("a\tb", "1\t2.5", "3\t4"),
        ('"a","b"', '"1"," 2.5"', "", "3,4e0"),
        ("\ufeffa,b", "1,2.5", "3,4"),
    ],
    ids=["semicolons", "tabs", "quotes and an empty line", "a byte order mark"],
)
def test_dialects_are_understood(lines, tmp_path):
    read = read_table(write(tmp_path / "t.csv", *lines))
    assert read.columns == ("a", "b")
    np.testing.assert_array_equal(read.x, np.float32([[1, 2.5], [3, 4]]))


def test_labels_are_numbers_or_names(tmp_path):
    path = write(tmp_path / "t.csv", "a,kind,n", "1,oak,7", "2,elm,8", "3,oak,9")
    read = read_table(path, labels="kind", drop=["n"])
    assert (read.class_names, read.y.tolist()) == (("elm", "oak"), [1, 0, 1])
    read = read_table(path, labels="n", drop=["kind"])
    assert (read.class_names, read.y.tolist()) == ((), [7, 8, 9])


COLORS = ("id,color,age,size", "1,red,20,S", "2,blue,30,L", "3, red ,45,S", "4,red,33,L")


def test_text_becomes_categories(tmp_path):
    found = zoo.data.from_table(write(tmp_path / "t.csv", *COLORS), drop=["id"], validation=0)
    assert found.columns == ("color=blue", "color=red", "age", "size=L", "size=S")
    assert found.categories == ((0, 2), (3, 5))
    np.testing.assert_array_equal(found.rows[:2], [[0, 1, 20, 0, 1], [1, 0, 30, 1, 0]])
    assert found.likelihood().categories == found.categories
    other = write(tmp_path / "other.csv", "size,age,color", "L,50,red")
    read = read_table(other, columns=found.columns)
    assert (read.columns, read.categories) == (found.columns, found.categories)
    np.testing.assert_array_equal(read.x, [[0, 1, 50, 1, 0]])


def test_columns_of_a_category_that_cannot_be_told_apart_are_refused(tmp_path):
    path = write(tmp_path / "t.csv", "color,color=red", "red,1", "blue,2", "red,3", "blue,4")
    with pytest.raises(ValueError, match="two columns the name 'color=red'"):
        read_table(path)
    path = write(tmp_path / "t.csv", *COLORS)
    with pytest.raises(ValueError, match="of a category side by side"):
        read_table(path, columns=["color=blue", "age", "color=red"], drop=["id", "size"])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("L,50,green", "has 'green' in line 2, column 'color', but 'blue', 'red' are expected"),
        ("L,50,", "has no value in line 2, column 'color'"),
        ("L,old,red", "holds 'old' in line 2, column 'age'"),
    ],
)
def test_values_that_a_model_does_not_know_are_refused(row, says, tmp_path):
    columns = zoo.data.from_table(write(tmp_path / "t.csv", *COLORS), drop=["id"]).columns
    with pytest.raises(ValueError, match=says):
        read_table(write(tmp_path / "other.csv", "size,age,color", row), columns=columns)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("a,name", *(f"{i},{chr(97 + i)}" for i in range(9))), "a different text in every line"),
        (("a,name", *(f"{i},{chr(97 + i // 2)}{i % 7}" for i in range(9)), "9,a0"), "9 different"),
        (("a,name", "1,x", "2,x"), r"'x' in every line of column 'name'.*drop=\['name'\]"),
    ],
)
def test_text_that_is_no_category_is_refused(lines, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        read_table(write(tmp_path / "t.csv", *lines))


def test_columns_of_a_model_are_taken_by_name_and_in_its_order(table):
    read = read_table(table, columns=["income", "age"], drop=["id", "not there"])
    np.testing.assert_array_equal(read.x[0], np.float32([100.5, 20]))


BAD = {
    "text": (
        ("a,b", "1,2", "3,red"),
        r"'red' in line 3, column 'b', but its other .* drop=\['b'\]",
    ),
    "empty cell": (("a,b", "1,2", "3,"), "no value in line 3, column 'b'.*1 cells in 'b'"),
    "NaN": (("a,b", "nan,2", "NA,4"), "no value in line 2, column 'a'.*2 cells in 'a'"),
    "a word": (("a,b", "1,x", "2,none", "3,y", "4,y"), "'none' stands for a missing value"),
    "infinity": (("a,b", "1,2", "inf,4"), "'inf', which float32 cannot hold, in line 3"),
    "too large": (
        ("a,b", "1,2", "1e300,4"),
        "'1e300', which float32 cannot hold, .* or columns. Large values: use a larger unit.$",
    ),
    "no names": (("1,2", "3,4"), "begins with numbers.*such as c1,c2"),
    "a name twice": (("a,a", "1,2"), "the column 'a' twice"),
    "an empty name": (("a,,c", "1,2,3"), "no name for column 2"),
    "ragged": (("a,b", "1,2", "3,4,5"), "3 cells in line 3, but 2 columns"),
    "empty": (("",), "is empty"),
    "names alone": (("a,b",), "no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused_with_line_and_column(name, tmp_path):
    lines, said = BAD[name]
    with pytest.raises(ValueError, match=said):
        read_table(write(tmp_path / "t.csv", *lines))


def test_cells_without_a_value_are_counted_and_the_words_for_them_named(tmp_path):
    path = write(tmp_path / "t.csv", "a,b,c", "1,x,", "2,none,3", "NA,y,4", "4,y,5")
    told = zoo.data.from_table(path, missing="learn", validation=0).recognized
    assert told.endswith("3 cells without a value, which are empty or hold 'NA', 'none'")


def test_other_mistakes_are_answered(table, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="no column 'oops'; it has 'id', 'age', 'income'"):
        read_table(table, drop=["oops"])
    with pytest.raises(ValueError, match="no columns left"):
        read_table(table, drop=["id", "age", "income"])
    with pytest.raises(ValueError, match="lacks 'size' and has 'id', 'income'"):
        read_table(table, columns=["age", "size"])
    with pytest.raises(ValueError, match=r"has 'id', which the model .* drop=\['id'\]"):
        read_table(table, columns=["age", "income"])
    with pytest.raises(ValueError, match="1 row, which leaves 1 for training"):
        zoo.data.from_table(write(tmp_path / "one.csv", "a", "1"))
    with pytest.raises(ValueError, match=r"the label 100.5 in line 2"):
        read_table(table, labels="income")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("größe\n1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not text in UTF-8"):
        read_table(latin)


def test_parquet_needs_pyarrow_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_table(tmp_path / "t.parquet")


def test_parquet_is_read_as_csv_is(table, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"age": [20, 30], "income": [100.5, None], "kind": ["a", "b"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="no value in line 2, column 'income'"):
        read_table(tmp_path / "t.parquet", labels="kind")
    read = read_table(tmp_path / "t.parquet", labels="kind", drop=["income"])
    assert (read.x.tolist(), read.class_names) == ([[20.0], [30.0]], ("a", "b"))
    (tmp_path / "no.parquet").write_bytes(b"no")
    with pytest.raises(ValueError, match="not a parquet file"):
        read_table(tmp_path / "no.parquet")


# By command

TINY = ("--epochs", 2, "--latent-dim", 2, "--hidden-units", 8)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a table of which the last ten rows are unusual, and one without these."""
    folder = tmp_path_factory.mktemp("tables")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(90, 2)) @ generator.normal(size=(2, 4))
    x = (x + 0.05 * generator.normal(size=(90, 4))) * [1, 1e3, 1e-4, 50] + [5, 1e4, 0, -200]
    x[80:] += generator.choice([-1, 1], (10, 4)) * [9, 9e3, 9e-4, 450]
    rows = [f"{i},{','.join(map(repr, row.tolist()))},{int(i >= 80)}" for i, row in enumerate(x)]
    write(folder / "all.csv", "id,a,b,c,d,broken", *rows)
    write(folder / "normal.csv", "id,d,c,b,a", *(_backward(row) for row in rows[:80]))
    return folder


def _backward(row):
    number, *cells, _ = row.split(",")
    return ",".join([number, *reversed(cells)])


@pytest.fixture
def trained(written, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    data = ("--data", written / "normal.csv", "--drop", "id")
    code, out, err = run(capsys, "train", "VAE", *data, "--out", "model", *TINY)
    assert (code, err) == (0, "")
    assert f"--data {written / 'normal.csv'} --drop id" in out
    return data


@pytest.mark.slow
def test_a_table_becomes_a_detector_in_onnx_by_commands(trained, written, capsys):
    card = zoo.card("./model")
    assert card["columns"] == ["d", "c", "b", "a"]
    assert (card["data"]["title"], card["recipe"]["drop"]) == (
        "own table, 80 rows of 4 columns",
        ["id"],
    )
    code, out, err = run(capsys, "evaluate", "./model", *trained, "--update")
    assert (code, err) == (0, "")
    assert "13 test rows" in zoo.card("./model")["figures"][0]["protocol"]
    options = ("--train-data", written / "normal.csv", "--drop", "id", "--labels", "broken")
    options += ("--quantile", 0.9, "--out", "report", "--save", "found")
    code, out, err = run(capsys, "detect", "./model", written / "all.csv", *options)
    assert (code, err) == (0, "")
    assert float(out.split("AUROC ")[1][:6]) > 0.95
    code, out, err = run(capsys, "export", "./found", "out", "--format", "onnx")
    assert (code, err) == (0, "")
    session = export.load("out/detector")
    columns = session.signature["inputs"][0]["columns"]
    read = read_table(written / "all.csv", columns=columns, drop=["id", "broken"])
    found = session(x=read.x)["is_anomaly"]
    np.testing.assert_array_equal(found, zoo.anomaly.load("found").predict(read.x) == -1)
    assert found[80:].all()


def test_a_table_with_other_columns_is_refused_at_every_command(trained, written, capsys, tmp_path):
    other = write(tmp_path / "other.csv", "a,b,x", "1,2,3", "2,3,4")
    for command in (
        ("evaluate", "./model", "--data", other),
        ("detect", "./model", other, "--out", "report"),
        ("export", "./model", "out", "--data", other),
    ):
        code, _, err = run(capsys, *command)
        assert code == 1
        assert "lacks 'd', 'c' and has 'x', which the model does not know" in err
    assert not (tmp_path / "report").exists()


def test_the_recipe_of_a_table_trains_again(trained, capsys):
    again = ("train", "model/recipe.toml", "--out", "again", "--epochs", 1)
    code, _, err = run(capsys, *again)
    assert (code, "names no data: give images (--data)" in err) == (1, True)
    code, _, err = run(capsys, *again, "--data", trained[1])  # the recipe has what to drop
    assert (code, err) == (0, "")
    assert zoo.card("./again")["columns"] == ["d", "c", "b", "a"]


def test_mistakes_at_training_are_answered(written, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ("--data", written / "all.csv", "--drop", "id")
    code, _, err = run(capsys, "train", "VAE", *data, "--likelihood", "bernoulli", "--out", "m")
    assert (code, "columns are normal in the units of the table" in err) == (1, True)
    code, _, err = run(capsys, "train", "VAE", *data, "--labels", "broken", "--out", "m")
    assert (code, "learns from images only" in err) == (1, True)
    constant = write(tmp_path / "c.csv", "a,b", *(f"{i},7" for i in range(20)))
    options = ("--epochs", "1", "--out", "constant")
    code, _, err = run(capsys, "train", "VAE", "--data", constant, *options)
    assert (code, "in columns 'b': nothing is learned" in err) == (0, True)
    code, _, err = run(
        capsys, "train", "VAE", "--data", write(tmp_path / "s.csv", "a", "1", "2"), "--out", "m"
    )
    assert (code, "2 rows are not enough" in err) == (1, True)
    assert not (tmp_path / "m").exists()


def test_labels_in_a_column_train_a_conditional_model(written, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ("--data", written / "all.csv", "--drop", "id", "--labels", "broken")
    code, _, err = run(capsys, "train", "CVAE", *data, "--out", "m", *TINY)
    assert (code, err) == (0, "")
    code, _, err = run(capsys, "evaluate", "./m", *data)
    assert (code, err) == (0, "")
    assert zoo.card("./m")["num_classes"] == 2


@pytest.mark.slow
@pytest.mark.compiled
def test_a_table_with_categories_becomes_a_detector_in_onnx(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    dark = generator.random(120) < 0.5
    lines = [f"{20 - 9 * d + generator.normal():.3f},{['oak', 'elm'][int(d)]}" for d in dark]
    write(tmp_path / "normal.csv", "width,tree", *lines)
    write(tmp_path / "all.csv", "tree,width", "oak,20.1", "elm,11", "elm,20.1")
    settings = ("--hidden-units", 16, "--latent-dim", 1, "--epochs", 60, "--batch-size", 30)
    code, _, err = run(capsys, "train", "VAE", "--data", "normal.csv", "--out", "model", *settings)
    assert (code, err) == (0, "")
    model = zoo.load("./model")
    assert model.likelihood.names == ("width", "tree=elm", "tree=oak")
    options = ("--train-data", "normal.csv", "--out", "report", "--save", "found")
    assert run(capsys, "detect", "./model", "all.csv", *options)[::2] == (0, "")
    assert run(capsys, "export", "./found", "out", "--format", "onnx")[::2] == (0, "")
    session = export.load("out/detector")
    x = read_table("all.csv", columns=session.signature["inputs"][0]["columns"]).x
    found = session(x=x)
    np.testing.assert_allclose(found["score"], zoo.anomaly.load("found").scores(x), rtol=1e-3)
    assert found["score"].argmax() == 2  # a wide elm
