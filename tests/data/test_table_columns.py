"""Names and values with any letters, from a file through all commands to another application."""

import csv
import html
import json
import re

import numpy as np
import pytest
from support.command_line import run

import zoo
from zoo.anomaly.columns import check_rows
from zoo.data.table_columns import Columns
from zoo.data.tables import from_table, read_table

NUMBER, CATEGORY, ID, LABEL = "a=b, $x_1$ \U0001f600", 'in"come\n<b>=$', "tx, id", "bad=?$"
VALUES = ("<=50K", '>50K, "much"', "c=d$")
TINY = ("--epochs", 1, "--latent-dim", 1, "--hidden-units", 4)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table whose names and values have all kinds of letters."""
    path = tmp_path_factory.mktemp("names") / "adult.csv"
    generator = np.random.default_rng(0)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((f" {NUMBER} ", CATEGORY, "plain", ID, LABEL))
        for i in range(30):
            value = VALUES[i % 3] + " " * (i % 2)
            numbers = f"{generator.normal():.4f}", f"{generator.normal():.4f}"
            writer.writerow((numbers[0], value, numbers[1], f'=row "{i}", $', int(i > 26)))
    return path


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    from zoo.cli.main import main

    out = tmp_path_factory.mktemp("trained") / "model"
    drop = ("--ignore", ID, LABEL)
    arguments = ("train", "VAE", "--data", table, *drop, "--out", out, *TINY)
    assert main([str(a) for a in arguments]) == 0
    return out


def test_a_table_with_any_names_is_recognized(table, trained, capsys, tmp_path):
    drop = ("--drop", ID, LABEL)
    arguments = ("train", "VAE", "--data", table, *drop, "--out", tmp_path / "m", *TINY)
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "2 columns of numbers; categories: " in out
    assert "rows/s" in out
    assert "images/s" not in out
    assert "--drop 'tx, id' 'bad=?$'" in out
    card = zoo.card(trained)
    assert card["columns"][1:4] == [f"{CATEGORY}={value}" for value in VALUES]
    assert card["categories"] == [{"column": CATEGORY, "first": 1, "values": list(VALUES)}]


@pytest.mark.slow
def test_a_table_with_any_names_is_used_again(table, trained, capsys, tmp_path):
    code, out, err = run(capsys, "evaluate", trained, "--data", table, "--drop", ID, LABEL)
    assert (code, err) == (0, "")
    assert "on the test rows of" in out
    report = tmp_path / "report"
    options = ("--labels", LABEL, "--id", ID, "--out", report, "--save", tmp_path / "saved")
    code, out, err = run(capsys, "detect", trained, table, *options)
    assert (code, err) == (0, "")
    with open(report / "scores.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row[ID] for row in rows] == [f'=row "{i}", $' for i in range(30)]
    assert [row["label"] for row in rows] == [str(int(i > 26)) for i in range(30)]
    page = (report / "report.html").read_text(encoding="utf-8")
    assert f"<th>{html.escape(ID)}</th>" in page
    assert html.escape('=row "') in page
    assert "<b>" not in page
    assert any(html.escape(name) in page for name in (NUMBER, CATEGORY))
    code, _, err = run(capsys, "detect", tmp_path / "saved", table, *options[:4], "--out", "r2")
    assert (code, err) == (0, "")
    other = ("export", trained, tmp_path / "exported", "--format", "onnx")
    code, _, err = run(capsys, *other, "--data", table, "--drop", ID, LABEL)
    assert (code, err) == (0, "")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_signature_tells_how_to_make_rows_without_reading_names(table, trained):
    from export import signature

    model = zoo.load(trained)
    part = model.parts()["encoder"]
    described = json.loads(json.dumps(signature.describe(model, part, None)))["inputs"][0]
    assert described["columns"] == list(model.likelihood.names)
    assert described["categories"] == zoo.card(trained)["categories"]
    expected = read_table(table, columns=model.likelihood, drop=[ID, LABEL]).x
    with open(table, newline="", encoding="utf-8") as file:
        rows = [numbers_of(row, described) for row in csv.DictReader(file)]
    np.testing.assert_array_equal(np.float32(rows), expected)


def numbers_of(row, described):
    """As in the guide to tables."""
    cells = {name.strip(): cell.strip() for name, cell in row.items()}
    values = [cells.get(name) for name in described["columns"]]
    for category in described.get("categories", []):
        for i, value in enumerate(category["values"], category["first"]):
            values[i] = cells[category["column"]] == value
    return [float(value) for value in values]


def test_columns_come_in_the_order_of_the_model(table, trained, tmp_path, capsys):
    with open(table, newline="", encoding="utf-8") as file:
        rows = [row[::-1] for row in csv.reader(file)]
    with open(tmp_path / "other.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    likelihood = zoo.load(trained).likelihood
    drop = [ID, LABEL]
    first, other = (read_table(p, columns=likelihood, drop=drop).x for p in (table, "other.csv"))
    np.testing.assert_array_equal(first, other)
    with open(tmp_path / "less.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([row[-2:] for row in rows])
    for command in ("evaluate", "detect"):
        options = ("--data", "less.csv") if command == "evaluate" else ("less.csv", "--out", "x")
        code, _, err = run(capsys, command, trained, *options)
        assert (code, "lacks 'plain'" in err) == (1, True)


def test_names_alone_are_split_where_the_table_has_a_column(tmp_path):
    lines = ("a,a=b,c", "x=1,1.5,u", "y,2.5,v", "x=1,0,u", "y,1,u")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    names = ("a=x=1", "a=y", "a=b", "c=u", "c=v")
    found = read_table("t.csv", columns=names)
    assert (found.columns, found.categories) == (names, ((0, 2), (3, 5)))
    np.testing.assert_array_equal(found.x[0], [1, 0, 1.5, 1, 0])


def test_a_column_of_numbers_may_be_called_like_a_value(tmp_path):
    lines = ("a=b,a=c,k", "1.5,2,a=x", "2.5,0,a=y", "0,1,a=x", "1,3,a=y")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    table = from_table("t.csv", validation=0)
    assert table.likelihood().category_names == ("k",)
    again = read_table("t.csv", columns=table.likelihood())
    np.testing.assert_array_equal(again.x, table.rows)


def test_names_of_categories_are_found_checked_and_kept():
    rows = np.float32([[1, 1, 0], [2, 0, 1], [0, 1, 0]])
    made = zoo.MixedColumns.adapted
    assert made(rows, [(1, 3)], ("h", "eyes=b", "eyes=c")).category_names == ("eyes",)
    assert made(rows, [(1, 3)], ("h", "b", "c")).category_names is None
    two_ways = ("h", "a=b=1", "a=b=2")
    assert made(rows, [(1, 3)], two_ways).category_names is None
    columns = made(rows, [(1, 3)], two_ways, category_names=["a=b"])
    again = zoo.MixedColumns.from_config(columns.get_config())
    assert again.category_names == ("a=b",)
    assert Columns.of(again).described() == [{"column": "a=b", "first": 1, "values": ["1", "2"]}]
    for wrong in (["b"], ["a", "a"]):
        with pytest.raises(ValueError, match="names of its columns must begin with it"):
            made(rows, [(1, 3)], two_ways, category_names=wrong)


def test_a_card_with_other_categories_is_refused(trained):
    card = zoo.card(trained)
    for wrong in (
        [{"column": "x", "first": 1, "values": list(VALUES)}],
        [{"column": CATEGORY, "first": 2, "values": list(VALUES)}],
        [{"column": CATEGORY, "first": 1, "values": 3}],
        ["x"],
        [{}],
    ):
        with pytest.raises(ValueError, match="do not match its columns"):
            Columns.of_card({**card, "categories": wrong})
    path = trained / "card.json"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(json.dumps({**card, "categories": ["x"]}), encoding="utf-8")
        with pytest.raises(ValueError, match="The card was changed"):
            zoo.load(trained)
    finally:
        path.write_text(text, encoding="utf-8")


def test_ids_that_are_called_like_a_column_of_the_report_stay_apart(tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
    likelihood = zoo.GaussianColumns.adapted(check_rows(x, 2), ("$a$b$", "\\frac"))
    model = zoo.Autoencoder((2,), 1, hidden_units=(4,), likelihood=likelihood)
    detector = zoo.anomaly.Detector(model).fit(x, epochs=1, verbose=0)
    options = {"ids": range(100, 112), "id_name": "score", "top": 2}
    zoo.anomaly.write_report(detector, x, "report", **options)
    with open("report/scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score (id)"] for row in rows] == [str(i) for i in range(100, 112)]
    np.testing.assert_allclose([float(r["score"]) for r in rows], detector.scores(x), rtol=1e-5)
    with pytest.raises(ValueError, match="There are 2 ids for 12 items"):
        zoo.anomaly.write_report(detector, x, "other", ids=[1, 2])


def test_options_of_tables_are_refused_for_other_data(trained, capsys):
    np.save("x.npy", np.zeros((5, 5), "float32"))
    for option in (("--id", "a"), ("--drop", "a"), ("--decimal", ","), ("--delimiter", ";")):
        code, _, err = run(capsys, "detect", trained, "x.npy", "--out", "r", *option)
        assert (code, bool(re.search(f"{option[0]} is for tables", err))) == (1, True)
    code, _, err = run(capsys, "train", "VAE", "--data", "x.npy", "--decimal", ",", "--out", "m")
    assert (code, "decimal= (,) is for tables" in err) == (1, True)


@pytest.mark.slow
def test_a_recipe_keeps_the_signs_of_its_table(capsys):
    lines = [f"{i % 7}:{i % 5},{i % 3}25" for i in range(30)]
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(["a:b", *lines]))
    signs = ("--delimiter", ":", "--decimal", ",")
    code, out, err = run(capsys, "train", "VAE", "--data", "t.csv", *signs, "--out", "m", *TINY)
    assert (code, err) == (0, "")
    assert "--delimiter : --decimal ," in out
    again = ("--data", "t.csv", "--out", "again", "--epochs", 1)
    code, _, err = run(capsys, "train", "m/recipe.toml", *again)
    assert (code, err) == (0, "")
    code, _, err = run(capsys, "evaluate", "./again", "--data", "t.csv", *signs)
    assert (code, err) == (0, "")


@pytest.mark.slow
def test_a_model_without_names_says_that_the_order_counts(capsys):
    x = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    detector = zoo.anomaly.Detector("Autoencoder", standardize=True, hidden_units=(4,))
    detector.fit(x, epochs=1, verbose=0).save("detector")
    np.savetxt("t.csv", x, delimiter=",", header="a,b", comments="")
    code, out, err = run(capsys, "detect", "detector", "t.csv", "--out", "r")
    assert (code, err) == (0, "")
    assert "used in the order of the table" in out
