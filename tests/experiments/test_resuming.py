"""Long trainings of experiments keep their states, and go on from them after a stop."""

import inspect
from dataclasses import replace

import keras
import numpy as np
import pytest
from support.tiny import X

import zoo
from zoo import experiments
from zoo.experiments import bounds_and_priors, quick, registry
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import Table


class KilledError(Exception):
    """Stands for a process that is killed."""


class Stop(keras.callbacks.Callback):
    """Raise an error at the end of an epoch, which is counted from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.last = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.last:
            raise KilledError


def trained(states, stop=None, settings="one", x=X, rate=0.1, **options):
    """Train for four epochs; return the model, hours and the epochs that were begun."""
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,), seed=1)
    model.compile(keras.optimizers.SGD(rate))
    begun, fit = [], model.fit
    note = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))

    def watched(*data, callbacks, **more):
        return fit(*data, callbacks=[*callbacks, note, Stop(stop)], **more)

    model.fit = watched
    options = {"shuffle": False, "verbose": 0, **options}
    hours = states.fit(model, x, settings=settings, epochs=4, **options)
    return model, hours, begun


def saved(folder):
    return list(folder.rglob("training_metadata.json"))


def same(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.backend
@pytest.mark.parametrize("stop", [1, 3])
def test_a_training_that_was_stopped_goes_on(stop, tmp_path):
    expected, _, _ = trained(NOT_KEPT)
    states = States(tmp_path / "states")
    with pytest.raises(KilledError):
        trained(states, stop)
    clock = next((tmp_path / "states").glob("*/spent.json"))
    clock.write_text('{"seconds": 7200.0}')
    model, hours, begun = trained(states)
    assert begun == list(range(stop + 1, 4))
    assert same(model, expected)
    assert 2 <= hours < 2.1
    states.end()
    assert not (tmp_path / "states").exists()


@pytest.mark.parametrize("change", [{"settings": "other"}, {"x": 1 - X}])
def test_no_other_training_uses_the_state(change, tmp_path):
    states = States(tmp_path / "states")
    with pytest.raises(KilledError):
        trained(states, 1)
    _, _, begun = trained(states, **change)
    assert begun == [0, 1, 2, 3]
    assert len(saved(tmp_path)) == 2
    states.end()
    assert len(saved(tmp_path)) == 1  # that of the training that was stopped


@pytest.mark.parametrize("kept", [True, False])
def test_the_best_epoch_counts_after_those_that_cannot(kept, tmp_path, monkeypatch):
    weights, losses = [], iter([1.0, 9.0, 2.0, 5.0])
    best = zoo.callbacks.KeepBest.on_epoch_end

    def note(callback, epoch, logs=None):
        weights.append(callback.model.get_weights())
        best(callback, epoch, logs | {"val_loss": next(losses)})

    monkeypatch.setattr(zoo.callbacks.KeepBest, "on_epoch_end", note)
    states = States(tmp_path / "states") if kept else NOT_KEPT
    model, _, _ = trained(states, best_after=1, validation_data=(X,))
    for got, third, last in zip(model.get_weights(), weights[2], weights[3], strict=True):
        np.testing.assert_array_equal(got, third)
        assert (got != last).any()


@pytest.mark.filterwarnings("ignore:.*diverged")
def test_a_training_that_diverged_leaves_no_state(tmp_path):
    states = States(tmp_path / "states")
    with pytest.raises(ValueError, match="diverged"):
        trained(states, rate=1e30)
    assert not saved(tmp_path)


def test_states_are_kept_beside_the_table_until_it_is_written(tmp_path, monkeypatch):
    stop = 1

    def slow(epochs=None, verbose=2, states=NOT_KEPT):
        """A slow one."""
        begun = trained(states, stop)[2]
        assert not (tmp_path / "slow.json").exists()
        return Table("Slow", "a training", ("model", "epochs"), [["one", len(begun)]])

    monkeypatch.setitem(registry.EXPERIMENTS, "slow", registry.Experiment("slow", slow, 1, ""))
    with pytest.raises(KilledError) as caught:
        experiments.reproduce("slow", tmp_path, quick=True)
    assert not getattr(caught.value, "__notes__", [])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KilledError) as caught:
        experiments.reproduce("slow", tmp_path)
    [note] = caught.value.__notes__
    assert str(tmp_path / ".slow.progress") in note
    assert "the same command continues" in note
    stop = None
    assert experiments.reproduce("slow", tmp_path).rows == [["one", 2]]
    assert [path.name for path in tmp_path.iterdir()] == ["slow.json"]


KEEPING = [
    name
    for name, one in registry.EXPERIMENTS.items()
    if "states" in inspect.signature(one.run).parameters
]


@pytest.mark.slow
@pytest.mark.parametrize("name", KEEPING)
def test_every_experiment_that_keeps_states_does(name, few_images, tmp_path):
    states = States(tmp_path / "states")
    with quick.little_data():
        registry.EXPERIMENTS[name].run(epochs=1, verbose=0, states=states)
    equal = 0
    if name == "bounds_and_priors":  # some of its rows differ in their length alone: 1 here
        rows = [replace(row, epochs=1) for row in bounds_and_priors.ROWS.values()]
        equal = len(rows) - len({repr(row) for row in rows})
    assert len(set(states.ended)) == len(states.ended) - equal > 1


def test_the_longest_trainings_keep_states():
    assert {"bounds_and_priors", "clusters", "spread", "adversarial_labels"} <= {*KEEPING}
