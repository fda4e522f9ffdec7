"""Experiments on little data: what is replaced, and that it comes back."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from zoo import data, recipes
from zoo.data import in_files, newsgroups, variants
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


def test_few_files_and_postings_are_read_and_few_variants_drawn(monkeypatch):
    """Images stand for those after them: files are sorted by class, so that labels stay true."""
    classes, content = np.repeat([10, 100, 200], 40), []
    for level in classes:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (level, level, level)).save(buffer, "JPEG")
        content.append(np.frombuffer(buffer.getvalue(), "uint8"))
    offsets = np.cumsum([0, *map(len, content)])
    monkeypatch.setattr(
        newsgroups, "postings", lambda part: ([f"{part} {i}" for i in range(50)], np.arange(50))
    )
    monkeypatch.setattr(in_files, "_decoded", counted := Counted(in_files._decoded))
    before = newsgroups.postings, in_files._decoded, variants.TRAINING, variants.TESTING
    with quick.little_data():
        images = in_files._decoded(np.concatenate(content), offsets)
        texts, groups = newsgroups.postings("test")
        assert variants.TRAINING.keys() == before[2].keys()
        assert max(variants.TRAINING.values()) + variants.TESTING <= 2000
    assert counted.files == 6
    assert images.shape == (120, 8, 8, 3)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), classes, atol=2)
    assert texts == ["test 0", "test 20", "test 40"]
    np.testing.assert_array_equal(groups, [0, 20, 40])
    after = newsgroups.postings, in_files._decoded, variants.TRAINING, variants.TESTING
    assert after == before


class Counted:
    """A function that decodes files, and the number of them."""

    def __init__(self, decode):
        self.decode, self.files = decode, 0

    def __call__(self, files, offsets):
        self.files += len(offsets) - 1
        return self.decode(files, offsets)


def test_networks_that_are_no_models_of_the_zoo_run_eagerly_too():
    compile_before = keras.Model.compile
    with quick.little_data():
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        network.compile("sgd", "mse", jit_compile=True, steps_per_execution=5)
        assert network.run_eagerly
        assert not network.jit_compile
    assert keras.Model.compile is compile_before


def test_small_settings_name_constants_of_their_modules():
    modules = {one.run.__module__: one.run.__globals__ for one in EXPERIMENTS.values()}
    for name, constants in modules.items():
        for constant, small in constants.get("QUICK", {}).items():
            assert constant in constants, (name, constant)
            assert type(small) is type(constants[constant]), (name, constant)
