"""Non-local manifold Parzen windows: a network learns the shape of the Gaussians from all rows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from zoo.checks.arguments import number, whole, whole_or_none
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.density.base import BLOCK, BaseDensity, blocks, neighbors_of_rows, squared_lengths
from zoo.density.held_out import width_of_rows
from zoo.density.manifold_parzen import ManifoldParzen

STEPS = 500  # of training, by default


class Gaussians(NamedTuple):
    """One Gaussian a row, N(mean, directions^T directions + variance I), in the units of X."""

    mean: np.ndarray
    """[n, features]: x + mu(x)."""
    directions: np.ndarray
    """F(x), [n, d, features]: they span the tangent plane, and need not be orthogonal."""
    variance: np.ndarray
    """sigma^2(x), [n]: the variance in every other direction."""


class NonLocalManifoldParzen(BaseDensity):
    """Non-local manifold Parzen windows (Bengio, Larochelle and Vincent 2006).

    p(x) = 1/n sum_i N(x; x_i + mu(x_i), F(x_i)^T F(x_i) + sigma^2(x_i) I),
    sigma^2(x) = s(x)^2 + noise_variance.

    A network with one hidden layer gives mu(x) [features], F(x) [d, features] and s(x) for any x,
    so that it also learns the shape of the manifold at x from rows that are far away. It minimizes,
    over all rows x_i and their nearest other rows y,

        - 1/n(y) ln N(y; x_i + mu(x_i), F(x_i)^T F(x_i) + sigma^2(x_i) I),

    where n(y) is the number of rows that have y as a neighbor. The covariance learns from
    `n_neighbors` neighbors, and the mean from `mean_neighbors`. In the gradient of each the other
    is a constant.

    Args:
        n_components: d, the number of directions, at least 1.
        n_neighbors: k, the number of neighbors of a row.
        mean_neighbors: k_mu; by default as many as n_neighbors.
        noise_variance: sigma_0^2, the least variance in any direction, above 0, in squared units of
            X. By default it is what `ManifoldParzen` would choose.
        hidden_units: the width of the hidden layer of hyperbolic tangents.
        epochs: passes over the rows. None: as many as make 500 steps. Many more steps can lower
            the density of rows that are not in X.
        batch_size, learning_rate: of the training by Adam.
        random_state: as in scikit-learn, for the initial weights, the order of the rows, and the
            choice of the variance.
        verbose: as in `model.fit`.

    Attributes:
        network_: the Keras model, from rows in its own units to mu, F and s.
        noise_variance_: the least variance that is used.
        history_: the mean loss by epoch, in nats, up to a constant.
        X_: the training rows, float64 [n, features].

    Raises:
        TypeError, ValueError: in `fit`, a setting is out of its range; X has no numbers, or not
            more rows than neighbors; or all rows are equal to their neighbors.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> density = zoo.density.NonLocalManifoldParzen(3, 5, noise_variance=0.01, epochs=2)
        >>> density.fit(x[y == 3].reshape(-1, 64)).score_samples(x_test.reshape(-1, 64)).shape
        (360,)
    """

    width_parameter = "noise_variance"

    def __init__(
        self,
        n_components: int = 5,
        n_neighbors: int = 10,
        mean_neighbors: int | None = None,
        noise_variance: float | None = None,
        hidden_units: int = 70,
        epochs: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        random_state: Any = None,
        verbose: Any = 0,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.mean_neighbors = mean_neighbors
        self.noise_variance = noise_variance
        self.hidden_units = hidden_units
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: Any = None) -> NonLocalManifoldParzen:
        """Train the network on rows X [n, features] and their neighbors; y is ignored."""
        del y
        k = whole("n_neighbors", self.n_neighbors, least=1)
        k_mean = self.mean_neighbors
        k_mean = k if k_mean is None else whole("mean_neighbors", k_mean, least=1)
        d = whole("n_components", self.n_components, least=1)
        variance = self._checked_width()
        X = self._training_rows(X, neighbors=max(k, k_mean))
        if variance is None:
            variance = width_of_rows(self.density_for_width(), X, self.random_state) ** 2
        self.noise_variance_ = variance
        rng = check_random_state(self.random_state)
        neighbors = neighbors_of_rows(X, max(k, k_mean))
        # The network's units: rows have mean 0 and deviation 1, steps to neighbors mean square 1.
        self._mean, self._deviation = X.mean(axis=0), float(np.sqrt(X.var(axis=0).mean()))
        self._step = math.sqrt(np.mean((X[neighbors[:, 0]] - X) ** 2))
        if not self._step > 0:
            raise ValueError("All rows are equal to their neighbors. Leave repeated rows out.")
        self.network_ = _network(
            X.shape[1], d, whole("hidden_units", self.hidden_units, least=1), rng.randint(2**31)
        )
        trained = keras.Model(self.network_.input, self.network_.output)
        trained.compile(
            keras.optimizers.Adam(number("learning_rate", self.learning_rate, above=0)),
            loss=_NeighborLoss(d, variance / self._step**2),
        )
        size = whole("batch_size", self.batch_size, least=1)
        rows = _NeighborBatches(self._inputs(X), X / self._step, neighbors, (k_mean, k), size, rng)
        epochs = whole_or_none("epochs", self.epochs, least=1) or math.ceil(STEPS / len(rows))
        # The batches are shuffled rows; Keras would also shuffle the batches, without our seed.
        options = {"epochs": epochs, "verbose": self.verbose, "shuffle": False}
        self.history_ = trained.fit(rows, **options).history["loss"]
        return self

    def _inputs(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._mean) / self._deviation).astype("float32")

    def density_for_width(self) -> ManifoldParzen:
        """Return the density with which the least variance is chosen, without training."""
        return ManifoldParzen(min(self.n_components, self.n_neighbors), self.n_neighbors)

    def use_width(self, width: float) -> NonLocalManifoldParzen:
        """Give all Gaussians another least deviation, without training; return the density."""
        self.noise_variance_ = width**2
        return self

    def with_width(self, width: float) -> NonLocalManifoldParzen:
        """Return an unfitted density of this least deviation."""
        return super().with_width(width**2)

    def gaussians(self, X: ArrayLike) -> Gaussians:
        """Return the Gaussian that the network gives at each row X [n, features].

        These need not be training rows: `directions` span the tangent plane of the manifold at x.
        """
        return self._gaussians(self._rows(X))

    def _gaussians(self, X: np.ndarray) -> Gaussians:
        features = X.shape[1]
        inputs = self._inputs(X)
        outputs = np.concatenate(
            [ops.convert_to_numpy(self.network_(inputs[some])) for some in blocks(len(X), 1024)]
        )
        mean, directions, s = _split(outputs.astype("float64"), features)
        variance = self._step**2 * s**2 + self.noise_variance_
        return Gaussians(X + self._step * mean, self._step * directions, variance)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-density of rows X [n, features] in nats, float64 [n]."""
        X = self._rows(X)
        n, features = self.X_.shape
        d = _directions_in(self.network_.output, features)
        log_densities = np.full(len(X), -np.inf)
        for centers in blocks(n, BLOCK // (d * features)):
            mean, directions, variance = self._gaussians(self.X_[centers])
            # C = variance (I + F^T F / variance); with L L^T = I + F F^T / variance it is
            # r^T C^-1 r = |r|^2 / variance - |L^-1 F r / variance|^2.
            inner = directions @ directions.transpose(0, 2, 1) / variance[:, None, None]
            lower = np.linalg.cholesky(inner + np.eye(d))  # [centers, d, d]
            whitened = np.linalg.solve(lower, directions / variance[:, None, None])
            log_volumes = features * np.log(2.0 * np.pi * variance)
            log_volumes += 2.0 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
            offsets = np.einsum("cdf,cf->cd", whitened, mean)
            for some in blocks(len(X), BLOCK // (d * len(mean))):
                squared = squared_lengths(mean)[:, None] + squared_lengths(X[some])
                squared = np.maximum(squared - 2.0 * mean @ X[some].T, 0.0)  # [centers, rows]
                along = whitened @ X[some].T - offsets[..., None]  # [centers, d, rows]
                distances = squared / variance[:, None] - np.sum(along**2, axis=1)
                found = logsumexp(-0.5 * (distances + log_volumes[:, None]), axis=0)
                log_densities[some] = np.logaddexp(log_densities[some], found)
        return log_densities - np.log(n)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows: the Gaussian of a training row each; float64 [n_samples, features]."""
        check_is_fitted(self)
        rng = check_random_state(random_state)
        chosen = rng.randint(len(self.X_), size=whole("n_samples", n_samples, least=1))
        mean, directions, variance = self._gaussians(self.X_[chosen])
        along = np.einsum("nd,ndf->nf", rng.standard_normal(directions.shape[:2]), directions)
        return mean + along + np.sqrt(variance)[:, None] * rng.standard_normal(mean.shape)


def _network(features: int, d: int, hidden_units: int, seed: int) -> keras.Model:
    """Make the network from rows to mu, F and s in one vector, [features + d features + 1].

    It starts with the mean at x, and with a Gaussian that is about as wide as a step to a neighbor.
    """
    seeds = [int(one) for one in np.random.default_rng(seed).integers(2**31, size=2)]
    x = keras.Input((features,), name="x")
    first = keras.initializers.GlorotUniform(seeds[0])
    h = keras.layers.Dense(hidden_units, "tanh", kernel_initializer=first, name="hidden")(x)
    mean = keras.layers.Dense(features, kernel_initializer="zeros", name="mean")(h)
    second = keras.initializers.GlorotUniform(seeds[1])
    directions = keras.layers.Dense(d * features, kernel_initializer=second, name="directions")(h)
    s = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones", name="s")(h)
    outputs = keras.layers.Concatenate()([mean, directions, s])
    return keras.Model(x, outputs, name="non_local_manifold_parzen")


def _split(outputs: Any, features: int) -> tuple:
    """Return mu [n, features], F [n, d, features] and s [n] of the network's outputs."""
    directions = outputs[:, features:-1].reshape(-1, _directions_in(outputs, features), features)
    return outputs[:, :features], directions, outputs[:, -1]


def _directions_in(outputs: Any, features: int) -> int:
    """Return d of the network's outputs, [n, features + d features + 1]."""
    return (outputs.shape[1] - 1) // features - 1


class _NeighborLoss(keras.losses.Loss):
    """Minus the weighted log-density of steps to neighbors, up to a constant, [batch].

    y_true [batch, neighbors, features + 2] has the steps y - x, and the weights of each for the
    mean and for the covariance.
    """

    def __init__(self, d: int, least_variance: float):
        super().__init__(name="neighbors")
        self.d = d
        self.least_variance = least_variance

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        features = y_true.shape[2] - 2
        weights = y_true[..., features:]
        residuals = y_true[..., :features] - y_pred[:, None, :features]  # [batch, k, features]
        directions = ops.reshape(y_pred[:, features:-1], (-1, self.d, features))
        variance = ops.square(y_pred[:, -1:]) + self.least_variance  # [batch, 1]
        # C = variance I + F^T F; with L L^T = I + F F^T / variance and W = L^-1 F / variance it is
        # r^T C^-1 r = |r|^2 / variance - |W r|^2, ln |C| = features ln variance + 2 ln |L|.
        transposed = ops.transpose(directions, (0, 2, 1))  # [batch, features, d]
        inner = ops.eye(self.d) + ops.matmul(directions, transposed) / variance[..., None]
        lower = ops.linalg.cholesky(inner)
        scaled = directions / variance[..., None]
        whitened = ops.linalg.solve_triangular(lower, scaled, lower=True)  # W, [batch, d, features]
        log_diagonal = ops.log(ops.diagonal(lower, axis1=1, axis2=2))
        log_volume = ops.log(variance[:, 0]) * features + 2.0 * ops.sum(log_diagonal, axis=1)
        held = (ops.stop_gradient(variance), ops.stop_gradient(whitened))
        of_mean = _squared_distances(residuals, *held)
        of_covariance = _squared_distances(ops.stop_gradient(residuals), variance, whitened)
        distances = weights[..., 0] * of_mean + weights[..., 1] * of_covariance
        shares = ops.sum(weights, axis=1)  # [batch, 2]
        volumes = shares[:, 0] * ops.stop_gradient(log_volume) + shares[:, 1] * log_volume
        return 0.5 * (ops.sum(distances, axis=1) + volumes)


def _squared_distances(residuals: Tensor, variance: Tensor, whitened: Tensor) -> Tensor:
    """Return r^T C^-1 r of residuals [batch, k, features], [batch, k]."""
    along = ops.matmul(residuals, ops.transpose(whitened, (0, 2, 1)))  # [batch, k, d]
    squared = ops.sum(ops.square(residuals), axis=2) / variance
    return squared - ops.sum(ops.square(along), axis=2)


class _NeighborBatches(keras.utils.PyDataset):
    """Batches of rows, and of the steps to their neighbors with their weights."""

    def __init__(self, inputs, rows, neighbors, used, size, rng):
        super().__init__()
        self.inputs, self.rows, self.neighbors = inputs, rows, neighbors
        self.size, self.rng = size, rng
        self.order = rng.permutation(len(rows))
        weights = []
        for k in used:  # 1 / n(y) of the first k neighbors, and 0 of the others
            counts = np.bincount(neighbors[:, :k].ravel(), minlength=len(rows))
            share = 1.0 / np.maximum(counts, 1)[neighbors]
            weights.append(np.where(np.arange(neighbors.shape[1]) < k, share, 0.0))
        self.weights = np.stack(weights, axis=2).astype("float32")  # [n, neighbors, 2]

    def __len__(self):
        return -(-len(self.rows) // self.size)

    def __getitem__(self, i):
        some = self.order[i * self.size : (i + 1) * self.size]
        steps = (self.rows[self.neighbors[some]] - self.rows[some, None]).astype("float32")
        return self.inputs[some], np.concatenate([steps, self.weights[some]], axis=2)

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.rows))
