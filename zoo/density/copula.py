"""A Gaussian copula: each column has its own distribution, and normal scores tie them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike
from zoo.checks.tables import explained_text
from zoo.nn.distributions.mixed_columns import checked_categories


class GaussianCopula(BaseEstimator):
    """The Gaussian copula with empirical marginals, the usual baseline for rows of tables.

    A row is drawn as a normal vector g ~ N(0, R) with variances of 1. Column j is then
    F_j^{-1}(Phi(g_j)), where F_j is the empirical distribution of the column: for numbers its
    quantiles, between which it interpolates; for a category its values, in the order of their
    columns, each as often as in the training rows.

    `fit` goes the other way. A value becomes Phi^{-1}(r) of its rank r in (0, 1), equal values get
    different ranks at random, and R is the correlation of these scores. So each column has the
    distribution of the training rows, and each pair a single number for how it depends; what is not
    monotone, or concerns three columns, is lost.

    Args:
        categories: (start, stop) of each category, whose columns start to stop - 1 hold one 1 in
            each row; such as `categories` of `zoo.data.from_table`.
        random_state: as in scikit-learn; it draws the ranks of equal values.

    Attributes:
        correlation_: R, float64 [columns, columns]; a category counts as one column.
        sources_: the first column in X of each of these.

    Raises:
        ValueError: in `fit`, X holds no numbers, has fewer than two rows, or a category is not
            one-hot.

    Examples:
        >>> x = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 500)
        >>> copula = zoo.density.GaussianCopula(random_state=0).fit(np.exp(x))
        >>> float(copula.correlation_[0, 1].round(1))
        0.8
        >>> copula.sample(3, random_state=0).shape
        (3, 2)

    Source: Nelsen 2006, An introduction to copulas, section 2.9, for the inversion method; Patki,
    Wedge and Veeramachaneni 2016, The synthetic data vault, for tables with categories.
    """

    def __init__(self, categories: Sequence[tuple[int, int]] = (), random_state: Any = None):
        self.categories = categories
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> GaussianCopula:
        """Learn from rows X [n, features]; y is ignored."""
        del y
        with explained_text(
            "X must hold numbers. For a table with categories: table = zoo.data.from_table(X), "
            "then GaussianCopula(table.categories).fit(table.rows), and "
            "table.to_frame(copula.sample(1000)) for a DataFrame."
        ):
            X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        rng = check_random_state(self.random_state)
        pairs = checked_categories(self.categories, X.shape[1], needed=False)
        starts = dict(pairs)
        inside = {j for start, stop in pairs for j in range(start + 1, stop)}
        self.sources_ = [j for j in range(X.shape[1]) if j not in inside]
        scores, self._values = [], []
        for j in self.sources_:
            column = _codes(X[:, j : starts[j]]) if j in starts else X[:, j]
            self._values.append(np.sort(column))
            scores.append(_scores(column, rng))
        self.correlation_ = np.atleast_2d(np.corrcoef(scores))
        return self

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows, float64 [n_samples, features]."""
        check_is_fitted(self)
        n, starts = whole("n_samples", n_samples, least=1), dict(self.categories)
        rng = check_random_state(random_state)
        values, vectors = np.linalg.eigh(self.correlation_)  # it may have no inverse
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        shares = ndtr(rng.standard_normal((n, len(values))) @ root.T)  # [n, columns]
        rows = np.zeros((n, self.n_features_in_))
        for j, known, share in zip(self.sources_, self._values, shares.T, strict=True):
            if j in starts:
                at = np.minimum((share * len(known)).astype(int), len(known) - 1)
                rows[np.arange(n), j + known[at].astype(int)] = 1.0
            else:
                rows[:, j] = np.quantile(known, share)
        return rows


def _scores(column, rng) -> np.ndarray:
    """Return the normal scores of values [n]; equal values are put in an order at random."""
    order = np.lexsort((rng.random_sample(len(column)), column))
    ranks = np.empty(len(column))
    ranks[order] = np.arange(len(column)) + 0.5
    return ndtri(ranks / len(column))


def _codes(one_hot) -> np.ndarray:
    if not (np.isin(one_hot, (0, 1)).all() and (one_hot.sum(axis=1) == 1).all()):
        raise ValueError(
            "A category of X is not one-hot: in each row one of its columns is 1, the others are "
            "0, such as in the rows of zoo.data.from_table."
        )
    return one_hot.argmax(axis=1).astype("float64")
