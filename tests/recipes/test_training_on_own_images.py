"""Recipes that train on images and labels of a user's own."""

import dataclasses

import numpy as np
import pytest

import zoo
from zoo import recipes
from zoo.cli.main import main
from zoo.data import StoredImages
from zoo.presets.card import WEIGHTS
from zoo.recipes import training
from zoo.recipes.own_data import suited

pytestmark = [pytest.mark.backend, pytest.mark.graph]

RECIPE = recipes.Recipe.parse(
    "small",
    """
description = "A small one."
paper = "None"
data = "digits"
class = "CVAE"
epochs = 2

[model]
input_shape = [8, 8, 1]
latent_dim = 2
num_classes = 10
hidden_units = [8]
""",
)


@pytest.fixture
def drawn():
    return np.random.default_rng(0).integers(0, 256, (90, 4, 4), "uint8")


@pytest.fixture
def file(drawn, tmp_path):
    np.save(tmp_path / "x.npy", drawn)
    return tmp_path / "x.npy"


@pytest.mark.slow
def test_a_recipe_trains_on_own_images_and_labels(file, tmp_path, capsys):
    np.save(tmp_path / "y.npy", np.arange(90) % 3)
    card = training.train(
        RECIPE, tmp_path / "mine", images=file, labels=tmp_path / "y.npy", strategy=None
    )
    assert (card["name"], card["num_classes"]) == ("mine", 3)
    assert card["input"]["shape"] == [4, 4, 1]
    assert card["recipe"]["validation"] == 15
    assert card["data"]["title"] == "own images, 90 of 4x4"
    assert zoo.load(str(tmp_path / "mine")).generate(labels=[0, 2]).shape == (2, 4, 4, 1)
    changed, length, *lines = capsys.readouterr().out.splitlines()
    assert 'likelihood is "gaussian", because these are gray photographs' in changed
    assert length.startswith("75 training images: batches of 16 instead of 128, 5 epochs instead")
    lines, notes = lines[:5], lines[5:]
    assert [line.partition(":")[0] for line in lines] == [f"epoch {i}/5" for i in range(1, 6)]
    assert all(line.startswith("note: ") for line in notes)
    assert all("images/s" in line and "left" in line and "val_loss" in line for line in lines)


@pytest.mark.slow
def test_a_recipe_trains_on_rows_that_are_not_images(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((90, 12), "float32"))
    recipe = dataclasses.replace(recipes.get("vae_digits"), epochs=1)
    card = training.train(recipe, tmp_path / "mine", images=tmp_path / "x.npy", verbose=False)
    assert card["input"]["shape"] == [12]
    assert sorted(card["files"]) == ["config.json", WEIGHTS, "recipe.toml"]
    assert zoo.load(tmp_path / "mine").generate(3, seed=0).shape == (3, 12)


@pytest.mark.slow
def test_a_recipe_with_few_labels_takes_those_that_are_known(file, tmp_path):
    labels = np.where(np.arange(90) < 30, np.arange(90) % 3, -1)
    few = dataclasses.replace(RECIPE, class_name="M2", labels=100)
    card = training.train(few, tmp_path / "mine", images=file, labels=labels, verbose=False)
    assert card["num_classes"] == 3


def test_a_training_continues_only_from_its_own_state(drawn, file, tmp_path):
    """Not from that of other images, of the same number and shape."""
    one, other = (training._fingerprint(RECIPE, 2, x, None) for x in (drawn, 255 - drawn))
    assert one != other
    assert training._fingerprint(RECIPE, 2, StoredImages(file), None) not in (one, other)


def test_images_and_labels_must_go_together(file, tmp_path):
    with pytest.raises(ValueError, match="labels are given without images"):
        training.train(RECIPE, tmp_path / "mine", labels=np.zeros(90))
    with pytest.raises(ValueError, match="89 labels for 90 images"):
        training.train(RECIPE, tmp_path / "mine", images=file, labels=np.zeros(89, int))
    with pytest.raises(ValueError, match="learns from labels: give the labels of the images"):
        training.train(RECIPE, tmp_path / "mine", images=file)
    with pytest.raises(ValueError, match="vae_digits learns from images only: leave out labels"):
        training.train(recipes.get("vae_digits"), tmp_path / "mine", images=file, labels=[0] * 90)
    with pytest.raises(ValueError, match="1 image is not enough"):
        training.train(RECIPE, tmp_path / "mine", images=np.zeros((1, 4, 4, 1)), labels=[0])
    with pytest.raises(ValueError, match="learns the codes of m1_mnist_100"):
        training.train(recipes.get("m1m2_mnist_100"), tmp_path / "mine", images=file)
    (tmp_path / "y.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="not an .npy file of labels"):
        training.train(RECIPE, tmp_path / "mine", images=file, labels=tmp_path / "y.npy")
    assert not (tmp_path / "mine").exists()


def test_the_command_line_takes_images_and_refuses_strategies(file, tmp_path, capsys):
    out = str(tmp_path / "mine")
    common = ["train", "ae_mnist", "--out", out, "--epochs", "1", "--images", str(file)]
    assert main([*common, "--strategy", "miror"]) != 0
    assert "mirrored" in capsys.readouterr().err
    assert main(common) == 0
    assert "images/s" in capsys.readouterr().out
    assert zoo.load(out).image_shape == (4, 4, 1)
    assert main(["evaluate", out, "--data", str(file)]) == 0
    assert "own images, 90 of 4x4, kept from training" in capsys.readouterr().out


@pytest.mark.parametrize("labels", ["", "y.npy"])
def test_a_recipe_opens_no_file_that_it_names(file, labels, tmp_path, capsys):
    """A recipe may be somebody else's file; who runs it says which data are read."""
    names = {"data": str(file), "label_file": labels and str(tmp_path / labels)}
    recipe = dataclasses.replace(RECIPE, **names)
    with pytest.raises(
        ValueError, match=r"names .*x\.npy, which is not a data set .* opens no files"
    ):
        training.train(recipe, tmp_path / "out")
    (tmp_path / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    out = str(tmp_path / "out")
    assert main(["train", str(tmp_path / "recipe.toml"), "--out", out]) == 1
    assert "--data PATH" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("cls", "likelihood"), [(zoo.VAE, "gaussian"), (zoo.RBM, None)])
def test_photographs_get_a_gaussian_likelihood_where_its_variance_is_learned(cls, likelihood):
    photographs = np.random.default_rng(0).uniform(0.3, 0.7, (20, 8, 8, 1)).astype("float32")
    recipe, _ = suited(dataclasses.replace(RECIPE, model={}), photographs, cls)
    assert recipe.model.get("likelihood") == likelihood
