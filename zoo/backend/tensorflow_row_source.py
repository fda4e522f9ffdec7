"""TensorFlow: arrays from which a pipeline takes rows, without a copy of the arrays."""

import contextlib
import threading
import time
import weakref

import numpy as np
import tensorflow as tf

QUIET = 0.05  # seconds; after so long without a call, a pipeline has filled its buffer and waits


class RowSource:
    """Arrays that are not copied, and the order of their rows in a pass.

    A tensor of all the data would take the same memory again, for files that of the whole file.

    Args:
        columns: `(x, y, sample_weight)`; the last two may be None.
        order: a function that returns the order of a pass, a permutation [rows]; None keeps the
            order of the arrays.

    Attributes:
        rows: how many rows the arrays have.
        calls_of_a_pass: how many times rows are taken in a pass; the pipeline sets it.
        endless: whether a pass follows the other without an end; the pipeline sets it.
    """

    def __init__(self, columns, order):
        self.columns, self.order = columns, order
        self.given = [column for column in columns if column is not None]
        self.rows = len(self.given[0])
        self.calls_of_a_pass = self.left = self.calls = self.running = 0
        self.endless = self.closed = False
        self.lock = threading.Lock()

    def take(self, numbers):
        with self._counted():
            try:
                if self.closed:  # these rows are not used
                    return [np.zeros((*numbers.shape, *c.shape[1:]), c.dtype) for c in self.given]
                return [np.take(column, numbers, axis=0) for column in self.given]
            finally:
                with self.lock:
                    self.left -= 1

    @contextlib.contextmanager
    def _counted(self):
        with self.lock:
            self.calls, self.running = self.calls + 1, self.running + 1
        try:
            yield
        finally:
            with self.lock:
                self.running -= 1

    def close(self):
        """Wait until no thread takes rows; from now on, give only zeros."""
        self.closed, seen = True, -1
        while (self.left or self.endless) and (self.running or seen != self.calls):
            seen = self.calls
            time.sleep(QUIET)

    def order_of_a_pass(self):
        with self._counted():
            with self.lock:
                self.left += self.calls_of_a_pass
            rows = np.arange(self.rows) if self.order is None else self.order()
            return rows.astype("int32")

    def gather(self, numbers):
        """Return the rows with these numbers as tensors; None for a column without an array."""
        dtypes = [tf.as_dtype(column.dtype) for column in self.given]
        values = tf.numpy_function(_weakly(self.take), [numbers], dtypes, stateful=False)
        for value, column in zip(values, self.given, strict=True):
            value.set_shape([*numbers.shape, *column.shape[1:]])
        values = iter(values)
        return tuple(None if column is None else next(values) for column in self.columns)

    def numbers(self, _):
        """Return the order of a pass as a tensor."""
        numbers = tf.numpy_function(_weakly(self.order_of_a_pass), [], tf.int32)
        return tf.ensure_shape(numbers, (self.rows,))


def _weakly(method):
    """Return a function with a weak reference: TensorFlow never releases a Python function."""
    reference = weakref.WeakMethod(method)
    return lambda *args: reference()(*args)
