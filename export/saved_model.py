"""Conversion of a part to a SavedModel."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backends.tensorflow import trace

if TYPE_CHECKING:
    import numpy as np

    from zoo.inference.parts import Part


def write(part: Part, folder: Path) -> None:
    """Write a part as a SavedModel, for TensorFlow and TensorFlow Serving.

    The loaded object has `serve`, a function of one dict; the signature `serving_default` in the
    file takes the same tensors by name. Both return a dict.

    Raises:
        ConversionError: as `trace` does.
        OSError: the folder cannot be written.
    """
    import tensorflow as tf

    function = trace(part)
    concrete = function.get_concrete_function()
    module: Any = tf.Module(name=part.name)
    module.serve = function
    # Save only the variables that the graph reads: no seeds, no optimizer state.
    module.weights = list(concrete.graph.variables)
    try:
        with _quiet_tensorflow():
            tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    except tf.errors.OpError as error:
        # A full disk raises an OSError, as for all other files.
        raise OSError(
            f"TensorFlow could not write the SavedModel of the {part.name}: {error.message} "
            "Is there room on the disk, and may you write there?"
        ) from error


def runner(folder: Path) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Load a SavedModel and run its `serving_default` signature on the CPU."""
    import tensorflow as tf

    with tf.device("/CPU:0"):
        loaded: Any = tf.saved_model.load(str(folder))
    serve = loaded.signatures["serving_default"]

    def run(inputs):
        with tf.device("/CPU:0"):
            outputs = serve(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    run.keep_alive = loaded  # the signature holds its variables weakly
    return run


@contextlib.contextmanager
def _quiet_tensorflow() -> Iterator[None]:
    # The message "Assets written to" would name the scratch folder, which is removed later.
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
