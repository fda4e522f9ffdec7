"""Arrays as a stream of batches, for backends that gain nothing from another one."""

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Batches of the rows of arrays, in a new order at every pass where asked.

    Args:
        arrays: `(x, y, sample_weight)`, the latter two perhaps None.
        batch_size: rows in a batch; the last one may be smaller.
        shuffle: whether to take a new order at every pass.
    """

    def __init__(self, arrays, batch_size: int, shuffle: bool):
        super().__init__()
        while arrays[-1] is None:
            arrays = arrays[:-1]
        self.columns = [
            array if array is None else keras.ops.convert_to_numpy(array) for array in arrays
        ]
        self.batch_size, self.shuffle = batch_size, shuffle
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.columns[0]) // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tuple(column if column is None else column[rows] for column in self.columns)

    def on_epoch_end(self):
        rows = len(self.columns[0])
        self.order = np.random.permutation(rows) if self.shuffle else np.arange(rows)
