"""Protobuf messages written byte by byte, as no library would write them."""

VARINT, EIGHT_BYTES, BYTES, GROUP, GROUP_END, FOUR_BYTES = range(6)


def varint(value: int, extra: int = 0) -> bytes:
    """Return an integer of seven bits a byte, with some more bytes than it needs."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    for _ in range(extra):
        written[-1] |= 0x80
        written.append(0)
    return bytes(written)


def field(number: int, content: bytes | int, above: int = 0, extra: int = 0) -> bytes:
    """Return a field of bytes or of an integer.

    `above` is added to the tag: a reader of 32 bits does not see 2**32. `extra` bytes make the tag
    longer than it has to be.
    """
    if isinstance(content, int):
        return varint((number << 3 | VARINT) + above, extra) + varint(content)
    return varint((number << 3 | BYTES) + above, extra) + varint(len(content)) + content


def with_graph(model, more: bytes, outside: bytes = b"") -> bytes:
    """Return an ONNX model as bytes, with more bytes in its graph, and some after it."""
    rest = type(model)()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    graph = field(7, model.graph.SerializeToString() + more)
    return rest.SerializeToString() + graph + outside
