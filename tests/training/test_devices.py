"""Training on several devices is training on one with the same batches."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer

import zoo
from zoo.backend import backend
from zoo.training import devices

pytestmark = pytest.mark.backend

SCRIPT = Path(__file__).parents[1] / "support" / "distributed.py"
BACKEND = keras.backend.backend()
ON_TENSORFLOW = pytest.mark.skipif(BACKEND != "tensorflow", reason="strategies of TensorFlow's")


STARTED = []


@pytest.fixture(autouse=True)
def none_is_left():
    """End the processes that a test which failed has not waited for."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


def start(name, way, out, *options, **environment):
    """Start a process whose errors go to a file beside what it leaves."""
    with open(f"{out}.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), name, way, str(out), *map(str, options)],
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), **environment},
            stdout=log,
            stderr=log,
        )
    STARTED.append(process)
    return process


def result(process, out):
    """Return what a process left, after it has ended well."""
    code = process.wait(timeout=300)
    assert code == 0, Path(f"{out}.log").read_text()[-3000:]
    with np.load(out) as held:
        return dict(held)


def check_alike(got, expected):
    assert got.keys() == expected.keys()
    assert any(key.startswith("weight") for key in expected)
    for key, value in expected.items():
        if "sliced_wasserstein" not in key:  # measured on each part by itself
            np.testing.assert_allclose(got[key], value, rtol=1e-4, atol=1e-5, err_msg=key)


def check_way(name, way, folder, *options):
    files = {each: folder / f"{each}.npz" for each in ("alone", way)}
    processes = {each: start(name, each, out, *options) for each, out in files.items()}
    results = {each: result(processes[each], out) for each, out in files.items()}
    check_alike(results[way], results["alone"])


