"""Shipped presets: loaded once, and which of them are tested at every turn; and a small recipe."""

import functools

import pytest

import zoo

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


def one_of_each(key, and_always=()):
    """Return all presets as parameters of a test: slow, but for one of each class or family.

    Args:
        key: an entry of the card, such as "class".
        and_always: names of presets that are never slow.
    """
    names = zoo.list_models()
    often = {*{zoo.card(name)[key]: name for name in reversed(names)}.values(), *and_always}
    return [pytest.param(n, marks=[] if n in often else pytest.mark.slow) for n in names]
