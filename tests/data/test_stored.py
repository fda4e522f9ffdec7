"""Images that stay on disk are the images that an array would hold."""

import io

import keras
import numpy as np
import pytest

import zoo
from zoo.data import StoredImages
from zoo.training.callbacks import Progress, duration

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


def test_the_stored_values_are_read(drawn, file):
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
        (np.array([{}], object), "not an .npy file of images"),
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
    with pytest.raises(ValueError, match="not an .npy file"):
        StoredImages(tmp_path / "empty.npy")
    with pytest.raises(FileNotFoundError):
        StoredImages(tmp_path / "none.npy")


def test_other_dimensions_than_the_first_are_not_chosen_from(file):
    with pytest.raises(IndexError, match="by a slice, or by indices"):
        StoredImages(file)[..., None]


def test_a_file_that_was_cut_later_is_refused(file):
    x = StoredImages(file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ValueError, match="was cut after it was opened"):
        np.asarray(x)


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_progress_on_a_terminal_shows_the_current_epoch(monkeypatch):
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
def test_durations_have_fitting_units(seconds, text):
    assert duration(seconds) == text
