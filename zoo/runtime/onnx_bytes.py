"""Check ONNX files strictly before onnxruntime opens them.

onnxruntime reads external weights from the current folder, and runs whatever is in a graph: loops
of 2^62 steps, functions that call functions. Exports need none of this. So a file is accepted only
if it holds nothing but what exports hold (`onnx_format`), in the only encoding that all readers
understand in the same way: shortest integers, known fields of the right type, no field twice. This
module decodes protobuf itself, as the runtime has neither `onnx` nor `protobuf`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .onnx_format import (
    ATTRIBUTES,
    FIELDS,
    OPERATORS,
    OUTSIDE,
    REFUSED,
    STANDARD,
    TYPED,
    TYPES,
    Field,
)
from .tensors import TensorSpec

# This reader needs about 200 bytes per field; large graphs have some hundred thousand fields.
MOST_FIELDS = 1_000_000

_VARINT, _BYTES, _FOUR_BYTES = 0, 2, 5  # protobuf's wire types; exports need no others
_WIRE = {"int": _VARINT, "float": _FOUR_BYTES}  # all other kinds are bytes
_ORT_FORMAT = b"ORTM"  # marks onnxruntime's own format, which onnxruntime would open, too
_PLACES = {"float_data": 4, "double_data": 8}  # bytes of a value; integers are shorter or longer
_INTERFACE_TYPES = {"float32": "tensor(float)", "int32": "tensor(int32)"}

# A name, a type as onnxruntime writes it, and sizes: numbers, names, or None if a size is missing
Declared = tuple[str, str, list[int | str | None]]
Message = dict[str, Any]


class Interface(NamedTuple):
    """The inputs and outputs that a graph declares."""

    inputs: list[Declared]
    outputs: list[Declared]


class _OutsideError(ValueError):
    """The file has a tensor whose values are in another file."""


def check_model(model: bytes, path: str | os.PathLike) -> Interface:
    """Refuse an ONNX file that holds anything that exports do not hold.

    Args:
        model: the bytes of the file.
        path: the path of the file, for errors.

    Returns:
        the inputs and outputs of its graph.

    Raises:
        ValueError: the file has another format, refers to other files, holds loops, branches,
            functions, unknown operators or fields, or bytes that readers may understand
            differently.
    """
    if model[4:8] == _ORT_FORMAT:
        raise ValueError(
            f"{path} has onnxruntime's own format, but an ONNX file is expected: export again."
        )
    try:
        return _checked(_Reader().read(memoryview(model), "ModelProto"))
    except _OutsideError as error:
        raise ValueError(
            f"{path} refers to weights outside of itself, which could be any file of this machine, "
            "so it was not opened. A file must hold all of its weights: export again."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{path} is not an ONNX file as export writes it: {error}, so it was "
            "not opened: export again."
        ) from error


def check_interface(
    found: Interface,
    inputs: Iterable[TensorSpec],
    outputs: Iterable[TensorSpec],
    path: str | os.PathLike = "The ONNX file",
    optional: Iterable[str] = (),
) -> None:
    """Refuse a graph whose inputs and outputs differ from the signature, or have unknown sizes.

    Args:
        found: the inputs and outputs of the graph.
        inputs, outputs: the tensors that the signature describes.
        path: the path of the file, for errors.
        optional: names of the numbers with defaults, which the graph lists after its inputs.

    Raises:
        ValueError: a name, type or shape differs, the graph does not fix a size, or it fixes the
            size of the batch.
    """
    for described, declared in ((inputs, found.inputs), (outputs, found.outputs)):
        wanted = [(t.name, _INTERFACE_TYPES[t.dtype], ["batch", *t.shape]) for t in described]
        if described is inputs:
            wanted += [(name, _INTERFACE_TYPES["float32"], [1]) for name in optional]
        if wanted != declared:
            raise ValueError(f"{path} has {declared}, but its signature lists {wanted}.")


class _Reader:
    """Read messages as dicts from field names to values, or to lists for repeated fields."""

    def __init__(self):
        self.left = MOST_FIELDS

    def read(self, data: memoryview, message: str) -> Message:
        content: Message = {}
        for number, wire, value in _fields(data):
            self.left -= 1
            if self.left < 0:
                raise ValueError(f"it holds more than {MOST_FIELDS:,} fields")
            field = FIELDS[message].get(number)
            if field is None:
                raise _refusal(message, number)
            if wire != _WIRE.get(field.kind, _BYTES):
                raise ValueError(f"{message}.{field.name} has the wire type {wire}")
            if field.repeated:
                content.setdefault(field.name, []).append(self._value(field, value))
            elif field.name in content:
                raise ValueError(f"{message}.{field.name} appears more than once")
            else:
                content[field.name] = self._value(field, value)
        return content

    def _value(self, field: Field, value: int | memoryview) -> Any:
        if isinstance(value, int) or field.kind in ("bytes", "float"):
            return value
        if field.kind != "text":
            return self.read(value, field.kind)
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"it has names that are not UTF-8: {error}") from error


def _refusal(message: str, number: int) -> ValueError:
    if (message, number) == OUTSIDE:
        return _OutsideError("a tensor has its values in another file")
    what = REFUSED.get((message, number), f"the field {number} of {message}")
    return ValueError(f"it holds {what}, which exports never have")


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield the fields of a message: the number, the wire type, and an integer or bytes."""
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, place = _varint(data, place)
        elif wire == _FOUR_BYTES:
            length = 4
        else:  # eight bytes, groups, and two numbers that protobuf does not define
            raise ValueError(f"the field {number} has the wire type {wire}")
        if length > end - place:
            raise ValueError(f"the field {number} is longer than the message that holds it")
        yield number, wire, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return an integer of 7 bits per byte, lowest bits first, and the position after it.

    Only the shortest encoding of a 64-bit integer is accepted: readers shorten longer encodings to
    different numbers of bits.
    """
    value = shift = 0
    for byte in data[place : place + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if (byte == 0 and shift > 7) or value >= 2**64:
                raise ValueError("an integer is written in more bytes than it needs")
            return value, place + shift // 7
    raise ValueError("an integer has no end")


def _checked(model: Message) -> Interface:
    domains = [entry.get("domain", "") for entry in model.get("opset_import", [])]
    if len(domains) != 1 or domains[0] not in STANDARD:
        raise ValueError(f"it needs operators of {domains}, and not only those of ONNX")
    graph = model.get("graph")
    if graph is None:
        raise ValueError("it holds no graph")
    tensors = list(graph.get("initializer", []))
    names = [tensor.get("name", "") for tensor in tensors]
    if len(set(names)) < len(names):
        raise ValueError("two of its weights have the same name")
    for node in graph.get("node", []):
        operator, domain = node.get("op_type", ""), node.get("domain", "")
        if domain not in STANDARD or operator not in OPERATORS:
            whole = f"{domain}.{operator}" if domain else operator
            raise ValueError(f"it has the operator {whole[:100]!r}, which exports do not use")
        for attribute in node.get("attribute", []):
            _check_attribute(operator, attribute)
            tensors += [attribute["t"]] if "t" in attribute else []
    for tensor in tensors:
        _check_tensor(tensor)
    return Interface(*([_declared(v) for v in graph.get(key, [])] for key in ("input", "output")))


def _check_attribute(operator: str, attribute: Message) -> None:
    held = ATTRIBUTES.get(attribute.get("type", 0))
    if held is None or not attribute.keys() <= {"name", "doc_string", "type", held}:
        raise ValueError(
            f"an attribute of {operator} has the type {attribute.get('type')} and "
            f"{', '.join(attribute)}"
        )


def _check_tensor(tensor: Message) -> None:
    """Refuse a tensor whose number of values does not match its shape."""
    name, kind, shape = tensor.get("name", ""), tensor.get("data_type", 0), tensor.get("dims", [])
    if tensor.get("data_location", 0) != 0:
        raise _OutsideError(f"the tensor {name[:100]!r} has its values in another file")
    if kind not in TYPES:
        raise ValueError(f"the tensor {name[:100]!r} has the data type {kind}")
    count, size = math.prod(shape), TYPES[kind][1]
    place = "raw_data" if "raw_data" in tensor else TYPED.get(kind, "int32_data")
    values = tensor.get(place, memoryview(b""))
    others = tensor.keys() - {"name", "data_type", "dims", "doc_string", "data_location", place}
    if place == "raw_data" or place in _PLACES:
        held, rest = divmod(len(values), size if place == "raw_data" else _PLACES[place])
    else:  # integers of variable length; only the last byte of each is below 128
        held, rest = int(np.count_nonzero(np.frombuffer(values, np.uint8) < 0x80)), 0
    if others or rest or held != count:
        raise ValueError(
            f"the tensor {name[:100]!r} holds {held} values for the shape {shape[:10]}"
        )


def _declared(value: Message) -> Declared:
    tensor = value.get("type", {}).get("tensor_type")
    if tensor is None:
        raise ValueError(f"{value.get('name', '')[:100]!r} is not a tensor")
    kind, _ = TYPES.get(tensor.get("elem_type", 0), ("unknown", 0))
    sizes: list[int | str | None] = []
    for dim in tensor.get("shape", {}).get("dim", []):
        if len(dim) > 1:
            raise ValueError(f"a size of {value.get('name', '')[:100]!r} has a number and a name")
        sizes.append(dim.get("dim_value", dim.get("dim_param")))
    return value.get("name", ""), f"tensor({kind})", sizes
