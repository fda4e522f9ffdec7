"""A normal distribution for each place of an image, of the features there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

_AT_ONCE = 64  # places whose covariances are computed together


class GaussianPlaces:
    """Mahalanobis distances to the normal features of the same place.

    For the place p with the features f_1 ... f_n of normal images,

        d_p(f)^2 = (f - m_p)^T S_p^-1 (f - m_p),  m_p their mean,
        S_p = 1/(n-1) sum_i (f_i - m_p) (f_i - m_p)^T + r I.

    With the Cholesky factor S_p = L L^T it is the squared length of L^-1 (f - m_p).

    Attributes:
        mean: a variable [places, features]. whitening: L^-1, [places, features, features].

    Source: Defard et al. 2020, PaDiM (arXiv 2011.08785), section 3.2.
    """

    names = ("mean", "whitening")
    formula = "largest Mahalanobis distance of features to those of normal images at the same place"

    def __init__(self, mean: np.ndarray, whitening: np.ndarray):
        self.mean = keras.Variable(mean, trainable=False, dtype="float32", name="mean")
        self.whitening = keras.Variable(
            whitening, trainable=False, dtype="float32", name="whitening"
        )

    @classmethod
    def fitted(cls, f: np.ndarray, regularization: float) -> GaussianPlaces:
        """Return the distributions of features [n, places, features]; r is the regularization."""
        n, places, size = f.shape
        mean = np.empty((places, size), "float64")
        whitening = np.empty((places, size, size), "float32")
        for start in range(0, places, _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            part = f[:, some].astype("float64").transpose(1, 0, 2)  # [places, n, features]
            mean[some] = part.mean(axis=1)
            part = part - mean[some, None]
            covariance = part.transpose(0, 2, 1) @ part / (n - 1)
            covariance += regularization * np.eye(size)
            whitening[some] = np.linalg.inv(np.linalg.cholesky(covariance))
        return cls(mean.astype("float32"), whitening)

    def variables(self) -> list:
        """Return the variables, in the order of `names`."""
        return [self.mean, self.whitening]

    def distances(self, f: Any) -> Any:
        """Return d of features, tensors [batch, places, features] to [batch, places]."""
        away = ops.expand_dims(f - self.mean, -1)  # [batch, places, features, 1]
        found = ops.matmul(self.whitening, away)[..., 0]
        return ops.sqrt(ops.sum(ops.square(found), axis=-1))

    def scored(self, f: Any, distances: Any, maps: Any) -> Any:
        """Return the score of images, a tensor [batch]: the largest value of the map.

        Args:
            f: features. distances: of `distances`. maps: the smoothed map [batch, height, width].
        """
        return ops.max(maps, axis=(1, 2))

    @staticmethod
    def shapes(places: int, size: int) -> dict[str, Callable[[tuple], bool]]:
        """Return checks of the shapes of stored arrays, by name."""
        return {
            "mean": lambda shape: shape == (places, size),
            "whitening": lambda shape: shape == (places, size, size),
        }
