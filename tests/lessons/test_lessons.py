"""Lessons: their form, their list, and the notebooks that are written of them."""

import json
import re

import nbclient
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.few_images import few_images
from traitlets.config import Config

import zoo
from zoo import experiments, lessons
from zoo.checks.names import UnknownNameError
from zoo.cli.main import main
from zoo.lessons.files import DOWNLOADED

ALL = lessons.names()
COMPILED = pytest.mark.compiled
# Several models that are trained briefly: tracing their steps takes longer than the steps.
OF_MANY_MODELS = {
    *("contractive_filters", "corruption_levels", "deep_pretraining", "penalties"),
    *("regularized", "sparsity", "spread", "stacks"),
}


def notebook_of(name):
    return nbformat.reads(lessons.notebook(lessons.get(name)), as_version=4)


@pytest.mark.parametrize("name", ALL)
def test_a_lesson_says_what_is_seen_and_has_code_and_a_formula(name):
    lesson = lessons.get(name)
    prose = re.sub(r"```.*?```|<!--.*?-->|^#.*?$|^\|.*?$", "", lesson.text, flags=re.S | re.M)
    sentences = re.findall(r"[.?!:](?=\s)", prose)
    assert 8 <= len(sentences) <= 40, len(sentences)
    assert "```python" in lesson.text
    assert "$" in prose
    assert 0 < lesson.minutes <= 15


@pytest.mark.parametrize("name", ALL)
def test_a_lesson_names_its_experiment(name):
    named = re.findall(r"`zoo reproduce (\w+)", lessons.get(name).text)
    assert named
    assert set(named) <= experiments.EXPERIMENTS.keys()


@pytest.mark.parametrize("name", ALL)
def test_notebooks_have_the_code_and_no_links_into_the_repository(name):
    notebook = notebook_of(name)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code = re.findall(r"```python\n(.*?)```", lessons.get(name).text, re.S)
    assert [cell.source for cell in cells] == [block.rstrip() for block in code]
    assert not any(cell.outputs for cell in cells)
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"\]\((?!https?:)|<!--", text)
    assert not re.search(r":\s*\Z|:\s*Source", text)  # nothing stands for a picture
    assert not re.search(r"[.:?!|][.:](?=\s|\Z)(?<!\.\.\.)", text)  # no sentence ends twice


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in OF_MANY_MODELS else COMPILED) for n in ALL]
)
def test_the_cells_of_a_lesson_run_and_end_in_pictures(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    loaded, load = set(), few_images(zoo.data.load)
    monkeypatch.setattr(zoo.data, "load", lambda name: loaded.add(name) or load(name))
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shown = []
    for cell in notebook_of(name).cells:
        if cell.cell_type == "code":
            result = shell.run_cell(cell.source, store_history=False)
            result.raise_error()
            shown.append(result.result)
    assert any(hasattr(value, "_repr_png_") and value._repr_png_() for value in shown)
    assert {name for name in loaded if name in DOWNLOADED} == set(lessons.get(name).downloads)


@pytest.mark.slow
def test_a_kernel_of_jupyter_shows_the_pictures(tmp_path):
    path = lessons.write_notebook("ring", tmp_path / "lesson.ipynb")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=900, resources=resources).execute()
    outputs = [o for c in notebook.cells for o in c.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_lessons_and_experiments_are_listed_with_minutes(capsys):
    for command, names in (("lesson", ALL), ("reproduce", experiments.EXPERIMENTS)):
        assert main([command, "--list"]) == 0
        lines = [x for x in capsys.readouterr().out.splitlines() if not x.startswith("#")]
        lines = [x for x in lines if not x.startswith("In brackets")]
        assert sorted(line.split()[0] for line in lines) == sorted(names)
        assert all(re.match(r"\w+ +[\d.]+ min  \S.+", line) for line in lines)


def test_every_lesson_has_a_place_in_the_course_and_an_experiment_has_a_lesson():
    assert sorted(name for names in lessons.COURSE.values() for name in names) == ALL
    texts = "".join(lessons.get(name).text for name in ALL)
    named = set(re.findall(r"`zoo reproduce (\w+)", texts))
    assert named == experiments.EXPERIMENTS.keys()


def test_the_command_writes_a_notebook_and_replaces_none(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["lesson", "ring"]) == 0
    assert "ring.ipynb is written" in capsys.readouterr().out
    (tmp_path / "ring.ipynb").write_text("{}")
    assert main(["lesson", "ring"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "ring.ipynb").read_text() == "{}"
    assert main(["lesson", "ring", "--overwrite"]) == 0
    assert json.loads((tmp_path / "ring.ipynb").read_text())["nbformat"] == 4
    assert main(["lesson", "ring", "--out", "ring.md"]) == 1
    assert ".ipynb" in capsys.readouterr().err


def test_the_nearest_names_are_suggested(capsys):
    with pytest.raises(UnknownNameError, match="ring"):
        lessons.get("rings")
    assert main(["lesson", "rings"]) != 0
    assert "ring" in capsys.readouterr().err
