"""Compiled methods belong to one object."""

import copy
import pickle

import numpy as np
import pytest

import zoo
from zoo.anomaly import Detector
from zoo.inference.compiled import forget_compiled, run_in_batches


@pytest.fixture
def model():
    return zoo.Autoencoder((4, 4, 1), 2, hidden_units=(8,), seed=0)


@pytest.fixture
def x():
    return np.random.default_rng(0).random((6, 4, 4, 1), "float32")


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
)
def test_a_copy_of_a_detector_runs_its_own_model(copied, model, x):
    detector = Detector(model, score="reconstruction")
    before = detector.scores(x)
    other = copied(detector)
    other.model.set_weights([weight * 2 for weight in other.model.get_weights()])
    assert not np.allclose(other.scores(x), before)
    assert np.allclose(detector.scores(x), before) == (other.model is not detector.model)


def test_a_method_is_compiled_once_for_all_batches_and_calls(model, x, monkeypatch):
    from zoo.inference import compiled

    made, compile = [], compiled.backend.compiled
    monkeypatch.setattr(
        compiled.backend, "compiled", lambda *args: made.append(args) or compile(*args)
    )
    first = run_in_batches(model.code, x, batch_size=4)
    np.testing.assert_array_equal(first, model.encode(x, batch_size=4))
    assert len(made) == 1


def test_another_method_of_the_same_name_is_not_the_old_one(model, x, monkeypatch):
    before = model.encode(x)
    code = type(model).code
    monkeypatch.setattr(type(model), "code", lambda self, *args: 2 * code(self, *args))
    np.testing.assert_allclose(model.encode(x), 2 * before, rtol=1e-5)


def test_what_is_forgotten_is_compiled_anew(model, x):
    class Shift:
        variables = ()
        by = 1.0

        def shifted(self, values):
            return values + self.by

    shift = Shift()
    assert run_in_batches(shift.shifted, np.zeros(2), batch_size=2)[0] == 1.0
    shift.by = 2.0
    forget_compiled(shift)
    assert run_in_batches(shift.shifted, np.zeros(2), batch_size=2)[0] == 2.0
