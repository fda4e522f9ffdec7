"""Experiments on little data: what is replaced, and that it comes back."""

import numpy as np
import pytest

from zoo import data, recipes
from zoo.data.strokes import data_sets
from zoo.experiments import EXPERIMENTS, gans, quick


def test_data_and_settings_are_small_in_the_context_and_come_back_after_an_error():
    before = (data.load, data.keep_labels, recipes.get, data_sets.gray_images, gans.SEEDS)
    (x, y), _ = data.load("digits")
    with pytest.raises(ZeroDivisionError), quick.little_data():
        (few, labels), (test, _) = data.load("digits")
        assert (len(few), len(test)) == (300, 80)
        assert np.bincount(labels).min() >= 12
        place = {image.tobytes(): i for i, image in enumerate(x)}
        chosen = [place[image.tobytes()] for image in few]
        assert len(np.unique(chosen)) == 300
        np.testing.assert_array_equal(labels, y[chosen])
        kept = data.keep_labels(labels, 5000, seed=1)
        np.testing.assert_array_equal(kept, before[1](labels, 100, seed=1))
        for name in recipes.names():
            recipe = recipes.get(name)
            assert recipe.validation == 0
            assert recipe.batch_size >= 64
            assert recipe.pretraining.get("epochs", 1) == 1
            assert recipe.model.get("pretraining_epochs", 1) == 1
            assert max(recipe.model.get("filters", [0]), default=0) <= 8
            assert max(recipe.model.get("hidden_units", [0]), default=0) <= 64
        assert gans.SEEDS == (1,)
        raise ZeroDivisionError
    assert (data.load, data.keep_labels, recipes.get, data_sets.gray_images, gans.SEEDS) == before


def test_data_without_labels_or_with_few_items_stay_as_they_are(monkeypatch):
    x = np.arange(7)
    monkeypatch.setattr(data, "load", lambda name: ((x, None), (x[:2], None)))
    with quick.little_data():
        (few, none), (test, _) = data.load("anything")
    np.testing.assert_array_equal(few, x)
    np.testing.assert_array_equal(test, x[:2])
    assert none is None


def test_few_sequences_and_drawings_are_left(monkeypatch):
    x, lengths = np.zeros((500, 6, 2)), np.arange(1, 151)
    points, few_lengths = np.arange(lengths.sum()), np.array([2, 3])
    monkeypatch.setattr(data, "load", lambda name: ((x, None), (x, None)))
    monkeypatch.setattr(quick, "checked", lambda *given: [points, lengths, points[:5], few_lengths])
    with quick.little_data():
        (few, _), (test, _) = data.load("signals")
        found = data_sets.checked("source", "keys", "arrays", "place")
    assert (len(few), len(test)) == (60, 20)
    expected = [points[: 60 * 61 // 2], lengths[:60], points[:5], few_lengths]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_few_large_photographs_are_left(monkeypatch):
    sides = {"small": 64, "large": 65}
    monkeypatch.setattr(
        data, "load", lambda name: ((np.zeros((400, sides[name], 65, 1)), None),) * 2
    )
    with quick.little_data():
        found = [[len(x) for x, _ in data.load(name)] for name in sides]
    assert found == [[300, 80], [32, 16]]


def test_small_settings_name_constants_of_their_modules():
    modules = {one.run.__module__: one.run.__globals__ for one in EXPERIMENTS.values()}
    for name, constants in modules.items():
        for constant, small in constants.get("QUICK", {}).items():
            assert constant in constants, (name, constant)
            assert type(small) is type(constants[constant]), (name, constant)
