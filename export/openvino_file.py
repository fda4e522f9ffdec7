"""OpenVINO files of parts, made of their ONNX files; for processors and graphics by Intel."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .backends.base import Arrays
from .part_checks import ConversionError

if TYPE_CHECKING:
    from zoo.inference.parts import Part

FILE = "model.xml"


def write(part: Part, converted: bytes, folder: Path) -> None:
    """Write a part as `model.xml` and `model.bin`, in float32, with any number of rows.

    Args:
        part: the part.
        converted: its ONNX file.
        folder: the folder to write to.

    Raises:
        ConversionError: OpenVINO cannot read the ONNX file, or not run it with 1 and 3 rows.
    """
    import openvino

    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "model.onnx")
        source.write_bytes(converted)
        try:
            model = openvino.convert_model(source)
        except Exception as error:  # OpenVINO's errors have no common base class
            raise ConversionError(
                f"OpenVINO cannot convert the {part.name}: {' '.join(str(error).split())[:500]} "
                "Leave 'openvino' out of formats."
            ) from error
        openvino.save_model(model, folder / FILE, compress_to_fp16=False)
    for rows in (1, 3):
        try:
            runner(folder)({i.name: np.zeros((rows, *i.shape), i.dtype) for i in part.inputs})
        except Exception as error:
            raise ConversionError(
                f"OpenVINO converts the {part.name}, but cannot run it with {rows} rows: "
                f"{' '.join(str(error).split())[:500]} Leave 'openvino' out of formats."
            ) from error


def runner(folder: Path) -> Callable[[Arrays], Arrays]:
    """Run an OpenVINO file on the CPU in float32; some processors would take half precision."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(folder / FILE, "CPU", options)

    def run(inputs):
        outputs = compiled(inputs)
        return {name: np.array(outputs[name]) for name in (o.any_name for o in compiled.outputs)}

    return run
