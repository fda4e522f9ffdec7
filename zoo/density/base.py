"""What every density has in common: rows, their checks, and the mean log-density."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.checks.arguments import number
from zoo.checks.array_types import ArrayLike

BLOCK = 1 << 22  # distances in memory at the same time


class BaseDensity(BaseEstimator, metaclass=ABCMeta):
    """A mixture of as many Gaussians as there are training rows.

    Attributes:
        width_parameter: the argument that sets the width of the Gaussians.
    """

    width_parameter: str

    @abstractmethod
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-density of rows X [n, features] in nats, float64 [n]."""

    @abstractmethod
    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows from the density, float64 [n_samples, features]."""

    @abstractmethod
    def use_width(self, width: float) -> Self:
        """Give all Gaussians of a fitted density another standard deviation; return the density."""

    def with_width(self, width: float) -> Self:
        """Return an unfitted density of this standard deviation."""
        return clone(self).set_params(**{self.width_parameter: width})

    def density_for_width(self) -> BaseDensity:
        """Return the density with which a width is chosen: this one, or one without training."""
        return self

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean log-density of rows X [n, features], in nats; y is ignored."""
        del y
        return float(np.mean(self.score_samples(X)))

    def _checked_width(self) -> float | None:
        """Return the argument `width_parameter` as a number above 0, or None if it is not set."""
        width = getattr(self, self.width_parameter)
        return None if width is None else number(self.width_parameter, width, above=0)

    def _training_rows(self, X: ArrayLike, neighbors: int = 0) -> np.ndarray:
        """Check the rows of `fit`, and keep them as `X_`, float64 [n, features]."""
        refuse_images(X)
        X = validate_data(self, X, dtype=np.float64)
        if len(X) <= neighbors:
            raise ValueError(
                f"X has n_samples = {len(X)} rows, so that a row has {len(X) - 1} others, and "
                f"{neighbors} neighbors are asked for. Give more rows, or ask for fewer neighbors."
            )
        self.X_ = X
        return X

    def _rows(self, X: ArrayLike) -> np.ndarray:
        """Check rows to score, float64 [n, features]."""
        check_is_fitted(self)
        refuse_images(X)
        return validate_data(self, X, dtype=np.float64, reset=False)


def refuse_images(X: ArrayLike) -> None:
    """Refuse arrays of more than two dimensions with an error that says how to flatten them."""
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"X has shape {tuple(shape)}; a density takes rows [n, features]. Flatten images by "
            "X.reshape(len(X), -1)."
        )


def neighbors_of_rows(X: np.ndarray, k: int) -> np.ndarray:
    """Return the k nearest other rows of each row, nearest first, integers [n, k]."""
    return NearestNeighbors(n_neighbors=k).fit(X).kneighbors(return_distance=False)


def blocks(n: int, size: int) -> list[slice]:
    """Cut n rows into blocks of at most `size` rows."""
    size = max(1, size)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def squared_lengths(X: np.ndarray) -> np.ndarray:
    """Return |x|^2 of every row, [n]."""
    return np.einsum("ij,ij->i", X, X)
