"""A file whose bytes two readers may understand differently is refused."""

import pytest
from support.onnx_files import ADD, INPUTS, OUTPUTS, VALUES, check, model_of, plain, tensor
from support.protobuf import EIGHT_BYTES, GROUP, GROUP_END, field, varint, with_graph

from zoo.runtime import onnx_bytes


def test_a_file_as_export_writes_it_is_accepted():
    declared = check(plain().SerializeToString())
    assert declared.inputs == [("x", "tensor(float)", ["batch", VALUES])]
    onnx_bytes.check_interface(declared, INPUTS, OUTPUTS)


def test_the_files_of_an_export_are_as_export_writes_them(exported):
    for part in ("encoder", "decoder"):
        path = exported[0] / part / "model.onnx"
        onnx_bytes.check_model(path.read_bytes(), path)


OUTER = tensor("w", "secret.bin").SerializeToString()
DATA = plain().SerializeToString()
WITHOUT = model_of([ADD])  # of the weights, which an aliased field brings

BYTES = {
    "a tag above 2^32": (with_graph(WITHOUT, field(5, OUTER, above=2**32)), "holds the field"),
    "a tag above 2^35": (with_graph(WITHOUT, field(5, OUTER, above=2**35)), "holds the field"),
    "a longer tag": (with_graph(WITHOUT, field(5, OUTER, extra=1)), "more bytes than it needs"),
    "a tag of ten bytes": (
        with_graph(WITHOUT, field(5, OUTER, extra=9)),
        "an integer (has no end|is written in more bytes)",
    ),
    "a longer length": (DATA + varint(2 << 3 | 2) + varint(1, 1) + b"a", "more bytes than it"),
    "a longer integer": (DATA + varint(5 << 3) + varint(1, 3), "more bytes than it needs"),
    "an integer above 2^64": (DATA + varint(5 << 3) + b"\xff" * 9 + b"\x02", "more bytes than"),
    "an integer without an end": (DATA + varint(5 << 3) + b"\xff" * 11, "has no end"),
    "a group": (
        with_graph(WITHOUT, varint(5 << 3 | GROUP) + OUTER + varint(5 << 3 | GROUP_END)),
        "wire type 3",
    ),
    "the end of a group": (DATA + varint(1 << 3 | GROUP_END), "wire type 4"),
    "a wire type of none": (DATA + varint(1 << 3 | 6), "wire type 6"),
    "eight bytes": (DATA + varint(5 << 3 | EIGHT_BYTES) + bytes(8), "wire type 1"),
    "another wire type": (DATA + field(5, b"1"), "ModelProto.model_version has the wire type 2"),
    "bytes as an integer": (DATA + field(2, 3), "producer_name has the wire type 0"),
    "an unknown field": (DATA + field(99, b"x"), "the field 99 of ModelProto"),
    "a field of zero": (DATA + field(0, b"x"), "the field 0 of ModelProto"),
    "a version twice": (DATA + field(1, 8), "ir_version appears more than once"),
    "a second graph": (DATA + field(7, b""), "ModelProto.graph appears more than once"),
    "a field longer than the file": (DATA + varint(7 << 3 | 2) + varint(2**40), "is longer than"),
    "packed sizes": (with_graph(plain(), field(5, field(1, varint(4)))), "dims has the wire type"),
    "two domains": (DATA + field(8, b""), "needs operators of"),
    "the same weight twice": (
        with_graph(plain(), field(5, tensor().SerializeToString())),
        "two of its weights have the same name",
    ),
    "no graph": (b"", "needs operators of"),
    "names that are not text": (DATA + field(2, b"\xe2a"), "names that are not UTF-8"),
}


@pytest.mark.parametrize("way", BYTES)
def test_bytes_that_readers_may_understand_differently_are_refused(way):
    data, said = BYTES[way]
    with pytest.raises(ValueError, match=f"model.onnx is not an ONNX file as export .*{said}"):
        check(data)


def test_onnxruntimes_own_format_is_refused():
    with pytest.raises(ValueError, match="model.onnx has onnxruntime's own format"):
        check(b"\x18\x00\x00\x00ORTM")


def test_a_file_of_countless_fields_is_refused(monkeypatch):
    """A reader in Python takes a hundred times their size."""
    monkeypatch.setattr(onnx_bytes, "MOST_FIELDS", 10)
    with pytest.raises(ValueError, match="holds more than 10 fields"):
        check(DATA)
