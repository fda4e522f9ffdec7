"""Detection of unusual rows, as an outlier detector of scikit-learn."""

from __future__ import annotations

import math
import numbers
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

import zoo
from zoo import anomaly
from zoo.checks.names import UnknownNameError
from zoo.models import CLASSES
from zoo.sklearn.settings import WithSettings


class AnomalyDetector(OutlierMixin, WithSettings):
    """Detects unusual rows: `zoo.anomaly.Detector` as an estimator.

    Arguments that are None are not passed on, so that the defaults of `zoo.anomaly.Detector` apply:
    without arguments, both give the same scores. See its docstring for the possible values.

    Args:
        model: a class of the zoo, such as "VAE", or a preset, which is trained further; None is
            "VAE".
        latent_dim: the length of a code, for a class.
        contamination: share of anomalies in the rows of `fit`, in (0, 0.5].
        anomaly_score: `score` of the detector, such as "reconstruction".
        epochs, batch_size: of the training.
        learning_rate: the learning rate of Adam.
        image_shape: (height, width, channels) if rows are flat images.
        standardize: as for the detector.
        random_state: an integer is the `seed` of the detector; a `RandomState` draws it.
        verbose: as in `model.fit`.
        settings: arguments of the class, such as `beta=2.0` or `hidden_units=(64, 32)`.

    Attributes:
        detector_: the fitted `zoo.anomaly.Detector`, to explain and to export.
        offset_: subtracted from `score_samples` by `decision_function`.
        history_: losses by epoch.
        model_: the trained model of the detector.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zeros = x[y == 0].reshape(-1, 64)
        >>> detector = zoo.sklearn.AnomalyDetector(epochs=1, image_shape=(8, 8, 1))
        >>> detector.fit(zeros).predict(x_test.reshape(-1, 64)).shape
        (360,)
    """

    def __init__(
        self,
        model: str | None = None,
        latent_dim: int | None = None,
        *,
        contamination: float | None = None,
        anomaly_score: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        image_shape: tuple[int, ...] | None = None,
        standardize: bool | None = None,
        random_state: Any = None,
        verbose: int = 0,
        **settings,
    ):
        self.model, self.latent_dim = model, latent_dim
        self.contamination, self.anomaly_score = contamination, anomaly_score
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.image_shape, self.standardize = image_shape, standardize
        self.random_state, self.verbose = random_state, verbose
        self._keep_settings(settings)

    def fit(self, X: Any, y: Any = None) -> AnomalyDetector:
        """Train the model on rows X [n, features], and set the threshold; y is ignored."""
        del y
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        detector = self._detector()
        rate = self.learning_rate
        detector.fit(
            X.astype("float32").reshape(-1, *self._item_shape(X.shape[1], detector.model)),
            train=True,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=None if rate is None else keras.optimizers.Adam(rate),
            verbose=self.verbose,
        )
        self.detector_, self.history_ = detector, detector.history
        self.offset_ = -float(detector.threshold)
        return self

    def _detector(self):
        """Return a detector with the given arguments."""
        given = {
            "latent_dim": self.latent_dim,
            "contamination": self.contamination,
            "score": self.anomaly_score,
            "standardize": self.standardize,
            "seed": self._seed(),
        }
        given = {name: value for name, value in given.items() if value is not None}
        settings, name = self._settings(), self.model or "VAE"
        if name in CLASSES:
            return anomaly.Detector(name, **given, **settings)
        if name not in zoo.list_models() and not Path(name).exists():
            raise UnknownNameError("class or preset", name, [*CLASSES, *zoo.list_models()])
        given.pop("latent_dim", None)
        if settings:
            raise ValueError(f"A preset already has settings: leave out {', '.join(settings)}.")
        return anomaly.Detector(zoo.load(name), **given)

    def _seed(self):
        if self.random_state is None or isinstance(self.random_state, numbers.Integral):
            return self.random_state
        return self._drawn_seed()

    def _item_shape(self, features, model):
        shape = tuple(self.image_shape or (model.image_shape if model else (features,)))
        if math.prod(shape) != features:
            raise ValueError(f"X has {features} features, which do not fit items of shape {shape}.")
        return shape

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how normal rows are, float64 [n]; higher is more normal."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        items = X.astype("float32").reshape(-1, *self.model_.image_shape)
        return self.detector_.score_samples(items).astype(float)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return `score_samples(X) - offset_`, float64 [n]: negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 for normal rows and -1 for anomalies, int64 [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @property
    def model_(self) -> Any:
        """The trained model of the detector."""
        return self.detector_.model

    def __getstate__(self):
        state = dict(super().__getstate__())
        if detector := state.pop("detector_", None):
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent, "detector")
                detector.save(folder)
                files = [path for path in folder.rglob("*") if path.is_file()]
                state["detector_files"] = {
                    path.relative_to(folder).as_posix(): path.read_bytes() for path in files
                }
        return state

    def __setstate__(self, state):
        state = dict(state)
        files = state.pop("detector_files", None)
        super().__setstate__(state)
        if files:
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent, "detector")
                for name, content in files.items():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content)
                self.detector_ = anomaly.load(folder)
