"""Training on several devices or machines, with the strategies of Keras's backends."""

from __future__ import annotations

import contextlib

import keras

from zoo.backend import backend
from zoo.checks.names import UnknownNameError

STRATEGIES = {"mirrored": "tensorflow", "workers": "tensorflow", "data_parallel": "jax"}


def strategy(name: str | None) -> contextlib.AbstractContextManager:
    """Return a context for several devices: make or load, compile and train a model inside it.

    Each device takes a part of every batch. The result is the same as on one device with the whole
    batch: the same loss, noise and steps, up to rounding. TensorFlow has four exceptions: batch
    normalization, because Keras's layer normalizes each part separately; the metric
    `sliced_wasserstein` of adversarial models, which is measured on the parts; dropout in the
    classifier of `M2`; and the chains of an `RBM`, because each device has its own.

        with zoo.strategy("mirrored"):
            model = zoo.load("vae_mnist")
            model.fit(x, batch_size=1024)  # the batch of all devices together

    TensorFlow's own `strategy.scope()` does the same. Every process of "workers" runs the same
    program on the same data, with its own `TF_CONFIG` in the environment; so does every process of
    "data_parallel", after `jax.distributed.initialize`.

    Args:
        name: "mirrored" for all GPUs of a machine (its logical CPUs if it has no GPU) or "workers"
            for several processes, both with TensorFlow; "data_parallel" for all devices of all
            processes, with JAX; None for one device.

    Raises:
        UnknownNameError: the name is unknown.
        ValueError: the strategy needs another backend than the current one, or "workers" is used
            without `TF_CONFIG`.
    """
    if name is None:
        return contextlib.nullcontext()
    if name not in STRATEGIES:
        raise UnknownNameError("strategy", name, STRATEGIES)
    if keras.backend.backend() != STRATEGIES[name]:
        raise ValueError(
            f"The strategy {name!r} needs the backend {STRATEGIES[name]}, but Keras runs on "
            f"{keras.backend.backend()}: set KERAS_BACKEND={STRATEGIES[name]}. Keras trains with "
            "PyTorch on one device."
        )
    return backend.strategy(name)
