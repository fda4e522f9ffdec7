"""How far a row is from a few rows of the training data: the second part of the score "joined".

A network finds rows whose columns do not fit together. It often misses isolated rows, because it
learns to reconstruct them, too, if they are in its training data. Among a few randomly drawn rows
there is hardly any anomaly, so an anomaly is far from all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

# Number of groups, and of rows in each. If the data may hold anomalies, groups are small: in a
# large group an anomaly may be near another. If all rows are normal, more rows are better.
WITH_ANOMALIES, NORMAL = (40, 12), (10, 256)
ALIKE = 3  # rows whose mean is stored, so that no row of the data is in the file
LEAST = 0.1  # added to distances, in standard deviations: float32 cannot resolve smaller ones
_POOL = 2000  # largest number of rows that groups are drawn from
_FAR = np.float32(1e30)
_BLOCK = 512


@dataclass(frozen=True)
class Neighbors:
    """Groups of a few rows, each of which uses some of the columns.

    For group g with the rows r_gj and the d_g columns that it uses, the distance of a row x is

        s(x) = 1/G sum_g 1/2 ln(1/d_g min_j sum_(i in columns of g) (x_i - r_gji)^2 + 0.1^2),

    a mean of logarithms of distances, in standard deviations of a column. If values of x are
    missing, d_g and the sum are those of the columns that were seen, and the mean is over the
    groups that use at least one of these.

    Attributes:
        rows: [groups, rows, features], float32, standardized; each is the mean of three nearby
            rows of the data.
        columns: [groups, features], float32, 1 if the group uses the column, else 0; each group
            uses half of the columns or more.
        sources: [groups, rows, 3], int, the rows of the data that each mean is made of, or None.
        missing: whether rows x may hold NaN, for values that were not seen.

    Source: Sugiyama and Borgwardt 2013, Rapid distance-based outlier detection via sampling (NIPS),
    for the nearest of a few rows drawn at random; Aggarwal and Sathe 2015, Theoretical foundations
    and algorithms for outlier ensembles (SIGKDD Explorations 17), for means over many such draws;
    Lazarevic and Kumar 2005, Feature bagging for outlier detection (KDD), for the columns.
    """

    rows: np.ndarray
    columns: np.ndarray
    sources: Any = None
    missing: bool = False

    @classmethod
    def drawn(
        cls, x: np.ndarray, seed: int, normal: bool, kept: np.ndarray, missing: bool = False
    ) -> Neighbors:
        """Draw groups from rows.

        Args:
            x: standardized rows [n, features], 2 or more, without NaN. seed: seed of the draws.
            normal: whether all rows are normal, so that groups may be large.
            kept: which rows to draw from, bool [n], 2 or more.
            missing: whether NaN is accepted in later rows.
        """
        from sklearn.neighbors import NearestNeighbors

        generator = np.random.default_rng(seed)
        groups, size = NORMAL if normal else WITH_ANOMALIES
        pool = generator.permutation(np.flatnonzero(kept))[:_POOL]
        x = np.asarray(x, "float32")[pool]
        alike = NearestNeighbors(n_neighbors=min(ALIKE, len(x))).fit(x).kneighbors(x)[1]
        features = x.shape[1]
        columns = np.zeros((groups, features), "float32")
        chosen = np.zeros((groups, min(size, len(x))), int)
        for group in range(groups):
            seen = min(features, max(2, round(features * generator.uniform(0.5, 1.0))))
            columns[group, generator.choice(features, seen, replace=False)] = 1.0
            chosen[group] = generator.choice(len(x), chosen.shape[1], replace=False)
        sources = alike[chosen]
        means = x[sources].mean(axis=2, dtype="float64").astype("float32")
        return cls(means, columns, pool[sources], missing)

    def distances(self, x: Any, apart: Any = 0.0) -> Any:
        """Return s(x) of standardized rows, tensors [batch, features] to [batch].

        Args:
            apart: added to the squared distances, [batch, groups, rows].
        """
        groups, size, features = self.rows.shape
        shown = (self.rows * self.columns[:, None]).reshape(groups * size, features)
        squares: Any = np.square(shown, dtype="float64")
        if self.missing:
            lost = ops.isnan(x)
            seen, x = ops.cast(ops.logical_not(lost), "float32"), ops.where(lost, 0.0, x)
            squares = ops.matmul(seen, squares.astype("float32").T)
            squares = ops.reshape(squares, (-1, groups, size))
            counts = ops.matmul(seen, self.columns.T)  # [batch, groups]
        else:
            squares = squares.sum(axis=1).astype("float32").reshape(groups, size)
            counts = self.columns.sum(axis=1)
        products = ops.reshape(ops.matmul(x, shown.T), (-1, groups, size))
        sizes = ops.matmul(ops.square(x), self.columns.T)
        found = ops.expand_dims(sizes, 2) - 2.0 * products
        found = ops.add(ops.add(found, squares), apart)
        nearest = ops.maximum(ops.min(found, axis=2), 0.0) / ops.maximum(counts, 1.0)
        logs = 0.5 * ops.log(nearest + LEAST**2)
        if not self.missing:
            return ops.mean(logs, axis=1)
        uses = ops.cast(counts > 0.0, "float32")
        return ops.sum(logs * uses, axis=1) / ops.maximum(ops.sum(uses, axis=1), 1.0)

    def distances_to(self, x: np.ndarray) -> np.ndarray:
        """Return s(x) of standardized rows, arrays [n, features] to [n]."""
        pieces = [self.distances(ops.convert_to_tensor(x[where])) for where in _blocks(len(x))]
        return np.concatenate([ops.convert_to_numpy(piece) for piece in pieces])

    def distances_to_others(self, x: np.ndarray) -> np.ndarray:
        """Return s(x) of the rows that groups were drawn from, as if each were a new row.

        For each row, means that contain it are excluded. Shapes are [n, features] and [n].
        """
        return np.concatenate([self._to_others(x, where) for where in _blocks(len(x))])

    def _to_others(self, x, where):
        numbers = np.arange(where.start, min(where.stop, len(x)))
        own = (self.sources[None] == numbers[:, None, None, None]).any(axis=3)
        own &= ~own.all(axis=2, keepdims=True)  # with very few rows, nothing might be left
        found = self.distances(ops.convert_to_tensor(x[where]), own * _FAR)
        return ops.convert_to_numpy(found)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))
