"""The interface of the converters: what export needs from the backend that Keras runs on."""

from __future__ import annotations

import abc
import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zoo.inference.parts import Part

Arrays = dict[str, np.ndarray]


class Converter(abc.ABC):
    """Converts parts on one backend of Keras.

    Attributes:
        backend: the name of the backend, as in KERAS_BACKEND.
        formats: the formats that can be written; those in `usual` are written by default.
        opsets: the ONNX opsets that the conversion itself can write; later ones are made from the
            last one.
        packages: the packages whose versions the report of the parity check names.
        without_onnx: what else a user can do about a part that has no counterpart in ONNX: the end
            of a sentence.
    """

    backend: str
    formats: tuple[str, ...] = ("onnx", "openvino")
    usual: tuple[str, ...] = ("onnx",)
    opsets: range = range(18, 19)
    packages: tuple[str, ...]
    without_onnx: str = (
        "save the model, and export it with KERAS_BACKEND=tensorflow, to ONNX or with "
        "formats=('saved_model',)"
    )

    @property
    def way_round(self) -> str:
        """What a user can do about a layer that cannot be converted, as a sentence."""
        return (
            "Replace the layer by arithmetic, dense and convolutional layers, or "
            f"{self.without_onnx}."
        )

    @abc.abstractmethod
    def to_onnx(self, part: Part, opset: int) -> Any:
        """Convert a part into an ONNX model, a `ModelProto`.

        Inputs and outputs have the names of the part; `onnx_graph` sets their shapes and the
        metadata, and removes what is not needed.

        Raises:
            ConversionError: the part has an operation that cannot be converted, draws random
                numbers, changes a variable, uses variables that it does not list, or has other
                outputs than it states.
            ImportError: a package that the conversion needs is missing.
        """

    @abc.abstractmethod
    def reference(self, part: Part) -> Callable[[Arrays], Arrays]:
        """Return the part's function from arrays to arrays, run eagerly on the CPU."""

    def layer_of(self, part: Part, node: str) -> str:
        """Name the layer of a node of the converted graph, for messages."""
        return f"the {part.name}"


@contextlib.contextmanager
def quiet_converter() -> Iterator[None]:
    """Silence converters, which report their steps and warn of what does no harm here."""
    names = ("torch.onnx", "onnxscript", "onnx_ir", "jax2onnx")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
