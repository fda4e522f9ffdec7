"""Checks of a part before its conversion, on every backend; and the error of a conversion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.inference.parts import Part


class ConversionError(RuntimeError):
    """A part that cannot be exported. The message names the layer and a solution."""


def check_types(part: Part) -> None:
    """Refuse a part that computes in half precision, or has other types than files have."""
    for layer in _layers(part.networks):
        dtype = getattr(layer, "compute_dtype", "float32")
        if dtype in ("float16", "bfloat16"):
            raise ConversionError(
                f"Layer {layer.name!r} of the {part.name} computes in {dtype}; exported files "
                "compute in float32. Save the model and load it again: zoo.load(folder, "
                'dtype="float32"). For smaller files: variants=("float16", "int8").'
            )
    for info in (*part.inputs, *part.outputs):
        if info.dtype not in ("float32", "int32"):
            raise ConversionError(
                f"{info.name!r} of the {part.name} is {info.dtype}; exported files take and return "
                "float32 and int32. Cast in the part's function."
            )


def check_outputs(part: Part, came: Mapping[str, tuple[str, tuple]]) -> None:
    """Refuse outputs other than the part states.

    Args:
        part: the part.
        came: dtype and shape of what its function returned, by name; a size that is unknown may
            be anything but a number.
    """
    wanted = {info.name: (info.dtype, (None, *info.shape)) for info in part.outputs}
    if wanted.keys() != came.keys():
        raise ConversionError(
            f"The {part.name}'s function returns {sorted(came)}, but the part lists {list(wanted)}."
        )
    for name, (dtype, shape) in wanted.items():
        got_dtype, got_shape = came[name]
        fits = len(shape) == len(got_shape) and all(
            got == dim or not isinstance(got, int)
            for dim, got in zip(shape[1:], got_shape[1:], strict=True)
        )
        if got_dtype != dtype or not fits:
            raise ConversionError(
                f"Output {name!r} of the {part.name} is {got_dtype} {got_shape}, but the part "
                f"states {dtype} {shape}. Correct the part's TensorInfo, or cast in its function."
            )


def layer_of(part: Part, scopes: Iterable[str]) -> str:
    """Name the innermost layer of nested scopes such as `decoder_1`, `code_2`, for messages."""
    names = {layer.name for layer in _layers(part.networks)}
    for scope in reversed([*scopes]):
        # TensorFlow adds numbers to scopes with the same name.
        for name in (scope, re.sub(r"_\d+$", "", scope)):
            if name in names:
                return f"layer {name!r} of the {part.name}"
    return f"the {part.name}'s own function"


def random_error(part: Part, operation: str, place: str) -> ConversionError:
    """Return the error of a part that draws random numbers by an operation, in a place."""
    return ConversionError(
        f"The {part.name} draws random numbers: {operation} in {place}. An exported graph must be "
        "deterministic: call networks with training=False, return the mean (and the variance) as "
        "outputs, and let the application sample."
    )


def state_error(part: Part, operation: str, place: str) -> ConversionError:
    """Return the error of a part that changes a variable."""
    return ConversionError(
        f"The {part.name} changes a variable: {operation} in {place}. Call networks with "
        "training=False."
    )


def loop_error(part: Part, operation: str, otherwise: str) -> ConversionError:
    """Return the error of a part with a loop or a branch; `otherwise` is one more way out."""
    return ConversionError(
        f"The {part.name} has a loop or a branch: {operation}. Exported files have none, so that a "
        "file cannot run without end: write the steps out, or give a recurrent layer a fixed "
        f"number of steps, no mask and unroll=True. Or {otherwise}."
    )


def unlisted_error(part: Part, names: Iterable[str]) -> ConversionError:
    """Return the error of a part that uses variables of networks that it does not list."""
    return ConversionError(
        f"The {part.name}'s function uses {', '.join(names)}, which is in none of its "
        "`networks`: add the network that has it to the part. For encoder and decoder, write "
        "in the class of the model "
        f'part_networks = {{"{part.name}": ("{part.name}", "<attribute>")}}.'
    )


def _layers(layers: Iterable[Any]) -> Iterator[Any]:
    for layer in layers:
        yield from _layers(getattr(layer, "layers", ()))
        yield layer
