"""Callbacks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from support.each_class import longer
from support.tiny import X

import zoo
from zoo import data, plots
from zoo.files import locks
from zoo.training import callbacks

pytestmark = [pytest.mark.backend, pytest.mark.graph]


@pytest.fixture(scope="module")
def x():
    return data.load("digits")[0][0][:32]


@pytest.fixture(scope="module")
def model():
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=False, steps_per_execution=1)
    return model


@longer
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


def test_every_plot_that_needs_only_a_model_works(model, x, tmp_path):
    model.fit(x, verbose=0, callbacks=[zoo.SavePicture(tmp_path, plots.samples)])
    assert os.listdir(tmp_path) == ["epoch_0001.png"]


def test_codes_are_kept_before_the_training_and_after_each_epoch(model, x):
    kept, before = zoo.callbacks.CodesInTraining(x), model.encode(x)
    after = []
    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: after.append(model.get_weights()))
    model.fit(x, epochs=2, verbose=0, callbacks=[kept, each])
    assert kept.codes.shape == (3, *before.shape)
    np.testing.assert_array_equal(kept.codes[0], before)
    for codes, weights in zip(kept.codes[1:], after, strict=True):
        model.set_weights(weights)
        np.testing.assert_allclose(codes, model.encode(x), atol=1e-6)
    assert not np.allclose(kept.codes[0], kept.codes[1], atol=1e-4)
    gan = zoo.GAN((4, 4, 1), 2, hidden_units=(4,))
    gan.compile()
    with pytest.raises(TypeError, match="A GAN has no encoder: leave out CodesInTraining"):
        gan.fit(X, verbose=0, callbacks=[zoo.callbacks.CodesInTraining(X)])


@pytest.mark.parametrize("every", [0, -1])
def test_a_step_below_one_epoch_is_refused(every, tmp_path):
    with pytest.raises(ValueError, match=f"every is {every}; .* 1 epoch or more"):
        zoo.SavePicture(tmp_path, plots.samples, every=every)


@pytest.mark.parametrize("kind", ["none", "one", "list", "CallbackList"])
def test_callbacks_come_as_keras_takes_them(kind):
    model, epochs = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,)), []
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
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=keras.backend.backend() == "jax")
    keeping = kind(folder, double_checkpoint=double, delete_checkpoint=False)
    history = model.fit(x, batch_size=16, epochs=4, callbacks=[keeping], verbose=0)
    return model, history.epoch


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory):
    """Folder and weights of trainings that nothing stopped, with one backup and with two."""
    folders, weights = {}, {}
    for double in (False, True):
        folders[double] = tmp_path_factory.mktemp("whole")
        model, epochs = train(folders[double], double=double)
        assert epochs == [0, 1, 2, 3]
        weights[double] = model.get_weights()
    return folders, weights


@pytest.fixture
def trained(unharmed, tmp_path):
    """The folder of such a training with one backup, which a test may spoil."""
    return shutil.copytree(unharmed[0][False], tmp_path / "trained")


@pytest.fixture
def twice(unharmed, tmp_path):
    """The folder of such a training with two backups, which a test may spoil."""
    return shutil.copytree(unharmed[0][True], tmp_path / "twice")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "double"),
    [
        (1, False),
        (2, False),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((0, False), (3, False))),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, True), (3, True))),
    ],
)
def test_a_training_killed_while_saving_has_the_same_result(
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
    for got, expected in zip(model.get_weights(), unharmed[1][double], strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("text", ["", '{"epoch": 2', "[]", "{}", '{"epoch": "two"}', "\xff"])
def test_an_incomplete_state_of_a_training_is_refused_with_an_explanation(text, trained):
    (trained / "training_metadata.json").write_text(text, encoding="latin-1")
    said = r"cannot continue from the state in .*training_metadata\.json .*delete that folder"
    with pytest.raises(ValueError, match=said):
        train(trained, double=False)


def test_an_incomplete_state_is_replaced_by_the_second_backup(unharmed, twice):
    (twice / "training_metadata.json").write_text('{"epoch"')
    model, epochs = train(twice)
    assert epochs == [3]
    for got, expected in zip(model.get_weights(), unharmed[1][True], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_cut_weights_of_a_training_are_refused_in_words(trained):
    weights = trained / "latest.weights.h5"
    weights.write_bytes(weights.read_bytes()[:300])
    with pytest.raises(ValueError, match="cannot continue from the state in .*delete that folder"):
        train(trained, double=False)


def test_the_state_of_another_class_is_refused(twice):
    model = zoo.IWAE((4, 4, 1), 2, hidden_units=(4,))  # of the very same weights
    model.compile(jit_compile=keras.backend.backend() == "jax")
    x = np.random.default_rng(0).random((8, 4, 4, 1), np.float32)
    before = model.get_weights()
    with pytest.raises(ValueError, match="it is the state of a VAE, but this is a IWAE"):
        model.fit(x, verbose=0, callbacks=[callbacks.Backup(twice)])
    for got, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_states_without_a_class_are_accepted(twice):
    (twice / "training_metadata.json").write_text(json.dumps({"epoch": 4, "batch": 0}))
    assert train(twice)[1] == []


LOCK = "import sys; from zoo.files.locks import lock_folder; lock_folder(sys.argv[1])"


@pytest.mark.slow
def test_a_second_training_with_the_same_state_is_refused(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", f"{LOCK}; print('held', flush=True); input()", tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(zoo.__file__).parents[1],
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError, match=f"Process {other.pid} trains with its state in"):
        train(tmp_path)
    other.kill()
    other.communicate()
    assert train(tmp_path)[1] == [0, 1, 2, 3]  # a process that was killed holds nothing


@pytest.mark.slow
def test_a_folder_is_free_again_after_a_training(tmp_path):
    train(tmp_path)
    subprocess.run(
        [sys.executable, "-c", LOCK, tmp_path], cwd=Path(zoo.__file__).parents[1], check=True
    )


@pytest.mark.slow
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


# The best epoch


def losses_of(values, weights):
    """A callback that sets val_loss to chosen values, and notes the weights of each epoch."""

    def note(epoch, logs):
        logs["val_loss"] = values[epoch]
        weights[epoch] = model_of[0].get_weights()

    model_of = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=note)
    callback.on_train_begin = lambda logs=None: model_of.append(callback.model)
    return callback


@longer
@pytest.mark.backend
def test_the_weights_of_the_best_epoch_are_kept_also_after_an_interruption(tmp_path):
    values, weights = [3.0, 1.0, 2.0, 1.5], {}

    def run(stop=None):
        model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,), seed=1)
        model.compile(keras.optimizers.SGD(0.1))

        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == stop:
                    raise Killed

        best = zoo.callbacks.KeepBest(tmp_path / "progress")
        backup = zoo.callbacks.Backup(tmp_path / "progress", delete_checkpoint=False)
        callbacks = [losses_of(values, weights), best, backup, Stop()]
        model.fit(X, epochs=4, validation_data=(X,), verbose=0, callbacks=callbacks)
        return model, best

    for stop in (2, 3):  # within the training, and after its last epoch
        with pytest.raises(Killed):
            run(stop)
        model, best = run()
        assert (best.epoch, best.loss) == (2, 1.0)
        for got, expected in zip(model.get_weights(), weights[1], strict=True):
            np.testing.assert_array_equal(got, expected)
        assert any((a != b).any() for a, b in zip(weights[1], weights[3], strict=True))
        shutil.rmtree(tmp_path / "progress")


@pytest.mark.slow
def test_another_training_ignores_the_best_epoch_of_an_earlier_one(tmp_path):
    best = zoo.callbacks.KeepBest(tmp_path)
    for value in (1.0, 5.0):
        weights = {}
        model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,))
        model.compile("adam")
        callbacks = [losses_of([value], weights), best]
        model.fit(X, validation_data=(X,), verbose=0, callbacks=callbacks)
        assert best.loss == value
        for got, expected in zip(model.get_weights(), weights[0], strict=True):
            np.testing.assert_array_equal(got, expected)


def test_the_best_epoch_needs_validation_data_and_a_record_that_can_be_read(tmp_path):
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,))
    model.compile("adam")
    best = zoo.callbacks.KeepBest(tmp_path)
    with pytest.raises(ValueError, match="validation_split=0.1"):
        model.fit(X, verbose=0, callbacks=[best])
    (tmp_path / "best.json").write_text('{"epoch": "two"}')
    (tmp_path / "best.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="best.json holds .*delete it"):
        model.fit(X, initial_epoch=1, epochs=2, verbose=0, callbacks=[best])


@pytest.mark.slow
def test_many_short_epochs_share_backups_and_lines(model, x, tmp_path, capsys):
    """A training that stops after epoch 6 of 7 goes on after epoch 4, its last backup."""
    epochs = []

    def note(epoch, logs):
        epochs.append(epoch)
        if epochs == list(range(6)):
            raise KeyboardInterrupt

    def train():
        note_epochs = keras.callbacks.LambdaCallback(on_epoch_end=note)
        own = [zoo.callbacks.Backup(tmp_path, every=4), zoo.callbacks.Progress(len(x), every=4)]
        model.fit(x, epochs=7, verbose=0, callbacks=[*own, note_epochs])

    with pytest.raises(KeyboardInterrupt):
        train()
    locks.unlock_folder(tmp_path)  # as the end of the process does
    train()
    assert epochs == [0, 1, 2, 3, 4, 5, 4, 5, 6]
    lines = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["epoch 4/7", "epoch 7/7"]
    with pytest.raises(ValueError, match="every is 0"):
        zoo.callbacks.Backup(tmp_path, every=0)
