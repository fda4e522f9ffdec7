"""Classification of rows from few labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.models import CLASSES
from zoo.sklearn.trained import TrainedEstimator


class SemiSupervisedClassifier(ClassifierMixin, TrainedEstimator):
    """A classifier that learns from few labels, by semi-supervised models; y is -1 if unknown.

    Compare it with scikit-learn's `LogisticRegression(class_weight="balanced")` on the labeled rows
    alone, and with `LabelSpreading`: on few rows they are often better (`results/few_labels`).

    Args:
        model: "M1", "M2", "SemiSupervisedAAE", or a preset of such a class; None is "M2",
            which has the best mean of the three in `results/few_labels`.
        Others: as in `AutoencoderTransformer`.

    Attributes:
        classes_: the labels, sorted, without -1.
        model_, history_: as in `AutoencoderTransformer`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # -1 for hidden labels
        >>> model = zoo.sklearn.SemiSupervisedClassifier("M2", 4, epochs=1, random_state=0)
        >>> model.fit(x.reshape(-1, 64), few).predict_proba(x_test.reshape(-1, 64)).shape
        (360, 10)
    """

    default_model = "M2"

    def fit(self, X: Any, y: Any) -> SemiSupervisedClassifier:
        """Train on rows X [n, features] and labels y [n], -1 for unknown ones."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        known = y != -1 if np.issubdtype(y.dtype, np.number) else np.full(len(y), True)
        self.classes_, labels = np.unique(y[known], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has labels of {len(self.classes_)} class; give at least two.")
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
