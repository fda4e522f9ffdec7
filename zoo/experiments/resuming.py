"""Trainings that take hours: their states are kept, so that they go on after a stop."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from zoo.files.atomic_writes import write_file
from zoo.recipes.training import fingerprint
from zoo.runtime.json_file import read_object
from zoo.training.callbacks import KeepBest, kept_backup
from zoo.training.monitors import check_finite, not_finite

_BACKUPS = 100  # in a training, about


class States:
    """The states of an experiment's trainings.

    Args:
        folder: where they are kept until the table is written; None to keep none.
    """

    def __init__(self, folder: Any = None):
        self.folder = None if folder is None else Path(folder)
        self.ended: list[Path] = []

    def fit(
        self,
        model: Any,
        *data: Any,
        settings: Any,
        epochs: int,
        best_after: int | None = None,
        **options: Any,
    ) -> float:
        """Train a compiled model, or go on from what an interrupted training of it has left.

        Args:
            data: images, and labels for models that learn from them, as for `fit`.
            settings: their `repr`, the epochs and about a hundred items of the data decide which
                state is that of this training; so they must differ from those of other trainings.
            epochs: the length of the training.
            best_after: the number of first epochs whose weights are not kept in any case. Of the
                later ones, the model gets the weights with the lowest loss on validation data.
                None: it gets those of the last epoch.
            options: of `fit`, without callbacks.

        Returns:
            the hours that the epochs took, in this process and in those before it.

        Raises:
            BlockingIOError: another process makes this training.
            ValueError: the training diverged.
        """
        callbacks: list[keras.callbacks.Callback] = []
        name = fingerprint(f"{type(model).__name__} {settings!r} {epochs}", *data)
        with self._folder(model, name) as state:
            if best_after is not None:
                callbacks.append(KeepBest(state, start_from_epoch=best_after))
            if self.folder is not None:
                every = max(1, epochs // _BACKUPS)
                callbacks.append(kept_backup(state, every))
            clock = _Clock(state / "spent.json")
            model.fit(*data, epochs=epochs, callbacks=[*callbacks, clock], **options)
            return clock.seconds / 3600

    @contextlib.contextmanager
    def _folder(self, model: Any, name: str) -> Iterator[Path]:
        if self.folder is None:
            with tempfile.TemporaryDirectory() as folder:
                yield Path(folder)
            return
        state = self.folder / name
        yield state
        if not_finite(model):
            shutil.rmtree(state, ignore_errors=True)  # a training cannot go on from there
            check_finite(model)
        self.ended.append(state)

    def end(self) -> None:
        """Delete the states of the trainings that ended here."""
        for state in self.ended:
            shutil.rmtree(state, ignore_errors=True)
        if self.folder is not None:
            with contextlib.suppress(OSError):  # another process keeps its state there
                self.folder.rmdir()


NOT_KEPT = States()


class _Clock(keras.callbacks.Callback):
    """Count the seconds of a training over all processes that took part in it."""

    def __init__(self, record: Path):
        super().__init__()
        self.record, self.seconds = record, 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.record.exists():
            self.seconds = float(read_object(self.record)["seconds"])
        self.last = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        now = time.monotonic()
        self.seconds, self.last = self.seconds + now - self.last, now
        self.record.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.record, f'{{"seconds": {self.seconds:.1f}}}\n')
