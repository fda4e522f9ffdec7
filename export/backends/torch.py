"""Conversion from PyTorch by its exporter to ONNX, which follows the operations of a part."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import torch
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.utils._python_dispatch import TorchDispatchMode

from ..part_checks import ConversionError, check_outputs, layer_of, loop_error, random_error
from .base import Arrays, Converter, quiet_converter
from .recording import Recorder, failure, layers_of_stack, place_of, variables_of

if TYPE_CHECKING:
    from zoo.inference.parts import Part

_ROWS = 3  # of the example that is followed; the file takes any number


class TorchConverter(Converter):
    """Follows parts by torch.export with a symbolic number of rows."""

    backend = "torch"
    packages = ("keras", "torch", "onnxscript", "onnx", "numpy")

    def to_onnx(self, part: Part, opset: int) -> Any:
        _check_installed()
        examples = {
            info.name: torch.zeros((_ROWS, *info.shape), dtype=getattr(torch, info.dtype))
            for info in part.inputs
        }
        examples |= {info.name: torch.full((1,), info.default) for info in part.optional}
        places = _checked(part, examples)
        with quiet_converter(), _on_cpu(part):
            program = self._followed(part, examples)
            try:
                made: Any = torch.onnx.export(
                    program,
                    dynamo=True,
                    opset_version=opset,
                    input_names=[*examples],
                    output_names=[info.name for info in part.outputs],
                    verbose=False,
                )
            except torch.onnx.errors.OnnxExporterError as error:
                raise _unsupported(part, error, places, self.way_round) from error
        return made.model_proto

    def _followed(self, part: Part, examples: dict[str, Any]) -> Any:
        given = {info.name for info in part.optional}
        rows = tuple({} if name in given else {0: torch.export.Dim.DYNAMIC} for name in examples)
        try:
            return torch.export.export(
                _Module(part), tuple(examples.values()), dynamic_shapes=(rows,), strict=False
            )
        except GuardOnDataDependentSymNode as error:
            place = place_of(part, error.__traceback__)
            raise loop_error(
                part, f"a decision by values, in {place}", self.without_onnx
            ) from error
        except Exception as error:  # torch.export raises errors of all kinds
            place = place_of(part, error.__traceback__)
            raise failure(part, error, place, self.way_round) from error

    def reference(self, part: Part) -> Callable[[Arrays], Arrays]:
        def run(inputs):
            with _on_cpu(part):
                tensors = {name: torch.tensor(array) for name, array in inputs.items()}
                outputs = part.function(tensors)
            return {name: tensor.numpy() for name, tensor in outputs.items()}

        return run


class _Module(torch.nn.Module):
    """A part as a module of tensors in order."""

    def __init__(self, part: Part):
        super().__init__()
        self.part = part

    def forward(self, *tensors):
        names = [info.name for info in (*self.part.inputs, *self.part.optional)]
        outputs = self.part.function(dict(zip(names, tensors, strict=True)))
        return tuple(outputs[info.name] for info in self.part.outputs)


class _Watcher(TorchDispatchMode):
    """Notes in which layer each operation runs, and refuses random ones."""

    def __init__(self, part: Part):
        super().__init__()
        self.part, self.places = part, {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().partition("::")[2].partition(".")[0]
        if name not in self.places:
            self.places[name] = layer_of(self.part, layers_of_stack())
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise random_error(self.part, name, layer_of(self.part, layers_of_stack()))
        return func(*args, **(kwargs or {}))


def _checked(part: Part, examples: dict[str, Any]) -> dict[str, str]:
    """Run a part once, check what it does, and return the layer of each kind of operation."""
    with _on_cpu(part) as recorder, _Watcher(part) as watcher:
        outputs = part.function(dict(examples))
    recorder.check()
    check_outputs(
        part, {k: (str(v.dtype).partition(".")[2], tuple(v.shape)) for k, v in outputs.items()}
    )
    return watcher.places


@contextlib.contextmanager
def _on_cpu(part: Part) -> Iterator[Recorder]:
    """Compute on the CPU, without gradients, with copies of variables that lie elsewhere."""
    with keras.device("cpu"), torch.no_grad():
        values = [(variable, variable.value.detach().cpu()) for variable in variables_of(part)]
        with Recorder(part, values) as recorder:
            yield recorder


def _unsupported(part: Part, error: Exception, places: dict[str, str], way: str) -> ConversionError:
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    # The exporter's names of operations differ from those of what ran: erf_inv, special_erfinv.
    named = re.findall(r"(?:aten|prims)[.:]+(\w+)", " ".join(map(str, causes)))
    failed = {name.replace("_", "") for name in named}
    found = [place for name, place in places.items() if name.replace("_", "").endswith((*failed,))]
    place = found[0] if found else f"the {part.name}"
    return failure(part, causes[-1], place, way)


def _check_installed() -> None:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Export from PyTorch needs onnxscript, which is not installed: pip install "
            "'autoencoder-zoo[export-torch]'. Or save the model and export it with "
            "KERAS_BACKEND=tensorflow, which does not need it."
        ) from error
