"""A classifier made of one density a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.checks.array_types import ArrayLike
from zoo.density.base import BaseDensity, refuse_images
from zoo.density.held_out import width_of_classes
from zoo.density.manifold_parzen import ManifoldParzen


class DensityClassifier(ClassifierMixin, BaseEstimator):
    """Classifies by Bayes's rule, with one density a class: p(c | x) = p(c) p(x | c) / p(x).

    Args:
        density: a density of `zoo.density`, or another estimator with `fit` and `score_samples` in
            nats; a copy of it is fitted to each class. By default `ManifoldParzen()`. If the width
            of a density of the zoo is not set, it is chosen here, one for all classes: rows that
            are left out are classified best with it. A `random_state` of the density draws them.
        priors: p(c), one for each class in the order of `classes_`; by default how often each
            class was in the training rows.

    Attributes:
        classes_: the labels, sorted, [classes].
        densities_: the fitted densities, in the same order.
        log_priors_: ln p(c), float64 [classes].

    Raises:
        ValueError: in `fit`, there is only one class; a class has too few rows for its density; or
            `priors` are not probabilities of the classes.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> density = zoo.density.ManifoldParzen(5, 10, 0.01)
        >>> classifier = zoo.density.DensityClassifier(density).fit(x.reshape(-1, 64), y)
        >>> classifier.score(x_test.reshape(-1, 64), y_test) > 0.96
        True
    """

    def __init__(self, density: Any = None, priors: ArrayLike = None):
        self.density = density
        self.priors = priors

    def fit(self, X: ArrayLike, y: ArrayLike) -> DensityClassifier:
        """Fit a density to the rows of each class.

        Args:
            X: rows [n, features]. y: their labels [n], numbers or texts.
        """
        refuse_images(X)
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, number = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has only one class, {self.classes_[0]}. Give rows of at least two classes; "
                "for one class use the density itself."
            )
        counts = np.bincount(number)
        self.log_priors_ = np.log(self._checked_priors(counts / len(y)))
        density = ManifoldParzen() if self.density is None else self.density
        if isinstance(density, BaseDensity) and getattr(density, density.width_parameter) is None:
            untrained = density.density_for_width()
            width = width_of_classes(untrained, X, number, density.random_state)
            density = density.with_width(width)
        self.densities_ = [
            self._fitted(clone(density), X[number == i], label)
            for i, label in enumerate(self.classes_)
        ]
        return self

    def _checked_priors(self, frequencies: np.ndarray) -> np.ndarray:
        if self.priors is None:
            return frequencies
        priors = np.asarray(self.priors, "float64")
        fits = priors.shape == frequencies.shape and np.all(priors > 0)
        if not fits or not np.isclose(priors.sum(), 1.0):
            raise ValueError(
                f"priors is {self.priors!r}; give {len(frequencies)} numbers above 0 with the "
                "sum 1, one for each class."
            )
        return priors

    @staticmethod
    def _fitted(density, rows, label):
        try:
            return density.fit(rows)
        except ValueError as error:
            raise ValueError(f"The rows of class {label}: {error}") from error

    def predict_joint_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return ln p(c) + ln p(x | c) of rows X [n, features] in nats, float64 [n, classes]."""
        check_is_fitted(self)
        refuse_images(X)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.log_priors_ + np.stack([d.score_samples(X) for d in self.densities_], axis=1)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return ln p(c | x) of rows X [n, features], float64 [n, classes]."""
        return log_softmax(self.predict_joint_log_proba(X), axis=1)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return p(c | x) of rows X [n, features], float64 [n, classes]."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable label of each row, [n]."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_joint_log_proba(X), axis=1)]
