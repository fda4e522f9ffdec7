"""Images that stay on disk are the images that an array would hold."""

import dataclasses
import io

import keras
import numpy as np
import pytest

import zoo
from zoo.callbacks import Progress, duration
from zoo.cli import main
from zoo.data import StoredImages
from zoo.presets import recipes, training
from zoo.presets.card import WEIGHTS

pytestmark = [pytest.mark.backend, pytest.mark.graph]

ON_JAX = keras.backend.backend() == "jax"


@pytest.fixture
def drawn():
    return np.random.default_rng(0).integers(0, 256, (90, 4, 4), "uint8")


@pytest.fixture
def file(drawn, tmp_path):
    np.save(tmp_path / "x.npy", drawn)
    return tmp_path / "x.npy"


def as_pixels(drawn):
    return drawn[..., None].astype("float32") / 255


def test_what_is_read_is_what_was_stored(drawn, file):
    x, expected = StoredImages(file), as_pixels(drawn)
    assert (x.shape, x.ndim, len(x), x.dtype) == ((90, 4, 4, 1), 4, 90, np.float32)
    np.testing.assert_array_equal(np.asarray(x), expected)
    np.testing.assert_array_equal(x[3], expected[3])
    places = np.array([[5, 6, 7], [89, 0, 5]])
    np.testing.assert_array_equal(np.take(x, places, axis=0), expected[places])
    np.testing.assert_array_equal(np.asarray(x[10:50][::2][3:]), expected[10:50][::2][3:])
    mask = np.arange(90) % 7 == 0
    np.testing.assert_array_equal(np.asarray(x[mask]), expected[mask])
    assert np.asarray(x[:0]).shape == (0, 4, 4, 1)
    assert x.value_range() == (0.0, 1.0)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("shape", [(5, 4, 4, 3), (5, 7)])
def test_floats_are_given_as_they_are(tmp_path, dtype, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    np.save(tmp_path / "x.npy", values)
    x = StoredImages(tmp_path / "x.npy")
    np.testing.assert_array_equal(np.asarray(x), values.astype("float32"))
    assert x.value_range() == (values.min(), values.max())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((3, 4, 4), "int64"), "holds int64"),
        (np.zeros(3, "uint8"), r"of shape \(3,\)"),
        (np.zeros((0, 4, 4), "uint8"), r"of shape \(0, 4, 4\)"),
        (np.asfortranarray(np.zeros((3, 4, 4), "uint8")), "column by column"),
        (np.array([{}], object), "no .npy file of images"),
    ],
)
def test_a_file_without_images_is_refused(tmp_path, content, message):
    np.save(tmp_path / "x.npy", content, allow_pickle=True)
    with pytest.raises(ValueError, match=message):
        StoredImages(tmp_path / "x.npy")


