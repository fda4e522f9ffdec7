"""Shipped presets: loaded once, and which of them are tested at every turn; and a small recipe."""

import functools

import pytest

import zoo
from support.each_class import LONGER

SMALL_RECIPE = """
description = "A small one."
paper = "None"
data = "digits"
class = "Autoencoder"
epochs = 2
validation = 237
batch_size = 200
seed = 4

[model]
input_shape = [8, 8, 1]
latent_dim = 2
hidden_units = [8]

[optimizer]
learning_rate = 1e-2
"""


@functools.cache
def loaded(name):
    """Return a shipped preset's model, which several tests look at and none may change."""
    return zoo.load(name)


def loaded_often():
    """Return all presets as parameters of a test that loads them: slow, but for one a family."""
    return slow_but(first_of_each("family"), zoo.list_models())


def slow_but(often, names):
    """Return presets as parameters of a test: slow, but for some.

    One worker runs all slow tests of a preset, and loads it once.
    """
    return [
        pytest.param(n, marks=() if n in often else (*LONGER, pytest.mark.xdist_group(n)))
        for n in sorted(names)
    ]


def command_of_figures(card) -> str:
    """Return what measures a shipped preset; JPEG copies are for training alone."""
    lossless = " --data cifar10_subset" if card["recipe"]["data"] == "cifar10_jpeg" else ""
    return f"zoo evaluate {card['name']} --update{lossless}"


@functools.cache
def first_of_each(key, color=True) -> list[str]:
    """Return one preset for each value of an entry of the cards, such as "class"."""
    names = [n for n in zoo.list_models() if color or zoo.card(n)["input"]["shape"][-1] == 1]
    return [*{zoo.card(name)[key]: name for name in reversed(names)}.values()]


def one_of_each(key, all_of=None, often=None):
    """Return presets as parameters of a test: slow, but for one of each class or family.

    Args:
        key: an entry of the card, such as "family".
        all_of: another entry, to take one preset for each of its values instead of all.
        often: the names of presets that are not slow, instead of one for each value of `key`.
    """
    first = first_of_each(key)
    names = {*first, *first_of_each(all_of)} if all_of else zoo.list_models()
    return slow_but(first if often is None else often, {*names, *(often or ())})
