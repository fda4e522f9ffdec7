"""Arrays as a `PyDataset`, for backends without their own input pipeline."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Batches of rows of arrays, optionally in a new order in every pass.

    Args:
        columns: `(x, y, sample_weight)`, the latter two perhaps None.
        batch_size: rows in a batch; the last one may be smaller.
        order: a function that returns the order of the rows in a pass, a permutation [rows]; None
            keeps the order of the arrays.
    """

    def __init__(self, columns: list | tuple, batch_size: int, order: Callable | None):
        super().__init__()
        while columns[-1] is None:
            columns = columns[:-1]
        self.columns = columns
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
