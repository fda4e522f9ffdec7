"""Keras callbacks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import keras


class SavePicture(keras.callbacks.Callback):
    """Save a picture of the model after every few epochs of a training.

    Example: `SavePicture("pictures", zoo.plots.samples, every=5)`, or with arguments
    `SavePicture("pictures", lambda model: zoo.plots.reconstructions(model, x_test))`.

    Args:
        folder: where to write `epoch_0001.png` and so on; made if need be.
        picture: a function of the model that returns a matplotlib Figure, such as those of
            `zoo.plots`.
        every: the number of epochs from one picture to the next, at least 1.
    """

    def __init__(self, folder: str | os.PathLike, picture: Callable, every: int = 1):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; pictures can be saved after 1 epoch or more.")
        self.folder, self.picture, self.every = Path(folder), picture, every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.picture(self.model).savefig(self.folder / f"epoch_{epoch + 1:04}.png")
