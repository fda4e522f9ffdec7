"""`zoo reproduce --all` and `--quick`."""

import json

import pytest
from support.command_line import run

from zoo import experiments
from zoo.cli import reproducing
from zoo.experiments import Experiment, Table


def made(epochs=None, verbose=0):
    return Table("T", f"{epochs} epochs", ("data", "value"), [["a", 1]])


def broken(verbose=0):
    raise ZeroDivisionError("no such data")


@pytest.fixture
def two(monkeypatch, tmp_path):
    """Two experiments, of which the shorter one fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {})
    for name, function, minutes in (("made", made, 9), ("broken", broken, 1)):
        experiments.EXPERIMENTS[name] = Experiment(name, function, minutes, "A toy.")
    return tmp_path


@pytest.mark.slow
def test_all_are_run_and_the_failed_ones_are_named(two, capsys):
    code, out, err = run(capsys, "reproduce", "--all", "--epochs", "3")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "1/2  broken: failed: ZeroDivisionError: no such data"
    assert lines[1].startswith("2/2  made: ")
    assert lines[2] == "written into results"
    assert "1 experiments failed: broken" in err
    record = json.loads((two / "results" / "made.json").read_text())
    assert record["command"] == "zoo reproduce made --epochs 3"


@pytest.mark.slow
def test_experiments_run_in_processes_of_their_own(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    two = ("energy", "output_units")
    found = {name: experiments.EXPERIMENTS[name] for name in two}
    # The processes have all experiments, and so not this one.
    found["nowhere"] = Experiment("nowhere", made, 2, "A toy.")
    monkeypatch.setattr(experiments, "EXPERIMENTS", found)
    code, out, err = run(capsys, "reproduce", "--all", "--quick", "--jobs", "2")
    assert code == 1
    assert "1 experiments failed: nowhere" in err
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["1/3", "2/3", "3/3"]
    for name in two:
        assert any(f"{name}: " in line and line.endswith(" s") for line in lines)
        assert json.loads((tmp_path / "quick_results" / f"{name}.json").read_text())["rows"]


@pytest.mark.slow
def test_after_an_interrupt_no_experiment_is_begun(tmp_path):
    given = {"quick": True, "overwrite": False, "epochs": None}
    asked = [("energy", str(tmp_path / str(i)), given) for i in range(12)]
    answers = reproducing._answers(asked, 2)
    assert next(answers)[0] == "energy"
    answers.close()
    assert len(list(tmp_path.iterdir())) < 12


def test_jobs_are_for_all(two, capsys):
    code, _, err = run(capsys, "reproduce", "made", "--jobs", "2")
    assert code == 1
    assert "--jobs is for --all" in err


def test_a_quick_run_has_one_epoch_and_a_folder_of_its_own(two, capsys):
    code, out, _ = run(capsys, "reproduce", "made", "--quick")
    assert code == 0
    assert "written into quick_results" in out
    record = json.loads((two / "quick_results" / "made.json").read_text())
    assert record["command"] == "zoo reproduce made --epochs 1 --quick"
    assert record["protocol"].startswith("A quick run")
    assert record["protocol"].endswith("1 epochs")
    assert "figures mean nothing" in out
    code, _, err = run(capsys, "reproduce", "made", "--quick")
    assert code == 1
    assert "--overwrite" in err


@pytest.mark.parametrize("more", [["made"], ["--list"], ["--only", "a"]])
def test_all_takes_no_name(more, two, capsys):
    code, _, err = run(capsys, "reproduce", "--all", *more)
    assert code == 1
    assert "leave out the name, --list and --only" in err
