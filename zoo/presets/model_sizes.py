"""Limit the size of networks from an untrusted configuration, before they take memory."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator

from keras import layers

SPARE = 2**20  # a model may have twice the number of stored weights, plus this many
SPARE_ARRAYS = 200  # the same for arrays, such as kernels

# One thread at a time may replace, and restore, a method of Keras or Python's warning filters.
alone = threading.RLock()


@contextlib.contextmanager
def no_larger_than(values: int, arrays: int) -> Iterator[None]:
    """Refuse layers with far more weights than the file holds, before they take memory.

    Args:
        values: the number of values in the file. arrays: the number of arrays; see
            `weight_files.stored`.

    Raises:
        ValueError: inside the context, when this thread builds a layer that is too large.
    """
    with alone:
        left, few = 2 * values + SPARE, 2 * arrays + SPARE_ARRAYS
        thread, add_weight = threading.get_ident(), layers.Layer.add_weight

        def counted(layer, *args, **options):
            nonlocal left, few
            shape = options.get("shape", args[0] if args else ())
            if threading.get_ident() == thread and isinstance(shape, tuple | list):
                left -= math.prod(size for size in shape if isinstance(size, int))
                few -= 1
                if left < 0 or few < 0:
                    raise ValueError(
                        f"its networks have far more weights than the {values:,} stored"
                        if left < 0
                        else f"its networks have far more layers than the {arrays:,} arrays stored"
                    )
            return add_weight(layer, *args, **options)

        layers.Layer.add_weight = counted
        try:
            yield
        finally:
            layers.Layer.add_weight = add_weight
