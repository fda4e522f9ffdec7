"""The likelihood of rows of a table whose columns have outliers: Student's t distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from scipy.special import betaln, digamma

from zoo.checks.arguments import number
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array, with_nan
from zoo.checks.tables import column_names
from zoo.nn.distributions.columns import GaussianColumns, moments
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.written_numbers import ranges_of

MOST_DEGREES = 1000  # with more, float32 is not exact enough, and t is normal but for 0.001
LEAST_SCALE = 0.01  # of a column, in its standard deviations


@keras.saving.register_keras_serializable(package="zoo")
class StudentColumns(GaussianColumns):
    """Every column of a table is standardized and then modeled by Student's t distribution.

    With m_j, d_j and u_j as in `GaussianColumns`, and a scale s_j of each column, which is learned,

        log p(x) = sum_j (ln t((x_j - m_j - d_j u_j) / (s_j d_j)) - ln(s_j d_j)),

    where t is the density of Student's t distribution. An outlier lowers the likelihood less
    than with a normal distribution, so it influences the model less, and each column has a scale of
    its own. MIWAE uses such a likelihood for tables, and it is the default of
    `zoo.sklearn.AutoencoderImputer`.

    Args:
        means, deviations, names, missing, ranges: as for `GaussianColumns`.
            `StudentColumns.adapted(x)` computes means, deviations and ranges.
        degrees: the degrees of freedom of t, above 2 and at most 1,000; the larger, the more
            normal.

    Attributes:
        scales: s_j, numbers [features], at least 0.01; None before a model has the likelihood.

    Raises:
        ValueError: as for `GaussianColumns`, or `degrees` is too small.

    Examples:
        >>> rows = np.random.default_rng(0).standard_t(3, size=(100, 2)).astype("float32")
        >>> rows[1, 0] = np.nan  # not seen
        >>> columns = zoo.StudentColumns.adapted(rows, missing="learn")
        >>> model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=columns)
        >>> model.compile("adam")
        >>> history = model.fit(rows, epochs=1, verbose=0)
        >>> model.likelihood.scales.shape, model.impute(rows).shape
        ((2,), (100, 2))

    Source: Mattei and Frellsen 2019 (arXiv 1812.02633).
    """

    free: Any = None  # variables, from which the scales are computed

    def __init__(
        self,
        means: Any,
        deviations: Any,
        names: Sequence[str] | None = None,
        degrees: float = 3.0,
        missing: str = "refuse",
        ranges: Any = None,
    ):
        super().__init__(means, deviations, names, missing=missing, ranges=ranges)
        self.degrees = number("degrees", degrees, above=2, most=MOST_DEGREES)

    @classmethod
    def adapted(
        cls,
        x: ArrayLike,
        names: Sequence[str] | None = None,
        degrees: float = 3.0,
        missing: str = "refuse",
    ) -> Self:
        """Return the likelihood for rows like x; arguments and errors as in `GaussianColumns`."""
        names = column_names(x) if names is None else names
        x = as_array(with_nan(x) if missing == "learn" else x, "x", names)
        pair = moments(x, names, missing=missing)
        return cls(*pair, names, degrees, missing, ranges_of(x))

    @property
    def calibrated(self) -> bool:
        return False  # the scales are trained

    def of_unit_variance(self) -> Likelihood:
        return self

    def of_model(self, model: Any) -> Self:
        del model
        own = type(self).from_config(self.get_config())
        own.free = keras.Variable(np.zeros(len(self.means), "float32"), name="scales")
        return own

    @property
    def scales(self) -> np.ndarray | None:
        """s_j, float32 [features], at least 0.01; None before a model has the likelihood."""
        if self.free is None:
            return None
        return np.exp(ops.convert_to_numpy(self._log_scales()))

    def _log_scales(self) -> Any:
        """Return ln s_j, near 0 at the start, [features]."""
        if self.free is None:
            return np.zeros(len(self.means), "float32")
        least = math.log(LEAST_SCALE)
        return least + ops.softplus(ops.convert_to_tensor(self.free) - least)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        n, logs = self.degrees, self._log_scales()
        values, seen = self.standardized(x), None
        if self.takes_missing:
            values, seen = self.values_and_mask(x)
        away = (values - parameters) * ops.exp(-logs)
        constant = math.lgamma((n + 1) / 2) - math.lgamma(n / 2) - 0.5 * math.log(n * math.pi)
        density = constant - logs - 0.5 * (n + 1) * ops.log1p(ops.square(away) / n)
        density = density if seen is None else seen * density
        return ops.sum(density, axis=-1) - self.log_units(x)

    def unseen_entropy(self, x: Tensor, parameters: Tensor) -> Tensor:
        del parameters
        n = self.degrees
        entropy = 0.5 * (n + 1) * (digamma((n + 1) / 2) - digamma(n / 2))
        entropy = float(entropy + 0.5 * math.log(n) + betaln(n / 2, 0.5))
        units = ops.convert_to_tensor(np.log(self.deviations))
        lost = 1.0 - self.values_and_mask(x)[1]
        return ops.sum(lost * (entropy + self._log_scales() + units), axis=-1)

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        noise = generator.standard_t(self.degrees, parameters.shape)
        scales = np.exp(ops.convert_to_numpy(self._log_scales()))
        return self.raw(parameters + scales * noise).astype("float32")

    def get_config(self) -> dict:
        config = super().get_config()
        del config["stddev"]
        return {**config, "degrees": self.degrees}
