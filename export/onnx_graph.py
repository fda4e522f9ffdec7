"""Conversion of a part to ONNX; the only module that uses tf2onnx."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from zoo.runtime.onnx_bytes import check_model as check_bytes
from zoo.runtime.onnx_format import OPERATORS, STANDARD

from .simplify import simplify
from .tracing import ConversionError, layer_of, trace
from .unrolling import unrolled

if TYPE_CHECKING:
    from zoo.inference.parts import OptionalInput, Part, TensorInfo

# The opsets that tf2onnx writes; onnx's version converter converts the last one to later opsets.
WRITTEN = range(15, 19)
_OLDEST_IR = 8

_WAY_ROUND = (
    "Replace the layer by arithmetic, dense and convolutional layers, or leave ONNX out with "
    "formats=('saved_model',)."
)
_HINTS = {
    "Bitcast": "keras.ops.argmin and argmax use Bitcast for the sign of zero; "
    "keras.ops.top_k(-values, 1)[1] finds the same index and converts. ",
}
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
    written = min(opset, WRITTEN[-1])
    model = _tf2onnx(part, written)
    if _has_graphs_inside(model.graph):
        with unrolled(part.networks) as recurrent:
            model = _tf2onnx(part, written) if recurrent else model
    _check_nodes(part, model.graph, written)
    _finish(part, model)
    simplify(model.graph)
    if opset > written:
        model = _newer(part, model, opset)
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
    newest = newest_opset()
    if not isinstance(opset, int) or not WRITTEN[0] <= opset <= newest:
        raise ValueError(
            f"opset is {opset!r}; give {WRITTEN[0]} to {newest}, the last one that the installed "
            "onnx and onnxruntime support."
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
    for opset in range(onnx.defs.onnx_opset_version(), WRITTEN[-1], -1):
        imports = [onnx.helper.make_opsetid("", opset)]
        model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=ir_version(opset))
        with contextlib.suppress(Exception):  # onnxruntime's errors have no common base class
            onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            return opset
    return WRITTEN[-1]


def ir_version(opset: int) -> int:
    """Return the IR version for an opset: 8, for older runtimes, or the lowest possible."""
    import onnx

    imports = [onnx.helper.make_opsetid("", opset)]
    return max(_OLDEST_IR, onnx.helper.find_min_ir_version_for(imports))


def _tf2onnx(part: Part, opset: int) -> Any:
    function = trace(part, optional=True)
    signature = function.get_concrete_function().structured_input_signature[0]
    with _recorded_errors() as errors:
        try:
            model, _ = _converter().convert.from_function(
                function,
                input_signature=signature,
                opset=opset,
                custom_op_handlers={"Erfc": (_erfc, [])},
            )
        except Exception as error:
            raise ConversionError(
                f"tf2onnx cannot convert the {part.name}: {error} {_WAY_ROUND}"
            ) from error
    # tf2onnx only logs unsupported operations, and returns a file that cannot be loaded.
    if errors:
        raise ConversionError(_explain(part, errors))
    return model


def _converter() -> Any:
    # Importing tf2onnx silences TensorFlow's log for the whole process.
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    import tf2onnx
    import tf2onnx.convert

    if level is None:
        os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
    else:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = level
    return tf2onnx


def _erfc(graph: Any, node: Any, name: str, args: list) -> None:
    """Write erfc(x), which the exact GELU uses and ONNX lacks, as 1 - erf(x)."""
    import numpy as np

    dtype = graph.get_dtype(node.input[0])
    erf = graph.make_node("Erf", [node.input[0]], dtypes=[dtype])
    one = graph.make_const(f"{name}_one", np.array(1.0, np.float32))
    node.type = "Sub"
    node.domain = ""
    graph.replace_inputs(node, [one.output[0], erf.output[0]])


@contextlib.contextmanager
def _recorded_errors() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []

    class Recorder(logging.Handler):
        def emit(self, record):
            records.append(record)

    logger = logging.getLogger("tf2onnx")
    kept = logger.handlers, logger.propagate, logger.level, logger.disabled
    logger.handlers, logger.propagate, logger.disabled = [Recorder(logging.ERROR)], False, False
    logger.setLevel(logging.ERROR)
    try:
        yield records
    finally:
        logger.handlers, logger.propagate, level, logger.disabled = kept
        logger.setLevel(level)


def _explain(part: Part, errors: list[logging.LogRecord]) -> str:
    for record in errors:
        # "Tensorflow op [%s: %s] is not supported", with the node's name and its operation
        if record.args and len(record.args) == 2 and "not supported" in record.msg:
            name, operation = map(str, record.args)
            return (
                f"ONNX has no counterpart of TensorFlow's {operation} ({name}), in "
                f"{layer_of(part, name)}. {_HINTS.get(operation, '')}{_WAY_ROUND}"
            )
    said = "; ".join(record.getMessage() for record in errors)
    return f"tf2onnx cannot convert the {part.name}: {said} {_WAY_ROUND}"


def _has_graphs_inside(graph: Any) -> bool:
    return any(held.HasField("g") or held.graphs for node in graph.node for held in node.attribute)


def _check_nodes(part: Part, graph: Any, opset: int) -> None:
    import onnx

    for node in graph.node:
        place = f"({node.name}), in {layer_of(part, node.name)}"
        if node.op_type in _RANDOM:
            raise ConversionError(
                f"The {part.name} would draw random numbers: {node.op_type} {place}. Let the "
                "application sample."
            )
        if node.op_type in _INNER_GRAPHS:
            raise ConversionError(
                f"The {part.name} has a loop or a branch: {node.op_type} {place}. Exported files "
                "have none, so that a file cannot run without end: write the steps out, or give a "
                "recurrent layer a fixed number of steps, no mask and unroll=True. Or leave ONNX "
                "out with formats=('saved_model',)."
            )
        known = node.domain in STANDARD and node.op_type in OPERATORS
        if not known or not onnx.defs.has(node.op_type, max_inclusive_version=opset):
            raise ConversionError(
                f"The operation {node.op_type} {place}, is not in ONNX opset {opset}, or not among "
                f"those that exported files may have. {_WAY_ROUND}"
            )


def _finish(part: Part, model: Any) -> None:
    """Give the converted model the part's names and order, and the batch dimension."""
    graph = model.graph
    found = {"inputs": {v.name for v in graph.input}, "outputs": {v.name for v in graph.output}}
    for which, infos in (("inputs", part.inputs), ("outputs", part.outputs)):
        # tf2onnx removes unused inputs, but applications may still pass them.
        names = {info.name for info in (*infos, *(part.optional if which == "inputs" else ()))}
        if names ^ found[which] and not (which == "inputs" and found[which] < names):
            came = sorted(found[which])
            raise ConversionError(f"The {part.name} was converted with other {which}: {came}.")
    # Dimensions of intermediate tensors have generated names; the checker infers them again.
    del graph.value_info[:], graph.input[:], graph.output[:]
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


def _newer(part: Part, model: Any, opset: int) -> Any:
    import onnx

    try:
        raised = onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # the converter raises RuntimeErrors, and its own errors
        raise ConversionError(
            f"onnx cannot convert the {part.name} from opset {WRITTEN[-1]} to {opset}: {error} Use "
            f"opset={WRITTEN[-1]}."
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
            f"The ONNX file of the {part.name} is not valid: {error} {_WAY_ROUND}"
        ) from error
    return written
