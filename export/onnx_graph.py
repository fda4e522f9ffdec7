"""The ONNX file of a part: converted on Keras's backend, then checked and made uniform."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.runtime.onnx_bytes import check_model as check_bytes
from zoo.runtime.onnx_format import OPERATORS, STANDARD

from . import backends
from .part_checks import ConversionError, check_types, loop_error
from .simplify import simplify

if TYPE_CHECKING:
    from zoo.inference.parts import OptionalInput, Part, TensorInfo

    from .backends.base import Converter

_OLDEST_IR = 8
_OLDEST_OPSET, _WRITTEN = 15, 18  # onnx's version converter converts the last one to later opsets
_RANDOM = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
    "Bernoulli",
}  # fmt: skip
_INNER_GRAPHS = {"Loop", "If", "Scan", "SequenceMap"}


def convert(part: Part, opset: int = 18, metadata: dict[str, str] | None = None) -> bytes:
    """Convert a part into the bytes of an ONNX file.

    Inputs and outputs have the names and the order of the part, and a first dimension called
    `batch`. All operations are in the default ONNX domain. There are no random operations, loops
    or branches: recurrent layers, which would become loops, are unrolled.

    Args:
        part: the part to convert.
        opset: from 15 to the last one of the installed onnxruntime.
        metadata: entries to store in the file; onnxruntime reads them as `custom_metadata_map`.

    Raises:
        ConversionError: ONNX lacks an operation of the part; nothing was written.
    """
    check_opset(opset)
    check_types(part)
    converter = backends.current()
    written = min(opset, converter.opsets[-1])
    model = converter.to_onnx(part, written)
    _check_nodes(part, model, converter, written)
    _finish(part, model)
    simplify(model.graph)
    if opset > written:
        model = _newer(part, model, written, opset)
    _describe(model, metadata or {})
    return checked_bytes(part, model)


def bytes_per_row(converted: bytes) -> int:
    """Estimate the bytes per row: the size of all tensors of a graph for a batch of one row.

    Unknown dimensions count as 1.
    """
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(converted)).graph
    total = 0
    for value in (*graph.input, *graph.value_info, *graph.output):
        if not value.type.tensor_type.elem_type:
            continue  # not a tensor, or a tensor of unknown type
        dims = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        total += math.prod(dims) * kind.itemsize
    return total


def check_opset(opset: int) -> None:
    """Raise a ValueError unless the opset can be written, and run for the parity check."""
    converter, newest = backends.current(), newest_opset()
    oldest = converter.opsets[0]
    if not isinstance(opset, int) or not oldest <= opset <= newest:
        older = "" if oldest == _OLDEST_OPSET else " Older ones: KERAS_BACKEND=tensorflow."
        raise ValueError(
            f"opset is {opset!r}; give {oldest} to {newest}, the last one that the installed "
            f"onnx and onnxruntime support.{older}"
        )


@functools.cache
def newest_opset() -> int:
    """Return the last opset that the installed onnx can write and onnxruntime can run."""
    import onnx
    import onnxruntime

    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "probe", [value], [result])
    for opset in range(onnx.defs.onnx_opset_version(), _WRITTEN, -1):
        imports = [onnx.helper.make_opsetid("", opset)]
        model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=ir_version(opset))
        with contextlib.suppress(Exception):  # onnxruntime's errors have no common base class
            onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            return opset
    return _WRITTEN


def ir_version(opset: int) -> int:
    """Return the IR version for an opset: 8, for older runtimes, or the lowest possible."""
    import onnx

    imports = [onnx.helper.make_opsetid("", opset)]
    return max(_OLDEST_IR, onnx.helper.find_min_ir_version_for(imports))


def _check_nodes(part: Part, model: Any, converter: Converter, opset: int) -> None:
    import onnx

    if model.functions:
        names = ", ".join(sorted({function.name for function in model.functions}))
        raise ConversionError(
            f"The {part.name} was converted with functions of its own, {names}, which exported "
            f"files may not have. {converter.way_round}"
        )
    for node in model.graph.node:
        operation = f"{node.op_type} ({node.name}), in {converter.layer_of(part, node.name)}"
        if node.op_type in _RANDOM:
            raise ConversionError(
                f"The {part.name} would draw random numbers: {operation}. Let the application "
                "sample."
            )
        if node.op_type in _INNER_GRAPHS:
            raise loop_error(part, operation, converter.without_onnx)
        known = node.domain in STANDARD and node.op_type in OPERATORS
        if not known or not onnx.defs.has(node.op_type, max_inclusive_version=opset):
            raise ConversionError(
                f"The operation {operation}, is not in ONNX opset {opset}, or not among those that "
                f"exported files may have. {converter.way_round}"
            )


def _finish(part: Part, model: Any) -> None:
    """Give the converted model the part's names and order, and the batch dimension."""
    graph = model.graph
    found = {"inputs": {v.name for v in graph.input}, "outputs": {v.name for v in graph.output}}
    for which, infos in (("inputs", part.inputs), ("outputs", part.outputs)):
        # Unused inputs are removed by some converters, but applications may still pass them.
        names = {info.name for info in (*infos, *(part.optional if which == "inputs" else ()))}
        if names ^ found[which] and not (which == "inputs" and found[which] < names):
            came = sorted(found[which])
            raise ConversionError(f"The {part.name} was converted with other {which}: {came}.")
    # Dimensions of intermediate tensors have generated names; the checker infers them again.
    del graph.value_info[:], graph.input[:], graph.output[:]
    for held in (model, graph, *graph.node, *graph.initializer):  # where the converter ran, and how
        del held.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    graph.input.extend(_value_info(info) for info in part.inputs)
    graph.output.extend(_value_info(info) for info in part.outputs)
    _add_optional(graph, part.optional)
    graph.name, graph.doc_string, model.doc_string = part.name, "", ""
    model.ir_version = _OLDEST_IR
    used = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(used)


