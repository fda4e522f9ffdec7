"""Recipes on few images make as many steps as on their own data, and say what was not learned."""

import dataclasses
import math
import os

import numpy as np
import pytest

import zoo
from zoo import recipes
from zoo.cli.main import main
from zoo.recipes import own_data, training
from zoo.recipes.length import fitted, steps_per_epoch
from zoo.recipes.unlearned import unlearned

CVAE = recipes.get("cvae_mnist")


def test_a_recipe_knows_the_steps_on_its_own_data():
    assert steps_per_epoch(CVAE) == math.ceil(50_000 / 128)
    assert steps_per_epoch(dataclasses.replace(CVAE, data="")) == 0
    assert steps_per_epoch(dataclasses.replace(CVAE, data="", steps_per_epoch=7)) == 7


@pytest.mark.parametrize("name", ["digits", "rectangles", "tones"])
def test_a_source_says_how_many_images_there_are(name):
    assert zoo.data.SOURCES[name].images == len(zoo.data.load(name)[0][0])


def test_every_recipe_leaves_images_of_its_data_to_learn_from():
    for name in recipes.names():
        recipe = recipes.get(name)
        images = zoo.data.SOURCES[recipe.data].images
        assert 0 < recipe.validation < images / 2, name
        learned = images - recipe.validation
        assert steps_per_epoch(recipe) == math.ceil(learned / recipe.batch_size)


def test_a_recipe_that_leaves_nothing_to_learn_from_is_refused(tmp_path):
    recipe = dataclasses.replace(recipes.get("vae_digits"), validation=10_000)
    with pytest.raises(
        ValueError, match="keeps 10,000 images for validation, but there are only 1,437"
    ):
        training.train(recipe, tmp_path / "out", verbose=False)


@pytest.mark.parametrize("name", ["cvae_mnist", "vae_digits", "stacked_denoising_ae_mnist"])
@pytest.mark.parametrize("n", [5, 267, 2000, 60_000])
def test_few_images_are_trained_for_as_many_steps(name, n):
    recipe = recipes.get(name)
    made, line = fitted(recipe, n, "images")
    steps = made.epochs * math.ceil(n / made.batch_size)
    wanted = recipe.epochs * steps_per_epoch(recipe)
    assert wanted <= steps
    assert steps < wanted + math.ceil(n / made.batch_size) or made.epochs == recipe.epochs
    if layers := recipe.pretraining:
        batches = math.ceil(n / made.batch_size)
        assert made.pretraining["epochs"] * batches >= layers["epochs"] * steps_per_epoch(recipe)
    assert made.batch_size <= recipe.batch_size
    assert bool(line) == ((made.epochs, made.batch_size) != (recipe.epochs, recipe.batch_size))
    again, nothing = fitted(dataclasses.replace(made, data=""), n, "images")
    assert (again.epochs, again.batch_size, nothing) == (made.epochs, made.batch_size, "")


def test_the_line_names_both_and_what_is_asked_for_wins():
    made, line = fitted(CVAE, 267, "images")
    assert (made.batch_size, made.epochs) == (16, 1380)
    assert line == (
        "267 images: batches of 16 instead of 128, 1,380 epochs instead of 60, to make the "
        "recipe's 23,460 steps"
    )
    asked, line = fitted(CVAE, 267, "images", epochs=3)
    assert (asked.batch_size, asked.epochs, asked.steps_per_epoch) == (16, 3, 17)
    assert line == "267 images: batches of 16 instead of 128"
    asked, line = fitted(CVAE, 267, "images", batch_size=128)
    assert (asked.batch_size, asked.epochs * 3) == (128, 23_460)
    assert "batches" not in line
    both, line = fitted(CVAE, 267, "images", epochs=3, batch_size=64)
    assert (both.batch_size, both.epochs, line) == (64, 3, "")
    own = dataclasses.replace(CVAE, data="")  # a file of one's own: its numbers are asked for
    assert fitted(own, 267, "images") == (own, "")


def test_the_recipe_of_a_class_makes_steps_too():
    recipe = own_data.recipe_of_class(zoo.VAE, (8, 8, 1), 90)
    made, _ = fitted(recipe, 75, "images")
    assert made.epochs * math.ceil(75 / made.batch_size) >= 3000
    assert fitted(recipe, 8000, "images")[0].epochs == recipe.epochs


def test_the_lowest_val_loss_decides_where_it_tells_the_best_epoch():
    kept = {c: own_data.recipe_of_class(c, (8, 8, 1), 90).keep for c in (zoo.VAE, zoo.CVAE, zoo.M2)}
    assert kept == {zoo.VAE: "best", zoo.CVAE: "last", zoo.M2: "last"}


QUARTERS = np.kron(np.eye(4).reshape(4, 2, 2), np.ones((4, 4))).reshape(4, 8, 8, 1)


class Painter:
    """What the checks of a trained model need of it: it paints one quarter for each label."""

    conditional = can_generate = True
    semi_supervised = has_encoder = False
    label_shape, num_classes, updates = (), 4, ()
    likelihood = zoo.Bernoulli()

    def __init__(self, paints):
        self.paints = np.asarray(paints)

    def generate(self, labels, seed):
        return QUARTERS[self.paints[labels]]


