"""Methods on tensors, compiled and run on arrays in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks.arguments import whole


class CompiledMethods(dict):
    """The compiled methods of one object, by bound method. Copies and pickles are empty.

    A compiled method belongs to the object for which it was compiled; a copy of the object compiles
    its methods again.
    """

    def __reduce__(self) -> tuple:
        return CompiledMethods, ()


def run_in_batches(
    method: Callable, values: Any, labels: Any = None, *, batch_size: int
) -> np.ndarray:
    """Run a compiled method in batches.

    The method is compiled at the first call, and kept with its object until `forget_compiled`.

    Args:
        method: a bound method from tensors [batch, ...] to a tensor [batch, ...], such as
            `model.code`. Its object has `variables`, which holds all variables that the method
            reads.
        values: the arguments, an array [n, ...] or a tuple of arrays.
        labels: the last argument, an array [n, ...]; None if there is none.
        batch_size: how many rows the method gets at once.

    Returns:
        the results of all rows, [n, ...].
    """
    checks.check_process()
    batch_size = whole("batch_size", batch_size, least=1)
    functions = vars(method.__self__).setdefault("_compiled_methods", CompiledMethods())
    if method not in functions:
        functions[method] = backend.compiled(method, method.__self__.variables)
    function = functions[method]
    arrays = [*values] if isinstance(values, tuple) else [values]
    arrays += [] if labels is None else [labels]
    pieces = [
        function(*(ops.convert_to_tensor(np.asarray(a[i : i + batch_size])) for a in arrays))
        for i in range(0, len(arrays[0]), batch_size)
    ]
    return np.concatenate([ops.convert_to_numpy(piece) for piece in pieces])


def forget_compiled(owner: Any) -> None:
    """Compile an object's methods again at their next call, because a value in them has changed."""
    vars(owner).pop("_compiled_methods", None)
