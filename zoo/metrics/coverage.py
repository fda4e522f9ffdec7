"""Whether generated items look like real ones and cover them, by nearest neighbors."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.arrays import as_array

# Squared distances are computed as |a|^2 - 2ab + |b|^2. Rounding changes them by far less than this
# share of |a|^2 + |b|^2, so that equal rows count as equal.
_ROUNDING = 1e-12


class PRDC(NamedTuple):
    """How generated items lie among real ones: `zoo.metrics.prdc`.

    Attributes:
        precision: share of generated items inside a ball of a real item, from 0 to 1.
        recall: share of real items inside a ball of a generated item, from 0 to 1.
        density: mean number of balls of real items around a generated item, divided by k; about 1
            for two samples of one distribution, and larger if generated items are where real ones
            are densest.
        coverage: share of real items with a generated item in their ball, from 0 to 1.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 2))
        >>> zoo.metrics.prdc(x, x + 100)  # far apart
        PRDC(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(generated: Any, real: Any, features: keras.Model | None = None, *, k: int = 5) -> PRDC:
    """Return precision, recall, density and coverage of generated items.

    The ball of an item reaches to its k-th nearest neighbor in its own sample. With the generated
    items g_j, j = 1..m, the real items r_i, i = 1..n, and their balls B:

        precision = 1/m sum_j [g_j in any B(r_i)]       recall   = 1/n sum_i [r_i in any B(g_j)]
        density   = 1/(k m) sum_j sum_i [g_j in B(r_i)]   coverage = 1/n sum_i [any g_j in B(r_i)]

    Precision and density measure how real the items look, recall and coverage how much of the real
    data is there. A single outlier has a large ball, which makes precision (of the real items) and
    recall (of the generated ones) too high; density and coverage were proposed for this reason. All
    four depend on the features, on k and on the sizes of the samples: compare equal ones only.

    Args:
        generated: [m, ...], more than k items. real: [n, ...], more than k items.
        features: a Keras model from items to features, an output or several; such as
            `zoo.metrics.last_hidden_layer(classifier)` for images, or
            `zoo.metrics.reference_features(name)`. None takes the items themselves.
        k: the number of the neighbor. 3 in the paper of precision and recall, 5 in that of density
            and coverage.

    Raises:
        ValueError: too few items, other shapes, NaN, or k below 1.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]  # the test images
        >>> found = zoo.metrics.prdc(zoo.load("vae_digits").generate(len(x), seed=0), x)
        >>> 0 < found.recall < found.precision < 1
        True

    Source: Kynkäänniemi et al. 2019 (arXiv 1904.06991), eq. 1 to 3, for precision and recall; Naeem
    et al. 2020 (arXiv 2002.09797), eq. 3 and 4, for density and coverage.
    """
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    k = whole("k", k, least=1)
    a, b = _features(generated, "generated", features), _features(real, "real", features)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"An item of generated has {a.shape[1]} values and one of real {b.shape[1]}; give "
            "items of one shape."
        )
    for name, rows in (("generated", a), ("real", b)):
        if len(rows) <= k:
            raise ValueError(f"{name} has {len(rows)} items; more than k={k} are needed.")
    center = b.mean(axis=0)  # distances of rows near 0 have smaller rounding errors
    a, b = a - center, b - center
    slack = _ROUNDING * max(np.square(a).sum(axis=1).max(), np.square(b).sum(axis=1).max())
    own, others = (
        np.square(NearestNeighbors(n_neighbors=k).fit(rows).kneighbors()[0][:, -1]) + slack
        for rows in (a, b)
    )
    balls, covered, recalled, start = [], np.zeros(len(b), bool), np.zeros(len(b), bool), 0
    for squares in pairwise_distances_chunked(a, b, metric="sqeuclidean"):  # [some, n]
        inside = squares <= others
        balls.append(inside.sum(axis=1))
        covered |= inside.any(axis=0)
        recalled |= (squares <= own[start : start + len(squares), None]).any(axis=0)
        start += len(squares)
    balls = np.concatenate(balls)
    return PRDC(
        float(np.mean(balls > 0)),
        float(recalled.mean()),
        float(balls.mean() / k),
        float(covered.mean()),
    )


def last_hidden_layer(classifier: keras.Model) -> keras.Model:
    """Return a network from items to the input of the classifier's last layer.

    Examples:
        >>> classifier = zoo.metrics.load_reference_classifier("mnist")
        >>> zoo.metrics.last_hidden_layer(classifier).output_shape
        (None, 1600)
    """
    return keras.Model(classifier.inputs, classifier.layers[-1].input)


def _features(items, name, network) -> np.ndarray:
    """Return the features of items as rows, float64 [n, values]."""
    items = as_array(items, name)
    if items.ndim < 2 or items.dtype.kind not in "fiub":
        raise ValueError(f"{name} has the shape {items.shape}; numbers (n, ...) are expected.")
    outputs = [items]
    if network is not None:
        outputs = keras.tree.flatten(network.predict(items, batch_size=500, verbose=0))
    rows = np.concatenate([np.reshape(o, (len(items), -1)) for o in outputs], axis=1)
    rows = rows.astype("float64")
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} has NaN or infinite values or features; remove these items.")
    return rows
