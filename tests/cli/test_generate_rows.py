"""The command line: `zoo generate` for models of tables."""

import re

import numpy as np
import pytest
from scipy.stats import ks_2samp
from support.command_line import DIGITS, run

import zoo
from zoo.cli.main import main

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table, a VAE of it, and a CVAE whose label is one of its columns."""
    path = tmp_path_factory.mktemp("tables")
    generator = np.random.default_rng(0)
    old = generator.random(120) < 0.4
    frame = pandas.DataFrame({"age": np.where(old, 60, 25) + generator.integers(0, 20, 120)})
    frame["height"] = generator.normal(170, 8, 120).round(1)
    frame["kind"] = np.where(old, "b", "a")
    frame.to_csv(path / "people.csv", index=False)
    common = ["--data", str(path / "people.csv"), "--epochs", "1", "--latent-dim", "1"]
    common += ["--hidden-units", "8"]
    assert main(["train", "VAE", *common, "--out", str(path / "plain")]) == 0
    labels = ["--labels", "kind", "--out", str(path / "conditional")]
    assert main(["train", "CVAE", *common, *labels]) == 0
    return path


def test_rows_are_written_as_the_table_was(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run(capsys, "generate", folder / "plain")
    assert (code, printed) == (0, "plain_rows.csv is written: 1,000 rows.\n")
    frame, known = pandas.read_csv("plain_rows.csv"), pandas.read_csv(folder / "people.csv")
    assert frame.dtypes.astype(str).to_dict() == known.dtypes.astype(str).to_dict()
    assert (list(frame), len(frame)) == (list(known), 1000)
    for name in ("age", "height"):
        assert frame[name].between(known[name].min(), known[name].max()).all()
    np.testing.assert_array_equal(frame["height"], frame["height"].round(1))
    assert set(frame["kind"]) == {"a", "b"}
    assert run(capsys, "generate", folder / "plain")[0] == 1  # it exists
    assert run(capsys, "generate", folder / "plain", "--overwrite", "--n", "20")[0] == 0
    assert len(pandas.read_csv("plain_rows.csv")) == 20
    zoo.data.from_table("plain_rows.csv", columns=zoo.load(folder / "plain").likelihood)


def test_conditions_are_met_by_rejection_or_by_the_label(folder, capsys, tmp_path):
    out = tmp_path / "rows.csv"
    where = ["--n", "50", "--out", out, "--where", "kind=b", "height<=170"]
    code, printed, _ = run(capsys, "generate", folder / "plain", *where)
    assert code == 0
    assert "50 rows. kind=b, height<=170: by rejection, held in" in printed
    frame = pandas.read_csv(out)
    assert ((frame["kind"] == "b") & (frame["height"] <= 170)).all()
    code, printed, _ = run(capsys, "generate", folder / "conditional", *where, "--overwrite")
    assert code == 0
    assert "kind=b: by the label of the model; height<=170: by rejection" in printed
    frame = pandas.read_csv(out)
    assert (list(frame), len(frame)) == (["age", "height", "kind"], 50)
    assert ((frame["kind"] == "b") & (frame["height"] <= 170)).all()
    labels = ["--n", "4", "--labels", "1", "0", "--out", out, "--overwrite"]
    assert run(capsys, "generate", folder / "conditional", *labels)[0] == 0
    assert pandas.read_csv(out)["kind"].tolist() == ["b", "a", "b", "a"]
    code, printed, _ = run(capsys, "generate", folder / "conditional", "--out", out, "--overwrite")
    assert "Every class is generated equally often" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plain", "--where", "kind=c"], "'kind' has the values 'a', 'b'"),
        (["plain", "--where", "age>200"], "holds for no generated row"),
        (["plain", "--where", "height=170.01", "--most", "500"], "held in 0 of 1,000"),
        (["plain", "--where", "kind=b", "--out", "rows.png"], "written as a .csv file"),
        (["plain", "--where", "kind=b", "--cmap", "gray"], "--cmap has no effect on these rows"),
        (["plain", "--out", "rows.csv", "--drop", "age"], "--drop has no effect"),
        (["plain", "--out", "rows.xlsx"], "written as a .csv file, and --out is rows.xlsx"),
        (["plain", "--match", "nothing.csv"], "nothing.csv does not exist"),
    ],
)
def test_what_gives_no_rows_is_refused_and_nothing_written(
    folder, arguments, told, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, complaint = run(capsys, "generate", folder / arguments[0], *arguments[1:])
    assert code == 1
    assert told in complaint
    assert list(tmp_path.iterdir()) == []


def test_rows_get_the_distribution_of_a_table(folder, capsys, tmp_path):
    known = pandas.read_csv(folder / "people.csv")
    known.assign(id=np.arange(120)).to_csv(tmp_path / "more.csv", index=False, sep=";")
    match = ["--match", tmp_path / "more.csv", "--drop", "id", "--out", tmp_path / "rows.csv"]
    assert run(capsys, "generate", folder / "plain", *match)[0] == 0
    frame = pandas.read_csv(tmp_path / "rows.csv")
    for name in ("age", "height"):
        assert ks_2samp(frame[name], known[name]).statistic < 0.05
    where = ["--overwrite", "--where", "age>=60", "--n", "150"]
    code, printed, _ = run(capsys, "generate", folder / "plain", *match, *where)
    assert code == 0
    frame = pandas.read_csv(tmp_path / "rows.csv")
    assert (frame["age"] >= 60).all()
    share = float(re.search(r"rows \((.*)%\)", printed)[1]) / 100
    assert share == pytest.approx((known["age"] >= 60).mean(), abs=0.02)
    code, _, complaint = run(capsys, "generate", folder / "conditional", *match, "--overwrite")
    assert (code, "leave --match out" in complaint) == (1, True)


@pytest.mark.parametrize("option", [["--where", "kind=b"], ["--out", "rows.csv"], ["--most", "5"]])
def test_models_of_images_give_no_rows(option, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, complaint = run(capsys, "generate", DIGITS, *option)
    assert code == 1
    assert "is for models of tables" in complaint


def test_rows_get_the_distribution_of_a_table_with_holes(folder, capsys, tmp_path):
    known = pandas.read_csv(folder / "people.csv")
    known.loc[::4, "height"] = np.nan
    known.to_csv(tmp_path / "holes.csv", index=False)
    train = [
        "train",
        "VAE",
        "--data",
        tmp_path / "holes.csv",
        "--missing",
        "learn",
        "--epochs",
        "1",
    ]
    train += ["--latent-dim", "1", "--hidden-units", "8", "--out", tmp_path / "model"]
    assert run(capsys, *train)[0] == 0
    match = ["--match", tmp_path / "holes.csv", "--out", tmp_path / "rows.csv"]
    assert run(capsys, "generate", tmp_path / "model", *match)[0] == 0
    frame = pandas.read_csv(tmp_path / "rows.csv")
    assert ks_2samp(frame["height"], known["height"].dropna()).statistic < 0.05


def test_the_name_of_a_class_is_answered_with_the_condition(folder, capsys):
    with pytest.raises(SystemExit):
        main(["generate", str(folder / "conditional"), "--labels", "b"])
    assert '--where "COLUMN=b"' in " ".join(capsys.readouterr().err.split())
