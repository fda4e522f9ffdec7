"""A loaded preset, fine-tuned in the ways that Keras users fine-tune."""

import keras
import numpy as np
import pytest

import zoo

pytestmark = [pytest.mark.backend, pytest.mark.graph]

BACKEND = keras.backend.backend()


@pytest.fixture
def model():
    return zoo.load("vae_digits")


@pytest.fixture
def images(digits):
    """Images that the preset has not seen: every digit upside down."""
    (x, _), (x_test, _) = digits
    return np.ascontiguousarray(x[:640, ::-1]), np.ascontiguousarray(x_test[:, ::-1])


def loss(model, x):
    return model.evaluate(x, verbose=0, return_dict=True)["loss"]


def test_arrays(model, images):
    x, unseen = images
    before = loss(model, unseen)
    model.fit(x, epochs=2, verbose=0)
    assert loss(model, unseen) < before


@pytest.mark.slow
def test_a_data_set_of_tensorflow(model, images):
    tf = pytest.importorskip("tensorflow")
    x, unseen = images
    before = loss(model, unseen)
    model.fit(tf.data.Dataset.from_tensor_slices(x).shuffle(500).batch(64), epochs=2, verbose=0)
    assert loss(model, unseen) < before


@pytest.mark.slow
def test_a_py_dataset(model, images):
    x, unseen = images

    class Flipped(keras.utils.PyDataset):
        def __len__(self):
            return len(x) // 64

        def __getitem__(self, index):
            return (x[index * 64 : (index + 1) * 64],)

    before = loss(model, unseen)
    model.fit(Flipped(), epochs=2, verbose=0)
    assert loss(model, unseen) < before


@pytest.mark.slow
def test_a_validation_split_and_early_stopping(model, images):
    x, unseen = images
    stop = keras.callbacks.EarlyStopping(patience=0, min_delta=1e9, restore_best_weights=True)
    before = loss(model, unseen)
    history = model.fit(x, validation_split=0.2, epochs=9, callbacks=[stop], verbose=0)
    assert len(history.epoch) == 2  # the second epoch is no improvement by 1e9
    assert set(history.history) == {f"{v}{n}" for v in ("", "val_") for n in model.trackers}
    assert loss(model, unseen) < before


def test_a_split_takes_the_last_images_as_keras_does(model, images):
    x, _ = images
    history = model.fit(x[:100], validation_split=0.3, epochs=1, verbose=0).history
    expected = model.evaluate(x[70:100], verbose=0, return_dict=True)
    np.testing.assert_allclose(history["val_kl"][0], expected["kl"], rtol=1e-4)


@pytest.mark.slow
def test_a_checkpoint_is_reloaded(model, images, tmp_path):
    x, unseen = images
    whole, bare = tmp_path / "best.keras", tmp_path / "best.weights.h5"
    callbacks = [
        keras.callbacks.ModelCheckpoint(whole, save_best_only=True),
        keras.callbacks.ModelCheckpoint(bare, save_best_only=True, save_weights_only=True),
    ]
    model.fit(x, validation_data=(unseen, None), epochs=2, callbacks=callbacks, verbose=0)
    codes = model.encode(unseen[:5])
    np.testing.assert_allclose(keras.saving.load_model(whole).encode(unseen[:5]), codes, atol=1e-5)
    other = zoo.load("vae_digits")
    other.load_weights(bare)
    np.testing.assert_allclose(other.encode(unseen[:5]), codes, atol=1e-5)


def test_tensorboard(model, images, tmp_path):
    pytest.importorskip("tensorflow")
    model.fit(images[0], callbacks=[keras.callbacks.TensorBoard(tmp_path)], verbose=0)
    assert list(tmp_path.rglob("events*"))


@pytest.mark.slow
def test_a_schedule_of_the_learning_rate(model, images):
    x, unseen = images
    before = loss(model, unseen)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 40)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(x, epochs=2, verbose=0)
    assert loss(model, unseen) < before


def test_a_scheduler_callback_and_a_plateau(model, images):
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.002 / (epoch + 1))
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=1e9)
    history = model.fit(images[0], epochs=2, callbacks=[rates, plateau], verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], [0.002, 0.001], rtol=1e-5)


@pytest.mark.slow
def test_a_users_own_optimizer(model, images):
    x, unseen = images
    before = loss(model, unseen)
    mine = keras.optimizers.RMSprop(1e-3)
    model.compile(mine)
    model.fit(x, epochs=2, verbose=0)
    assert model.optimizer is mine
    assert int(keras.ops.convert_to_numpy(mine.iterations)) == 2 * -(-len(x) // 128)
    assert loss(model, unseen) < before


def test_class_weights_are_sample_weights_by_label(digits):
    x, y = digits[0]
    model = zoo.CVAE((8, 8, 1), 2, hidden_units=(16,), num_classes=10)
    model.compile(keras.optimizers.SGD(0.0))  # nothing moves, and the divergence has no noise
    kl = model.fit(x, y, class_weight={3: 2.0, 4: 0.0}, verbose=0).history["kl"]
    weights = np.where(y == 3, 2.0, np.where(y == 4, 0.0, 1.0))
    expected = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)["kl"]
    np.testing.assert_allclose(kl, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="not both"):
        model.fit(x, y, class_weight={3: 2.0}, sample_weight=weights, verbose=0)


@pytest.mark.slow
def test_a_frozen_encoder(model, images):
    x, unseen = images
    before, codes = loss(model, unseen), model.encode(unseen)
    model.encoder.trainable = False
    model.fit(x, epochs=3, verbose=0)
    np.testing.assert_array_equal(model.encode(unseen), codes)
    assert loss(model, unseen) < before


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_adversarial_preset(frozen, digits):
    model = zoo.load("aae_mnist")
    x = as_mnist(digits[0][0][:640])
    unseen = as_mnist(digits[1][0])
    before, codes = loss(model, unseen), model.encode(unseen)
    model.encoder.trainable = not frozen
    model.fit(x, batch_size=64, epochs=2, verbose=0)
    assert loss(model, unseen) < before
    assert np.array_equal(model.encode(unseen), codes) == frozen


def test_the_conditional_preset(digits):
    (x, y), (unseen, labels) = digits
    model = zoo.load("cvae_mnist")
    unseen = as_mnist(unseen)
    before = model.evaluate(unseen, labels, verbose=0, return_dict=True)["loss"]
    model.fit(as_mnist(x[:640]), y[:640], batch_size=64, verbose=0)
    assert model.evaluate(unseen, labels, verbose=0, return_dict=True)["loss"] < before


@pytest.mark.slow
def test_an_interrupted_run_is_resumed(images, tmp_path):
    """With BackupAndRestore, the second fit starts where the first was stopped."""
    x, _ = images

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def fit(model, *more):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        return model.fit(x, epochs=3, callbacks=[backup, *more], verbose=0)

    whole = zoo.load("vae_digits")
    whole.fit(x, epochs=3, verbose=0)
    stopped = zoo.load("vae_digits")
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, Stop())
    resumed = zoo.load("vae_digits")
    assert fit(resumed).epoch == [2]
    np.testing.assert_allclose(resumed.encode(x[:50]), whole.encode(x[:50]), atol=1e-6)


def as_mnist(images):
    """Enlarge 8x8 digits to 28x28."""
    return np.pad(np.repeat(np.repeat(images, 3, 1), 3, 2), ((0, 0), (2, 2), (2, 2), (0, 0)))
