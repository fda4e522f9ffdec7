"""OpenVINO files of parts, made of their ONNX files; for processors and graphics by Intel."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .backends.base import Arrays
from .part_checks import ConversionError

if TYPE_CHECKING:
    from zoo.inference.parts import Part

FILE = "model.xml"
_LEAST = 1024  # values of a matrix that is stored in 8 bits


def files_of(variant: str | None) -> tuple[str, str]:
    """Return the names of the two files of a variant; None stands for float32."""
    stem = f"model.{variant}" if variant else "model"
    return f"{stem}.xml", f"{stem}.bin"


def write(part: Part, converted: bytes, folder: Path, variants: Iterable[str] = ()) -> None:
    """Write a part as `model.xml` and `model.bin`, with any number of rows, and its variants.

    "float16" stores the weights in half precision, "int8" the matrices of 1,024 values or more as
    8-bit integers, with a scale for each column. When OpenVINO runs an "int8" file, it may also
    round the inputs of these products. Fixed ranges of inputs would need another tool, NNCF.

    Args:
        part: the part.
        converted: its ONNX file.
        folder: the folder to write to.
        variants: "float16" and "int8", for further files.

    Raises:
        ConversionError: OpenVINO cannot read the ONNX file, or not run it with 1 and 3 rows; or
            there is nothing to quantize.
    """
    import openvino

    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "model.onnx")
        source.write_bytes(converted)
        for variant in (None, *variants):
            model = _read(part, source)
            if variant == "int8":
                _quantize(part, model)
            path = folder / files_of(variant)[0]
            openvino.save_model(model, path, compress_to_fp16=variant == "float16")
    for variant in (None, *variants):
        _check_rows(part, folder, variant)


def _read(part: Part, source: Path) -> Any:
    import openvino

    try:
        return openvino.convert_model(source)
    except Exception as error:  # OpenVINO's errors have no common base class
        raise ConversionError(
            f"OpenVINO cannot convert the {part.name}: {' '.join(str(error).split())[:500]} "
            "Leave 'openvino' out of formats."
        ) from error


def _quantize(part: Part, model: Any) -> None:
    """Replace constant matrices by 8-bit integers times the scales of their columns.

    Raises:
        ConversionError: there are none of 1,024 values or more.
    """
    import openvino.opset13 as opset

    found = False
    for node in model.get_ordered_ops():
        matrix = _constant_matrix(node)
        if matrix is None:
            continue
        inputs = 1 if node.get_attributes()["transpose_b"] else 0  # the axis that is summed over
        largest = np.abs(matrix).max(axis=inputs, keepdims=True)
        scales = (np.maximum(largest, np.finfo("float32").tiny) / 127).astype("float32")
        rounded = opset.constant(np.round(matrix / scales).astype("int8"))
        restored = opset.multiply(opset.convert(rounded, "f32"), opset.constant(scales))
        node.input(1).replace_source_output(restored.output(0))
        found = True
    if not found:
        raise ConversionError(
            f"The {part.name} has no products with constant matrices of {_LEAST:,} values or more, "
            "so its int8 variant would not be smaller: leave int8 out of variants, or this part "
            "out of parts."
        )


def _constant_matrix(node: Any) -> np.ndarray | None:
    """Return the matrix on the right of a product if it is constant and large enough, or None."""
    if node.get_type_name() != "MatMul":
        return None
    constant = node.input_value(1).get_node()
    if constant.get_type_name() != "Constant" or len(constant.shape) != 2:
        return None
    matrix = constant.data
    return matrix if matrix.dtype == np.float32 and matrix.size >= _LEAST else None


def runner(folder: Path, variant: str | None = None) -> Callable[[Arrays], Arrays]:
    """Run an OpenVINO file on the CPU in float32; some processors would take half precision."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(folder / files_of(variant)[0], "CPU", options)

    def run(inputs):
        outputs = compiled(inputs)  # an output can have further names, of what computes it
        return {name: np.array(outputs[o]) for o in compiled.outputs for name in o.names}

    return run


def _check_rows(part: Part, folder: Path, variant: str | None) -> None:
    """Refuse a file that runs with one row and not with more."""
    for rows in (1, 3):
        try:
            run = runner(folder, variant)
            run({i.name: np.zeros((rows, *i.shape), i.dtype) for i in part.inputs})
        except Exception as error:
            raise ConversionError(
                f"OpenVINO converts the {part.name}, but cannot run it with {rows} rows: "
                f"{' '.join(str(error).split())[:500]} Leave 'openvino' out of formats."
            ) from error
