"""The likelihood of rows of a table with both categories and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import number
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array, with_nan
from zoo.checks.tables import column_names, listed
from zoo.nn.distributions.columns import GaussianColumns, check_rows, moments
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.normal import LOG_TWO_PI, log_normal
from zoo.nn.distributions.written_numbers import ranges_of


@keras.saving.register_keras_serializable(package="zoo")
class MixedColumns(GaussianColumns):
    """Numbers have normal distributions, and categories have probabilities (softmax).

    A category, such as a color, has one column for each of its values; one of them is 1 and the
    others are 0 (one-hot). With the decoder's outputs u_j, its logits l for the values of each
    category, and m_j, d_j as in `GaussianColumns`,

        log p(x) = sum over numbers j of log N(x_j; m_j + d_j u_j, (s_j d_j)^2)
                   + sum over categories of the log-softmax of l at the value that is 1.

    The decoder also gives s_j for each row: ln s_j^2 = ln m^2 + softplus(r_j - ln m^2), at least
    the variance m^2, as in `zoo.LearnedGaussian`. If `stddev` is given, or the loss of the model is
    a squared error, s is fixed. In the mean row, the columns of a category hold the probabilities
    of its values.

    Args:
        means, deviations: the mean and the standard deviation of each column, numbers [features]; 0
            and 1 for the columns of categories. `MixedColumns.adapted(x, categories)` computes
            both.
        categories: (start, stop) for each category: its columns are start to stop - 1.
        names: the names of the columns; None for none.
        stddev: s, in units of a column's standard deviation; if None, the decoder gives it.
        least_stddev: m, the least s that the decoder can give.
        category_names: the name of each category; the names of its columns begin with it and "=",
            as in "eyes=blue". If None, it is derived from `names`, where this is unambiguous.
        missing: as for `GaussianColumns`; all columns of a category that was not seen are NaN.
        ranges: as for `GaussianColumns`.

    Raises:
        ValueError: as for `GaussianColumns`; or categories overlap, have fewer than two columns, or
            are not within the row; or the names of a category's columns do not begin with the
            category's name.

    Examples:
        >>> rows = np.array([[1.7, 1, 0], [1.8, 0, 1], [1.5, 0, 1]], "float32")
        >>> names = ("height", "eyes=blue", "eyes=brown")
        >>> columns = zoo.MixedColumns.adapted(rows, [(1, 3)], names)
        >>> model = zoo.VAE((3,), 1, hidden_units=(4,), likelihood=columns)
        >>> model.compile("adam")
        >>> history = model.fit(rows, epochs=1, verbose=0)
        >>> np.unique(model.generate(9, seed=0)[:, 1:]).tolist()  # a value of each category
        [0.0, 1.0]
        >>> model.generate(2, seed=0, mean=True)[:, 1:].sum(axis=1).round(3)  # probabilities
        array([1., 1.], dtype=float32)

    Source: Nazabal et al. 2020 (arXiv 1807.03653), for numbers together with categories.
    """

    reads = "numbers, logits and logarithms of variances"
    needs_categories = True

    def __init__(
        self,
        means: Any,
        deviations: Any,
        categories: Sequence[tuple[int, int]],
        names: Sequence[str] | None = None,
        stddev: float | None = None,
        least_stddev: float = 0.05,
        category_names: Sequence[str] | None = None,
        missing: str = "refuse",
        ranges: Any = None,
    ):
        super().__init__(means, deviations, names, stddev, missing, ranges)
        self.categories = checked_categories(categories, len(self.means), self.needs_categories)
        self.category_names = _names_of(self.categories, self.names, category_names)
        self.least_stddev = number("least_stddev", least_stddev, above=0)
        inside = {j for start, stop in self.categories for j in range(start, stop)}
        self.numbers = [j for j in range(len(self.means)) if j not in inside]
        self.values = 1 if self.stddev else 2

    @classmethod
    def adapted(
        cls,
        x: ArrayLike,
        categories: Sequence[tuple[int, int]],
        names: Sequence[str] | None = None,
        stddev: float | None = None,
        category_names: Sequence[str] | None = None,
        missing: str = "refuse",
    ) -> MixedColumns:
        """Return the likelihood for rows like x.

        Args:
            x: training data, numbers [n, features], n at least 2; for a table in memory, such as a
                `DataFrame`, its column names are used.
            categories, names, stddev, category_names, missing: as above.

        Raises:
            ValueError: a category has one value in all rows, or is not one-hot, or columns hold
                NaN; the error names the columns.
        """
        names = column_names(x) if names is None else names
        x = as_array(with_nan(x) if missing == "learn" else x, "x", names)
        check_rows(x, names, missing=missing)
        means, deviations = np.zeros(x.shape[1]), np.ones(x.shape[1])
        inside = np.zeros(x.shape[1], bool)
        for start, stop in checked_categories(categories, x.shape[1]):
            part, inside[start:stop] = x[:, start:stop], True
            part = part[~np.isnan(part).all(axis=1)]
            said = listed(range(start, stop), names)
            if not (np.isin(part, (0, 1)).all() and (part.sum(axis=1) == 1).all()):
                raise ValueError(f"In each row one of {said} must be 1 and the others 0.")
            if (part.sum(axis=0) > 0).sum() < 2:
                raise ValueError(
                    f"The category of {said} has one value in all rows of the training data, and "
                    "carries no information: leave it out (drop=, --drop on the command line)."
                )
        if not inside.all():
            kept = (
                None if names is None else [n for n, c in zip(names, inside, strict=True) if not c]
            )
            means[~inside], deviations[~inside] = moments(x[:, ~inside], kept, missing=missing)
        more = {"category_names": category_names, "missing": missing, "ranges": ranges_of(x)}
        return cls(means, deviations, categories, names, stddev, **more)

    @property
    def calibrated(self) -> bool:
        return False  # the decoder gives the variances

    def of_unit_variance(self) -> Likelihood:
        if self.stddev is not None:
            return self
        return type(self).from_config({**self.get_config(), "stddev": 1.0})

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        (features,) = super().parameter_shape(image_shape)
        return (features if self.stddev else features + len(self.numbers),)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        values, seen, total = self.standardized(x), None, 0.0
        if self.takes_missing:
            values, seen = self.values_and_mask(x)
        if self.numbers:
            total = self.log_prob_of_numbers(values, parameters, seen) - self.log_units(x)
        for start, stop in self.categories:  # their mean is 0, and their deviation 1
            log_probs = ops.log_softmax(parameters[:, start:stop], axis=-1)
            total += ops.sum(values[:, start:stop] * log_probs, axis=-1)
        return total

    def unseen_entropy(self, x: Tensor, parameters: Tensor) -> Tensor:
        lost, total = 1.0 - self.values_and_mask(x)[1], 0.0
        if self.numbers:
            units = taken(ops.convert_to_tensor(np.log(self.deviations)), self.numbers)
            by_number = self.entropies_of_numbers(parameters) + units
            total = ops.sum(taken(lost, self.numbers) * by_number, axis=-1)
        for start, stop in self.categories:
            logs = ops.log_softmax(parameters[:, start:stop], axis=-1)
            total += lost[:, start] * -ops.sum(ops.exp(logs) * logs, axis=-1)
        return total

    def entropies_of_numbers(self, parameters: Tensor) -> Tensor:
        """Return E[-log p] of standardized numbers, [batch, numbers], or one for all."""
        return 0.5 * (LOG_TWO_PI + 1.0 + self._log_var(parameters))

    def log_prob_of_numbers(self, values: Tensor, parameters: Tensor, seen: Any) -> Tensor:
        """Return the log-density of standardized numbers, [batch].

        Args:
            values: standardized rows [batch, features]. seen: their mask, or None.
        """
        value, mean = (taken(v, self.numbers) for v in (values, parameters))
        there = None if seen is None else taken(seen, self.numbers)
        return log_normal(value, mean, self._log_var(parameters), there)

    def check_missing(self, x: np.ndarray, name: str, first: int = 0) -> np.ndarray:
        for start, stop in self.categories:
            lost: Any = np.isnan(x[:, start:stop])
            wrong = np.flatnonzero(lost.any(axis=1) & ~lost.all(axis=1))
            if len(wrong):
                raise ValueError(
                    f"Row {first + wrong[0]} of {name} holds NaN in some of "
                    f"{listed(range(start, stop), self.names)}; if a category was not seen, all "
                    "of its columns are NaN."
                )
        return super().check_missing(x, name, first)

    def corrupted(self, x: Tensor, corruption: Any, seed_generator: Any) -> Tensor:
        corrupted = super().corrupted(x, corruption, seed_generator)
        if not self.takes_missing:
            return corrupted
        first = np.arange(len(self.means))  # the first column of its category decides
        for start, stop in self.categories:
            first[start:stop] = start
        lost = ops.isnan(corrupted)
        whole = taken(ops.cast(lost, "float32"), first) > 0.5
        kept = ops.where(lost, x, corrupted)
        return ops.where(whole, ops.full_like(kept, np.nan), kept)

    def mean(self, parameters: Tensor) -> Tensor:
        rows, parts, end = self.raw(self.standardized_means(parameters)), [], 0
        for start, stop in self.categories:
            parts += [rows[:, end:start], ops.softmax(parameters[:, start:stop], axis=-1)]
            end = stop
        return ops.concatenate([*parts, rows[:, end:]], axis=-1)

    def standardized_means(self, parameters: Tensor) -> Tensor:
        """Return the standardized means of numbers, in rows [batch, features]."""
        return parameters[:, : len(self.means)]

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        rows = np.zeros((len(parameters), len(self.means)))  # [n, features]
        if self.numbers:
            spread = np.exp(0.5 * ops.convert_to_numpy(self._log_var(parameters)))
            noise = generator.standard_normal((len(rows), len(self.numbers)))
            rows[:, self.numbers] = parameters[:, self.numbers] + spread * noise
        rows = self.raw(rows)
        for start, stop in self.categories:
            logits = parameters[:, start:stop]  # the largest is drawn, with noise added to each
            drawn = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
            rows[:, start:stop] = np.eye(stop - start)[drawn]
        return rows.astype("float32")

    def _log_var(self, parameters):
        """Return ln s^2 of the numbers, [batch, numbers], or one number if it is fixed."""
        if self.stddev:
            return 2.0 * math.log(self.stddev)
        least = 2.0 * math.log(self.least_stddev)
        return least + ops.softplus(parameters[:, self._variances()] - least)

    def _variances(self):
        """Return where the parameters of the variances are."""
        return slice(len(self.means), len(self.means) + len(self.numbers))

    def get_config(self) -> dict:
        more: dict[str, Any] = {"categories": [list(pair) for pair in self.categories]}
        more["category_names"] = list(self.category_names) if self.category_names else None
        return {**super().get_config(), **more, "least_stddev": self.least_stddev}


def _names_of(categories, names, asked) -> tuple[str, ...] | None:
    """Return the names of categories: the given ones, else those in the column names, or None."""
    if asked is not None:
        asked = tuple(map(str, asked))
        pairs = zip(asked, categories, strict=False)
        if (
            names is None
            or len(asked) != len(categories)
            or not all(
                column.startswith(f"{name}=") for name, (a, b) in pairs for column in names[a:b]
            )
        ):
            raise ValueError(
                f"category_names is {asked}; give a name for each of the {len(categories)} "
                "categories, in order; the names of its columns must begin with it: 'eyes' for "
                "'eyes=blue'."
            )
        return asked
    found = []
    for start, stop in categories if names else ():
        first, *others = names[start:stop]
        ends = [i for i, letter in enumerate(first) if letter == "="]
        ends = [i for i in ends if all(name.startswith(first[: i + 1]) for name in others)]
        found += [first[: ends[0]]] if len(ends) == 1 else []
    return tuple(found) if len(found) == len(categories) else None


def taken(values: Tensor, columns: Any) -> Tensor:
    """Return some columns of a tensor [batch, n]."""
    return ops.take(values, ops.convert_to_tensor(columns, "int32"), axis=-1)


def checked_categories(
    categories: Any, features: int, needed: bool = True
) -> tuple[tuple[int, int], ...]:
    """Return the pairs (start, stop) in ascending order, after checking them."""
    try:
        pairs = tuple(sorted((int(start), int(stop)) for start, stop in categories))
    except (TypeError, ValueError):
        raise ValueError(
            f"categories is {categories!r}; give (start, stop) for each category."
        ) from None
    end = 0
    for start, stop in pairs:
        if not end <= start <= stop - 2 or stop > features:
            raise ValueError(
                f"categories is {pairs}; give (start, stop) for each, with at least two columns "
                f"among the {features}, which belong to no other category."
            )
        end = stop
    if needed and not pairs:
        raise ValueError("categories is empty: use zoo.GaussianColumns for numbers alone.")
    return pairs
