"""Manifold Parzen windows: Gaussians that are flat along the manifold on which the rows lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike
from zoo.density.base import BLOCK, BaseDensity, blocks, neighbors_of_rows, squared_lengths
from zoo.density.held_out import width_of_rows


class ManifoldParzen(BaseDensity):
    """Manifold Parzen windows (Vincent and Bengio 2003, "Manifold Parzen Windows").

    p(x) = 1/n sum_i N(x; x_i, C_i), where C_i = sum_j^d lambda_ij v_ij v_ij^T + noise_variance I.

    lambda_ij and v_ij are the d largest eigenvalues and their eigenvectors of the covariance of the
    k nearest other rows around x_i, 1/k sum_l (x_l - x_i)(x_l - x_i)^T. So a Gaussian reaches far
    along the directions in which its neighbors lie; in all other directions its variance is
    `noise_variance`.

    No eigenvector is stored: v_ij is a sum of differences to neighbors, so that the products of
    all pairs of rows suffice for v_ij^T (x - x_i).

    Args:
        n_components: d, the number of directions, from 0 to n_neighbors.
        n_neighbors: k, the number of neighbors of a row.
        noise_variance: sigma_0^2, above 0, in squared units of X. By default it is
            chosen: rows that are left out have the highest mean log-density with it.
        random_state: as in scikit-learn; it draws the rows that are left out.

    Attributes:
        noise_variance_: the variance that is used.
        variances_: lambda, float64 [n, d], largest first.
        X_: the training rows, float64 [n, features].

    Raises:
        TypeError, ValueError: in `fit`, a setting is out of its range; X has no numbers, or not
            more rows than neighbors; or half of the rows are repeated, so that no variance can be
            chosen.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> density = zoo.density.ManifoldParzen(5, 10, 0.01).fit(x.reshape(-1, 64))
        >>> density.score_samples(x_test.reshape(-1, 64)).shape
        (360,)
        >>> density.sample(3, random_state=0).shape
        (3, 64)
    """

    width_parameter = "noise_variance"

    def __init__(
        self,
        n_components: int = 5,
        n_neighbors: int = 10,
        noise_variance: float | None = None,
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.noise_variance = noise_variance
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> ManifoldParzen:
        """Find the neighbors and directions of rows X [n, features]; y is ignored."""
        del y
        k = whole("n_neighbors", self.n_neighbors, least=1)
        d = whole("n_components", self.n_components)
        if d > k:
            raise ValueError(
                f"n_components is {d}, but {k} neighbors span at most {k} directions. Give more "
                "n_neighbors, or fewer n_components."
            )
        variance = self._checked_width()
        X = self._training_rows(X, neighbors=k)
        if variance is None:
            variance = width_of_rows(self, X, self.random_state) ** 2
        self.noise_variance_ = variance
        self._neighbors = neighbors_of_rows(X, k)
        self._find_directions(d)
        return self

    def _find_directions(self, d: int) -> None:
        """Set `variances_` [n, d], and v_ij in terms of differences to neighbors [n, d, k]."""
        (n, features), k = self.X_.shape, self._neighbors.shape[1]
        self.variances_ = np.zeros((n, d))
        self._coefficients = np.zeros((n, d, k))
        self._own_products = np.empty((n, k))  # (x_l - x_i)^T x_i
        for some in blocks(n, BLOCK // (k * features)):
            # x_l - x_i, [rows, k, features]
            differences = self.X_[self._neighbors[some]] - self.X_[some, None]
            self._own_products[some] = np.einsum("rkf,rf->rk", differences, self.X_[some])
            products = differences @ differences.transpose(0, 2, 1)  # [rows, k, k]
            squares, vectors = np.linalg.eigh(products)  # smallest first
            squares = squares[:, ::-1][:, :d]  # k lambda
            vectors = vectors[:, :, ::-1][:, :, :d].transpose(0, 2, 1)  # [rows, d, k]
            # Neighbors may span fewer than d directions: the others have no variance.
            spanned = squares > 1e-12 * np.maximum(squares[:, :1], np.finfo("float64").tiny)
            lengths = np.sqrt(np.where(spanned, squares, 1.0))
            self.variances_[some] = np.where(spanned, squares / k, 0.0)
            self._coefficients[some] = np.where(spanned, 1.0 / lengths, 0.0)[..., None] * vectors

    def use_width(self, width: float) -> ManifoldParzen:
        """Give all Gaussians another deviation in the other directions; return the density."""
        self.noise_variance_ = width**2
        return self

    def with_width(self, width: float) -> ManifoldParzen:
        """Return an unfitted density of this standard deviation in the other directions."""
        return super().with_width(width**2)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-density of rows X [n, features] in nats, float64 [n]."""
        X = self._rows(X)
        (n, features), (_, d, k) = self.X_.shape, self._coefficients.shape
        noise = self.noise_variance_
        lengths = squared_lengths(self.X_)
        # ln of the determinant of 2 pi C_i, [n]
        log_volumes = np.log(self.variances_ + noise).sum(axis=1)
        log_volumes += (features - d) * np.log(noise) + features * np.log(2.0 * np.pi)
        # 1 / noise - 1 / (lambda + noise): how much a direction takes from |x - x_i|^2 / noise
        gains = self.variances_ / (noise * (self.variances_ + noise))
        log_densities = np.empty(len(X))
        for some in blocks(len(X), BLOCK // n):
            products = self.X_ @ X[some].T  # x_i^T x, [n, rows]
            squared = lengths[:, None] + squared_lengths(X[some]) - 2.0 * products
            distances = np.maximum(squared, 0.0, out=squared) / noise
            for centers in blocks(n, BLOCK // (k * products.shape[1])) if d else ():
                near = self._neighbors[centers]  # [centers, k]
                # (x_l - x_i)^T (x - x_i), [centers, k, rows]
                along = products[near] - products[centers, None]
                along -= self._own_products[centers][..., None]
                # v_ij^T (x - x_i), [centers, d, rows]
                projected = self._coefficients[centers] @ along
                distances[centers] -= np.einsum("cd,cdr->cr", gains[centers], projected**2)
            log_densities[some] = logsumexp(-0.5 * (distances + log_volumes[:, None]), axis=0)
        return log_densities - np.log(n)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows: a training row each, moved along its directions, and noise.

        Returns:
            rows, float64 [n_samples, features].
        """
        check_is_fitted(self)
        rng = check_random_state(random_state)
        chosen = rng.randint(len(self.X_), size=whole("n_samples", n_samples, least=1))
        centers, variances = self.X_[chosen], self.variances_[chosen]
        steps = np.sqrt(variances) * rng.standard_normal(variances.shape)
        weights = np.einsum("nd,ndk->nk", steps, self._coefficients[chosen])
        differences = self.X_[self._neighbors[chosen]] - centers[:, None]
        along = np.einsum("nk,nkf->nf", weights, differences)
        return centers + along + np.sqrt(self.noise_variance_) * rng.standard_normal(centers.shape)
