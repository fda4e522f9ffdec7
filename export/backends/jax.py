"""Conversion from JAX: its trace of a part, and jax2onnx, which only this module uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import keras
import numpy as np

from ..part_checks import check_outputs, layer_of, loop_error, random_error
from ..unrolling import unrolled
from .base import Arrays, Converter, quiet_converter
from .recording import Recorder, failure, place_of, variables_of

if TYPE_CHECKING:
    from zoo.inference.parts import Part

_RANDOM = re.compile(r"random_|threefry|rng_")
_LOOPS = {"while", "scan", "cond"}


class JaxConverter(Converter):
    """Traces parts with a symbolic number of rows, and converts what was traced by jax2onnx."""

    backend = "jax"
    packages = ("keras", "jax", "jax2onnx", "onnx", "numpy")

    def to_onnx(self, part: Part, opset: int) -> Any:
        jax2onnx = _installed()
        operations = _operations(part, _traced(part, self.way_round))
        if any(name in _LOOPS for name, _ in operations):
            with unrolled(part.networks):
                operations = _operations(part, _traced(part, self.way_round))
                return self._converted(jax2onnx, part, operations, opset)
        return self._converted(jax2onnx, part, operations, opset)

    def _converted(self, jax2onnx: Any, part: Part, operations: list, opset: int) -> Any:
        for name, place in operations:
            if _RANDOM.match(name):
                raise random_error(part, name, place)
        for name, place in operations:
            if name in _LOOPS:
                raise loop_error(part, f"{name}, in {place}", self.without_onnx)
        try:
            with quiet_converter(), _on_cpu(), Recorder(part, _values(part)):
                return jax2onnx.to_onnx(
                    _positional(part),
                    inputs=[
                        *(jax.ShapeDtypeStruct(("batch", *i.shape), i.dtype) for i in part.inputs),
                        *(jax.ShapeDtypeStruct((1,), "float32") for _ in part.optional),
                    ],
                    input_names=[info.name for info in (*part.inputs, *part.optional)],
                    output_names=[info.name for info in part.outputs],
                    model_name=part.name,
                    opset=opset,
                )
        except Exception as error:  # jax2onnx raises errors of all kinds
            words = re.findall(r"\w+", str(error))
            named = [place for name, place in operations if name in words]
            place = named[0] if named else place_of(part, error.__traceback__)
            raise failure(part, error, place, self.way_round) from error

    def reference(self, part: Part) -> Callable[[Arrays], Arrays]:
        values = _values(part)

        def run(inputs):
            with _on_cpu(), Recorder(part, values):
                tensors = {name: jax.numpy.asarray(array) for name, array in inputs.items()}
                outputs = part.function(tensors)
            return {name: np.asarray(tensor) for name, tensor in outputs.items()}

        return run


def _installed() -> Any:
    try:
        import jax2onnx
    except ImportError as error:
        raise ImportError(
            f"Export from JAX needs jax2onnx and flax, but {error.name} is missing: pip install "
            "'autoencoder-zoo[export-jax]', then pip install --no-deps jax2onnx. Or save the "
            "model and export it with KERAS_BACKEND=tensorflow, which needs neither."
        ) from error
    return jax2onnx


def _on_cpu() -> Any:
    return jax.default_device(jax.devices("cpu")[0])


def _values(part: Part) -> list[tuple[Any, Any]]:
    cpu = jax.devices("cpu")[0]
    return [(variable, jax.device_put(variable.value, cpu)) for variable in variables_of(part)]


def _positional(part: Part) -> Callable[..., tuple]:
    """Return the part's function of tensors in order, which gives its outputs in order."""

    def function(*tensors):
        names = [info.name for info in (*part.inputs, *part.optional)]
        outputs = part.function(dict(zip(names, tensors, strict=True)))
        return tuple(outputs[info.name] for info in part.outputs)

    return function


def _traced(part: Part, way_round: str) -> Any:
    """Return the jaxpr of a part for any number of rows, after checks of outputs and variables."""
    (rows,) = jax.export.symbolic_shape("batch")
    specs = {i.name: jax.ShapeDtypeStruct((rows, *i.shape), i.dtype) for i in part.inputs}
    recorder = Recorder(part, _values(part))
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()  # the frames of layers tell where an error arose
    try:
        with _on_cpu(), recorder:
            jaxpr, outputs = jax.make_jaxpr(part.function, return_shape=True)(specs)
    except Exception as error:
        place = place_of(part, error.__traceback__)
        raise failure(part, error, place, way_round) from error
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()
    recorder.check()
    check_outputs(part, {k: (v.dtype.name, tuple(v.shape)) for k, v in outputs.items()})
    return jaxpr


def _operations(part: Part, jaxpr: Any) -> list[tuple[str, str]]:
    """Return the names of all operations, also of inner ones, with their layers."""
    return [(name, layer_of(part, scopes)) for name, scopes in _equations(jaxpr.jaxpr, [])]


def _equations(jaxpr: Any, outside: list[str]) -> Iterator[tuple[str, list[str]]]:
    for equation in jaxpr.eqns:
        scopes = outside + str(equation.source_info.name_stack).split("/")
        yield equation.primitive.name, scopes
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(inner, "jaxpr", inner)  # of a closed one
            if hasattr(inner, "eqns"):
                yield from _equations(inner, scopes)
