"""Steps of an optimizer, against steps computed by hand, and draws; on every backend."""

import shutil

import keras
import numpy as np
import pytest
from keras import ops

from zoo.backend import backend

pytestmark = pytest.mark.backend


def array(variable):
    return np.array(ops.convert_to_numpy(variable))


def variable(value):
    return keras.Variable(np.array(value, "float32"))


def built(optimizer, variables):
    optimizer.build(variables)
    return optimizer


def test_a_step_goes_down_the_gradient_and_returns_the_metrics_from_before_it():
    w = variable([3.0, -1.0])
    optimizer = built(keras.optimizers.SGD(0.1), [w])
    aux = backend.minimize(lambda: (ops.sum(w * w), {"w": w * 1.0}), [w], optimizer, [w])
    np.testing.assert_allclose(array(w), [2.4, -0.8], rtol=1e-6)
    np.testing.assert_allclose(array(aux["w"]), [3.0, -1.0])


def test_only_the_named_variables_change():
    w, other = variable(2.0), variable(5.0)
    optimizer = built(keras.optimizers.SGD(0.1), [w])
    backend.minimize(lambda: (w * other, ()), [w], optimizer, [w, other])
    np.testing.assert_allclose([array(w), array(other)], [1.5, 5.0])


def test_assignments_in_the_loss_are_kept():
    w, counter = variable(2.0), variable(0.0)
    optimizer = built(keras.optimizers.SGD(0.1), [w])

    def loss_fn():
        counter.assign(counter + 1.0)
        return w * counter, ()

    backend.minimize(loss_fn, [w], optimizer, [w, counter])
    np.testing.assert_allclose([array(w), array(counter)], [1.9, 1.0], rtol=1e-6)


def test_without_variables_the_loss_is_computed_and_nothing_changes():
    w = variable(2.0)
    optimizer = built(keras.optimizers.SGD(0.1), [])
    aux = backend.minimize(lambda: (w * w, {"loss": w * w}), [], optimizer, [w])
    np.testing.assert_allclose([array(w), array(aux["loss"])], [2.0, 4.0])


def test_adam_takes_the_step_of_its_paper():
    w = variable(1.0)
    optimizer = built(keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-8), [w])
    value, m, v = 1.0, 0.0, 0.0
    for t in range(1, 6):
        backend.minimize(lambda: (w**3, ()), [w], optimizer, [w])
        g = 3 * value**2
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        value -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        np.testing.assert_allclose(array(w), value, rtol=1e-4)


def test_gradients_are_clipped_and_accumulated():
    w = variable([3.0, 4.0])
    clipping = built(keras.optimizers.SGD(1.0, clipnorm=0.5), [w])
    backend.minimize(lambda: (ops.sum(w * w), ()), [w], clipping, [w])
    np.testing.assert_allclose(array(w), [3 - 0.3, 4 - 0.4], rtol=1e-5)
    u = variable(1.0)
    accumulating = built(keras.optimizers.SGD(0.1, gradient_accumulation_steps=3), [u])
    for factor, expected in ((1.0, 1.0), (2.0, 1.0), (6.0, 0.7)):
        backend.minimize(lambda f=factor: (u * f, ()), [u], accumulating, [u])
        np.testing.assert_allclose(array(u), expected, rtol=1e-6)


def test_samples_are_seeded_and_advance():
    seeds = [keras.random.SeedGenerator(4) for _ in range(2)]
    for draw in (backend.normal, backend.uniform):
        first, again = (array(draw((100,), seed)) for seed in seeds)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, array(draw((100,), seeds[0])))
        array(draw((100,), seeds[1]))


@pytest.mark.skipif(bool(shutil.which("nvidia-smi")), reason="there may be a GPU")
def test_without_a_gpu_the_device_is_the_cpu():
    assert backend.device() == "CPU"