def said_of(model, y=None, keep="last", history=None, made=100, steps=100):
    y = np.arange(40) % 4 if y is None else y
    x = QUARTERS[np.arange(40) % 4] + np.random.default_rng(0).normal(0, 0.1, (40, 8, 8, 1))
    x = x.clip(0, 1).astype("float32")
    recipe = dataclasses.replace(CVAE, keep=keep, epochs=5)  # of which two were before
    return unlearned(model, (x, y), (x[:5], y[:5]), history or {}, made, steps, recipe)


def test_classes_that_are_not_drawn_are_named():
    assert said_of(Painter([0, 1, 2, 3])) == []
    (one,) = said_of(Painter([0, 1, 0, 3]))
    assert "drawn with the label 2 look like other classes (75% of all" in one
    (all_of_them,) = said_of(Painter([1, 2, 3, 0]))
    assert "the labels 0, 1, 2, 3 look like other classes (0%" in all_of_them


def test_where_neighbors_tell_no_classes_the_label_must_change_something():
    shuffled = np.random.default_rng(1).integers(0, 4, 40)
    assert said_of(Painter([0, 1, 2, 3]), shuffled) == []
    assert said_of(Painter([2, 2, 2, 2]), shuffled) == [
        "The label hardly changes the drawn images: train longer."
    ]


def test_labels_without_images_are_named():
    (said,) = said_of(Painter([0, 1, 2, 3]), np.arange(40) % 4 // 3 * 3)
    assert "No training image has the labels 1, 2" in said


def test_few_steps_and_images_known_by_heart_are_said():
    assert "49 steps are few: the recipe makes 100" in said_of(Painter(range(4)), made=49)[0]
    assert said_of(Painter(range(4)), made=50) == []
    worse = {"val_loss": [3.0, 2.0, 2.5]}
    (said,) = said_of(Painter(range(4)), history=worse)
    assert "lowest in epoch 4 of 5 (2)" in said
    assert "Images drawn by label may still have improved" in said
    assert said_of(Painter(range(4)), history=worse, keep="best") == []
    assert said_of(Painter(range(4)), history={"val_loss": [3.0, 2.0, 2.01]}) == []


def test_codes_that_are_the_same_for_all_images_are_said():
    model = zoo.Autoencoder((8, 8, 1), 20, hidden_units=())
    x = np.random.default_rng(0).random((9, 8, 8, 1)).astype("float32")
    assert unlearned(model, (x, None), (x, None), {}, 9, 0, CVAE) == []
    model.set_weights([0 * w for w in model.get_weights()])
    (said,) = unlearned(model, (x, None), (x, None), {}, 9, 0, CVAE)
    assert "0 of 20 values differ between images" in said


def test_a_classifier_that_misses_a_class_is_said():
    model = zoo.M2((8, 8, 1), 2, num_classes=4, hidden_units=(4,))
    kernel, _ = model.classifier.get_layer("logits").get_weights()
    model.classifier.get_layer("logits").set_weights([0 * kernel, np.array([9.0, 0, 0, 0])])
    assert any("does not predict the labels 1, 2, 3, not even" in said for said in said_of(model))


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Sixty quarters with labels of four classes, in files of the working folder."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", (255 * QUARTERS[np.arange(60) % 4, ..., 0]).astype("uint8"))
    np.save("y.npy", np.arange(60) % 4)
    return ["--images", "x.npy", "--labels", "y.npy", "--epochs", "2"]


@pytest.mark.slow
def test_the_command_starts_from_a_preset_and_says_what_is_missing(few, digit_presets, capsys):
    model = zoo.CVAE((8, 8, 1), 2, num_classes=10, hidden_units=(12,))
    model.compile("adam")
    model.licence = "CC BY 4.0"
    zoo.save(model, "digits")
    assert main(["train", "CVAE", "--from", "./digits", "--out", "mine", *few]) == 0
    said = capsys.readouterr().out
    assert "50 training images: batches of 16 instead of 32" in said
    assert "started from digits: 1" in said
    assert "in part encoder/dense_0/kernel, decoder/dense_0/kernel; new are" in said
    assert "note: 8 steps are few: the recipe makes 3,000. Leave out --epochs" in said
    card = zoo.card(os.path.join(os.curdir, "mine"))
    assert (card["based_on"], card["licence"], card["num_classes"]) == ("digits", None, 4)
    assert card["recipe"]["model"]["hidden_units"] == [12]  # those of the preset
    assert zoo.load("./mine").generate(labels=[3], seed=0).shape == (1, 8, 8, 1)
    assert main(["train", "VAE", "--from", "./digits", "--out", "v", *few[:2], *few[4:]]) == 0
    assert "started from digits: 908 of" in capsys.readouterr().out


@pytest.mark.slow
def test_the_recipe_that_was_used_is_of_the_same_length_again(few, capsys):
    command = ["train", "vae_digits", "--images", "x.npy", "--batch-size", "25", "--out"]
    assert main([*command, "one", "--epochs", "2"]) == 0
    recipe = recipes.get("one/recipe.toml")
    assert (recipe.epochs, recipe.batch_size, recipe.steps_per_epoch) == (2, 25, 2)
    training.train(recipe, "two", images="x.npy", verbose=False)
    for a, b in zip(*(zoo.load(f"./{name}").get_weights() for name in ("one", "two")), strict=True):
        np.testing.assert_array_equal(a, b)