def free_addresses():
    """Return two addresses of this machine at ports that nobody uses."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("localhost", 0))
        return [f"localhost:{each.getsockname()[1]}" for each in (one, other)]


def start_workers(name, folder, *options):
    """Start two processes that find each other at ports of this machine; return `start`'s."""
    addresses = free_addresses()
    return [
        start(
            name,
            "workers",
            folder / f"worker{index}.npz",
            *options,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in (0, 1)
    ]


@ON_TENSORFLOW
@pytest.mark.slow
@pytest.mark.parametrize("name", ["autoencoder", "sparse", "aae", "m2"])
def test_two_replicas_train_as_one_device_does(name, tmp_path):
    """With noise, sample weights, shuffled rows and a last batch that does not split evenly."""
    check_way(name, "mirrored", tmp_path)


@ON_TENSORFLOW
@pytest.mark.slow
def test_two_replicas_of_a_vae_train_as_one_device_does(tmp_path):
    check_way("vae", "mirrored", tmp_path)


@ON_TENSORFLOW
@pytest.mark.slow
def test_two_replicas_take_the_steps_of_adam_as_one_device_does(tmp_path):
    """They share the optimizer, whose step is another operation on one device."""
    check_way("autoencoder", "mirrored", tmp_path, "--optimizer", "Adam")


@ON_TENSORFLOW
@pytest.mark.slow
def test_a_last_batch_too_small_to_share_goes_with_the_one_before(tmp_path):
    """41 rows in batches of 20, for two replicas: 20 and 21."""
    out = tmp_path / "out.npz"
    got = result(start("autoencoder", "mirrored", out, "--rows", 41), out)
    assert got["steps"] == 3 * 2
    assert all(np.isfinite(value).all() for value in got.values())


@longer
@ON_TENSORFLOW
@pytest.mark.compiled
def test_a_model_is_fitted_outside_of_the_scope_of_its_strategy():
    """As TensorFlow's guides do it; with more batches than one execution has, by default."""
    x = np.random.default_rng(0).random((640, 4, 4, 1), np.float32)
    with zoo.strategy("mirrored"):
        model = zoo.AAE((4, 4, 1), 2, hidden_units=(4,))
        model.compile()
    model.fit(x, batch_size=8, verbose=0)
    assert ops.convert_to_numpy(model.optimizer.iterations) == 80
    assert np.isfinite(model.train_on_batch(x[:8], return_dict=True)["loss"])
    model.encoder.trainable = False
    model.fit(x, batch_size=8, verbose=0)
    model.compile("sgd")
    model.fit(x, batch_size=8, verbose=0)
    outside = zoo.Autoencoder((4, 4, 1), 2, hidden_units=())
    outside.compile()
    with zoo.strategy("mirrored"), pytest.raises(ValueError, match="was made outside of it"):
        outside.fit(x, verbose=0)


@pytest.mark.skipif(BACKEND != "jax", reason="a distribution of JAX's")
@pytest.mark.parametrize("name", ["vae", "aae", "m2"])
def test_two_devices_of_jax_train_as_one_does(name, tmp_path):
    check_way(name, "data_parallel", tmp_path)


@pytest.mark.skipif(BACKEND != "jax", reason="a distribution of JAX's")
@pytest.mark.parametrize("name", ["vae", "m2"])
def test_two_processes_of_jax_train_as_one_does(name, tmp_path):
    place, _ = free_addresses()
    files = [tmp_path / f"{number}.npz" for number in (0, 1)]
    alone = start(name, "alone", tmp_path / "alone.npz")
    processes = [
        start(name, "processes", out, COORDINATOR=place, PROCESS=str(number))
        for number, out in enumerate(files)
    ]
    expected = result(alone, tmp_path / "alone.npz")
    for process, out in zip(processes, files, strict=True):
        check_alike(result(process, out), expected)


@ON_TENSORFLOW
@pytest.mark.slow
@pytest.mark.long
def test_two_workers_train_as_one_device_does_even_if_one_is_killed(tmp_path):
    """The other one cannot go on alone, and ends; both go on from the first one's backup."""
    epochs = ("--epochs", 25)
    alone = start("vae", "alone", tmp_path / "alone.npz", *epochs)
    expected = result(alone, tmp_path / "alone.npz")
    options = (*epochs, "--backup", tmp_path / "backup")
    workers = start_workers("vae", tmp_path, *options)
    metadata, begun = tmp_path / "backup" / "training_metadata.json", time.monotonic()
    while not metadata.exists():
        assert time.monotonic() < begun + 120
        time.sleep(0.02)
    workers[1].kill()
    assert workers[0].wait(timeout=200) != 0, "it had ended before: train for longer"
    assert "Error" in (tmp_path / "worker0.npz.log").read_text()
    workers = start_workers("vae", tmp_path, *options)
    for index, worker in enumerate(workers):
        got = result(worker, tmp_path / f"worker{index}.npz")
        check_alike(
            *({k: v for k, v in each.items() if "fit" not in k} for each in (got, expected))
        )


@pytest.mark.parametrize("name", ["mirrored", "workers", "data_parallel"])
def test_a_strategy_of_another_backend_is_refused(name):
    if devices.STRATEGIES[name] == BACKEND:
        pytest.skip("of this backend")
    with pytest.raises(ValueError, match=f"'{name}' needs the backend .*: set KERAS_BACKEND="):
        zoo.strategy(name)


@ON_TENSORFLOW
def test_workers_need_a_cluster_configuration(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="TF_CONFIG in every process"):
        zoo.strategy("workers")


@ON_TENSORFLOW
@pytest.mark.compiled
def test_several_steps_per_execution_are_refused_under_a_strategy():
    with zoo.strategy("mirrored"):
        model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=())
        model.compile(steps_per_execution=4)
    with pytest.raises(ValueError, match="steps_per_execution is 4, but under a strategy"):
        model.fit(np.zeros((8, 4, 4, 1), "float32"), verbose=0)


@pytest.mark.skipif(BACKEND != "jax", reason="a distribution of JAX's")
def test_batches_that_do_not_split_evenly_are_refused(monkeypatch):
    """Of those that come again and again, and with Keras's own distribution of the last one."""
    x = np.zeros((10, 4, 4, 1), "float32")
    three = SimpleNamespace(num_model_replicas=3)
    monkeypatch.setattr(keras.distribution, "distribution", lambda: three)
    with pytest.raises(ValueError, match="multiple of 3"):
        backend.stream((x, None, None), 4, None, 1)
    with pytest.raises(ValueError, match="last batch has 4 images"):
        backend.stream((x, None, None), 6, None, 1)
    assert len(backend.stream((x[:9], None, None), 3, None, 1)) == 3


def test_the_error_for_an_unknown_strategy_lists_all():
    with pytest.raises(ValueError, match="mirrored"):
        zoo.strategy("miror")


def test_without_a_strategy_this_process_is_the_first():
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=())
    assert backend.is_chief(model)


@pytest.mark.skipif(BACKEND != "jax", reason="a distribution of JAX's")
def test_processes_that_train_models_of_their_own_all_keep_them(monkeypatch):
    """In a cluster of JAX, only those that train one model together leave it to the first."""
    import jax

    monkeypatch.setattr(jax, "process_index", lambda: 1)
    model = zoo.Autoencoder((4, 4, 1), 2, hidden_units=())
    assert backend.is_chief(model)
    with zoo.strategy("data_parallel"):
        assert not backend.is_chief(model)
