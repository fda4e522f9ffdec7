"""Tables of the guides that name classes name all of which it holds, and no others."""

import re

import pytest
from support import each_class
from support.places import ROOT

from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES

METHODS = (
    *("decode", "encode", "translate", "recolor", "predict_labels", "predict_proba"),
    *("posterior_moments", "log_likelihood"),
)
VARIANTS = {"SparseAutoencoder", "DenoisingAutoencoder", "ContractiveAutoencoder"}


def below(page: str, heading: str) -> str:
    """Return the text of a guide below a heading."""
    guide = ROOT / "docs" / "guides" / page
    return guide.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading of a guide, without its head."""
    table = re.search(r"(?m)(^\|.*\n)+", below(page, heading))[0].splitlines()
    return [line.strip("| ").split(" | ") for line in table[2:]]


def classes_in(text: str) -> set[str]:
    """Return the classes that a text names, or all others where it says "all but"."""
    named = set(re.findall(r"`(\w+)[`(]", text)) & CLASSES.keys()
    named |= VARIANTS if "and its variants" in text else set()
    return CLASSES.keys() - named if text.startswith("all but") else named


def test_the_table_of_methods_names_the_classes_that_have_them():
    listed = {re.match(r"`(\w+)", cell)[1]: text for cell, text in rows("presets.md", "Use it")}
    for method in METHODS:
        has = {name for name, cls in CLASSES.items() if hasattr(cls, method)}
        # M1M2 models codes: its error says that its lower model has a likelihood of images.
        without = {"M1M2"} if method == "log_likelihood" else set()
        assert classes_in(listed[method]) == has - without, method


def test_the_table_of_own_networks_has_every_class():
    listed = [classes_in(row[0]) for row in rows("own-networks.md", "Hand them over")]
    assert set().union(*listed) == CLASSES.keys()


def test_the_classes_that_take_a_corruption_are_listed():
    takes = {name for name, cls in CLASSES.items() if "corruption" in arguments_of(cls)}
    assert classes_in(below("own-networks.md", "Corruptions").split("take one")[0]) == takes


def test_the_classes_that_take_pairs_are_listed():
    with_labels = {n for n, c in CLASSES.items() if c.conditional or hasattr(c, "predict_labels")}
    takes = {name for name, cls in CLASSES.items() if cls.takes_pairs} - with_labels
    assert classes_in(below("own-data.md", "Pairs: noisy and clean").split(": the\n")[0]) == takes


@pytest.mark.parametrize("name", CLASSES)
def test_the_table_of_exported_parts_names_those_of_a_class(name):
    (row,) = (row for row in rows("export.md", "Parts of each model") if name in classes_in(row[0]))
    parts = each_class.make(name).parts().keys() - {"encoder", "decoder"}
    said, _, absent = row[1].partition("; no ")
    assert {word for word in re.findall(r"`(\w+)`", said) if word in parts} == parts
    assert ("`encoder`" in absent) == (not hasattr(CLASSES[name], "encode"))
    assert ("`decoder`" in absent) == (not hasattr(CLASSES[name], "decode"))
