"""Parzen windows: a Gaussian of the same width around every training row."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike
from zoo.density.base import BLOCK, BaseDensity, blocks, squared_lengths
from zoo.density.held_out import width_of_rows


class ParzenWindows(BaseDensity):
    """Parzen windows (Parzen 1962): every training row is the center of a Gaussian.

    p(x) = 1/n sum_i N(x; x_i, bandwidth^2 I).

    `sklearn.neighbors.KernelDensity` estimates the same density. This class chooses the bandwidth,
    and is faster with many features: it needs one matrix product for a block of rows.

    Args:
        bandwidth: the standard deviation of a window, above 0, in the units of X. By default it is
            chosen: rows that are left out have the highest mean log-density with it.
        random_state: as in scikit-learn; it draws the rows that are left out.

    Attributes:
        bandwidth_: the standard deviation that is used.
        X_: the training rows, float64 [n, features].

    Raises:
        TypeError, ValueError: in `fit`, the bandwidth is not above 0; X has no numbers or too few
            rows; or a bandwidth cannot be chosen, as half of the rows are repeated.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> density = zoo.density.ParzenWindows(0.2).fit(x.reshape(-1, 64))
        >>> density.score_samples(x_test.reshape(-1, 64)).shape
        (360,)
    """

    width_parameter = "bandwidth"

    def __init__(self, bandwidth: float | None = None, random_state: Any = None):
        self.bandwidth = bandwidth
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> ParzenWindows:
        """Keep rows X [n, features] as the centers of windows; y is ignored."""
        del y
        width = self._checked_width()
        X = self._training_rows(X)
        if width is None:
            width = width_of_rows(self, X, self.random_state)
        self.bandwidth_ = width
        return self

    def use_width(self, width: float) -> ParzenWindows:
        """Give all windows another standard deviation; return the density."""
        self.bandwidth_ = width
        return self

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-density of rows X [n, features] in nats, float64 [n]."""
        X = self._rows(X)
        n, features = self.X_.shape
        lengths = squared_lengths(self.X_)
        log_densities = np.empty(len(X))
        for some in blocks(len(X), BLOCK // n):
            # |x - x_i|^2, [rows of the block, n]
            squared = squared_lengths(X[some])[:, None] + lengths - 2.0 * X[some] @ self.X_.T
            squared = np.maximum(squared, 0.0, out=squared)
            log_densities[some] = logsumexp(squared / (-2.0 * self.bandwidth_**2), axis=1)
        log_volume = features * (np.log(self.bandwidth_) + 0.5 * np.log(2.0 * np.pi))
        return log_densities - np.log(n) - log_volume

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows: a training row each, and noise; float64 [n_samples, features]."""
        check_is_fitted(self)
        rng = check_random_state(random_state)
        chosen = rng.randint(len(self.X_), size=whole("n_samples", n_samples, least=1))
        return self.X_[chosen] + self.bandwidth_ * rng.standard_normal(
            (len(chosen), self.X_.shape[1])
        )
