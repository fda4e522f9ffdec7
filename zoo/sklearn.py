"""Autoencoders as scikit-learn estimators, for pipelines, grid searches and `joblib`.

Rows are vectors [n, features]; images are given as flat rows, and by `image_shape=` to the model.
"""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

import zoo
from zoo.anomaly import Detector
from zoo.models import CLASSES
from zoo.nn.distributions.columns import is_constant
from zoo.nn.proportions import suited_batch_size, suited_epochs
from zoo.suggestions import UnknownNameError

_ROUNDING = dict.fromkeys(
    ("check_methods_sample_order_invariance", "check_methods_subset_invariance"),
    "networks compute in float32, whose last digits depend on a row's place in a batch",
)
EXPECTED_FAILED_CHECKS: dict[str, dict[str, str]] = {
    "AutoencoderTransformer": _ROUNDING,
    "SemiSupervisedClassifier": _ROUNDING
    | {"check_classifiers_classes": "of the labels -1 and 1, -1 means unknown here"},
    "AnomalyDetector": _ROUNDING,
}
"""By class, the checks of scikit-learn that may fail, and why: `check_estimator(estimator,
expected_failed_checks=EXPECTED_FAILED_CHECKS[name])`."""


class _Estimator(BaseEstimator):
    """What the estimators share: the settings of the model, its training, and its bytes."""

    default_model = "Autoencoder"

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
        self.model, self.latent_dim, self.image_shape = model, latent_dim, image_shape
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.standardize, self.random_state, self.verbose = standardize, random_state, verbose
        for name, value in settings.items():  # as scikit-learn looks parameters up by name
            setattr(self, name, value)

    @classmethod
    def _own_parameters(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.name != "self" and p.kind != p.VAR_KEYWORD]

    def _settings(self) -> dict:
        """Return the settings of the model, which are no parameters of this class."""
        own = self._own_parameters()
        given = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        return {k: v for k, v in given.items() if k not in own and not k.endswith("_")}

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters of this estimator and the settings of the model, by name."""
        return super().get_params(deep) | self._settings()

    def set_params(self, **params):
        """Set parameters of this estimator, or settings of the model, such as `beta=2.0`."""
        own = self._own_parameters()
        super().set_params(**{k: v for k, v in params.items() if k in own})
        for name, value in params.items():
            if name not in own:
                setattr(self, name, value)
        return self

    def _prepare(self, X, model):
        """Learn the scale of the columns, and return rows as the model takes them."""
        self.mean_ = self.scale_ = None
        if self.standardize:
            self.mean_, deviation = X.mean(axis=0), X.std(axis=0)
            self.scale_ = np.where(is_constant(X, deviation), 1.0, deviation)
        return self._rows(X, model)

    def _rows(self, X, model):
        """Return rows as the model takes them, [n, *input_shape], scaled as they were in `fit`."""
        if self.mean_ is not None:
            X = (X - self.mean_) / self.scale_
        return np.asarray(X, "float32").reshape(-1, *model.image_shape)

    def _drawn_seed(self) -> int:
        """Return one seed for all that `fit` draws, by `random_state`."""
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _make(self, features: int, seed: int, **more):
        """Return a compiled model: of the class, or the preset, that `model` names."""
        shape = tuple(self.image_shape or (features,))
        name = self.model or self.default_model
        if int(np.prod(shape)) != features:
            raise ValueError(f"X has {features} features, and image_shape={shape} has others.")
        if name in CLASSES:
            settings = {"likelihood": "gaussian", **self._settings(), **more, "seed": seed}
            made = CLASSES[name](shape, self.latent_dim, **settings)
        elif name in zoo.list_models() or Path(name).exists():
            if settings := self._settings():
                raise ValueError(f"A preset has its settings: leave out {', '.join(settings)}.")
            made = zoo.load(name)
        else:
            raise UnknownNameError("class or preset", name, [*CLASSES, *zoo.list_models()])
        made.compile(keras.optimizers.Adam(self.learning_rate))
        return made

    def _train(self, model, rows, labels=None):
        size, epochs = self.batch_size or suited_batch_size(len(rows), 128), self.epochs
        epochs = suited_epochs(len(rows), size, steps=750) if epochs is None else epochs
        options = {"epochs": epochs, "batch_size": size, "verbose": self.verbose}
        self.history_ = model.fit(rows, labels, **options).history
        self.model_ = model
        return self

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


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Estimator):
    """Codes of rows, and rows of codes, by any model that learns without labels.

    Args:
        model: a class of the zoo, such as "VAE", or a preset, which is trained further; None is
            "Autoencoder".
        latent_dim: the length of a code.
        epochs: of the training; None for 20, or of few rows as many as make 750 steps.
        batch_size: None for a twentieth of the rows, at least 16 and at most 128.
        learning_rate: of Adam.
        image_shape: (height, width, channels) where rows are flat images.
        standardize: whether columns are scaled to mean 0 and deviation 1 first. Turn it off for
            pixels in [0, 1] with `likelihood="bernoulli"`.
        random_state: as in scikit-learn; of the initial weights and of the training.
        verbose: as in `model.fit`.
        settings: of the class, such as `beta=2.0` or `hidden_units=(64, 32)`; the likelihood is
            "gaussian" unless given.

    Attributes:
        model_: the trained model of the zoo, for all that it can do besides.
        history_: losses by epoch.

    Examples:
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.linear_model import LogisticRegression
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> codes = zoo.sklearn.AutoencoderTransformer("Autoencoder", 16, epochs=1, random_state=0)
        >>> classifier = make_pipeline(codes, LogisticRegression())
        >>> classifier.fit(x.reshape(-1, 64), y).predict(x_test.reshape(-1, 64)).shape
        (360,)
    """

    def fit(self, X: Any, y: Any = None) -> AutoencoderTransformer:
        """Train the model on rows X [n, features]; y is ignored."""
        del y
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if getattr(CLASSES.get(self.model), "learns_labels", False):
            raise ValueError(f"{self.model} learns from labels; see SemiSupervisedClassifier.")
        model = self._make(X.shape[1], self._drawn_seed())
        if not model.has_encoder:
            raise TypeError(f"{type(model).__name__} has no encoder, and gives no codes of rows.")
        return self._train(model, self._prepare(X, model))

    def transform(self, X: Any) -> np.ndarray:
        """Return the codes of rows, float32 [n, latent_dim]."""
        rows = self._checked(X)
        return self.model_.encode(rows).reshape(len(rows), -1)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Return the rows of codes Z [n, latent_dim], float32 [n, features], in raw units."""
        check_is_fitted(self)
        Z = np.asarray(Z, "float32")
        rows = self.model_.decode(Z).reshape(len(Z), -1)
        if self.mean_ is None:
            return rows
        return (rows * self.scale_ + self.mean_).astype("float32")

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared error of reconstructed rows, summed over columns."""
        del y
        rows = self._checked(X)
        errors = np.square(self.model_.reconstruct(rows) - rows).reshape(len(rows), -1)
        return -float(errors.sum(axis=1).mean())

    def _checked(self, X):
        check_is_fitted(self)
        return self._rows(validate_data(self, X, dtype=np.float64, reset=False), self.model_)

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent_dim

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class SemiSupervisedClassifier(ClassifierMixin, _Estimator):
    """A classifier from few labels, by the semi-supervised models; y is -1 where it is unknown.

    Args:
        model: "M1", "M2", "SemiSupervisedAAE", or a preset of such a class; None is "M2".
        Others: as of `AutoencoderTransformer`.

    Attributes:
        classes_: the labels, sorted, without -1.
        model_, history_: as of `AutoencoderTransformer`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # -1 where there is none
        >>> model = zoo.sklearn.SemiSupervisedClassifier("M2", 4, epochs=1, random_state=0)
        >>> model.fit(x.reshape(-1, 64), few).predict_proba(x_test.reshape(-1, 64)).shape
        (360, 10)
    """

    default_model = "M2"

    def fit(self, X: Any, y: Any) -> SemiSupervisedClassifier:
        """Train on rows X [n, features] and labels y [n], -1 where there is none."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        known = y != -1 if np.issubdtype(y.dtype, np.number) else np.full(len(y), True)
        self.classes_, labels = np.unique(y[known], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has labels of {len(self.classes_)} class; give two at least.")
        encoded = np.full(len(y), -1, "int32")
        encoded[known] = labels
        name = self.model or self.default_model
        if name in CLASSES and not hasattr(CLASSES[name], "predict_proba"):
            raise ValueError(f"{name} does not classify; choose M1, M2, SemiSupervisedAAE.")
        model = self._make(X.shape[1], self._drawn_seed(), num_classes=len(self.classes_))
        return self._train(model, self._prepare(X, model), encoded)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class in `classes_`, float32 [n, classes]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.model_.predict_proba(self._rows(X, self.model_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable labels, [n]."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class AnomalyDetector(OutlierMixin, _Estimator):
    """Says which rows are unusual, by a model that is not conditional: `zoo.anomaly.Detector`.

    Args:
        model: a class of the zoo, such as "RBM", or a preset, which is trained further; None is
            "VAE".
        contamination: share of anomalies in the rows of `fit`, in (0, 0.5]. As many rows, those
            with the highest scores, are left out of the second half of the epochs.
        anomaly_score: a score of `zoo.anomaly.Detector`, such as "reconstruction"; None is the
            model's default.
        standardize: whether columns are scaled to mean 0 and deviation 1 first; rows that are flat
            images, with `image_shape=`, are not.
        Others: as of `AutoencoderTransformer`, but 20 epochs of batches of 128.

    Attributes:
        detector_: the fitted `zoo.anomaly.Detector`, to explain and to export.
        offset_: what `decision_function` subtracts from `score_samples`.
        model_, history_: as of `AutoencoderTransformer`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zeros = x[y == 0].reshape(-1, 64)
        >>> detector = zoo.sklearn.AnomalyDetector(
        ...     "VAE", 4, epochs=1, likelihood="bernoulli", standardize=False, random_state=0
        ... )
        >>> detector.fit(zeros).predict(x_test.reshape(-1, 64)).shape
        (360,)
    """

    default_model = "VAE"

    def __init__(
        self,
        model: str | None = None,
        latent_dim: int = 8,
        *,
        contamination: float = 0.1,
        anomaly_score: str | None = None,
        epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        image_shape: tuple[int, ...] | None = None,
        standardize: bool = True,
        random_state: Any = None,
        verbose: int = 0,
        **settings,
    ):
        super().__init__(
            model,
            latent_dim,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            image_shape=image_shape,
            standardize=standardize,
            random_state=random_state,
            verbose=verbose,
            **settings,
        )
        self.contamination, self.anomaly_score = contamination, anomaly_score

    def fit(self, X: Any, y: Any = None) -> AnomalyDetector:
        """Train the model on rows X [n, features], and set the threshold; y is ignored."""
        del y
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        seed = self._drawn_seed()
        model = self._make(X.shape[1], seed)
        detector = Detector(
            model,
            score=self.anomaly_score,
            contamination=self.contamination,
            standardize=self.standardize and not self.image_shape,
            seed=seed,
        )
        options = {"epochs": self.epochs, "batch_size": self.batch_size, "verbose": self.verbose}
        detector.fit(self._items(X, model), train=True, **options)
        self.model_, self.history_, self.detector_ = model, detector.history, detector
        self.mean_, self.scale_ = detector.mean, detector.deviation
        self.offset_ = -detector.threshold
        return self

    def _items(self, X, model):
        """Return rows as the detector takes them, in raw units."""
        return X.astype("float32").reshape(-1, *model.image_shape)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how normal rows are, float64 [n]; higher is more normal."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.detector_.score_samples(self._items(X, self.model_)).astype(float)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return `score_samples(X) - offset_`, float64 [n]: negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return 1 for normal rows and -1 for anomalies, int64 [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def __getstate__(self):
        state = super().__getstate__()
        if detector := state.pop("detector_", None):  # its model is in the state already
            state["detector_settings"] = {
                "score": detector.score,
                "seed": detector.seed,
                "standardize": detector.standardize,
                detector.rule: detector.rule_value,
            }
        return state

    def __setstate__(self, state):
        settings = state.pop("detector_settings", None)
        super().__setstate__(state)
        if settings:
            self.detector_ = Detector(self.model_, **settings)
            self.detector_.restore(-self.offset_, self.mean_, self.scale_)
