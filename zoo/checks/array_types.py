"""Names for the types of arrays and tensors in type hints; needs neither Keras nor NumPy.

All of them are `Any` to a type checker: the class of a tensor depends on the backend, and arrays
are checked at run time.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of Keras's backend, within a step or an exported function."""

ArrayLike: TypeAlias = Any
"""What users may pass as an array: NumPy, a tensor, a list, a data frame, or images on disk.

Methods that also take a stream of batches say so.
"""

Labels: TypeAlias = Any
"""Labels of n rows: integers [n], or arrays [n, *label_shape]; None for models without labels."""
