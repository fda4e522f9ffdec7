"""The likelihood of rows of a table whose columns have different units."""

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

LEAST_SPREAD = 1e-6  # of a column, as a fraction of its largest value: float32 has 7 digits


@keras.saving.register_keras_serializable(package="zoo")
class GaussianColumns(Gaussian):
    """Every column of a table is standardized and then modeled by a normal distribution.

    With the mean m_j and the standard deviation d_j of column j, and the decoder's output u_j,

        log p(x) = -1/2 sum_j (ln(2 pi s^2 d_j^2) + (x_j - m_j - d_j u_j)^2 / (s d_j)^2).

    This is the density of raw rows, in the units of the table. The decoder gives standardized
    columns, the mean row m + d u is in the units of x, and networks built from settings begin with
    a layer that standardizes rows. So a model with this likelihood takes and returns raw rows, also
    after export. Let your own networks begin with `normalization()`.

    Args:
        means, deviations: the mean and the standard deviation of each column of the training data,
            numbers [features]; deviations are above 0. `GaussianColumns.adapted(x)` computes both.
        names: the names of the columns; None for none.
        stddev: s, in units of a column's standard deviation; None calibrates it, as in
            `zoo.Gaussian`.

    Raises:
        ValueError: a number is not finite, a deviation is not above 0, or the number of names is
            wrong.

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
            raise ValueError(f"There are {len(self.names)} names for {len(self.means)} columns.")
        self.log_scale = float(np.log(self.deviations).sum(dtype="float64"))

    @classmethod
    def adapted(
        cls, x: ArrayLike, names: Sequence[str] | None = None, stddev: float | None = None
    ) -> GaussianColumns:
        """Return the likelihood for rows like x.

        Args:
            x: training data, numbers [n, features], n at least 2; for a table in memory, such as a
                `DataFrame`, its column names are used.
            names, stddev: as above.

        Raises:
            ValueError: columns hold NaN; the error names them.
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
                f"input_shape is {tuple(image_shape)}, but the likelihood has "
                f"{len(self.means)} columns: give input_shape=({len(self.means)},)."
            )
        return tuple(image_shape)

    def standardized(self, x: Tensor) -> Tensor:
        return (x - _beside(x, self.means)) / _beside(x, self.deviations)

    def raw(self, standardized: Tensor) -> Tensor:
        u = standardized
        return u * _beside(u, self.deviations) + _beside(u, self.means)

    def normalization(self) -> keras.Layer:
        """Return a layer that standardizes rows; it does not have to be adapted to data."""
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
        """Return a distribution for synthetic rows, with independent columns."""
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
    """Return the means and standard deviations of the columns of x, float32 [features] each.

    There is nothing to learn from a column that is constant, or varies too little for float32. It
    is not divided: its deviation is 1, as in scikit-learn's `StandardScaler`, and a warning names
    it.

    Args:
        x: numbers [n, features].
        names: the names of the columns, for errors; if None, errors state column numbers.
        stacklevel: the stack level of the warning, as in `warnings.warn`.

    Raises:
        ValueError: columns hold NaN; the error names them.
    """
    check_rows(x, names)
    mean, deviation = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64")
    constant = is_constant(x, deviation)
    if constant.any():
        deviation[constant] = 1.0
        warnings.warn(
            f"The training data are constant, or nearly so (to a millionth), in "
            f"{listed(np.flatnonzero(constant), names)}: nothing is learned from that, and a "
            "later change there is not scaled. You can leave such columns out"
            + ("." if names is None else ", with drop= or --drop."),
            stacklevel=stacklevel,
        )
    return mean.astype("float32"), deviation.astype("float32")


def check_rows(x: np.ndarray, names: Sequence[str] | None = None, said: str = "x") -> None:
    """Check that x is rows of finite numbers [n, features]; `names` are those of the columns.

    Raises:
        TypeError: x does not hold numbers. ValueError: x has another shape, no rows, or NaN; the
            error names the columns.
    """
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{said} has dtype {x.dtype}; a table of numbers is expected, float32.")
    if x.ndim != 2 or not x.size:
        raise ValueError(f"{said} has shape {x.shape}; rows (n, features) are expected.")
    lost = np.flatnonzero(~np.isfinite(x).all(axis=0))
    if len(lost):
        raise ValueError(
            f"{said} holds NaN or infinite values in {listed(lost, names)}: fill in these "
            "values, or leave out their rows."
        )


def is_constant(x: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return which columns vary too little to be divided by their deviation, as bool [features].

    In a column that is 0.1 in many rows, the mean differs from 0.1 by a rounding error, and so the
    deviation is not exactly 0. And float32 must be able to distinguish the values of a column.

    Args:
        x: rows [n, features]. deviation: the standard deviations of the columns.
    """
    return deviation <= LEAST_SPREAD * np.abs(x).max(axis=0)


def _beside(x, values):
    """Return `values` as a tensor if x is a tensor (PyTorch needs it), else unchanged."""
    return values if isinstance(x, np.ndarray) else ops.convert_to_tensor(values)


def _vector(name, values) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} is {values.dtype} {values.shape}; give one number for each column."
        )
    values = values.astype("float32")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite values.")
    return values
