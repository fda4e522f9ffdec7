"""Remove unnecessary nodes: Identity nodes, and Transposes that cancel each other."""

from __future__ import annotations

from typing import Any


def simplify(graph: Any) -> None:
    """Remove unnecessary nodes from an ONNX graph, in place; inputs and outputs keep their names.

    An Identity is kept if an output of the graph is also an input, or another output.
    """
    while _drop_identity(graph) or _drop_transposes(graph):
        pass


def _drop_identity(graph: Any) -> bool:
    given = {value.name for value in (*graph.input, *graph.initializer)}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        if node.op_type != "Identity":
            continue
        source, result = node.input[0], node.output[0]
        if result not in outputs:
            _read(graph, result, source)
        elif source not in given | outputs:
            for other in graph.node:  # the node that computes the source now computes the output
                other.output[:] = [result if name == source else name for name in other.output]
            _read(graph, source, result)
        else:
            continue
        graph.node.remove(node)
        return True
    return False


def _drop_transposes(graph: Any) -> bool:
    turns = [node for node in graph.node if node.op_type == "Transpose" and node.attribute]
    makers = {node.output[0]: node for node in turns}
    outputs = {value.name for value in graph.output}
    for node in makers.values():
        before = makers.get(node.input[0])
        if before is None or node.output[0] in outputs:
            continue
        first, second = list(before.attribute[0].ints), list(node.attribute[0].ints)
        if [first[axis] for axis in second] == sorted(first):
            _read(graph, node.output[0], before.input[0])
            graph.node.remove(node)
            _drop_unread(graph, before)
            return True
    return False


def _drop_unread(graph: Any, node: Any) -> None:
    read = {name for other in graph.node for name in other.input}
    if not (read | {value.name for value in graph.output}) & {*node.output}:
        graph.node.remove(node)


def _read(graph: Any, name: str, instead: str) -> None:
    """Let every node that reads `name` read `instead`."""
    for node in graph.node:
        node.input[:] = [instead if read == name else read for read in node.input]
