"""Names, cards and recipes: what there is, said without loading a backend."""

import json
import shutil
import subprocess
import sys

import pytest

import zoo
from zoo.presets import catalog, recipes
from zoo.presets.card import describe_file
from zoo.presets.card_page import render_card
from zoo.readme_tables import END, RESULTS_END, RESULTS_START, START, with_tables
from zoo.suggestions import UnknownNameError, suggestion

NAMES = zoo.list_models()


def modules_after(code):
    """Return the names of the top-level modules that a fresh process has after running code."""
    script = f"{code}\nimport sys; print('|'.join({{m.split('.')[0] for m in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split("|"))


@pytest.mark.parametrize(
    "code",
    [
        "import zoo; assert zoo.list_models()",
        "import zoo; print(zoo.card('vae_digits'))",
        "import zoo.cli; zoo.cli.main(['list']); zoo.cli.main(['card', 'vae_digits'])",
        "import zoo.cli\ntry: zoo.cli.main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_looking_around_imports_no_backend(code):
    heavy = {"keras", "tensorflow", "jax", "torch", "numpy", "h5py", "matplotlib", "sklearn"}
    assert not heavy & modules_after(code)


def test_list_models_is_sorted_and_takes_a_glob():
    assert "vae_digits" in NAMES
    assert sorted(NAMES) == NAMES
    assert zoo.list_models("vae_dig*") == ["vae_digits"]
    assert zoo.list_models("no such") == []


def test_list_models_takes_a_part_of_the_names_unless_it_is_a_whole_one():
    assert zoo.list_models("fashion") == zoo.list_models("*fashion*") != []
    assert zoo.list_models("vae_mnist") == ["vae_mnist"]


@pytest.mark.parametrize("name", NAMES)
def test_the_card_of_a_preset_tells_what_it_is(name):
    card = zoo.card(name)
    assert card["name"] == name
    text = str(card)
    for key in ("description", "class", "paper", "licence"):
        assert card[key]
        assert card[key] in text
    for key in ("family", "data", "input", "latent_dim", "recipe", "versions", "parameters"):
        assert card[key]
    assert card["recipe"]["seed"] is not None
    assert set(card["files"]) >= {"config.json", "model.weights.h5"}


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_how_it_was_measured(name):
    figures = zoo.card(name)["figures"]
    for figure in figures:
        assert figure["command"] == f"zoo evaluate {name} --update"
        assert "none left out" in figure["protocol"]
        assert isinstance(figure["value"], (int, float))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_exactly_the_files_of_its_card(name):
    folder = catalog.preset_folder(name)
    card = zoo.card(name)
    found = {path.name for path in folder.glob("[!.]*")}
    assert found == {*card["files"], "card.json", "README.md"}
    for file, recorded in card["files"].items():
        assert describe_file(folder / file) == recorded


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_of_a_preset_is_rendered_from_its_card(name):
    text = (catalog.preset_folder(name) / "README.md").read_text(encoding="utf-8")
    assert text == render_card(zoo.card(name))


def test_the_tables_have_a_row_for_every_preset_and_every_result(tmp_path):
    record = {
        "title": "A comparison",
        "command": "zoo reproduce it",
        "seed": 1,
        "columns": ["model", "reported", "obtained"],
        "rows": [["PCA", None, 13.87]],
        "protocol": "MNIST.",
        "picture": "it.png",
    }
    (tmp_path / "it.json").write_text(json.dumps(record), encoding="utf-8")
    marks = f"{START}\nold\n{END}\n{RESULTS_START}{RESULTS_END}"
    text = with_tables(f"before\n{marks}\nafter\n", tmp_path)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "\nold\n" not in text
    for name in NAMES:
        assert text.count(f"| [`{name}`](pretrained/{name}/README.md)") == 1
    assert "| PCA |  | 13.87 |" in text
    assert "![A comparison](results/it.png)" in text
    assert with_tables(text, tmp_path) == text


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("preset", lambda: zoo.card("vae_digit")),
        ("preset", lambda: zoo.load("vae_digit")),
        ("data set", lambda: zoo.data.load("digit")),
        ("recipe", lambda: recipes.get("vae_digit")),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(kind, call):
    with pytest.raises(UnknownNameError, match=rf"no {kind}.*did you mean '\w*digits'") as caught:
        call()
    assert "There are: " in str(caught.value)


def test_a_name_like_no_other_is_answered_with_all():
    assert suggestion("zzz", ["abc"]) == ""
    with pytest.raises(UnknownNameError, match="'qqqqqq'. There are: ") as caught:
        zoo.card("qqqqqq")
    assert "did you mean" not in str(caught.value)


def test_a_folder_that_is_no_preset_is_told_apart_from_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"holds no card\.json"):
        zoo.card(tmp_path)


def test_a_folder_with_a_shipped_name_is_told_of(tmp_path, monkeypatch):
    shipped = catalog.preset_folder("vae_digits")
    monkeypatch.chdir(shipped.parent)
    assert catalog.preset_folder("vae_digits") == shipped
    monkeypatch.chdir(shutil.copytree(shipped, tmp_path / "vae_digits").parent)
    with pytest.warns(UserWarning, match=r"is the shipped preset here; .* is \./vae_digits"):
        assert catalog.preset_folder("vae_digits") == shipped
    assert catalog.preset_folder("./vae_digits") == tmp_path.__class__("vae_digits")


def minimal_card(**changes):
    file = {"sha256": "0" * 64, "bytes": 1}
    return {
        "name": "n",
        "class": "VAE",
        "input": {"shape": [8, 8, 1], "range": "[0, 1]"},
        "latent_dim": 2,
        "parameters": 3,
        "files": {"config.json": file, "model.weights.h5": file},
        **changes,
    }


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "sub/x", "..", "..\\x", "C:x"])
def test_a_card_that_names_files_outside_its_folder_is_refused(name, tmp_path):
    card = minimal_card()
    card["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="no plain file name"):
        zoo.card(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not readable as JSON"),
        ("[1]", "an object was expected, and this is a list"),
        ('{"name": "a", "name": "b"}', "the entry 'name' is there more than once"),
        ('{"name": ' + "[" * 200 + "]" * 200 + "}", "nested more than 100 levels"),
        ('{"name": ' + "[" * 100_000, "not readable as JSON: .*recursion"),
        ('{"latent_dim": ' + "9" * 5000 + "}", "not readable as JSON: .*4300 digits"),
        (json.dumps({"files": {}}), "does not list the files"),
        (json.dumps(minimal_card(files={"config.json": 1, "model.weights.h5": 2})), "lists the"),
        (json.dumps({k: v for k, v in minimal_card().items() if k != "class"}), "lacks 'class'"),
        *(
            (json.dumps(minimal_card(**changes)), says)
            for changes, says in (
                ({"name": ["a"]}, r"says 'name' is \['a'\] in the card, where str is expected"),
                ({"latent_dim": 2.5}, "says 'latent_dim' is 2.5 in the card, where int"),
                ({"parameters": True}, "says 'parameters' is True"),
                ({"parameters": float("nan")}, "says 'parameters' is nan"),
                ({"input": 3}, "says 'input' is 3"),
                ({"input": {"shape": 3, "range": ""}}, "says 'shape' is 3 in input"),
                ({"input": {"shape": ["a"], "range": ""}}, r"have the shape \['a'\]"),
                ({"data": {"title": [], "licence": "", "credit": ""}}, r"says 'title' is \[\]"),
                ({"data": {"title": ""}}, "lacks 'licence', 'credit' in data"),
                ({"recipe": "mnist"}, "says 'recipe' is 'mnist'"),
                ({"recipe": {"data": {}}}, "says 'data' is {} in recipe"),
                ({"licence": {}}, "says 'licence' is {}"),
                ({"versions": 3}, "says 'versions' is 3"),
                ({"figures": 3}, "says 'figures' is 3"),
                ({"figures": [3]}, "lacks 'name', 'value', .* in figures"),
            )
        ),
    ],
)
def test_a_broken_card_is_refused(content, says, tmp_path):
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(ValueError, match=says):
        zoo.card(tmp_path)


def test_the_least_card_prints(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(minimal_card()))
    text = str(zoo.card(tmp_path))
    assert "n: VAE" in text
    assert "licence      not stated" in text
    assert "stored as float32" in render_card(zoo.card(tmp_path))


def test_the_package_lists_what_it_offers():
    assert {"load", "save", "VAE", "plots"} <= set(dir(zoo))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zoo.nothing
