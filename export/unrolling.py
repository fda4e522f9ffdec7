"""Unroll recurrent layers step by step, as exported files have no loops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


@contextlib.contextmanager
def unrolled(networks: Iterable[Any]) -> Iterator[list[Any]]:
    """Unroll the recurrent layers of networks while a graph is traced.

    The results are the same. The graph repeats the nodes of a step for every step.

    Yields:
        the layers that would run as loops otherwise.
    """
    import keras

    # Keras has no public list of all nested layers, which includes the layer inside a wrapper.
    found = [network for network in networks if isinstance(network, keras.Layer)]
    layers = [layer for network in found for layer in network._flatten_layers()]
    looping = [x for x in layers if isinstance(x, keras.layers.RNN) and not x.unroll]
    try:
        for layer in looping:
            layer.unroll = True
        yield looping
    finally:
        for layer in looping:
            layer.unroll = False


def has_graphs_inside(graph: Any) -> bool:
    """Say whether a node of an ONNX graph holds a graph: a loop or a branch."""
    return any(held.HasField("g") or held.graphs for node in graph.node for held in node.attribute)
