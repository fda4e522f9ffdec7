"""LiteRT files of parts, for phones and small devices; formerly called TensorFlow Lite."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import saved_model
from .backends.base import Arrays
from .part_checks import ConversionError, layer_of

if TYPE_CHECKING:
    from zoo.inference.parts import Part

FILE = "model.tflite"
_SIGNATURE = "serving_default"


def write(part: Part, folder: Path) -> None:
    """Write a part as `model.tflite` with the signature `serving_default`.

    Inputs and outputs have the names of the part, and any number of rows. All operations are
    LiteRT's own, so that an interpreter needs no further library.

    Raises:
        ConversionError: an operation is not among these; or as `trace` does.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as scratch:
        saved_model.write(part, Path(scratch))
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch, signature_keys=[_SIGNATURE])
        try:
            written = converter.convert()
        except Exception as error:  # the converter's errors have no common base class
            raise _refusal(part, error) from error
    (folder / FILE).write_bytes(written)
    _check_rows(part, folder)


def runner(folder: Path) -> Callable[[Arrays], Arrays]:
    """Run a LiteRT file on the CPU."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(folder / FILE))
    run = interpreter.get_signature_runner(_SIGNATURE)
    return lambda inputs: {name: array.copy() for name, array in run(**inputs).items()}


def _check_rows(part: Part, folder: Path) -> None:
    """Refuse a file that runs with one row and not with more, as the converter can write them."""
    for rows in (1, 3):
        try:
            run = runner(folder)
            run({i.name: np.zeros((rows, *i.shape), i.dtype) for i in part.inputs})
        except (RuntimeError, ValueError) as error:
            raise ConversionError(
                f"LiteRT converts the {part.name}, but cannot run it with {rows} rows: {error} "
                "Leave 'litert' out of formats."
            ) from error


def _refusal(part: Part, error: Exception) -> ConversionError:
    # "<unknown>:0: error: loc(callsite(... "encoder/dense/Erfc" ...)): 'tf.Erfc' op is neither ..."
    said = str(error)
    operations = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", said)))
    places = [
        layer_of(part, found.split("/")[:-1]) for found in re.findall(r'"([\w/.:@]+/[\w/]+)', said)
    ]
    named = [place for place in places if place.startswith("layer")]
    what = f"has no counterpart of {' and '.join(operations)}" if operations else "refuses"
    place = named[0] if named else f"the {part.name}"
    words = "" if operations else f" {' '.join(said.split())[:500]}"
    return ConversionError(
        f"LiteRT {what}, in {place}.{words} Replace the layer, or leave 'litert' out of formats."
    )
