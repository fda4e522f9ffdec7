"""How well codes find items of the same class, or the other view of a pair; also on cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from zoo.metrics.card_metrics import codes_need_no_labels, register
from zoo.metrics.representation import flat_codes
from zoo.metrics.retrieval import retrieval, unit

if TYPE_CHECKING:
    from zoo.models.correspondence import CorrespondenceAutoencoder

COMPONENTS, PRINCIPAL = 16, 200  # of canonical correlation analysis, and of the PCA before it
FOR_CCA = 10_000  # training pairs
SEED = 1  # of the PCA


def pairs_found(
    model: CorrespondenceAutoencoder, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Return how often the nearest code of the other view is that of the same pair, in percent.

    Args:
        model: a `zoo.CorrespondenceAutoencoder`.
        x: first views, float32 [n, *input_shape]. y: second views, [n, *second_shape].

    Returns:
        the share of first views that find their second view among all n, by cosine; and the share
        of second views that find their first one.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> model = zoo.CorrespondenceAutoencoder((4, 8, 1), 4, second_shape=(4, 8, 1))
        >>> second, first = zoo.metrics.pairs_found(model, x[:, :4], x[:, 4:])
        >>> 0 <= second <= 100
        True
    """
    return _found(model.encode(x), model.encode_second(y))


def _found(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return the shares of rows of a and b whose nearest row of the other has their number."""
    near, own = unit(a) @ unit(b).T, np.arange(len(a))
    second, first = (100 * float(np.mean(near.argmax(axis=k) == own)) for k in (1, 0))
    return second, first


def canonical_variates(
    x: np.ndarray, y: np.ndarray, components: int, principal: int
) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function from pairs of views to their canonical variates, fitted on other pairs.

    Args:
        x, y: pairs [n, ...]. components: of canonical correlation analysis, at most as many as
            the principal components of the smaller view.
        principal: the principal components of each view that come before it; of a smaller view
            all but one.
    """
    from sklearn.cross_decomposition import CCA
    from sklearn.decomposition import PCA

    views = [_flat(a) for a in (x, y)]
    bases = [PCA(min(principal, a.shape[1] - 1), random_state=SEED).fit(a) for a in views]
    p, q = (basis.transform(a) for basis, a in zip(bases, views, strict=True))
    cca = CCA(min(components, p.shape[1], q.shape[1]), max_iter=1000).fit(p, q)

    def variates(x, y):
        return cca.transform(*(b.transform(_flat(a)) for b, a in zip(bases, (x, y), strict=True)))

    return variates


def _flat(a) -> np.ndarray:
    return np.reshape(a, (len(a), -1)).astype("float64")


def _found_by_cca(train, x, y) -> tuple[float, float]:
    """Return the same for canonical variates of pairs, fitted on training pairs."""
    first, second = (a[:FOR_CCA] for a in train)
    return _found(*canonical_variates(first, second, COMPONENTS, PRINCIPAL)(x, y))


# On cards


@register(
    "mean average precision",
    "%",
    "items of the query's class among all {n:,} training items, ranked by distance of codes, for "
    "{m:,} test items; {cosine:.2f} % by cosine of the inputs themselves",
    codes_need_no_labels,
)
def _mean_average_precision(e):
    m, (x, y), (train, labels) = len(e.queries[0]), e.queries, e.train
    of_inputs = retrieval(x.reshape(m, -1), y, train.reshape(len(train), -1), labels, k=1)
    more = {"n": len(train), "m": m, "cosine": 100 * of_inputs.mean_average_precision}
    return round(100 * e.retrieval.mean_average_precision, 2), more


@register(
    "precision at 10",
    "%",
    "items of the query's class among the 10 nearest of all {n:,} training items, by distance of "
    "codes, for {m:,} test items; {cosine:.2f} % by cosine of the inputs themselves",
    codes_need_no_labels,
)
def _precision_at_10(e):
    m, (x, y), (train, labels) = len(e.queries[0]), e.queries, e.train
    of_inputs = retrieval(x.reshape(m, -1), y, train.reshape(len(train), -1), labels)
    more = {"n": len(train), "m": m, "cosine": 100 * of_inputs.precision_at_k}
    return round(100 * e.retrieval.precision_at_k, 2), more


@register("constant bits", "of {latent_dim}", "bits that are the same in all test items")
def _constant_bits(e):
    bits = flat_codes(e.model, e.x)
    return int((bits == bits[:1]).all(axis=0).sum()), {"latent_dim": e.model.latent_dim}


for _place, _views in enumerate((("second", "first"), ("first", "second"))):

    def _view_found(e, place=_place):
        x, y = e.queries
        found, by_cca = pairs_found(e.model, x, y), _found_by_cca(e.train, x, y)
        return round(found[place], 2), {"n": len(x), "cca": by_cca[place]}

    register(
        f"{_views[0]} view found",
        "%",
        f"{_views[1]} views whose nearest code of {{n:,}} {_views[0]} views, by cosine, is that of "
        "their pair, in the first test pairs; {cca:.2f} % by canonical correlation analysis",
    )(_view_found)
