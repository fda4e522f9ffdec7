"""Checks of the bytes of an ONNX file for references to other files, before a library opens it.

onnxruntime reads weights "outside of the file" from the current folder, so that an untrusted file
could copy the bytes of other files into its outputs. The files of this project do not refer to
other files. This module decodes protobuf itself, as the runtime has neither `onnx` nor `protobuf`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

# Where tensors may be: the fields of each message of onnx.proto that hold further messages.
_TENSOR, _SPARSE, _ATTRIBUTE = "TensorProto", "SparseTensorProto", "AttributeProto"
_MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: _ATTRIBUTE},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: _SPARSE},
    "NodeProto": {5: _ATTRIBUTE},
    _ATTRIBUTE: {
        **{5: _TENSOR, 6: "GraphProto", 10: _TENSOR, 11: "GraphProto"},
        **{22: _SPARSE, 23: _SPARSE},
    },
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
_EXTERNAL_DATA, _DATA_LOCATION, _NAME = 13, 14, 8  # fields of TensorProto
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # protobuf's wire types
_DEEPEST = 100  # as in protobuf itself
_ORT_FORMAT = b"ORTM"  # onnxruntime recognizes its own format by these bytes, and would open it too


def check_closed(model: bytes, path: str | os.PathLike) -> None:
    """Refuse an ONNX file that refers to other files, or has another format.

    Args:
        model: its bytes.
        path: of the file, for errors.

    Raises:
        ValueError: it has onnxruntime's own format, is not an ONNX file, or a tensor is in another
            file.
    """
    if model[4:8] == _ORT_FORMAT:
        raise ValueError(
            f"{path} has onnxruntime's own format, but an ONNX file is expected: export again."
        )
    try:
        outside = external_tensors(model)
    except ValueError as error:
        raise ValueError(f"{path} is not an ONNX file ({error}): export again.") from error
    if outside:
        raise ValueError(
            f"{path} refers to weights outside of itself ({', '.join(map(repr, outside[:3]))}"
            f"{', ...' if len(outside) > 3 else ''}), which could be any file of this machine, "
            "so it was not opened. A file must hold all of its weights: export again, or "
            "save your own with onnx.save(model, path), without external data."
        )


def external_tensors(model: bytes) -> list[str]:
    """Return the names of all tensors whose values are outside of the file.

    It searches initializers, sparse ones, attributes of nodes, subgraphs, functions and training
    graphs.

    Args:
        model: the bytes of an ONNX file.

    Raises:
        ValueError: bytes that are not a protobuf message, or are nested too deeply.
    """
    found: list[str] = []
    _search(memoryview(model), "ModelProto", found, 0)
    return found


def _search(data: memoryview, message: str, found: list[str], depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"messages are nested more than {_DEEPEST} deep")
    name, outside = "", False
    for field, value in _fields(data):
        if message == _TENSOR:
            outside |= field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)
            if field == _NAME and isinstance(value, memoryview):
                name = bytes(value).decode("utf-8", "replace")
        elif field in _MESSAGES[message] and isinstance(value, memoryview):
            _search(value, _MESSAGES[message][field], found, depth + 1)
    if outside:
        found.append(name)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: a number, and an integer or bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield field, value
            continue
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind)
        if kind == _BYTES:
            length, place = _varint(data, place)
        if length is None or length > len(data) - place:
            raise ValueError(f"not a protobuf message at byte {place}")
        yield field, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return an integer of 7 bits per byte, lowest first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"not a protobuf integer at byte {place}")
