"""The base of estimators that train a model: settings, scale of columns, training, pickling."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

import zoo
from zoo.checks.arguments import whole
from zoo.checks.names import UnknownNameError
from zoo.models import CLASSES
from zoo.nn.distributions.columns import is_constant
from zoo.nn.proportions import suited_batch_size, suited_epochs
from zoo.sklearn.settings import WithSettings

STEPS = 750  # default length of a training on few rows
LARGEST_BATCH = 128


class TrainedEstimator(WithSettings):
    """The base class of estimators that train a model: settings, training, and pickling."""

    default_model = "Autoencoder"
    steps, largest_batch = STEPS, LARGEST_BATCH

    def __init__(
        self,
        model: str | None = None,
        latent_dim: int = 8,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        image_shape: tuple[int, ...] | None = None,
        standardize: bool = True,
        random_state: Any = None,
        verbose: int = 0,
        **settings,
    ):
        self.model, self.latent_dim = model, latent_dim
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.image_shape, self.standardize = image_shape, standardize
        self.random_state, self.verbose = random_state, verbose
        self._keep_settings(settings)

    def _prepare(self, X, model):
        """Learn the scale of the columns, and return rows in the format of the model."""
        self.mean_ = self.scale_ = None
        if self.standardize:
            self.mean_, deviation = X.mean(axis=0), X.std(axis=0)
            self.scale_ = np.where(is_constant(X, deviation), 1.0, deviation)
        return self._rows(X, model)

    def _rows(self, X, model):
        """Return rows in the format of the model, [n, *input_shape], with the scale of `fit`."""
        if self.mean_ is not None:
            X = (X - self.mean_) / self.scale_
        return np.asarray(X, "float32").reshape(-1, *model.image_shape)

    def _make(self, features: int, seed: int, **more):
        """Return a compiled model of the class, or of the preset, that `model` names."""
        shape = tuple(self.image_shape or (features,))
        name = self.model or self.default_model
        if int(np.prod(shape)) != features:
            raise ValueError(f"X has {features} features, which do not fit image_shape={shape}.")
        if name in CLASSES:
            settings = {"likelihood": "gaussian", **self._settings(), **more, "seed": seed}
            made = CLASSES[name](shape, self.latent_dim, **settings)
        elif name in zoo.list_models() or Path(name).exists():
            if settings := self._settings():
                raise ValueError(f"A preset already has settings: leave out {', '.join(settings)}.")
            made = zoo.load(name)
        else:
            raise UnknownNameError("class or preset", name, [*CLASSES, *zoo.list_models()])
        made.compile(keras.optimizers.Adam(self.learning_rate))
        return made

    def _train(self, model, rows, labels=None, length=None):
        """Train on rows; `length` is (epochs, batch size), by default that of the settings."""
        epochs, size = length or self._length(len(rows))
        options = {"epochs": epochs, "batch_size": size, "verbose": self.verbose}
        self.history_ = model.fit(rows, labels, **options).history
        self.model_ = model
        return self

    def _length(self, n: int) -> tuple[int, int]:
        """Return the number of epochs, and the size of a batch, for n rows."""
        size, epochs = self.batch_size, self.epochs
        size = suited_batch_size(n, self.largest_batch) if size is None else size
        size = whole("batch_size", size, least=1)
        epochs = suited_epochs(n, size, self.steps) if epochs is None else epochs
        return whole("epochs", epochs, least=1), size

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                state.pop("model_").save(Path(folder) / "model.keras")
                state["model_bytes"] = (Path(folder) / "model.keras").read_bytes()
        return state

    def __setstate__(self, state):
        state = dict(state)
        content = state.pop("model_bytes", None)
        super().__setstate__(state)
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "model.keras").write_bytes(content)
                self.model_ = zoo.load(Path(folder) / "model.keras")
