"""`zoo train CLASS --data ...`: a model without writing a recipe, and what becomes of it."""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import run
from support.each_class import every_class

import zoo
from zoo import recipes
from zoo.cli.main import main
from zoo.cli.shared_options import check_settings, settings_in
from zoo.data.own import in_drawn_order, read
from zoo.models import CLASSES
from zoo.recipes import evaluation_data, own_data

TINY = ("--size", 8, "--latent-dim", 2, "--hidden-units", 8, "--epochs", 1)


def write_photos(folder):
    """Write sixteen images in two folders, with a blue channel that says which."""
    for i in range(16):
        path = folder / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (60 + 8 * i, 100, 90 + 50 * (i % 2))).save(path)
    return folder / "photos"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_photos(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which a CVAE was trained, and what that printed."""
    folder = tmp_path_factory.mktemp("made")
    write_photos(folder)
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        assert main(["train", "CVAE", "--data", "photos", "--out", "mine", *map(str, TINY)]) == 0
    return folder, said.getvalue()


@pytest.fixture
def trained(made, photos):
    shutil.copytree(made[0] / "mine", "mine")
    shutil.copy(made[0] / ".mine.data.json", ".mine.data.json")
    return made[1]


def test_a_class_trains_on_a_folder_and_the_card_says_on_what(trained):
    assert 'likelihood is "gaussian", because these are photographs' in trained
    card = zoo.card("./mine")
    assert (card["class"], card["num_classes"], card["classes"]) == ("CVAE", 2, ["a", "b"])
    assert card["input"]["shape"] == [8, 8, 3]
    recipe = card["recipe"]
    assert (recipe["data"], recipe["images"], recipe["validation"]) == ("", 16, 2)
    assert card["data"]["title"] == "own images, 16 files of 8x8"
    assert zoo.load("./mine").generate(labels=[0, 1]).shape == (2, 8, 8, 3)


def test_the_recipe_that_was_used_trains_the_same_model(trained, capsys):
    assert run(capsys, "train", "mine/recipe.toml", "--data", "photos", "--out", "again")[0] == 0
    first, second = (zoo.load(name).get_weights() for name in ("./mine", "./again"))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_measured_on_the_images_that_were_kept_from_training(trained, photos, capsys):
    code, _, err = run(capsys, "evaluate", "./mine", "--update")
    assert (code, "the user's images. If you have the data: --data photos" in err) == (1, True)
    code, out, _ = run(capsys, "evaluate", "./mine", "--update", "--data", "photos")
    assert code == 0
    assert "own images, 16 files of 8x8, kept from training" in out
    card = zoo.card("./mine")
    assert (
        "2 test images of own images, 16 files of 8x8, kept from training"
        in card["figures"][0]["protocol"]
    )
    own = read("photos", size=8, learns_labels=True)
    x, y = in_drawn_order(own, card["recipe"]["seed"])
    _, (_, y_train), (x_test, y_test) = evaluation_data.arrays_of(card, "photos", preset="mine")
    np.testing.assert_array_equal(np.asarray(x_test), np.asarray(x[14:]))
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y)
    blue = np.asarray(own.x)[:, 0, 0, 2]
    np.testing.assert_array_equal(blue > 0.45, own.y == 1)
    Image.new("RGB", (9, 9)).save(photos / "a" / "new.png")
    code, _, err = run(capsys, "evaluate", "./mine", "--data", "photos")
    assert code == 1
    assert "17 images now, but had 16 in training" in err
    code, out, _ = run(capsys, "evaluate", "./mine", "--data", photos)
    assert code == 0
    (photos / "a" / "new.png").unlink()
    Path(".mine.data.json").unlink()
    code, _, err = run(capsys, "evaluate", "./mine", "--data", "photos")
    assert (code, "photos has 16 rows or images, as many as mine was trained on" in err) == (
        0,
        True,
    )


def test_it_draws_the_images_that_the_card_remembers_or_others(trained, photos, capsys):
    picture = ("generate", "./mine", "--picture", "reconstructions", "--n", 2)
    assert run(capsys, *picture, "--data", "photos", "--out", "a.png") == (0, "a.png\n", "")
    assert run(capsys, *picture, "--data", photos, "--out", "b.png") == (0, "b.png\n", "")
    code, _, err = run(capsys, *picture, "--data", "nowhere/at/all")
    assert (code, "nowhere/at/all does not exist" in err) == (1, True)
    code, _, err = run(capsys, "generate", "./mine", "--data", photos)
    assert (code, "--data has no effect on the picture samples" in err) == (1, True)
    photos.rename(photos.with_name("moved"))
    code, _, err = run(capsys, *picture)
    assert (code, "If you have the data: --data photos" in err) == (1, True)
    code, _, err = run(capsys, *picture, "--data", "./photos")
    assert (code, "photos does not exist; give a folder" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["VAE", "--out", "x"], "VAE is a class: give --data"),
        (["VAE", "--out", "x", "--data", "nowhere"], "nowhere does not exist"),
        (["VAE", "--out", "x", "--data", "photos", "--latent-dims", "3"], "did you mean"),
        (["VAE", "--out", "x", "--data", "photos", "--size", "4"], "at least 8 pixels"),
        (["VAE", "--out", "x", "--data", "photos", "--size", "8", "8", "8"], "3 numbers"),
        (["VAE", "--out", "x", "--data", "photos", "stray"], "does not follow an option"),
        (["VAE", "--out", "x", "--data", "photos", "--encoder", "mine"], "not an option here"),
        (["CVAE", "--out", "x", "--data", "photos/a"], "have no class"),
        (["M1M2", "--out", "x", "--data", "photos"], "train it in Python"),
        (["DFCVAE", "--out", "x", "--data", "photos"], "give --features mnist or fashion_mnist"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(arguments, says, photos, capsys):
    code, _, err = run(capsys, "train", *arguments)
    assert code == 1
    assert says in err
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


def test_a_class_that_does_not_exist_is_answered_with_the_nearest(photos, capsys):
    code, _, err = run(capsys, "train", "VEA", "--data", "photos", "--out", "x")
    assert (code, "did you mean 'VAE'" in err) == (2, True)


def test_classes_of_other_folders_are_found_by_their_names(tmp_path):
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
        Image.new("L", (9, 9), 60).save(tmp_path / name / "0.png")
    card = {"name": "mine", "class": "CVAE", "input": {"shape": [8, 8, 1]}}
    _, _, (_, y) = evaluation_data.arrays_of({**card, "classes": ["a", "b", "c"]}, str(tmp_path))
    assert y.tolist() == [1, 2]
    with pytest.raises(ValueError, match="has the class folder c, but mine was trained on a, b"):
        evaluation_data.arrays_of({**card, "classes": ["a", "b"]}, str(tmp_path))


# Options


def test_options_are_values_as_toml_has_them():
    words = "--filters 32 64 --beta=2.5 --likelihood gaussian --tie-weights --scale -1"
    assert settings_in(words.split()) == {
        "filters": [32, 64],
        "beta": 2.5,
        "likelihood": "gaussian",
        "tie_weights": True,
        "scale": -1,
    }
    assert settings_in(["--corruption", "{ masking = 0.5 }"]) == {"corruption": {"masking": 0.5}}


def test_one_width_is_a_list_and_none_an_empty_one():
    settings = settings_in(["--filters", "32", "--hidden-units", "--latent-dim", "3"])
    checked = check_settings(zoo.VAE, settings)
    assert checked == {"filters": [32], "hidden_units": [], "latent_dim": 3}


# Recipes


@pytest.mark.parametrize(
    "name", every_class(without=("M1M2", "DFCVAE", "SequenceVAE", "SketchRNN"))
)
def test_the_recipe_of_a_class_is_read_back_and_makes_a_model(name, capsys):
    from zoo.recipes.training import make_model

    channels = 3 if name == "PaletteNet" else 1
    code, out, _ = run(capsys, "recipe", name, "--size", 16, "--channels", channels)
    assert code == 0
    recipe = recipes.Recipe.parse(name.lower(), out)
    assert recipe == own_data.recipe_of_class(CLASSES[name], (16, 16, channels), 0)
    assert make_model(recipe).image_shape == (16, 16, channels)


def test_one_image_is_refused_in_plain_words(photos, capsys):
    (photos / "one.PNG").write_bytes(b"")
    code, _, err = run(capsys, "train", "VAE", "--out", "x", "--data", "photos/one.PNG")
    assert code == 1
    assert "photos/one.PNG is one image; give the folder that holds the images" in err


def test_the_recipe_of_a_class_names_its_own_paper():
    recipe = own_data.recipe_of_class(zoo.DFCVAE, (28, 28, 1), 0, {"features": "mnist"})
    assert recipe.paper == recipes.get("dfc_vae_fashion_mnist").paper


def test_a_shipped_recipe_is_printed_as_it_is(capsys):
    code, out, _ = run(capsys, "recipe", "vae_digits")
    assert (code, out) == (0, recipes.text("vae_digits"))
    assert run(capsys, "recipe", "vae_digitz")[0] == 2


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_the_same_when_written_and_read(name):
    recipe = recipes.get(name)
    assert recipes.Recipe.parse(name, recipe.to_toml()) == recipe


def test_strings_are_escaped_as_toml_wants():
    recipe = recipes.get("vae_digits")
    odd = {"a b": 'say "no"\\\n', "list": [1, 2.5, {"x": True}], "name": "Zoë 🦓"}
    recipe = recipes.Recipe(**{**vars(recipe), "model": odd})
    assert recipes.Recipe.parse(recipe.name, recipe.to_toml()) == recipe


def test_photographs_have_no_binary_pixels_and_drawings_do():
    recipe = recipes.get("vae_mnist_conv")
    photographs = np.random.default_rng(0).uniform(0.2, 0.8, (20, 8, 8, 3)).astype("float32")
    suited, said = own_data.suited(recipe, photographs, zoo.VAE)
    assert "binarize" not in suited.model
    assert suited.model["likelihood"] == "gaussian"
    assert len(said) == 2
    assert own_data.suited(recipe, np.round(photographs), zoo.VAE) == (recipe, [])
    assert own_data.suited(recipe, photographs.reshape(20, -1), zoo.VAE) == (recipe, [])
    chosen = recipes.Recipe(**{**vars(recipe), "model": {"likelihood": "bernoulli"}})
    assert own_data.suited(chosen, photographs, zoo.VAE) == (chosen, [])


# Files


def test_npz_files_are_read_by_the_names_of_their_arrays(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (6, 8, 8), "uint8")
    np.savez(tmp_path / "a.npz", x_train=x[:4], y_train=[0, 1, 0, 1], x_test=x[4:], y_test=[1, 0])
    own = read(tmp_path / "a.npz", learns_labels=True)
    np.testing.assert_array_equal(np.asarray(own.x), x[:4, ..., None] / np.float32(255))
    np.testing.assert_array_equal(own.y, [0, 1, 0, 1])
    np.testing.assert_array_equal(np.asarray(own.test[0]), x[4:, ..., None] / np.float32(255))
    np.testing.assert_array_equal(own.test[1], [1, 0])
    assert read(tmp_path / "a.npz").y is None
    np.savez(tmp_path / "b.npz", pixels=x)
    with pytest.raises(ValueError, match="it has pixels; the images are expected as x_train"):
        read(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_text("no archive")
    with pytest.raises(ValueError, match="not an npz file of images"):
        read(tmp_path / "c.npz")


def test_arrays_are_not_resized(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 8, 8), "uint8"))
    assert read(tmp_path / "x.npy", size=8, channels=1).x.shape == (5, 8, 8, 1)
    with pytest.raises(ValueError, match="Arrays are not resized"):
        read(tmp_path / "x.npy", size=16)
    with pytest.raises(ValueError, match="Arrays are not resized"):
        read(tmp_path / "x.npy", channels=3)


def test_one_width_is_a_list_for_a_class_that_declares_it_without_a_type():
    class Mine(zoo.VAE):
        def __init__(self, *args, hidden_units=None, **kwargs):
            super().__init__(*args, hidden_units=hidden_units, **kwargs)

    assert check_settings(Mine, {"hidden_units": 64}) == {"hidden_units": [64]}
