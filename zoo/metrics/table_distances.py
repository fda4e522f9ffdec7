"""How far two tables are apart: by column, by pair of columns, and by nearest rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10  # of a number, beside a category


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its name. values: numbers [n], or the code of each row's value, -1 for one that is not
            known. size: how many values the category has; 0 for numbers. labels: their names.
    """

    name: str
    values: np.ndarray
    size: int = 0
    labels: tuple[str, ...] = ()


def columns_of(
    x: np.ndarray,
    names: Sequence[str],
    categories: Sequence[tuple[int, int]] = (),
    category_names: Sequence[str] = (),
) -> list[Column]:
    """Return the columns of a table whose categories are one-hot, in order.

    Args:
        x: rows [n, features]. names: of the columns of x. categories, category_names: as in
            `zoo.data.Table`.
    """
    called = {pair[0]: (pair, name) for pair, name in zip(categories, category_names, strict=True)}
    inside = {j for start, stop in categories for j in range(start, stop)}
    found = []
    for j, name in enumerate(names):
        if j in called:
            (start, stop), name = called[j]
            part = x[:, start:stop]
            codes = np.where(part.sum(axis=1) > 0, part.argmax(axis=1), -1)
            labels = tuple(value.removeprefix(f"{name}=") for value in names[start:stop])
            found.append(Column(name, codes, stop - start, labels))
        elif j not in inside:
            found.append(Column(name, np.asarray(x[:, j], "float64")))
    return found


def marginal_distance(a: Column, b: Column) -> float:
    """Return how far a column of one table is from that of another, from 0 to 1.

    For numbers it is the statistic of Kolmogorov and Smirnov, max |F(x) - G(x)|; for categories the
    total variation, 1/2 sum |p - q|.

    Example:
        >>> from zoo.metrics.table_distances import Column, marginal_distance
        >>> marginal_distance(Column("x", np.array([1, 2, 3])), Column("x", np.array([3, 4, 5])))
        0.666...
    """
    if a.size:
        return _total_variation(_counts(a.values, a.size), _counts(b.values, a.size))
    x, y = np.sort(a.values), np.sort(b.values)
    both = np.concatenate([x, y])
    shares = [np.searchsorted(v, both, side="right") / len(v) for v in (x, y)]
    return float(np.abs(shares[0] - shares[1]).max())


def pair_distance(a: tuple[Column, Column], b: tuple[Column, Column]) -> float:
    """Return how far the dependence of two columns is from that in another table, from 0 to 1.

    For two numbers it is |r_a - r_b| / 2 of Spearman's rank correlations (0 for a constant column).
    For others it is the total variation of the joint shares of both; numbers are cut into ten bins
    of equal shares of table a.

    Args:
        a, b: the two columns in each of the tables.
    """
    if not (a[0].size or a[1].size):
        return abs(rank_correlation(*a) - rank_correlation(*b)) / 2
    edges = [np.quantile(c.values, np.arange(1, BINS) / BINS) for c in a if not c.size]
    joint = []
    for pair in (a, b):
        codes, sizes, cut = [], [], iter(edges)
        for column in pair:
            binned = not column.size
            codes.append(np.searchsorted(next(cut), column.values) if binned else column.values)
            sizes.append(BINS if binned else column.size)
        known = (codes[0] >= 0) & (codes[1] >= 0)
        code = np.where(known, codes[0] * sizes[1] + codes[1], -1)
        joint.append(_counts(code, sizes[0] * sizes[1]))
    return _total_variation(*joint)


def rank_correlation(a: Column, b: Column) -> float:
    """Return Spearman's rank correlation of two columns of numbers; 0 if one is constant."""
    from scipy.stats import rankdata

    x, y = (rankdata(c.values) - (len(c.values) + 1) / 2 for c in (a, b))
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size else 0.0


def _counts(codes, size):
    """Return the shares of the codes -1 to size - 1."""
    return np.bincount(np.asarray(codes, int) + 1, minlength=size + 1) / len(codes)


def _total_variation(p, q) -> float:
    return float(np.abs(p - q).sum() / 2)


def nearest_distances(rows: Sequence[Column], others: Sequence[Column]) -> np.ndarray:
    """Return the distance of each row to the nearest row of another table, float64 [n].

    Numbers count in standard deviations of the other table, and a different value of a category
    counts as 1: the distance is sqrt(sum (difference)^2).
    """
    from sklearn.neighbors import NearestNeighbors

    pairs = [_comparable(a, b) for a, b in zip(rows, others, strict=True)]
    x, y = (np.concatenate([pair[i] for pair in pairs], axis=1) for i in (0, 1))
    return NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)[0][:, 0]


def _comparable(a, b) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of two tables as coordinates [n, k]."""
    if a.size:
        codes = np.eye(a.size + 1) / np.sqrt(2)  # two different values have the distance 1
        return codes[a.values + 1], codes[b.values + 1]
    middle, scale = b.values.mean(), b.values.std()  # small numbers have small rounding errors
    scale = scale if scale > 0 else 1.0
    return (a.values[:, None] - middle) / scale, (b.values[:, None] - middle) / scale


def share_nearer(distances: np.ndarray, others: np.ndarray) -> float:
    """Return P(d < e) + P(d = e) / 2 for d and e drawn from two sets of distances.

    Example:
        >>> from zoo.metrics.table_distances import share_nearer
        >>> share_nearer(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
        0.875
    """
    others = np.sort(others)
    above = len(others) - np.searchsorted(others, distances, side="right")
    equal = len(others) - np.searchsorted(others, distances, side="left") - above
    return float(np.mean(above + 0.5 * equal) / len(others))


def share_of_copies(rows: Sequence[Column], others: Sequence[Column]) -> float:
    """Return the share of rows that equal, in float32, a row of another table.

    Example:
        >>> from zoo.metrics.table_distances import Column, share_of_copies
        >>> share_of_copies([Column("a", np.array([1, 2]))], [Column("a", np.array([2, 3]))])
        0.5
    """
    first, second = (
        np.stack([c.values for c in columns], axis=1).astype("float32") + 0.0  # -0 is 0
        for columns in (rows, others)
    )
    known = {row.tobytes() for row in second}
    return float(np.mean([row.tobytes() in known for row in first]))
