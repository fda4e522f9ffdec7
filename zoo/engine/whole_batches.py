"""What backends have in common whose programs see every batch whole, on however many devices."""

import contextlib

import keras

__all__ = [
    "batch_mean",
    "batches_of",
    "bundled",
    "closing",
    "is_chief",
    "normal",
    "own_part",
    "scope_of",
    "share_of_mean",
    "steps_of",
    "uniform",
]


def normal(shape, seed, shared: bool = False):
    """Draw from N(0, 1)."""
    return keras.random.normal(shape, seed=seed)


def uniform(shape, seed, shared: bool = False):
    """Draw from U[0, 1)."""
    return keras.random.uniform(shape, seed=seed)


def share_of_mean(term):
    """Return the mean of a term over the batch."""
    return keras.ops.mean(term)


def batch_mean(values):
    """Return the mean over the rows of the batch, [batch, ...] -> [...]."""
    return keras.ops.mean(values, axis=0)


def own_part(values):
    """Return all values: replicas that a program sees are TensorFlow's alone."""
    return values


def steps_of(data):
    """Return None: a stream ends with a pass."""
    return None


def closing(*streams):
    """Do nothing: no thread takes rows."""
    return contextlib.nullcontext()


def bundled(step, function, **settings):
    """Return Keras's function as it is."""
    del step, settings
    return function


def batches_of(data) -> int:
    """Return 1: several steps per execution have no use here."""
    del data
    return 1


def scope_of(model):
    """Return an empty context: a model's variables need none here."""
    return contextlib.nullcontext()


def is_chief(model) -> bool:
    """Say that this process is the first, and the only one."""
    return True
