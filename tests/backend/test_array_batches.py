"""Streams of arrays, and the compiled steps that take them; on every backend."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer

import zoo
from zoo.backend import backend

pytestmark = pytest.mark.backend

BACKEND = keras.backend.backend()


def array(variable):
    return np.array(ops.convert_to_numpy(variable))


def test_arrays_stream_every_row_once_a_pass_in_new_orders():
    x = np.arange(10, dtype="float32")[:, None]
    weight = np.arange(10, dtype="float32")
    orders = iter([np.random.default_rng(seed).permutation(10) for seed in range(9)])
    given = []

    def order():
        given.append(next(orders))
        return given[-1]

    stream = backend.stream((x, None, weight), 4, order, bundle=2)
    passes = []
    for _ in range(2):
        batches = batches_of(stream)
        assert [len(array(batch[0])) for batch in batches] == [4, 4, 2]
        rows = np.concatenate([array(batch[0]) for batch in batches])[:, 0]
        np.testing.assert_array_equal(np.concatenate([array(b[-1]) for b in batches]), rows)
        assert list(rows) == list(given[-1])
        passes.append(list(rows))
    assert passes[0] != passes[1]
    ordered = backend.stream((x, None, None), 4, None, bundle=1)
    first, y, weight = batches_of(ordered)[0]
    np.testing.assert_array_equal(array(first)[:, 0], [0, 1, 2, 3])
    assert y is None
    assert weight is None


def batches_of(stream):
    """Return images, labels and weights of every batch of a pass."""
    if BACKEND != "tensorflow":
        unpack = keras.utils.unpack_x_y_sample_weight
        return [unpack(stream[i]) for i in range(len(stream))]
    iterator, batches = iter(stream), []
    while len(batches) < int(stream.cardinality()):
        count, full, rest = next(iterator)
        batches += [[c if c is None else c[i] for c in full] for i in range(int(count))]
        batches += [rest] if len(rest[0]) else []
    return batches


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch runs one step an execution")
@pytest.mark.compiled
@pytest.mark.parametrize(
    "batches", [*(pytest.param(n, marks=pytest.mark.slow) for n in (0.5, 1, 7)), 7.5]
)
def test_bundled_steps_are_the_steps_one_by_one(batches):
    """Eager, as a graph, and as a loop of XLA: the same weights, metrics and step count.

    Without noise, which XLA draws from the same seed by other numbers.
    """
    x = np.random.default_rng(0).random((int(8 * batches), 8, 8, 1)).astype("float32")
    results = []
    for options in (
        {"run_eagerly": BACKEND == "tensorflow", "steps_per_execution": 1},
        {"jit_compile": BACKEND == "jax", "steps_per_execution": 3},
        {"jit_compile": True, "steps_per_execution": 3},
    ):
        keras.utils.set_random_seed(0)
        model = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(8,), l2=1e-3)
        model.compile(keras.optimizers.Adam(1e-2), **options)
        logs = model.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        steps = int(array(model.optimizer.iterations))
        assert steps == 2 * int(np.ceil(batches))
        results.append([*logs["loss"], *logs["l2"], *(w.sum() for w in model.get_weights())])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-4, atol=1e-4)


def test_an_array_is_streamed_without_a_copy(tmp_path):
    """In memory or mapped from a file: a copy would take as much memory again."""
    x = np.zeros((6, 2), "float32")
    np.save(tmp_path / "x.npy", x)
    for array in (x, np.load(tmp_path / "x.npy", mmap_mode="r")):
        source = backend.stream((array, None, None), 4, None, 1)
        columns = source.source.columns if BACKEND == "tensorflow" else source.columns
        assert np.shares_memory(columns[0], array)


def test_a_scalar_metric_is_weighted_by_the_images_of_the_batch():
    class Sizes(zoo.Autoencoder):
        metric_names = ("reconstruction", "images")

        def losses(self, batch, training):
            images = ops.cast(ops.shape(batch.x)[0], "float32")
            return super().losses(batch, training).plus(images, images=images)

    model = Sizes((8, 8, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=BACKEND == "jax")
    logs = model.evaluate(
        np.zeros((10, 8, 8, 1), "float32"), batch_size=8, verbose=0, return_dict=True
    )
    np.testing.assert_allclose(logs["images"], (8 * 8 + 2 * 2) / 10)
    np.testing.assert_allclose(logs["loss"], logs["reconstruction"] + logs["images"], rtol=1e-5)


@longer
@pytest.mark.compiled
def test_neither_model_nor_images_are_kept_after_training():
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=(4,))
    model.compile()
    x = np.random.default_rng(0).random((40, 4, 4, 1)).astype("float32")
    model.fit(x, validation_data=x[:10].copy(), epochs=2, verbose=0)
    model.evaluate(x, verbose=0)
    kept = weakref.ref(model), weakref.ref(x)
    del model, x
    keras.backend.clear_session()
    gc.collect()
    assert [reference() is None for reference in kept] == [True, True]


@pytest.mark.slow
@pytest.mark.compiled
def test_compiling_again_makes_steps_with_the_changes():
    """Also where somebody keeps the functions from before, and their traces with them."""
    kept = []
    model = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,), l2=0.5)
    x = np.random.default_rng(0).random((8, 8, 8, 1)).astype("float32")
    for weight in (1.0, 3.0):
        model.l2 = weight
        model.compile(keras.optimizers.SGD(0.0), jit_compile=BACKEND == "jax")
        for logs in (
            {name: values[0] for name, values in model.fit(x, verbose=0).history.items()},
            model.evaluate(x, verbose=0, return_dict=True),
        ):
            expected = logs["reconstruction"] + weight * logs["l2"]
            np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
        kept += [model.train_function, model.test_function]


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch traces nothing")
@pytest.mark.compiled
@pytest.mark.parametrize("rows", [40, 42])
def test_a_step_is_traced_in_the_first_epoch_only(rows):
    """Also where the last batch is a short one, and where another training follows."""
    traces = []

    class Counting(zoo.Autoencoder):
        def losses(self, batch, training):
            traces.append(batch.x.shape)
            return super().losses(batch, training)

    model = Counting((4, 4, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=BACKEND == "jax")
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: counts.append(len(traces)))
    counts = []
    x = np.zeros((rows, 4, 4, 1), "float32")
    for _ in range(2):
        model.fit(x, batch_size=8, epochs=3, callbacks=[seen], verbose=0)
    assert counts == [counts[0]] * 6


@pytest.mark.skipif(BACKEND != "tensorflow", reason="no thread takes rows elsewhere")
@pytest.mark.slow
def test_a_training_that_fails_while_rows_are_taken_ends(tmp_path):
    """TensorFlow waits for the thread that takes rows; it must not need Python's lock by then."""
    program = """
import time, numpy as np, zoo

class Slow(zoo.data.StoredImages):
    def take(self, places, **options):
        time.sleep(0.3 if np.size(places) else 0.0)
        return super().take(places, **options)

class Stop(zoo.callbacks.keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise RuntimeError("stopped")

np.save("x.npy", np.zeros((5000, 2, 2), "uint8"))
model = zoo.Autoencoder((2, 2, 1), 1, hidden_units=())
model.compile(jit_compile=False, steps_per_execution=1)
model.fit(Slow("x.npy"), callbacks=[Stop()], verbose=0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "RuntimeError: stopped" in ended.stderr
