"""Metrics of search: are the nearest items of the same class as the query?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike
from zoo.checks.data import true_labels

RECALLS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0)
_AT_ONCE = 2**24  # distances that are in memory


class Retrieval(NamedTuple):
    """How well a ranking of items finds those of the query's class; see `retrieval`.

    Attributes:
        mean_average_precision: from 0 to 1; 1 if all relevant items come first.
        precision_at_k: the share of relevant items among the k nearest, from 0 to 1.
        recalls: shares of the relevant items, the x-axis of a precision-recall curve.
        precisions: the share of relevant items among those that are ranked up to the place where
            this recall is reached.

    Examples:
        >>> found = zoo.metrics.retrieval(np.eye(3).repeat(2, axis=0), [0, 0, 1, 1, 2, 2], k=1)
        >>> found.precision_at_k
        1.0
    """

    mean_average_precision: float
    precision_at_k: float
    recalls: np.ndarray
    precisions: np.ndarray


def retrieval(
    queries: ArrayLike,
    y: ArrayLike,
    items: ArrayLike | None = None,
    y_items: ArrayLike | None = None,
    *,
    metric: str | Callable = "cosine",
    k: int = 10,
    recalls: Sequence[float] = RECALLS,
    seed: int = 0,
) -> Retrieval:
    """Rank items by their distance to each query; items with the query's label are relevant.

    Items of equal distance are ranked in an order drawn once by the seed, so that the order of the
    data does not matter. Queries without any relevant item are left out.

    Args:
        queries: codes, or any vectors, [m, dimensions]. y: their labels, integers [m].
        items: what is searched, [n, dimensions]; None for the other queries.
        y_items: the labels of the items, integers [n].
        metric: "cosine", "euclidean", "hamming" for bits, or a function from queries
            [some, dimensions] and items to distances [some, n].
        k: for the precision at k, from 1 to the number of items.
        recalls: above 0 and at most 1.
        seed: the seed of the order of equal distances.

    Raises:
        ValueError: labels or shapes that do not fit, k or recalls out of range, an unknown metric,
            or no query with a relevant item.

    Examples:
        >>> codes = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
        >>> zoo.metrics.retrieval(codes, [0, 0, 1, 1], k=1).mean_average_precision
        1.0

    Source: Manning, Raghavan and Schütze 2008, Introduction to information retrieval, section 8.4.
    """
    asked = _vectors(queries, "queries")
    labels = true_labels(y, len(asked))
    among_themselves = items is None
    searched, classes = asked, labels
    if not among_themselves:
        searched = _vectors(items, "items")
        if y_items is None:
            raise ValueError("items are given without y_items, their labels.")
        classes = true_labels(y_items, len(searched), "y_items")
    if asked.shape[1] != searched.shape[1]:
        raise ValueError(
            f"queries have {asked.shape[1]} dimensions and items {searched.shape[1]}; give codes "
            "of one model."
        )
    n = len(searched) - among_themselves
    k = whole("k", k, least=1)
    if k > n:
        raise ValueError(f"k is {k}; {n} items are searched, so give 1 to {n}.")
    if metric == "hamming" and not all(np.isin(a, (0, 1)).all() for a in (asked, searched)):
        raise ValueError("metric='hamming' compares bits; these are other values than 0 and 1.")
    levels = np.asarray(recalls, "float64")
    if not ((levels > 0) & (levels <= 1)).all():
        raise ValueError(f"recalls are {recalls}; give numbers above 0 and at most 1.")
    distances = _distances(metric)
    order = np.random.default_rng(seed).permutation(len(searched))
    searched, classes = searched[order], classes[order]
    own = np.argsort(order)  # where each query is among the shuffled items
    total, count = np.zeros(2 + len(levels)), 0
    step = max(1, _AT_ONCE // len(searched))
    for start in range(0, len(asked), step):
        some = slice(start, start + step)
        apart = np.asarray(distances(asked[some], searched), "float64")
        if among_themselves:
            apart[np.arange(len(apart)), own[some]] = np.inf
        ranked = np.argsort(apart, axis=1, kind="stable")[:, :n]
        relevant = classes[ranked] == labels[some, None]
        relevant = relevant[relevant.any(axis=1)]
        total += _sums(relevant, k, levels)
        count += len(relevant)
    if not count:
        raise ValueError("No query has an item with its label: the labels do not fit.")
    average, at_k, *precisions = (total / count).tolist()
    return Retrieval(average, at_k, levels, np.array(precisions))


def _sums(relevant, k, levels):
    """Return the sums over queries of average precision, precision at k and at each recall."""
    found = np.cumsum(relevant, axis=1)
    precision = found / np.arange(1, relevant.shape[1] + 1)
    many = found[:, -1:]
    average = ((precision * relevant).sum(axis=1) / many[:, 0]).sum()
    needed = np.ceil(levels * many - 1e-9)  # [queries, levels]
    at = [np.argmax(found >= need[:, None], axis=1) for need in needed.T]
    rows = np.arange(len(relevant))
    return np.array([average, precision[:, k - 1].sum(), *(precision[rows, p].sum() for p in at)])


def _distances(metric) -> Callable:
    if callable(metric):
        return metric
    if metric in ("euclidean", "hamming"):  # of bits, the squared distance is the number of others
        return _squared
    if metric == "cosine":
        return lambda a, b: -unit(a) @ unit(b).T
    raise ValueError(f"metric is {metric!r}; choose 'cosine', 'euclidean' or 'hamming'.")


def _squared(a, b):
    return (b * b).sum(axis=1) - 2 * a @ b.T  # and |a|^2, which does not change the order


def unit(a: np.ndarray) -> np.ndarray:
    """Return vectors [n, dimensions] with length 1; vectors of zeros do not change."""
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-30)


def _vectors(a, name) -> np.ndarray:
    a = np.asarray(a)
    if a.ndim < 2 or a.dtype.kind not in "fiub" or not len(a):
        raise ValueError(f"{name} have the shape {a.shape}; numbers (n, dimensions) are expected.")
    a = a.reshape(len(a), -1).astype("float32")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} hold NaN or infinite values; remove these rows first.")
    return a
