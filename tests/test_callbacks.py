"""Callbacks."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import zoo
from zoo import callbacks, data, plots

pytestmark = [pytest.mark.backend, pytest.mark.graph]


@pytest.fixture(scope="module")
def x():
    return data.load("digits")[0][0][:32]


@pytest.fixture(scope="module")
def model():
    model = zoo.VAE((8, 8, 1), 2, hidden=(4,))
    model.compile(jit_compile=False, steps_per_execution=1)
    return model


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (1, ["epoch_0001.png", "epoch_0002.png", "epoch_0003.png", "epoch_0004.png"]),
        (2, ["epoch_0002.png", "epoch_0004.png"]),
        (3, ["epoch_0003.png"]),
        (5, []),
    ],
)
def test_a_picture_is_saved_after_every_few_epochs(every, expected, model, x, tmp_path):
    shown = []

    def picture(of):
        shown.append(of)
        figure = Figure(figsize=(0.2, 0.2))
        figure.add_subplot().plot([1, 2])
        return figure

    folder = tmp_path / "deep" / "pictures"
    model.fit(x, epochs=4, verbose=0, callbacks=[zoo.SavePicture(folder, picture, every=every)])
    assert (sorted(os.listdir(folder)) if folder.exists() else []) == expected
    assert shown == [model] * len(expected)
    for name in expected:
        assert (folder / name).read_bytes()[1:4] == b"PNG"


def test_every_plot_of_a_model_alone_will_do(model, x, tmp_path):
    model.fit(x, verbose=0, callbacks=[zoo.SavePicture(tmp_path, plots.samples)])
    assert os.listdir(tmp_path) == ["epoch_0001.png"]


@pytest.mark.parametrize("every", [0, -1])
def test_a_step_below_one_epoch_is_refused(every, tmp_path):
    with pytest.raises(ValueError, match=f"every is {every}; .* 1 epoch or more"):
        zoo.SavePicture(tmp_path, plots.samples, every=every)


@pytest.mark.parametrize("kind", ["none", "one", "list", "CallbackList"])
def test_callbacks_come_as_keras_takes_them(kind):
    model, epochs = zoo.Autoencoder((4, 4, 1), 2, hidden=(4,)), []
    model.compile(jit_compile=False, steps_per_execution=1)
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    given = {
        "none": None,
        "one": note,
        "list": [note],
        "CallbackList": keras.callbacks.CallbackList([note], add_history=True, model=model),
    }
    x = np.random.default_rng(0).random((8, 4, 4, 1), np.float32)
    model.fit(x, epochs=2, verbose=0, callbacks=given[kind])
    assert epochs == ([] if kind == "none" else [0, 1])


class Killed(BaseException):
    """What no code catches."""


def train(folder, kind=callbacks.Backup, double=True):
    """Train for four epochs of three steps; return the model and the epochs that it took."""
    x = np.random.default_rng(0).random((40, 4, 4, 1), np.float32)
    keras.utils.set_random_seed(2)
    model = zoo.VAE((4, 4, 1), 2, hidden=(4,))
    model.compile(jit_compile=keras.backend.backend() == "jax")
    keeping = kind(folder, double_checkpoint=double, delete_checkpoint=False)
    history = model.fit(x, batch_size=16, epochs=4, callbacks=[keeping], verbose=0)
    return model, history.epoch


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory):
    """The weights of trainings that nothing stopped, with one backup and with two."""
    weights = {}
    for double in (False, True):
        model, epochs = train(tmp_path_factory.mktemp("whole"), double=double)
        assert epochs == [0, 1, 2, 3]
        weights[double] = model.get_weights()
    return weights


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("moment", range(4))
def test_a_training_killed_while_it_saves_ends_where_an_unharmed_one_does(
    moment, double, unharmed, tmp_path, monkeypatch
):
    """Before each of the three steps that put a state in its place, and after the last one."""
    moves, move = [], Path.replace

    def replace(self, target):
        if len(moves) == 3 + moment:  # in the second epoch
            raise Killed
        moves.append(self)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(Killed):
        train(tmp_path / "killed", double=double)
    monkeypatch.setattr(Path, "replace", move)
    model, epochs = train(tmp_path / "killed", double=double)
    assert epochs == ([1, 2, 3] if moment < 2 else [2, 3])
    for got, expected in zip(model.get_weights(), unharmed[double], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_kerass_own_backup_may_train_an_epoch_twice_and_no_more(tmp_path, monkeypatch):
    """Killed after the weights are written and before the epoch is: why there is a `Backup`."""
    own, write = keras.callbacks.BackupAndRestore, keras.Model.save_weights

    def save_weights(self, *args, **settings):
        write(self, *args, **settings)
        if int(self.optimizer.iterations) == 6:
            raise Killed

    monkeypatch.setattr(keras.Model, "save_weights", save_weights)
    with pytest.raises(Killed):
        train(tmp_path, own)
    monkeypatch.setattr(keras.Model, "save_weights", write)
    model, epochs = train(tmp_path, own)
    assert epochs == [1, 2, 3]
    assert int(model.optimizer.iterations) == 15
