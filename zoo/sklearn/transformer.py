"""Codes of rows, for pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.models import CLASSES
from zoo.sklearn.trained import TrainedEstimator


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TrainedEstimator):
    """Encodes rows, and decodes codes, by any model that learns without labels.

    Args:
        model: a class of the zoo, such as "VAE", or a preset, which is trained further; None is
            "Autoencoder".
        latent_dim: the length of a code.
        epochs: by default 20, or for few rows as many as make 750 steps.
        batch_size: by default a twentieth of the rows, at least 16 and at most 128.
        learning_rate: the learning rate of Adam.
        image_shape: (height, width, channels) if rows are flat images.
        standardize: whether columns are scaled to mean 0 and deviation 1 first. Turn it off for
            pixels in [0, 1] with `likelihood="bernoulli"`.
        random_state: as in scikit-learn, for the initial weights and the training.
        verbose: as in `model.fit`.
        settings: arguments of the class, such as `beta=2.0` or `hidden_units=(64, 32)`; the
            likelihood is "gaussian" by default.

    Attributes:
        model_: the trained model of the zoo, with all its methods.
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
        if not hasattr(model, "encode"):
            raise TypeError(f"{type(model).__name__} has no encoder, so it gives no codes of rows.")
        return self._train(model, self._prepare(X, model))

    def transform(self, X: Any) -> np.ndarray:
        """Return the codes of rows, float32 [n, latent_dim]."""
        rows = self._checked(X)
        return self.model_.encode(rows).reshape(len(rows), -1)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Decode codes Z [n, latent_dim] to rows, float32 [n, features], in the units of X."""
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
