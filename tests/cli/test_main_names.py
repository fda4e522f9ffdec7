"""The command line: which preset a name means, and which folder may be written."""

import json
import os

import pytest
from support.command_line import DIGITS, run

import zoo


def test_list_takes_a_part_of_the_names(capsys):
    code, out, _ = run(capsys, "list", "fashion")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == zoo.list_models("*fashion*")


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", DIGITS, "there"],
        ["train", DIGITS, "--out", "there"],
        ["demo", DIGITS, "--out", "there"],
    ],
)
def test_a_folder_that_exists_is_refused_before_anything_is_loaded(
    arguments, tmp_path, capsys, monkeypatch
):
    def load(*args, **options):
        raise AssertionError("loaded")

    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("kept")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.cli.main._quiet", load)
    monkeypatch.setattr("zoo.cli.exporting.load_preset", load)
    monkeypatch.setattr("zoo.cli.exporting.quiet", load)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert "there exists already" in err
    code, _, err = run(capsys, *arguments, "--overwrite")
    assert code == 1
    assert "there has no list of its files" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reproduce", "defaults", "--output", "x"], "--output x; did you mean '--out'?"),
        (["generate", DIGITS, "--label", "1", "--colour", "gray"], "arguments: --colour gray"),
        (["card", DIGITS, "--jsn=1"], "--jsn=1; did you mean '--json'?"),
        (["evaluate", DIGITS, "--up-date"], "--up-date; did you mean '--update'"),
        (["list", "vae", "mnist"], "arguments: mnist\n"),
    ],
)
def test_an_unknown_option_is_answered_with_the_usage_of_its_command(arguments, said, capsys):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert err.startswith(f"usage: zoo {arguments[0]} ")
    assert f"zoo {arguments[0]}: error: unrecognized arguments: " in err
    assert said in err


@pytest.mark.slow
def test_train_says_where_the_preset_is_if_a_shipped_one_has_its_name(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run(capsys, "train", DIGITS, "--out", DIGITS, "--epochs", 1)
    assert code == 0
    path = os.path.join(os.curdir, DIGITS)
    assert f"{path} is written. Measure it: zoo evaluate {path} --update" in printed
    code, shipped, err = run(capsys, "card", DIGITS, "--json")
    assert err.startswith(f"zoo: {DIGITS} means the shipped preset here")
    assert err.endswith(f"; for the folder with that name, give {path}.\n")
    code, mine, err = run(capsys, "card", path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(shipped)["recipe"]["epochs"] > json.loads(mine)["recipe"]["epochs"] == 1
    assert json.loads(mine)["licence"] is None


@pytest.mark.slow
def test_a_given_licence_is_stated(capsys, tmp_path):
    out = tmp_path / "out"
    run(capsys, "train", DIGITS, "--out", out, "--epochs", 1, "--licence", "CC0-1.0")
    assert zoo.card(out)["licence"] == "CC0-1.0"
    assert "CC0-1.0" in run(capsys, "card", out)[1]
