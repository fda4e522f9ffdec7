"""TensorFlow: arrays from which a pipeline takes rows, without a copy of all."""

import contextlib
import threading
import time
import weakref

import numpy as np
import tensorflow as tf

QUIET = 0.05  # seconds without a call, after which a pipeline has filled its buffer and waits


class RowSource:
    """Arrays that stay where they are, and the order in which a pass goes through them.

    A tensor of all the data would take its memory a second time, and a file's whole length.

    Args:
        columns: `(x, y, sample_weight)`, the latter two perhaps None.
        order: a function that returns the order of a pass, a permutation [rows]; None leaves the
            rows as they are.

    Attributes:
        rows: how many rows the arrays have.
        calls_of_a_pass: how often rows are taken in a pass, set by whoever builds the pipeline.
        steps: in a pass, where pass follows upon pass and Keras must be told; else None.
    """

    def __init__(self, columns, order):
        self.columns, self.order = columns, order
        self.given = [column for column in columns if column is not None]
        self.rows = len(self.given[0])
        self.calls_of_a_pass = self.left = self.calls = self.running = 0
        self.steps, self.closed = None, False
        self.lock = threading.Lock()

    def take(self, numbers):
        with self._counted():
            try:
                if self.closed:  # nobody will look at these
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
        """Wait until no thread takes rows any more, and give none out from now on."""
        self.closed, seen = True, -1
        while (self.left or self.steps) and (self.running or seen != self.calls):
            seen = self.calls
            time.sleep(QUIET)

    def order_of_a_pass(self):
        with self._counted():
            with self.lock:
                self.left += self.calls_of_a_pass
            rows = np.arange(self.rows) if self.order is None else self.order()
            return rows.astype("int32")

    def gather(self, numbers):
        """Return the rows of these numbers as tensors, None where there is no array."""
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
    """Return a function that does not keep the method's object: TensorFlow never forgets it."""
    reference = weakref.WeakMethod(method)
    return lambda *args: reference()(*args)
