"""The choice of the width of Gaussians, by rows that are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

if TYPE_CHECKING:
    from zoo.density.base import BaseDensity

CANDIDATES = 12
FOLDS = 5
FEW = 2000  # of up to so many rows each one is left out once
MOST = 10_000  # of more rows so many are drawn


def width_of_rows(density: BaseDensity, X: np.ndarray, random_state: Any) -> float:
    """Return the width that gives rows which are left out the highest mean log-density.

    Of up to 2,000 rows each fifth is left out in turn, and of more rows one fifth.

    Args:
        density: a density with any width. X: rows, float64 [n, features], n at least 5; of more
            than 10,000, as many are drawn.
        random_state: draws the rows that are left out.

    Raises:
        ValueError: there are fewer than 5 rows, or at least half of the rows are equal to another
            row, so that the density would only grow as the width falls.
    """
    splits = _splits(len(X), random_state)
    fitted = [(_fitted(density, X[kept]), X[held_out]) for held_out, kept in splits]

    def score(width):
        return np.mean([one.use_width(width).score(held_out) for one, held_out in fitted])

    used = np.concatenate(splits[0])
    return _best(np.geomspace(*_range_of_widths(X[used]), CANDIDATES), score)


def width_of_classes(
    density: BaseDensity, X: np.ndarray, number: np.ndarray, random_state: Any
) -> float:
    """Return the width, one for all classes, that classifies rows that are left out best.

    Densities that are compared by Bayes's rule need one width: a class whose rows lie near each
    other would otherwise get such narrow Gaussians that it loses rows which are a little different.

    Args:
        density: a density with any width. X: rows, float64 [n, features]. number: their classes
            [n], from 0. random_state: draws the rows that are left out.

    Raises:
        ValueError: as `width_of_rows`; or a class has too few rows.
    """
    classes = range(number.max() + 1)
    splits = _splits(len(X), random_state)
    fitted = [
        [_fitted(density, X[kept][number[kept] == label]) for label in classes]
        for _, kept in splits
    ]

    def accuracy_and_log_probability(width):
        """Return the accuracy, and for equal ones the mean log-probability of the labels."""
        found = []
        for densities, (held_out, _) in zip(fitted, splits, strict=True):
            each = [one.use_width(width).score_samples(X[held_out]) for one in densities]
            log_proba = log_softmax(np.stack(each, axis=1), axis=1)
            truth = number[held_out]
            found.append((log_proba.argmax(axis=1) == truth, log_proba[range(len(truth)), truth]))
        accuracies, log_probas = map(np.concatenate, zip(*found, strict=True))
        return accuracies.mean(), log_probas.mean()

    used = np.concatenate(splits[0])
    ranges = [_range_of_widths(X[used][number[used] == label]) for label in classes]
    least, most = np.median(ranges, axis=0).tolist()
    return _best(np.geomspace(least, most, CANDIDATES), accuracy_and_log_probability)


def _splits(n: int, random_state: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of the places of rows that are left out, and of those that are kept."""
    if n < FOLDS:
        raise ValueError(
            f"There are {n} rows, and a width is chosen from at least {FOLDS}. Give more rows, or "
            "set the width yourself."
        )
    order = check_random_state(random_state).permutation(n)[:MOST]
    folds = np.array_split(order, FOLDS)
    pairs = [(folds[i], np.concatenate(folds[:i] + folds[i + 1 :])) for i in range(FOLDS)]
    return pairs if n <= FEW else pairs[:1]


def _range_of_widths(X: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest width to compare.

    They are a quarter of the width at which a Gaussian reaches the nearest row, distance /
    sqrt(features), and the deviation of the rows.
    """
    distances, _ = NearestNeighbors(n_neighbors=1).fit(X).kneighbors()
    nearest = float(np.median(distances)) / np.sqrt(X.shape[1])
    if not nearest > 0:
        raise ValueError(
            "At least half of the rows are equal to another row, so that no width can be chosen. "
            "Leave repeated rows out, or set the width yourself."
        )
    return nearest / 4.0, max(float(np.sqrt(np.mean(np.var(X, axis=0)))), nearest)


def _fitted(density: BaseDensity, rows: np.ndarray) -> BaseDensity:
    return clone(density).set_params(**{density.width_parameter: 1.0}).fit(rows)


def _best(widths: np.ndarray, score: Callable[[float], Any]) -> float:
    return float(max(widths.tolist(), key=score))