def test_an_archive_and_a_picture_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="is an archive"):
        StoredImages(tmp_path / "x.npz")
    (tmp_path / "x.png").write_bytes(b"\x89PNG and so on")
    with pytest.raises(ValueError, match="numpy.save writes: the magic string is not correct"):
        StoredImages(tmp_path / "x.png")
    (tmp_path / "empty.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="no .npy file"):
        StoredImages(tmp_path / "empty.npy")
    with pytest.raises(FileNotFoundError):
        StoredImages(tmp_path / "none.npy")


def test_other_dimensions_than_the_first_are_not_chosen_from(file):
    with pytest.raises(IndexError, match="by a slice, or by places"):
        StoredImages(file)[..., None]


def test_a_file_that_was_cut_since_is_told_of(file):
    x = StoredImages(file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ValueError, match="was cut after it was opened"):
        np.asarray(x)


def test_training_from_disk_is_training_from_memory(drawn, file):
    results = []
    for x in (as_pixels(drawn), StoredImages(file)):
        keras.utils.set_random_seed(0)
        model = zoo.VAE((4, 4, 1), 2, hidden_units=(8,))
        model.compile(jit_compile=ON_JAX)
        given = {"validation_split": 0.2, "sample_weight": np.linspace(0, 1, 90)}
        history = model.fit(x, batch_size=32, epochs=2, verbose=0, **given).history
        figures = model.evaluate(x, verbose=0)
        results.append(
            [*history["loss"], *history["val_loss"], *figures, *np.ravel(model.encode(x))]
        )
    np.testing.assert_array_equal(results[0], results[1])


def test_a_few_labels_are_set_apart_from_a_file(drawn, file):
    labels = np.where(np.arange(90) < 30, np.arange(90) % 3, -1)
    losses = []
    for x in (as_pixels(drawn), StoredImages(file)):
        keras.utils.set_random_seed(0)
        model = zoo.M2((4, 4, 1), 2, num_classes=3, hidden_units=(8,))
        model.compile(jit_compile=ON_JAX)
        losses.append(model.fit(x, labels, epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]


def test_pixels_out_of_range_are_found_in_a_file(tmp_path):
    values = np.zeros((5000, 2, 2, 1), "float32")
    values[4500] = 1.5
    np.save(tmp_path / "x.npy", values)
    model = zoo.Autoencoder((2, 2, 1), 1, hidden_units=())
    model.compile()
    with pytest.raises(ValueError, match=r"reach 1.5"):
        model.fit(StoredImages(tmp_path / "x.npy"))
    values[4500] = np.nan
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(StoredImages(tmp_path / "x.npy"))


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


def test_a_recipe_trains_on_images_and_labels_of_ones_own(file, tmp_path, capsys):
    np.save(tmp_path / "y.npy", np.arange(90) % 3)
    card = training.train(
        RECIPE, tmp_path / "mine", images=file, labels=tmp_path / "y.npy", strategy=None
    )
    assert (card["name"], card["num_classes"]) == ("mine", 3)
    assert card["input"]["shape"] == [4, 4, 1]
    assert card["recipe"]["validation"] == 15
    assert card["data"]["title"] == "images of one's own"
    assert zoo.load(str(tmp_path / "mine")).generate(labels=[0, 2]).shape == (2, 4, 4, 1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("images/s" in line and "left" in line and "val_loss" in line for line in lines)


def test_a_recipe_trains_on_rows_that_are_no_images(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((90, 12), "float32"))
    recipe = dataclasses.replace(recipes.get("vae_digits"), epochs=1)
    card = training.train(recipe, tmp_path / "mine", images=tmp_path / "x.npy", verbose=False)
    assert (card["input"]["shape"], sorted(card["files"])) == ([12], ["config.json", WEIGHTS])
    assert zoo.load(tmp_path / "mine").generate(3, seed=0).shape == (3, 12)


def test_a_recipe_with_few_labels_takes_those_that_are_known(file, tmp_path):
    labels = np.where(np.arange(90) < 30, np.arange(90) % 3, -1)
    few = dataclasses.replace(RECIPE, class_name="M2", labels=100)
    card = training.train(few, tmp_path / "mine", images=file, labels=labels, verbose=False)
    assert card["num_classes"] == 3


def test_a_training_goes_on_from_its_own_state_alone(drawn, file, tmp_path):
    """Not from that of other images, of the same number and shape."""
    one, other = (training._fingerprint(RECIPE, 2, x, None) for x in (drawn, 255 - drawn))
    assert one != other
    assert training._fingerprint(RECIPE, 2, StoredImages(file), None) not in (one, other)


def test_images_and_labels_must_go_together(file, tmp_path):
    with pytest.raises(ValueError, match="labels are given without images"):
        training.train(RECIPE, tmp_path / "mine", labels=np.zeros(90))
    with pytest.raises(ValueError, match="89 labels for 90 images"):
        training.train(RECIPE, tmp_path / "mine", images=file, labels=np.zeros(89, int))
    with pytest.raises(ValueError, match="learns from labels: give those of the images"):
        training.train(RECIPE, tmp_path / "mine", images=file)
    with pytest.raises(ValueError, match="vae_digits learns from images alone: leave labels out"):
        training.train(recipes.get("vae_digits"), tmp_path / "mine", images=file, labels=[0] * 90)
    with pytest.raises(ValueError, match="1 image is too little"):
        training.train(RECIPE, tmp_path / "mine", images=np.zeros((1, 4, 4, 1)), labels=[0])
    with pytest.raises(ValueError, match="learns codes of m1_mnist_100"):
        training.train(recipes.get("m1m2_mnist_100"), tmp_path / "mine", images=file)
    (tmp_path / "y.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="no .npy file of labels"):
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
    assert main(["evaluate", out]) != 0
    assert "give --data" in capsys.readouterr().err


def test_progress_on_a_terminal_shows_the_epoch_under_way(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    told = Progress(600, Terminal())
    told.set_params({"epochs": 3, "steps": 6})
    told.on_epoch_begin(0)
    for step in range(6):
        told.on_train_batch_begin(step)
        told.on_train_batch_end(step)
    told.on_epoch_end(0, {"loss": 2.0, "kl": 1.0, "val_loss": 3.0})
    said = told.file.getvalue()
    # Two seconds go by from one look at the clock to the next.
    assert "\repoch 1/3: 17%, 50 images/s" in said
    assert "\repoch 1/3: 100%, 50 images/s" in said
    assert said.endswith("epoch 1/3: 43 images/s, 28 s left; loss 2, val_loss 3\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "1 h 30 min")]
)
def test_durations_are_told_in_units_that_fit(seconds, text):
    assert duration(seconds) == text
