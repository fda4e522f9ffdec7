"""The likelihood of rows of a table, whose columns have units of their own."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array
from zoo.checks.tables import column_names, listed
from zoo.nn.distributions.likelihoods import Gaussian, Likelihood
from zoo.nn.layers import Standardize

LEAST_SPREAD = 1e-6  # of a column, as a share of its largest value: float32 holds 7 digits


@keras.saving.register_keras_serializable(package="zoo")
class GaussianColumns(Gaussian):
    """Every column of a table is normal in its own unit, after it was standardized.

    With the mean m_j and the standard deviation d_j of column j, and the decoder's output u_j,

        log p(x) = -1/2 sum_j (ln(2 pi s^2 d_j^2) + (x_j - m_j - d_j u_j)^2 / (s d_j)^2).

    It is the density of rows in their own units. The decoder gives standardized columns, the mean
    row m + d u is in the units of x, and the described networks begin with a layer that
    standardizes rows. So a model with this likelihood takes and returns raw rows, also when it is
    exported. Networks of your own begin with `normalization()`.

    Args:
        means, deviations: of each column of the training data, numbers [features]; deviations are
            above 0. `GaussianColumns.adapted(x)` computes both.
        names: of the columns; None for none.
        stddev: s, in standard deviations of a column; None calibrates it, as in `zoo.Gaussian`.

    Raises:
        ValueError: numbers that are not finite, a deviation that is not above 0, or
            another count of names.

    Examples:
        >>> rows = np.array([[1.0, 200.0], [2.0, 100.0], [4.0, 150.0]], "float32")
        >>> columns = zoo.GaussianColumns.adapted(rows, ("age", "income"))
        >>> model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns)
        >>> model.compile("adam")
        >>> history = model.fit(rows, epochs=1, verbose=0)
        >>> model.likelihood.names, model.reconstruct(rows).shape
        (('age', 'income'), (3, 2))
    """

    in_own_units = True

    def __init__(
        self,
        means: Any,
        deviations: Any,
        names: Sequence[str] | None = None,
        stddev: float | None = None,
    ):
        super().__init__(stddev)
        self.means, self.deviations = _vector("means", means), _vector("deviations", deviations)
        if len(self.means) != len(self.deviations):
            raise ValueError(
                f"There are {len(self.means)} means and {len(self.deviations)} deviations; give "
                "one of each for every column."
            )
        if not (self.deviations > 0).all():
            raise ValueError(f"deviations holds {self.deviations.min():g}; give numbers above 0.")
        self.names = None if names is None else tuple(map(str, names))
        if self.names is not None and len(self.names) != len(self.means):
            raise ValueError(f"{len(self.names)} names came for {len(self.means)} columns.")
        self.log_scale = float(np.log(self.deviations).sum(dtype="float64"))

    @classmethod
    def adapted(
        cls, x: ArrayLike, names: Sequence[str] | None = None, stddev: float | None = None
    ) -> GaussianColumns:
        """Return the likelihood for rows like these.

        Args:
            x: training data, numbers [n, features], n at least 2; of a table in memory, such as a
                `DataFrame`, the names of its columns are taken.
            names, stddev: as above.

        Raises:
            ValueError: columns that hold NaN, which are named.
        """
        names = column_names(x) if names is None else names
        return cls(*moments(as_array(x, "x", names), names), names, stddev)

    def of_unit_variance(self) -> Likelihood:
        if self.stddev is not None:
            return self
        return type(self)(self.means, self.deviations, self.names, 1.0)

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        if tuple(image_shape) != self.means.shape:
            raise ValueError(
                f"input_shape is {tuple(image_shape)}, and the likelihood is of "
                f"{len(self.means)} columns: give input_shape=({len(self.means)},)."
            )
        return tuple(image_shape)

    def standardized(self, x: Tensor) -> Tensor:
        return (x - _beside(x, self.means)) / _beside(x, self.deviations)

    def raw(self, standardized: Tensor) -> Tensor:
        u = standardized
        return u * _beside(u, self.deviations) + _beside(u, self.means)

    def normalization(self) -> keras.Layer:
        """Return a layer that standardizes rows; it needs no data."""
        return Standardize(self.means.tolist(), self.deviations.tolist(), name="standardize")

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        return super().log_prob(self.standardized(x), parameters) - self.log_scale

    def mean(self, parameters: Tensor) -> Tensor:
        return self.raw(parameters)

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw a row from p(x | z) for each row of decoder outputs, arrays [n, features]."""
        noise = generator.standard_normal(parameters.shape)
        return self.raw(parameters + self.spread * noise).astype("float32")

    def calibrate(self, log_prob: Tensor, share: Tensor = 1.0) -> None:
        super().calibrate(log_prob + self.log_scale / len(self.means), share)

    def describe_rows(self) -> dict:
        """Return the distribution to draw rows from, for those who have none: independent ones."""
        return {
            "kind": "normal",
            "mean": self.means.tolist(),
            "scale": self.deviations.tolist(),
        }

    def get_config(self) -> dict:
        return {
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
            "names": None if self.names is None else list(self.names),
            "stddev": self.stddev,
        }


def moments(
    x: np.ndarray, names: Sequence[str] | None = None, stacklevel: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the columns of rows [n, features], float32.

    A column that is constant, or varies too little for float32, has nothing to be learned, and is
    not divided: its deviation is 1, as of scikit-learn's `StandardScaler`, and a warning names it.

    Args:
        x: numbers [n, features].
        names: of the columns, for errors; their numbers without.
        stacklevel: of the warning, as of `warnings.warn`.

    Raises:
        ValueError: columns that hold NaN, by name.
    """
    check_rows(x, names)
    mean, deviation = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64")
    constant = is_constant(x, deviation)
    if constant.any():
        deviation[constant] = 1.0
        warnings.warn(
            f"The training data are constant, or nearly so (to a millionth), in "
            f"{listed(np.flatnonzero(constant), names)}: nothing is learned from that, and a later "
            "change there counts in the unit of the data. You can leave it out"
            + ("." if names is None else ", with drop= or --drop."),
            stacklevel=stacklevel,
        )
    return mean.astype("float32"), deviation.astype("float32")


def check_rows(x: np.ndarray, names: Sequence[str] | None = None, said: str = "x") -> None:
    """Refuse what are not rows of finite numbers [n, features]; names are of the columns.

    Raises:
        TypeError: no numbers. ValueError: another shape, no rows, NaN, by column.
    """
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{said} has dtype {x.dtype}; a table of numbers is expected, float32.")
    if x.ndim != 2 or not x.size:
        raise ValueError(f"{said} has shape {x.shape}; rows (n, features) are expected.")
    lost = np.flatnonzero(~np.isfinite(x).all(axis=0))
    if len(lost):
        raise ValueError(
            f"{said} holds NaN or infinite values in {listed(lost, names)}: fill them in, or leave "
            "out their rows."
        )


def is_constant(x: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return which columns vary too little to be divided by their deviation, bool [features].

    The mean of 0.1 in many rows differs from 0.1 by a rounding error, which is the deviation then;
    and float32 must tell the values of a column apart.

    Args:
        x: rows [n, features]. deviation: the standard deviations of the columns.
    """
    return deviation <= LEAST_SPREAD * np.abs(x).max(axis=0)


def _beside(x, values):
    """Return an array as PyTorch takes it beside a tensor, or unchanged beside an array."""
    return values if isinstance(x, np.ndarray) else ops.convert_to_tensor(values)


def _vector(name, values) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "fiu":
        raise ValueError(f"{name} is {values.dtype} {values.shape}; give one number a column.")
    values = values.astype("float32")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite values.")
    return values
