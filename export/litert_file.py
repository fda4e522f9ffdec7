"""LiteRT files of parts, for phones and small devices; formerly called TensorFlow Lite."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import saved_model
from .backends.base import Arrays
from .part_checks import ConversionError, layer_of
from .unrolling import unrolled

if TYPE_CHECKING:
    from zoo.inference.parts import Part

FILE = "model.tflite"
_SIGNATURE = "serving_default"


def file_of(variant: str | None) -> str:
    """Return the name of the file of a variant; None stands for float32."""
    return f"model.{variant}.tflite" if variant else FILE


def write(part: Part, folder: Path, variants: Iterable[str] = ()) -> None:
    """Write a part as `model.tflite` with the signature `serving_default`, and its variants.

    Inputs and outputs have the names of the part, and any number of rows. All operations are
    LiteRT's own, so that an interpreter needs no further library. "float16" stores the weights in
    half precision; LiteRT computes with them in float32, or on GPUs in half precision. "int8"
    stores matrices of 1,024 values or more as 8-bit integers with scales, and rounds the inputs of
    their layers to 8 bits at run time, each row with a scale of its own (LiteRT's dynamic range
    quantization).

    Args:
        part: the part. folder: the folder to write to.
        variants: "float16" and "int8", for further files.

    Raises:
        ConversionError: an operation is not among these; there is nothing to quantize; or as
            `trace` does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        with unrolled(part.networks):  # LiteRT has no loops over lists of tensors
            saved_model.write(part, Path(scratch))
        for variant in (None, *variants):
            written = _converted(part, scratch, variant)
            (folder / file_of(variant)).write_bytes(written)
            _check_rows(part, folder, variant)
            if variant == "int8":
                _check_integers(part, written)


def _converted(part: Part, source: str, variant: str | None) -> bytes:
    """Return the LiteRT file of a SavedModel."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(source, signature_keys=[_SIGNATURE])
    if variant:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    except Exception as error:  # the converter's errors have no common base class
        raise _refusal(part, error) from error


def runner(folder: Path, variant: str | None = None) -> Callable[[Arrays], Arrays]:
    """Run a LiteRT file on the CPU."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(folder / file_of(variant)))
    run = interpreter.get_signature_runner(_SIGNATURE)
    return lambda inputs: {name: array.copy() for name, array in run(**inputs).items()}


def _check_integers(part: Part, written: bytes) -> None:
    """Refuse an int8 file without any 8-bit integers."""
    from ai_edge_litert.interpreter import Interpreter

    tensors = Interpreter(model_content=written).get_tensor_details()
    if not any(tensor["dtype"] == np.int8 for tensor in tensors):
        raise ConversionError(
            f"The {part.name} has no constant matrices of 1,024 values or more, which LiteRT would "
            "store in 8 bits, so its int8 variant would not be smaller: leave int8 out of "
            "variants, or this part out of parts."
        )


def _check_rows(part: Part, folder: Path, variant: str | None) -> None:
    """Refuse a file that runs with one row and not with more, as the converter can write them."""
    for rows in (1, 3):
        try:
            run = runner(folder, variant)
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
