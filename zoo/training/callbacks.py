"""Keras callbacks."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.backend import backend
from zoo.checks.words import kind_of_items
from zoo.files.atomic_writes import naming_full_disk, need_space, publish_file
from zoo.files.locks import lock_folder, unlock_folder
from zoo.runtime.json_file import read_object, shortened

_MOST_LINES = 200  # about the largest number of printed lines and of backups


class SavePicture(keras.callbacks.Callback):
    """Save a picture of the model after every few epochs of a training.

    To pass arguments, give `lambda model: zoo.plots.reconstructions(model, x_test)`.

    Args:
        folder: where to write `epoch_0001.png` and so on; it is created if it does not exist.
        picture: a function of the model that returns a matplotlib Figure, such as those of
            `zoo.plots`.
        every: the number of epochs between pictures, at least 1.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> pictures = zoo.callbacks.SavePicture("pictures", zoo.plots.samples)
        >>> history = model.fit(x, epochs=1, verbose=0, callbacks=[pictures])
    """

    def __init__(self, folder: str | os.PathLike, picture: Callable, every: int = 1):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; pictures can be saved after 1 epoch or more.")
        self.folder, self.picture, self.every = Path(folder), picture, every

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            target = self.folder / f"epoch_{epoch + 1:04}.png"
            with publish_file(target, overwrite=True) as scratch:
                self.picture(self.model).savefig(scratch)


class CodesInTraining(keras.callbacks.Callback):
    """Keep the codes of images before a training and after each of its epochs.

    `zoo.plots.moving_codes` shows them as a moving picture. A GAN has no codes of images: it is
    refused with a TypeError when the training starts.

    Args:
        x: the images, [n, *input_shape]; a few hundred are enough for a picture.
        labels: their labels, for conditional models.

    Attributes:
        codes: float32 [epochs + 1, n, *code_shape], of the epochs so far.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 2, hidden_units=(32,))
        >>> model.compile("adam")
        >>> kept = zoo.callbacks.CodesInTraining(x_test)
        >>> history = model.fit(x, epochs=2, verbose=0, callbacks=[kept])
        >>> kept.codes.shape
        (3, 360, 2)
        >>> moving = zoo.plots.moving_codes({"VAE": kept.codes}, y_test)
        >>> moving.save("codes.gif")
    """

    def __init__(self, x: Any, labels: Any = None):
        super().__init__()
        self.x, self.labels = x, labels
        self.codes = np.zeros((0,))

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not hasattr(self.model, "encode"):
            raise TypeError(
                f"A {type(self.model).__name__} has no encoder: leave out CodesInTraining."
            )
        self.codes = self.model.encode(self.x, self.labels)[None]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.codes = np.concatenate([self.codes, self.model.encode(self.x, self.labels)[None]])


class Backup(keras.callbacks.BackupAndRestore):
    """`BackupAndRestore` for trainings that may be killed at any time, on one or more workers.

    A backup is written completely or not at all, weights and epoch together. All workers continue
    from the first worker's backup, so all of them must be able to read the folder. Keras saves only
    if all workers take part, so the other workers write a copy and delete it.

    Args:
        every: the number of epochs between backups; choose more for short epochs.
        Others: as in `keras.callbacks.BackupAndRestore`.

    Raises:
        BlockingIOError: from `fit`, if another process keeps the state of its training in this
            folder.
        ValueError: from `fit`, if the folder holds the state of a model of another class, or an
            incomplete state.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> backup = zoo.callbacks.Backup("progress")
        >>> history = model.fit(x, epochs=2, verbose=0, callbacks=[backup])
    """

    def __init__(self, backup_dir: str | os.PathLike, *args, every: int = 1, **kwargs):
        super().__init__(backup_dir, *args, **kwargs)
        if every < 1:
            raise ValueError(f"every is {every}; backups can be made after 1 epoch or more.")
        self.every = every

    def _file(self, name):
        return Path(self.backup_dir, name)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        due = (epoch + 1) % self.every == 0 or epoch + 1 == self.params["epochs"]
        if due or self.save_freq != "epoch":
            super().on_epoch_end(epoch, logs)

    def _iterations(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def on_train_begin(self, logs: dict | None = None) -> None:
        if backend.is_chief(self.model):
            lock_folder(self.backup_dir)
        try:
            super().on_train_begin(logs)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"The training cannot continue from the state in {self.backup_dir}: {error} To "
                "train from the start, delete that folder, or give another one."
            ) from error

    def _state(self, name) -> dict:
        """Return the recorded state; if this raises an OSError, Keras reads the second backup."""
        try:
            state = read_object(self._file(name))
        except ValueError as error:
            raise OSError(f"{error}.") from error
        epoch, kind = state.get("epoch"), type(self.model).__name__
        if type(epoch) is not int or not 0 <= epoch < 2**31:
            raise OSError(f"{self._file(name)} has the epoch {shortened(epoch)}.")
        if state.get("class", kind) != kind:
            raise ValueError(f"it is the state of a {state['class']}, but this is a {kind}.")
        return state

    def _save_model(self):
        if not backend.is_chief(self.model):
            with tempfile.TemporaryDirectory() as folder:
                self.model.save_weights(Path(folder, "thrown_away.weights.h5"))
            return
        Path(self.backup_dir).mkdir(parents=True, exist_ok=True)
        weights, metadata = self._file("latest.weights.h5"), self._file("training_metadata.json")
        state = {"epoch": self._current_epoch, "batch": self._last_batch_seen}
        state |= {"iterations": self._iterations(), "class": type(self.model).__name__}
        with naming_full_disk(self.backup_dir):
            if self.double_checkpoint and metadata.exists():
                for file in (weights, metadata):
                    shutil.copy(file, f"{file}.bkp")
            need_space(self.backup_dir, self.model)
            self.model.save_weights(self._file("saving.weights.h5"))
            self._file("saving.json").write_text(json.dumps(state))
        self._file("saving.json").replace(self._file("next.json"))
        self._file("saving.weights.h5").replace(weights)
        self._file("next.json").replace(metadata)

    def _load_model(self):
        if self._file("training_metadata.json").exists():
            self._state("training_metadata.json")
        super()._load_model()
        # If the process is killed between the last two lines of `_save_model`, new weights are left
        # with old metadata.
        if self._file("next.json").exists():
            state = self._state("next.json")
            if state.get("iterations") == self._iterations():
                self.model._initial_epoch = state["epoch"]

    def on_train_end(self, logs: dict | None = None) -> None:
        self.model._initial_epoch = None  # another fit starts at its own epoch
        if self.delete_checkpoint and backend.is_chief(self.model):
            shutil.rmtree(self.backup_dir, ignore_errors=True)
        unlock_folder(self.backup_dir)
        if self.delete_checkpoint:
            with contextlib.suppress(OSError):
                os.rmdir(self.backup_dir)  # Windows does not delete a locked file, nor its folder


def epochs_between(epochs: int) -> int:
    """Return after how many epochs a backup is made or a line printed, so that they stay few."""
    return max(1, epochs // _MOST_LINES)


def kept_backup(folder: str | os.PathLike, every: int) -> Backup:
    """Return a `Backup` that stays after the training, in two copies, in case one is damaged."""
    return Backup(folder, double_checkpoint=True, delete_checkpoint=False, every=every)


class KeepBest(keras.callbacks.Callback):
    """Give a model the weights of its best epoch at the end of a training.

    The best epoch is the one with the lowest `val_loss`. Its weights are kept in a folder, so that
    they are known when an interrupted training is resumed. Put this callback before `Backup` in the
    list of callbacks, and give both the same folder. A training that begins with the first epoch
    ignores and replaces what an earlier training has left there.

    Args:
        folder: where the weights and their `val_loss` are kept; it is created if it does not exist.
        start_from_epoch: the number of first epochs that do not count, for instance while the
            weight of a part of the loss still grows.

    Attributes:
        epoch: the best epoch so far, counted from 1; None before the first epoch ends.
        loss: its `val_loss`.

    Raises:
        ValueError: from `fit`, if there are no validation data, or if a training is resumed and the
            record of its best epoch cannot be read.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> best = zoo.callbacks.KeepBest("best")
        >>> history = model.fit(x, validation_split=0.1, epochs=2, verbose=0, callbacks=[best])
        >>> best.epoch in (1, 2)
        True
    """

    def __init__(self, folder: str | os.PathLike, start_from_epoch: int = 0):
        super().__init__()
        self.weights, self.record = Path(folder, "best.weights.h5"), Path(folder, "best.json")
        self.start_from_epoch = start_from_epoch
        self.epoch, self.loss = None, math.inf

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.epoch, self.loss, self.begun = None, math.inf, False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if not self.begun and epoch > 0:
            self._read_record()
        self.begun = True

    def _read_record(self):
        """Continue with the best epoch of an interrupted training, if there was one."""
        if not (self.record.exists() and self.weights.exists()):
            return
        found = read_object(self.record)
        self.epoch, self.loss = found.get("epoch"), found.get("val_loss")
        if not isinstance(self.epoch, int) or not isinstance(self.loss, float):
            raise ValueError(f"{self.record} holds {found}; delete it to train from the start.")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is None or "val_loss" not in logs:
            raise ValueError("KeepBest needs validation data: fit(..., validation_split=0.1).")
        if epoch < self.start_from_epoch or not logs["val_loss"] < self.loss:
            return
        self.epoch, self.loss = epoch + 1, float(logs["val_loss"])
        if not backend.is_chief(self.model):  # all workers must save, but one file is kept
            with tempfile.TemporaryDirectory() as folder:
                self.model.save_weights(Path(folder, "thrown_away.weights.h5"))
            return
        self.weights.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.weights.with_name("saving_best.weights.h5")
        with naming_full_disk(self.weights.parent):
            need_space(self.weights.parent, self.model)
            self.model.save_weights(scratch)
        scratch.replace(self.weights)
        with publish_file(self.record, overwrite=True) as scratch:
            Path(scratch).write_text(json.dumps({"epoch": self.epoch, "val_loss": self.loss}))

    def on_train_end(self, logs: dict | None = None) -> None:
        if not self.begun:  # it was interrupted after its last epoch
            self._read_record()
        if self.epoch is not None:
            self.model.load_weights(self.weights)


class Progress(keras.callbacks.Callback):
    """Print the speed, the remaining time and the loss of a training after each epoch.

    For example `epoch 3/80: 41,300 images/s, 2 min left; loss 105.3, val_loss 106.1`; for tables it
    prints `rows/s`, for signals `signals/s`. On a terminal it also shows the progress of the
    current epoch.

    Args:
        images: the number of images, rows or signals in an epoch.
        file: the file to print to; the standard output by default.
        every: the number of epochs between lines; the last epoch always has a line.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> progress = zoo.callbacks.Progress(len(x))
        >>> history = model.fit(x, verbose=0, callbacks=[progress])  # doctest: +ELLIPSIS
        epoch 1/1: ... images/s, 0 s left; loss ...
    """

    def __init__(self, images: int, file: Any = None, every: int = 1):
        super().__init__()
        self.images, self.file, self.every = images, file or sys.stdout, every
        self.durations = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.name = f"epoch {epoch + 1}/{self.params['epochs']}"
        self.kind = kind_of_items(getattr(self.model, "image_shape", (0, 0, 0)))
        self.begun = self.said = time.perf_counter()
        self.trained_until = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        if not self.file.isatty() or now < self.said + 1:
            return
        self.said = now
        share = (batch + 1) / (self.params["steps"] or batch + 1)
        rate = self.images * share / max(now - self.begun, 1e-9)
        self._write(f"\r{self.name}: {share:.0%}, {rate:,.0f} {self.kind}/s\x1b[K")

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.trained_until = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        trained = (self.trained_until or now) - self.begun
        self.durations.append(now - self.begun)
        if (epoch + 1) % self.every and epoch + 1 < self.params["epochs"]:
            return
        # The first epoch includes compiling, so its time is not used to estimate the others.
        usual = statistics.median(self.durations[1:] or self.durations)
        left = duration((self.params["epochs"] - epoch - 1) * usual)
        shown = {k: v for k, v in (logs or {}).items() if k.removeprefix("val_") == "loss"}
        metrics = ", ".join(f"{name} {value:.5g}" for name, value in shown.items())
        start = "\r\x1b[K" if self.file.isatty() else ""
        speed = f"{self.images / max(trained, 1e-9):,.0f} {self.kind}/s"
        self._write(f"{start}{self.name}: {speed}, {left} left; {metrics}\n")

    def _write(self, text):
        self.file.write(text)
        self.file.flush()


def duration(seconds: float) -> str:
    """Return a duration in the largest units that fit: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
