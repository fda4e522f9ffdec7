"""The likelihood of rows of a table, with columns in different units and missing values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array, with_nan
from zoo.checks.tables import WAY_TO_LEARN, column_names, listed
from zoo.nn.distributions.likelihoods import Gaussian, Likelihood
from zoo.nn.distributions.normal import LOG_TWO_PI, log_normal
from zoo.nn.distributions.written_numbers import as_written, checked_ranges, ranges_of
from zoo.nn.layers import Standardize, StandardizeSeen

MISSING = ("refuse", "learn")
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

    With `missing="learn"`, NaN means that a value was not seen. The sum above then goes over the
    columns that were seen, which is the density of the seen values. The networks get 0 in place of
    a standardized value that was not seen, and as further inputs a mask: 1 for every value that was
    seen, 0 for the others. `model.impute(x)` fills such values in.

    Args:
        means, deviations: the mean and the standard deviation of each column of the training data,
            numbers [features]; deviations are above 0. `GaussianColumns.adapted(x)` computes both.
        names: the names of the columns; None for none.
        stddev: s, in units of a column's standard deviation; None calibrates it, as in
            `zoo.Gaussian`.
        missing: "refuse" refuses NaN, and "learn" takes it for a value that was not seen.
        ranges: for each column its least and its largest value, and the number of decimals that its
            values have (0 for whole numbers, None for any), for `generate(frame=True)`; None for
            unknown ones. `adapted` takes them from the data. They do not change the density.

    Raises:
        ValueError: a number is not finite, a deviation is not above 0, or the number of names or
            ranges is wrong.

    Examples:
        >>> rows = np.array([[1.0, 200.0], [2.0, 100.0], [4.0, 150.0]], "float32")
        >>> columns = zoo.GaussianColumns.adapted(rows, ("age", "income"))
        >>> model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns)
        >>> model.compile("adam")
        >>> history = model.fit(rows, epochs=1, verbose=0)
        >>> model.likelihood.names, model.reconstruct(rows).shape
        (('age', 'income'), (3, 2))
        >>> rows[1, 0] = np.nan  # not seen
        >>> columns = zoo.GaussianColumns.adapted(rows, ("age", "income"), missing="learn")
        >>> columns.means.tolist()
        [2.5, 150.0]

    Source: Nazabal et al. 2020 (arXiv 1807.03653), section 2, and Mattei and Frellsen 2019 (arXiv
    1812.02633), section 2.2, for `missing="learn"`.
    """

    in_own_units = True

    def __init__(
        self,
        means: Any,
        deviations: Any,
        names: Sequence[str] | None = None,
        stddev: float | None = None,
        missing: str = "refuse",
        ranges: Any = None,
    ):
        super().__init__(stddev)
        if missing not in MISSING:
            raise ValueError(f"missing is {missing!r}; choose 'refuse' or 'learn'.")
        self.missing = missing
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
        self.ranges = checked_ranges(ranges, len(self.means))
        self.log_scale = float(np.log(self.deviations).sum(dtype="float64"))

    @classmethod
    def adapted(
        cls,
        x: ArrayLike,
        names: Sequence[str] | None = None,
        stddev: float | None = None,
        missing: str = "refuse",
    ) -> GaussianColumns:
        """Return the likelihood for rows like x.

        Args:
            x: training data, numbers [n, features], n at least 2; for a table in memory, such as a
                `DataFrame`, its column names are used.
            names, stddev, missing: as above; with `missing="learn"`, means and deviations are those
                of the values that were seen.

        Raises:
            ValueError: columns hold NaN, or with `missing="learn"` nothing else; the error names
                them.
        """
        names = column_names(x) if names is None else names
        x = as_array(with_nan(x) if missing == "learn" else x, "x", names)
        return cls(*moments(x, names, missing=missing), names, stddev, missing, ranges_of(x))

    @property
    def takes_missing(self) -> bool:
        return self.missing == "learn"

    @property
    def adds_inputs(self) -> bool:
        return self.takes_missing

    @property
    def check(self) -> Any:
        return self.check_missing if self.takes_missing else None

    def check_missing(self, x: np.ndarray, name: str, first: int = 0) -> np.ndarray:
        """Return rows [n, features] with 0 in place of NaN, for the check of their values."""
        del name, first
        return np.where(np.isnan(x), 0.0, x)

    def of_unit_variance(self) -> Likelihood:
        if self.stddev is not None:
            return self
        return type(self).from_config({**self.get_config(), "stddev": 1.0})

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
        """Return a layer that standardizes rows; it does not have to be adapted to data.

        With `missing="learn"` it gives standardized values and their mask, [batch, 2 features].
        """
        layer = StandardizeSeen if self.takes_missing else Standardize
        return layer(self.means.tolist(), self.deviations.tolist(), name="standardize")

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        if not self.takes_missing:
            return super().log_prob(self.standardized(x), parameters) - self.log_scale
        values, seen = self.values_and_mask(x)
        return log_normal(values, parameters, self.log_var, seen) - self.log_units(x)

    def values_and_mask(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return standardized values, 0 if not seen, and 1 if seen, else 0; both as x."""
        lost = ops.isnan(x)
        values = self.standardized(ops.where(lost, ops.zeros_like(x), x))
        seen = ops.cast(ops.logical_not(lost), "float32")
        return values * seen, seen

    def seen_values(self, x: Tensor) -> Tensor:
        return ops.sum(self.values_and_mask(x)[1], axis=-1)

    def log_units(self, x: Tensor) -> Tensor:
        if not self.takes_missing:
            return self.log_scale
        return ops.sum(self.values_and_mask(x)[1] * _beside(x, np.log(self.deviations)), axis=-1)

    def unseen_entropy(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return the sum of E[-log p(x_j | z)] over the values that were not seen, [batch].

        Added to -log p of what was seen, it makes rows comparable that miss different values.
        """
        del parameters
        lost = 1.0 - self.values_and_mask(x)[1]
        by_column = 0.5 * (LOG_TWO_PI + 1.0 + self.log_var) + _beside(x, np.log(self.deviations))
        return ops.sum(lost * by_column, axis=-1)

    def squared_errors(self, x: Tensor, restored: Tensor) -> Tensor:
        errors = super().squared_errors(x, restored)
        return ops.where(ops.isnan(x), ops.zeros_like(errors), errors)

    def corrupted(self, x: Tensor, corruption: Any, seed_generator: Any) -> Tensor:
        corrupted = super().corrupted(x, corruption, seed_generator)
        if not self.takes_missing:
            return corrupted
        return ops.where(ops.isnan(x), x, corrupted)  # what was not seen stays so

    def mean(self, parameters: Tensor) -> Tensor:
        return self.raw(parameters)

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw a row from p(x | z) for each row of decoder outputs, arrays [n, features]."""
        noise = generator.standard_normal(parameters.shape)
        return self.raw(parameters + self.spread * noise).astype("float32")

    def written(self, j: int, values: np.ndarray) -> np.ndarray:
        """Return values [n] of column j in its range and with its decimals, if they are known."""
        return values if self.ranges is None else as_written(values, *self.ranges[j])

    def describe_rows(self) -> dict:
        """Return a distribution for synthetic rows, with independent columns."""
        return {
            "kind": "normal",
            "mean": self.means.tolist(),
            "scale": self.deviations.tolist(),
        }

    def get_config(self) -> dict:
        config = {
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
            "names": None if self.names is None else list(self.names),
            "stddev": self.stddev,
        }
        more: dict[str, Any] = {"missing": self.missing} if self.takes_missing else {}
        if self.ranges is not None:
            more["ranges"] = [[v for v in triple if v is not None] for triple in self.ranges]
        return {**config, **more}


def moments(
    x: np.ndarray,
    names: Sequence[str] | None = None,
    stacklevel: int = 3,
    missing: str = "refuse",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the means and standard deviations of the columns of x, float32 [features] each.

    There is nothing to learn from a column that is constant, or varies too little for float32. It
    is not divided: its deviation is 1, as in scikit-learn's `StandardScaler`, and a warning names
    it.

    Args:
        x: numbers [n, features].
        names: the names of the columns, for errors; if None, errors state column numbers.
        stacklevel: the stack level of the warning, as in `warnings.warn`.
        missing: "refuse"; or "learn", where the moments are those of the values that are not NaN.

    Raises:
        ValueError: columns hold NaN, or with "learn" nothing else; the error names them.
    """
    check_rows(x, names, missing=missing)
    mean = np.nanmean(x, axis=0, dtype="float64")
    deviation = np.nanstd(x, axis=0, dtype="float64")
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


def check_rows(
    x: np.ndarray,
    names: Sequence[str] | None = None,
    said: str = "x",
    missing: str = "refuse",
) -> None:
    """Check that x is rows of finite numbers [n, features]; `names` are those of the columns.

    Args:
        missing: "refuse"; or "learn", where some values, but not all of a column, may be NaN.

    Raises:
        TypeError: x does not hold numbers. ValueError: x has another shape, no rows, or NaN; the
            error names the columns.
    """
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{said} has dtype {x.dtype}; a table of numbers is expected, float32.")
    if x.ndim != 2 or not x.size:
        raise ValueError(f"{said} has shape {x.shape}; rows (n, features) are expected.")
    if missing == "learn":
        empty = np.flatnonzero(np.isnan(x).all(axis=0))
        if len(empty):
            raise ValueError(
                f"{said} holds only NaN in {listed(empty, names)}, so nothing can be learned "
                "about these columns: leave them out."
            )
        x = np.where(np.isnan(x), 0.0, x)
    lost = np.flatnonzero(~np.isfinite(x).all(axis=0))
    if len(lost):
        raise ValueError(
            f"{said} holds NaN or infinite values in {listed(lost, names)}: fill in these "
            f"values, or leave out their rows. {WAY_TO_LEARN}"
        )


def is_constant(x: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return which columns vary too little to be divided by their deviation, as bool [features].

    In a column that is 0.1 in many rows, the mean differs from 0.1 by a rounding error, and so the
    deviation is not exactly 0. And float32 must be able to distinguish the values of a column.

    Args:
        x: rows [n, features]. deviation: the standard deviations of the columns.
    """
    return deviation <= LEAST_SPREAD * np.nanmax(np.abs(x), axis=0)


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
