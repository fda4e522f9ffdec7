"""Conversion from TensorFlow: its graph of a part, and tf2onnx, which only this module uses."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..part_checks import (
    ConversionError,
    check_outputs,
    check_types,
    layer_of,
    random_error,
    state_error,
    unlisted_error,
)
from ..unrolling import has_graphs_inside, unrolled
from .base import Arrays, Converter

if TYPE_CHECKING:
    from zoo.inference.parts import Part

_RANDOM = re.compile(
    r"Random|Multinomial|TruncatedNormal|StatefulStandardNormal|StatefulUniform|RngSkip|RngRead"
    r"|Shuffle$"
)
_CHANGES_STATE = re.compile(r"^(Assign|ResourceScatter|ResourceApply)")
_HINTS = {
    "Bitcast": "keras.ops.argmin and argmax use Bitcast for the sign of zero; "
    "keras.ops.top_k(-values, 1)[1] finds the same index and converts. ",
}


class TensorFlowConverter(Converter):
    """Traces parts, and converts the graphs by tf2onnx."""

    backend = "tensorflow"
    formats = ("onnx", "saved_model", "litert", "openvino")
    usual = ("onnx", "saved_model")
    opsets = range(15, 19)  # those that tf2onnx writes
    packages = ("keras", "tensorflow", "tf2onnx", "onnx", "numpy")
    without_onnx = "leave ONNX out with formats=('saved_model',)"

    def to_onnx(self, part: Part, opset: int) -> Any:
        model = convert(part, opset)
        if has_graphs_inside(model.graph):
            with unrolled(part.networks) as recurrent:
                model = convert(part, opset) if recurrent else model
        return model

    def reference(self, part: Part) -> Callable[[Arrays], Arrays]:
        import tensorflow as tf

        def run(inputs):
            with tf.device("/CPU:0"):
                constants = {name: tf.constant(array) for name, array in inputs.items()}
                outputs = part.function(constants)
            return {name: np.asarray(tensor) for name, tensor in outputs.items()}

        return run

    def layer_of(self, part: Part, node: str) -> str:
        return _place(part, node)


_WAY_ROUND = TensorFlowConverter().way_round


def trace(part: Part, optional: bool = False) -> Any:
    """Trace a part into a `tf.function` that is safe to convert.

    Args:
        part: the part. optional: whether its optional inputs are arguments, tensors [1].

    Returns:
        A `tf.function` with one concrete function, `function.get_concrete_function()`. Its argument
        is a dict of the part's inputs by name, with any number of rows; it returns a dict of the
        part's outputs by name.

    Raises:
        ConversionError: the networks compute in mixed precision; the function draws random
            numbers, changes a variable, uses variables of networks that the part does not list, or
            has other outputs than the part states.
    """
    import tensorflow as tf

    check_types(part)
    specs = {
        info.name: tf.TensorSpec((None, *info.shape), info.dtype, name=info.name)
        for info in part.inputs
    }
    for info in part.optional if optional else ():
        specs[info.name] = tf.TensorSpec((1,), "float32", name=info.name)

    @tf.function(input_signature=[specs], autograph=False)
    def serve(inputs):
        # An output that is also an input, or another output, still needs its own tensor.
        return {name: tf.identity(tensor) for name, tensor in part.function(dict(inputs)).items()}

    concrete = serve.get_concrete_function()
    found = concrete.structured_outputs.items()
    check_outputs(part, {name: (spec.dtype.name, tuple(spec.shape)) for name, spec in found})
    _check_operations(part, concrete.graph.as_graph_def())
    _check_variables(part, concrete)
    return serve


def _place(part: Part, operation: str) -> str:
    """Name the layer of an operation such as `decoder_1/code_2/Gelu/Erfc`."""
    return layer_of(part, operation.split("/")[:-1])


def convert(part: Part, opset: int) -> Any:
    """Convert a part by tf2onnx, with loops and branches if it has any."""
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
                f"{_place(part, name)}. {_HINTS.get(operation, '')}{_WAY_ROUND}"
            )
    said = "; ".join(record.getMessage() for record in errors)
    return f"tf2onnx cannot convert the {part.name}: {said} {_WAY_ROUND}"


def _check_operations(part: Part, graph: Any) -> None:
    functions = [node for function in graph.library.function for node in function.node_def]
    nodes = [*graph.node, *functions]
    # Check for random operations first: they also change a seed, and this error explains them best.
    for node in nodes:
        if _RANDOM.search(node.op):
            raise random_error(part, f"{node.op} ({node.name})", _place(part, node.name))
    for node in nodes:
        if _CHANGES_STATE.search(node.op):
            raise state_error(part, f"{node.op} ({node.name})", _place(part, node.name))


def _check_variables(part: Part, concrete: Any) -> None:
    # Both the artifact's identity and the SavedModel's variables come from part.networks.
    known = {id(variable.value) for network in part.networks for variable in network.variables}
    unknown = [v.name for v in concrete.graph.variables if id(v) not in known]
    if unknown:
        raise unlisted_error(part, unknown)