def _add_optional(graph: Any, optional: Iterable[OptionalInput]) -> None:
    """Add inputs with defaults: in ONNX, inputs of the same names as initializers."""
    import numpy as np
    import onnx

    for info in optional:
        value = np.array([info.default], np.float32)
        graph.input.append(onnx.helper.make_tensor_value_info(info.name, 1, [1]))
        graph.initializer.append(onnx.numpy_helper.from_array(value, info.name))


def _newer(part: Part, model: Any, written: int, opset: int) -> Any:
    import onnx

    try:
        raised = onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # the converter raises RuntimeErrors, and its own errors
        raise ConversionError(
            f"onnx cannot convert the {part.name} from opset {written} to {opset}: {error} Use "
            f"opset={written}."
        ) from error
    del raised.graph.value_info[:]
    raised.ir_version = ir_version(opset)
    return raised


def _describe(model: Any, metadata: dict[str, str]) -> None:
    import onnx

    model.producer_name = "autoencoder-zoo"
    model.producer_version = metadata.get("autoencoder-zoo", "")
    onnx.helper.set_model_props(model, metadata)


def _value_info(info: TensorInfo) -> Any:
    import onnx

    element = {"float32": onnx.TensorProto.FLOAT, "int32": onnx.TensorProto.INT32}[info.dtype]
    return onnx.helper.make_tensor_value_info(info.name, element, ["batch", *info.shape])


def checked_bytes(part: Part, model: Any) -> bytes:
    """Return a model as the bytes of a file, after the checks that `export.load` makes.

    Raises:
        ConversionError: the model is not valid ONNX, or `export.load` would refuse it.
    """
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
        written = model.SerializeToString()
        check_bytes(written, "it")
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise ConversionError(
            f"The ONNX file of the {part.name} is not valid: {error} {backends.current().way_round}"
        ) from error
    return written
