"""Cards: what they say of the shipped presets, and which ones are refused."""

import json

import pytest
from support.presets import command_of_figures

import zoo
from zoo.models import CLASSES
from zoo.models.translator import BaseTranslator
from zoo.presets.card import describe_file
from zoo.presets.card_page import render_card
from zoo.presets.catalog import preset_folder

NAMES = zoo.list_models()


# Numbers that no card can hold


@pytest.mark.parametrize("number", ["1" + 30 * "0", "-1", "true", "1e999", "NaN", "2.0"])
@pytest.mark.parametrize("place", ["parameters", "latent_dim", "shape", "bytes"])
def test_a_size_that_cannot_be_is_refused(number, place, saved_vae, tmp_path):
    card = json.loads((saved_vae / "card.json").read_text())
    holders = {"shape": (card["input"]["shape"], 0), "bytes": (card["files"]["config.json"], place)}
    holder, key = holders.get(place, (card, place))
    holder[key] = "HERE"
    (tmp_path / "card.json").write_text(json.dumps(card).replace('"HERE"', number))
    with pytest.raises(ValueError, match="int is expected|images have the shape"):
        zoo.card(tmp_path)


@pytest.mark.parametrize("number", ["1" + 400 * "0", "1e999", "NaN", "-Infinity", "false"])
def test_a_metric_that_is_no_finite_number_is_refused(number, saved_vae, tmp_path):
    card = json.loads((saved_vae / "card.json").read_text())
    card["figures"] = [dict.fromkeys(("name", "unit", "protocol", "command"), "") | {"value": "X"}]
    (tmp_path / "card.json").write_text(json.dumps(card).replace('"X"', number))
    with pytest.raises(ValueError, match="'value' is .* where int or float is expected"):
        zoo.card(tmp_path)


# Of the shipped presets


@pytest.mark.parametrize("name", NAMES)
def test_the_card_of_a_preset_describes_it(name):
    card = zoo.card(name)
    assert card["name"] == name
    text = str(card)
    for key in ("description", "class", "paper", "licence"):
        assert card[key]
        assert card[key] in text
    for key in ("family", "data", "input", "recipe", "versions", "parameters"):
        assert card[key]
    assert (card["latent_dim"] > 0) == (not issubclass(CLASSES[card["class"]], BaseTranslator))
    assert card["recipe"]["seed"] is not None
    assert set(card["files"]) >= {"config.json", "model.weights.h5"}


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_says_how_it_was_measured(name):
    card = zoo.card(name)
    for figure in card["figures"]:
        assert figure["command"] == command_of_figures(card)
        assert "none left out" in figure["protocol"]
        assert isinstance(figure["value"], (int, float))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_exactly_the_files_of_its_card(name):
    folder = preset_folder(name)
    card = zoo.card(name)
    found = {path.name for path in folder.glob("[!.]*")}
    assert found == {*card["files"], "card.json", "README.md"}
    for file, recorded in card["files"].items():
        assert describe_file(folder / file) == recorded


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_of_a_preset_is_rendered_from_its_card(name):
    text = (preset_folder(name) / "README.md").read_text(encoding="utf-8")
    assert text == render_card(zoo.card(name))


# Anybody's


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
    with pytest.raises(ValueError, match="not a plain file name"):
        zoo.card(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not readable as JSON"),
        ("[1]", "an object was expected, but this is a list"),
        ('{"name": "a", "name": "b"}', "the entry 'name' appears more than once"),
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
