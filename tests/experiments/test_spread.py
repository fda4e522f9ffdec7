"""The spread of figures over seeds: which images each figure is measured on."""

from dataclasses import replace

import pytest

from zoo import data, recipes
from zoo.experiments import spread


@pytest.fixture
def seen(monkeypatch):
    """Return the sizes of the training and test sets of every measurement, one after the other."""
    get, sizes = recipes.get, []

    class Recorded(spread.Evaluation):
        def __init__(self, model, name, train, test):
            super().__init__(model, name, train, test)
            sizes.append((len(train[0]), len(test[0])))

    monkeypatch.setattr(spread, "Evaluation", Recorded)
    monkeypatch.setattr(spread, "SEEDS", (1, 2))
    small = {"validation": 40, "batch_size": 100}
    monkeypatch.setattr(recipes, "get", lambda name: replace(get(name), **small))
    return sizes


def test_test_images_are_measured_with_all_training_images_as_on_the_card(few_images, seen):
    """On the card a linear probe learns from all training images, also from those for choices."""
    table = spread.spread(epochs=1, only=("contractive_ae_mnist",), verbose=0)
    (x, _), (x_test, _) = data.load("mnist")
    held_out, tested = (len(x) - 40, 40), (len(x), len(x_test))
    assert seen == 2 * [held_out, tested]
    row = next(row for row in table.rows if len(row) > 1)
    figures = [float(value) for value in row[4].split(", ")]
    assert row[2] == pytest.approx(sum(figures) / 2, rel=1e-3)
