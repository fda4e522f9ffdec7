"""Recurrent layers, written step by step, as exported files have no loops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


@contextlib.contextmanager
def unrolled(networks: Iterable[Any]) -> Iterator[list[Any]]:
    """Let the recurrent layers of networks run step by step while a graph is traced.

    It computes the same. The graph has the nodes of a step once for every step.

    Yields:
        the layers that would run as loops otherwise.
    """
    import keras

    # Keras has no public list of all layers at any depth, such as those that a wrapper holds.
    layers = [layer for network in networks for layer in network._flatten_layers()]
    looping = [x for x in layers if isinstance(x, keras.layers.RNN) and not x.unroll]
    try:
        for layer in looping:
            layer.unroll = True
        yield looping
    finally:
        for layer in looping:
            layer.unroll = False
