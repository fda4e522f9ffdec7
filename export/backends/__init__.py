"""Conversion to ONNX, a module for each backend of Keras; only this package asks which one runs."""

from __future__ import annotations

import functools
import importlib

from .base import Converter

FORMATS = ("onnx", "saved_model", "litert", "openvino")  # those of all backends together

_CLASSES = {
    "tensorflow": ("tensorflow", "TensorFlowConverter"),
    "jax": ("jax", "JaxConverter"),
    "torch": ("torch", "TorchConverter"),
}


def current() -> Converter:
    """Return the converter for the backend that Keras runs on.

    Raises:
        RuntimeError: Keras runs on a backend that models cannot be exported from.
    """
    import keras

    return _converter(keras.backend.backend())


@functools.cache
def _converter(backend: str) -> Converter:
    if backend not in _CLASSES:
        raise RuntimeError(
            f"Export needs TensorFlow, JAX or PyTorch, but Keras runs on {backend} here. Save the "
            "model (zoo.save, or model.save), start Python with KERAS_BACKEND=tensorflow, load "
            "the model and export it; weights do not depend on the backend."
        )
    module, name = _CLASSES[backend]
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)()
