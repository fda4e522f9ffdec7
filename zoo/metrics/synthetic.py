"""How good generated rows of a table are: similar to real rows, useful, and not copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from zoo.data.table_columns import Columns
from zoo.data.tables import Read, is_frame, read_table
from zoo.density.copula import GaussianCopula
from zoo.metrics.table_distances import (
    columns_of,
    marginal_distance,
    nearest_distances,
    pair_distance,
    share_nearer,
    share_of_copies,
)
from zoo.nn.distributions.written_numbers import as_written, ranges_of

COPULA, HELD_OUT = "Gaussian copula", "held-out rows"
AREA, R_SQUARED = "area under the ROC curve", "R squared"
LEAST_ROWS = 10


@dataclass(frozen=True)
class SyntheticRows:
    """The measures of generated rows: `zoo.metrics.synthetic`.

    Attributes:
        marginals: the distance of each column from the real one, from 0 to 1, by name.
        pairs: the distance of each pair of columns, from 0 to 1, by both names.
        nearer: how often a generated row lies nearer to a training row than a held-out row does;
            0.5 for new rows, up to 1 for copies. None without held-out rows.
        copies: the share of generated rows that equal a training row.
        score: the score on held-out rows of a forest that learned from the generated rows; None
            without a target.
        real_score: that of a forest that learned from the training rows.
        measure: what the score is: the area under the ROC curve, or R squared; "" without a target.

    Example:
        >>> import pandas
        >>> real = pandas.DataFrame({"a": [1.5, 2.5] * 10})
        >>> zoo.metrics.synthetic(real, real).copies  # every row is one of the real ones
        1.0
    """

    marginals: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]
    nearer: float | None
    copies: float
    score: float | None = None
    real_score: float | None = None
    measure: str = ""

    @property
    def marginal(self) -> float:
        """The mean of `marginals`."""
        return float(np.mean([*self.marginals.values()]))

    @property
    def pair(self) -> float:
        """The mean of `pairs`; 0 for a single column."""
        return float(np.mean([*self.pairs.values()])) if self.pairs else 0.0


def synthetic(
    real: Any,
    synthetic: Any,
    *,
    held_out: Any = None,
    target: str | None = None,
    drop: Sequence[str] = (),
    estimator: Any = None,
    seed: int = 0,
) -> SyntheticRows:
    """Measure generated rows of a table against the rows that a model learned from.

    - Marginals: for each column of numbers the two-sample Kolmogorov-Smirnov statistic, and for
      each category the total variation distance.
    - Pairs: half the difference of Spearman's rank correlations of two numbers; else the total
      variation distance of the joint shares, with numbers in ten bins.
    - Privacy: let d be the distance of a generated row to the nearest training row, and e that of a
      held-out row. `nearer` is P(d < e) + P(d = e) / 2. Numbers count in standard deviations, and
      another value of a category counts as 1. It finds rows that are learned by heart; it is no
      guarantee for anybody.
    - Use: a forest learns the target from the generated rows, and one from the training rows; both
      are tested on the held-out rows. The score is the area under the ROC curve for a
      category, averaged over the values, one against the rest, and R squared for a number.

    Distances of small tables are above 0 for real rows, too: measure held-out rows in the same way.

    Args:
        real: the training rows: a data frame, or a file that `zoo.data.from_table` reads.
        synthetic: the generated rows, with the same columns.
        held_out: further real rows that the model did not learn from, or None.
        target: a column to predict from the others, or None.
        drop: columns of the training rows to leave out, in each table that has them.
        estimator: a classifier of scikit-learn with `predict_proba`, or a regressor; by default a
            forest of 200 trees.
        seed: of the forest.

    Raises:
        ValueError: tables that `zoo.data.from_table` refuses, with fewer than ten rows, or with
            other columns; a target that is no column, or given without held-out rows.

    Examples:
        >>> import pandas
        >>> rows = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 900)
        >>> frame = pandas.DataFrame(rows, columns=["height", "weight"])
        >>> real, held_out, other = frame[:300], frame[300:600], frame[600:]
        >>> found = zoo.metrics.synthetic(real, other, held_out=held_out, target="weight")
        >>> found.marginal < 0.2, found.pair < 0.1, 0.4 < found.nearer < 0.6, found.copies
        (True, True, True, 0.0)
        >>> 0.6 < found.score <= 1
        True

    Source: Xu et al. 2019 (arXiv 1907.00503), section 5, for training on generated rows; Patki,
    Wedge and Veeramachaneni 2016 (The synthetic data vault) and SDMetrics for distances of columns
    and pairs.
    """
    tables = Tables(real, held_out, target, drop, estimator, seed)
    return tables.measured(tables.read(synthetic, "synthetic"))


class Tables:
    """Real tables, against which several tables of generated rows are measured.

    Args: those of `synthetic`; and
        signs: `delimiter` and `decimal` of real tables, as for `zoo.data.from_table`.

    Attributes:
        real, held_out: the tables as `zoo.data.tables.Read`; `held_out` may be None.
        known, columns: the names of the columns of the training rows, and these columns.
        real_score: as in `SyntheticRows`.
        apart: the distance of each held-out row to the nearest training row, or None.
    """

    def __init__(
        self,
        real: Any,
        held_out: Any = None,
        target: str | None = None,
        drop: Sequence[str] = (),
        estimator: Any = None,
        seed: int = 0,
        signs: Mapping[str, str | None] | None = None,
    ):
        self.drop, self.target, self.estimator, self.seed = drop, target, estimator, seed
        signs = signs or {}
        both: dict[str, Any] = {name: signs.get(name) for name in ("delimiter", "decimal")}
        read = real if isinstance(real, Read) else _read(real, "real", drop=drop, **both)
        self.real = _checked(read, "real")
        self.known = Columns(self.real.columns, self.real.categories, self.real.category_names)
        self.columns = self.columns_of(self.real)
        self.held_out = None if held_out is None else self.read(held_out, "held_out", both)
        names = [column.name for column in self.columns]
        if target is not None and target not in names:
            raise ValueError(f"target is {target!r}; the table has {', '.join(names)}.")
        if target is not None and self.held_out is None:
            raise ValueError("target= is predicted on held-out rows: give held_out=, too.")
        if target is not None and len(names) < 2:
            raise ValueError(f"target= is the only column, {target!r}: give a table with others.")
        self.real_score = None if target is None else self.score(self.real)
        self.apart = None
        if self.held_out is not None:
            self.apart = nearest_distances(self.columns_of(self.held_out), self.columns)

    def read(self, table: Any, name: str, signs: Mapping[str, Any] | None = None) -> Read:
        """Return a table with the columns of the training rows; `name` is for errors."""
        if isinstance(table, Read):
            return _checked(table, name)
        more: dict[str, Any] = {"drop_if_there": tuple(self.drop), "unknown": "score"}
        return _checked(_read(table, name, columns=self.known, **more, **(signs or {})), name)

    def columns_of(self, table: Read) -> list:
        """Return the columns of a table, as `zoo.metrics.table_distances.Column`."""
        return columns_of(table.x, table.columns, table.categories, table.category_names)

    def measured(self, table: Read) -> SyntheticRows:
        """Return the measures of a table."""
        columns = self.columns_of(table)
        both = list(zip(self.columns, columns, strict=True))
        pairs = {
            (a.name, c.name): pair_distance((a, c), (b, d))
            for (a, b), (c, d) in combinations(both, 2)
        }
        distances = nearest_distances(columns, self.columns)
        given = {
            "score": None if self.target is None else self.score(table),
            "real_score": self.real_score,
            "measure": self.measure,
        }
        return SyntheticRows(
            {a.name: marginal_distance(a, b) for a, b in both},
            pairs,
            None if self.apart is None else share_nearer(distances, self.apart),
            share_of_copies(columns, self.columns),
            **given,
        )

    @property
    def measure(self) -> str:
        """What the score is."""
        if self.target is None:
            return ""
        return AREA if self._target_of(self.real)[2] else R_SQUARED

    def _target_of(self, table):
        """Return the other columns [n, features], the target [n], and its number of values."""
        column = next(c for c in self.columns_of(table) if c.name == self.target)
        at = {name: list(range(*pair)) for pair, name in self._categories()}
        own = at.get(column.name) or [self.real.columns.index(column.name)]
        return np.delete(table.x, own, axis=1), column.values, column.size

    def _categories(self):
        return zip(self.real.categories, self.real.category_names, strict=True)

    def score(self, table: Read) -> float:
        """Return the score on held-out rows of an estimator that learned from a table."""
        from sklearn.base import clone
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.metrics import r2_score, roc_auc_score

        assert self.held_out is not None
        (x, y, size), (x_test, y_test, _) = map(self._target_of, (table, self.held_out))
        kind = RandomForestClassifier if size else RandomForestRegressor
        estimator = kind(200, random_state=self.seed)
        estimator = estimator if self.estimator is None else clone(self.estimator)
        estimator.fit(x, y)
        if not size:
            return float(r2_score(y_test, estimator.predict(x_test)))
        values = np.unique(y_test)
        if len(values) < 2:
            raise ValueError(
                f"held_out has one value of {self.target!r} in all rows: an area under the ROC "
                "curve needs two. Give more held-out rows."
            )
        found = dict(zip(estimator.classes_, estimator.predict_proba(x_test).T, strict=True))
        nothing = np.zeros(len(y_test))  # for a value that no generated row has
        areas = [roc_auc_score(y_test == v, found.get(v, nothing)) for v in values]
        return float(np.mean(areas))


def copula_rows(table: Read, n: int, seed: int = 0) -> Read:
    """Return n rows of a Gaussian copula that is fitted to a table, written as its numbers are."""
    copula = GaussianCopula(table.categories, random_state=seed).fit(table.x)
    return written_like(table, copula.sample(n, random_state=seed))


def written_like(table: Read, rows: np.ndarray) -> Read:
    """Return rows [n, features] as a table, in the ranges and with the decimals of another one."""
    written = [as_written(r, *range_) for r, range_ in zip(rows.T, ranges_of(table.x), strict=True)]
    return replace(table, x=np.stack(written, axis=1, dtype="float64").astype("float32"))


def compare_synthetic(
    real: Any,
    tables: Mapping[str, Any],
    *,
    held_out: Any = None,
    target: str | None = None,
    drop: Sequence[str] = (),
    estimator: Any = None,
    seed: int = 0,
) -> dict[str, SyntheticRows]:
    """Measure several tables of generated rows, beside a Gaussian copula and real rows.

    Args:
        tables: tables of generated rows by name.
        real, held_out, target, drop, estimator, seed: as in `synthetic`. The copula learns from
            `real`, and draws as many rows as the first of the tables has.

    Returns:
        a dictionary from each name in `tables`, from "Gaussian copula" and, if `held_out` is given,
        from "held-out rows", to its measures. Those of the held-out rows show what new real rows
        have; they have no score.

    Examples:
        >>> import pandas
        >>> rows = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 900)
        >>> frame = pandas.DataFrame(rows, columns=["height", "weight"])
        >>> generator = np.random.default_rng(1)
        >>> shuffled = frame.apply(lambda column: generator.permutation(column))
        >>> found = zoo.metrics.compare_synthetic(frame[:450], {"shuffled": shuffled})
        >>> found["shuffled"].pair > 0.4 > 0.1 > found["Gaussian copula"].pair
        True
    """
    known = Tables(real, held_out, target, drop, estimator, seed)
    return measured_beside(known, {name: known.read(t, name) for name, t in tables.items()})


def measured_beside(known: Tables, tables: Mapping[str, Read]) -> dict[str, SyntheticRows]:
    """Return the measures of tables, of a copula, and of held-out rows; see above."""
    if not tables:
        raise ValueError("tables is empty; give generated rows by name, {'VAE': frame}.")
    n = len(next(iter(tables.values())).x)
    found = {name: known.measured(table) for name, table in tables.items()}
    found[COPULA] = known.measured(copula_rows(known.real, n, known.seed))
    if known.held_out is not None:
        held = known.measured(known.held_out)
        found[HELD_OUT] = replace(held, score=None)
    return found


def _read(table, name, **options) -> Read:
    """Return a table; errors name a data frame, which has no path, by its argument."""
    try:
        return read_table(table, **options)
    except ValueError as error:
        if not is_frame(table):
            raise
        raise ValueError(f"{name}: {error}") from error


def _checked(table: Read, name: str) -> Read:
    if len(table.x) < LEAST_ROWS:
        raise ValueError(
            f"{name} has {len(table.x)} rows; distances of tables need at least {LEAST_ROWS}."
        )
    return table
