"""Names for the types of arrays and tensors, for signatures; needs neither Keras nor NumPy.

A type checker takes them as anything: which class a tensor has depends on the backend, and what is
taken as an array is checked when it comes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of Keras's backend, within a step or an exported function."""

ArrayLike: TypeAlias = Any
"""What a user gives as an array: NumPy, a tensor, a list, a data frame, or images on disk.

Methods that take it may also take a stream of batches, and then say so.
"""

Labels: TypeAlias = Any
"""Labels of n rows: integers [n], or arrays [n, *label_shape]; None for models without labels."""
