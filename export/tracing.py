"""Trace a part into a TensorFlow function, and check it for randomness and state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.inference.parts import Part

_RANDOM = re.compile(
    r"Random|Multinomial|TruncatedNormal|StatefulStandardNormal|StatefulUniform|RngSkip|RngRead"
    r"|Shuffle$"
)
_CHANGES_STATE = re.compile(r"^(Assign|ResourceScatter|ResourceApply)")


class ConversionError(RuntimeError):
    """A part that cannot be exported. The message names the layer and a solution."""


def require_tensorflow() -> None:
    """Raise a RuntimeError unless Keras runs on TensorFlow."""
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"Export needs TensorFlow, but Keras runs on {backend} here. Save the model "
            "(zoo.save, or model.save), start Python with KERAS_BACKEND=tensorflow, load the model "
            "and export it; weights do not depend on the backend."
        )


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

    _check_precision(part)
    for info in (*part.inputs, *part.outputs):
        if info.dtype not in ("float32", "int32"):
            raise ConversionError(
                f"{info.name!r} of the {part.name} is {info.dtype}; exported files take and return "
                "float32 and int32. Cast in the part's function."
            )
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
    _check_outputs(part, concrete.structured_outputs)
    _check_operations(part, concrete.graph.as_graph_def())
    _check_variables(part, concrete)
    return serve


def _check_precision(part: Part) -> None:
    for layer in _layers(part.networks):
        dtype = getattr(layer, "compute_dtype", "float32")
        if dtype in ("float16", "bfloat16"):
            raise ConversionError(
                f"Layer {layer.name!r} of the {part.name} computes in {dtype}; exported files "
                "compute in float32. Save the model and load it again: zoo.load(folder, "
                'dtype="float32"). For smaller files: variants=("float16", "int8").'
            )


def layer_of(part: Part, operation: str) -> str:
    """Name the layer of an operation such as `decoder_1/code_2/Gelu/Erfc`, for messages."""
    names = {layer.name for layer in _layers(part.networks)}
    for scope in reversed(operation.split("/")[:-1]):
        # TensorFlow adds numbers to scopes with the same name.
        for name in (scope, re.sub(r"_\d+$", "", scope)):
            if name in names:
                return f"layer {name!r} of the {part.name}"
    return f"the {part.name}'s own function"


def _layers(layers: Iterable[Any]) -> Iterator[Any]:
    for layer in layers:
        yield from _layers(getattr(layer, "layers", ()))
        yield layer


def _check_outputs(part: Part, outputs: dict[str, Any]) -> None:
    wanted = {info.name: (info.dtype, (None, *info.shape)) for info in part.outputs}
    came = {name: (spec.dtype.name, tuple(spec.shape)) for name, spec in outputs.items()}
    if wanted.keys() != came.keys():
        raise ConversionError(
            f"The {part.name}'s function returns {sorted(came)}, but the part lists {list(wanted)}."
        )
    for name, (dtype, shape) in wanted.items():
        got_dtype, got_shape = came[name]
        fits = len(shape) == len(got_shape) and all(
            got in (None, dim) for dim, got in zip(shape[1:], got_shape[1:], strict=True)
        )
        if got_dtype != dtype or not fits:
            raise ConversionError(
                f"Output {name!r} of the {part.name} is {got_dtype} {got_shape}, but the part "
                f"states {dtype} {shape}. Correct the part's TensorInfo, or cast in its function."
            )


def _check_operations(part: Part, graph: Any) -> None:
    functions = [node for function in graph.library.function for node in function.node_def]
    nodes = [*graph.node, *functions]
    # Check for random operations first: they also change a seed, and this error explains them best.
    for node in nodes:
        if _RANDOM.search(node.op):
            raise ConversionError(
                f"The {part.name} draws random numbers: {node.op} ({node.name}) in "
                f"{layer_of(part, node.name)}. An exported graph must be deterministic: call "
                "networks with training=False, return the mean (and the variance) as outputs, and "
                "let the application sample."
            )
    for node in nodes:
        if _CHANGES_STATE.search(node.op):
            raise ConversionError(
                f"The {part.name} changes a variable: {node.op} ({node.name}) in "
                f"{layer_of(part, node.name)}. Call networks with training=False."
            )


def _check_variables(part: Part, concrete: Any) -> None:
    # Both the artifact's identity and the SavedModel's variables come from part.networks.
    known = {id(variable.value) for network in part.networks for variable in network.variables}
    unknown = [v.name for v in concrete.graph.variables if id(v) not in known]
    if unknown:
        raise ConversionError(
            f"The {part.name}'s function uses {', '.join(unknown)}, which is in none of its "
            "`networks`: add the network that has it to the part. For encoder and decoder, write "
            "in the class of the model "
            f'part_networks = {{"{part.name}": ("{part.name}", "<attribute>")}}.'
        )
