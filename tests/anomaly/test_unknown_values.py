"""Values of a category that a model has not seen: refused, or scored as zeros and said."""

import csv

import numpy as np
import pytest
from support.command_line import run

import zoo
from zoo.anomaly import Detector


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of machines, and a detector for them: the second row of new.csv has a new kind."""
    folder = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    lines = [f"{draw.normal():.4f},{'old' if i % 2 else 'new'}" for i in range(30)]
    (folder / "normal.csv").write_text("\n".join(["speed,kind", *lines]) + "\n")
    (folder / "new.csv").write_text("id,speed,kind\na,0.1,old\nb,0.2,<odd>\nc,0.3,new\n")
    data = zoo.data.from_table(folder / "normal.csv")
    model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=data.likelihood())
    Detector(model).fit(data.rows, epochs=1, verbose=0).save(folder / "detector")
    return folder


def command(folder, *more):
    return ("detect", folder / "detector", folder / "new.csv", "--id", "id", *more)


def test_a_new_value_is_refused_with_the_way_out(folder, tmp_path, capsys):
    code, _, err = run(capsys, *command(folder, "--out", tmp_path / "report"))
    assert code == 1
    assert "'<odd>' in line 3, column 'kind'" in err
    assert "--unknown score" in err
    refuse = command(folder, "--out", tmp_path / "report", "--unknown", "refuse")
    assert run(capsys, *refuse)[0] == 1


@pytest.mark.slow
def test_a_new_value_is_scored_as_zeros_and_said_in_its_row(folder, tmp_path, capsys):
    out = tmp_path / "report"
    code, printed, err = run(capsys, *command(folder, "--out", out, "--unknown", "score"))
    assert (code, err) == (0, "")
    assert "Rows with values that the model does not know: 1" in printed
    with open(out / "scores.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["unknown"] for row in rows] == ["", "kind is '<odd>', which is unknown", ""]
    detector = zoo.anomaly.load(folder / "detector")
    x = np.array([[0.1, 0, 1], [0.2, 0, 0], [0.3, 1, 0]], "float32")
    np.testing.assert_allclose([float(r["score"]) for r in rows], detector.scores(x), rtol=1e-5)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "kind is &#x27;&lt;odd&gt;&#x27;, which is unknown" in page
    assert page.count("which is unknown") == 1


def test_from_table_gives_zeros_and_the_rows(folder):
    columns = zoo.anomaly.load(folder / "detector").model.likelihood
    options = {"columns": columns, "drop": ["id"], "validation": 0}
    found = zoo.data.from_table(folder / "new.csv", unknown="score", **options)
    np.testing.assert_array_equal(found.rows[:, 1:], [[0, 1], [0, 0], [1, 0]])
    assert found.unknown == {1: "kind is '<odd>', which is unknown"}
    with pytest.raises(ValueError, match="'<odd>' in line 3"):
        zoo.data.from_table(folder / "new.csv", **options)
    assert zoo.data.from_table(folder / "normal.csv").unknown == {}


def test_an_empty_cell_is_no_unknown_value(folder, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("speed,kind\n0.1,odd\n0.2,\n0.3,new\n")
    columns = zoo.anomaly.load(folder / "detector").model.likelihood
    with pytest.raises(ValueError, match="no value in line 3"):
        zoo.data.from_table(path, columns=columns, unknown="score")


def test_what_has_no_unknown_values_takes_no_such_setting(folder, tmp_path, capsys):
    with pytest.raises(ValueError, match="give columns=model.likelihood"):
        zoo.data.from_table(folder / "normal.csv", unknown="score")
    with pytest.raises(ValueError, match="give one of refuse, score"):
        zoo.data.from_table(folder / "normal.csv", unknown="zeros")
    np.save(tmp_path / "x.npy", np.zeros((3, 3), "float32"))
    arguments = ("detect", folder / "detector", tmp_path / "x.npy", "--unknown", "score")
    code, _, err = run(capsys, *arguments, "--out", tmp_path / "report")
    assert code == 1
    assert "--unknown is for tables" in err


def test_rows_that_set_the_threshold_are_known(folder, tmp_path, capsys):
    model = zoo.anomaly.load(folder / "detector").model
    zoo.save(model, tmp_path / "model")
    bad = tmp_path / "bad.csv"
    bad.write_text("speed,kind\n0.1,odd\n0.2,new\n")
    arguments = ("detect", tmp_path / "model", folder / "normal.csv", "--train-data", bad)
    code, _, err = run(capsys, *arguments, "--unknown", "score", "--out", tmp_path / "report")
    assert code == 1
    assert "'odd' in line 2" in err
