"""Arrays as a stream of batches, for backends that gain nothing from another one."""

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Batches of the rows of arrays, in a new order at every pass where asked.

    Args:
        arrays: `(x, y, sample_weight)`, the latter two perhaps None.
        batch_size: rows in a batch; the last one may be smaller.
        order: a function that returns the order of a pass, a permutation [rows]; None leaves the
            rows in theirs.
    """

    def __init__(self, arrays, batch_size: int, order):
        super().__init__()
        while arrays[-1] is None:
            arrays = arrays[:-1]
        self.columns = [as_column(array) for array in arrays]
        self.batch_size, self.new_order = batch_size, order
        self.order = np.arange(len(self.columns[0]))

    def __len__(self):
        return -(-len(self.columns[0]) // self.batch_size)

    def __getitem__(self, index):
        if index == 0 and self.new_order:
            self.order = self.new_order()
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tuple(
            column if column is None else np.take(column, rows, axis=0) for column in self.columns
        )


def as_column(array):
    """Return an array of any framework as NumPy's; NumPy's, None and stored images as they are."""
    if array is None or isinstance(array, np.ndarray) or hasattr(array, "value_range"):
        return array
    return keras.ops.convert_to_numpy(array)
