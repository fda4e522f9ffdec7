"""Search of images by short and long binary codes, beside the distance of pixels."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.metrics.retrieval import retrieval, unit
from zoo.models.binary import BinaryAutoencoder
from zoo.plots.picture import Picture
from zoo.plots.sheets import show
from zoo.search import Index, bits, nearest

EPOCHS = 10
SHORT, LONG = 28, 256  # bits
RADIUS = 4  # bits of 28 in which an image of the shortlist may differ
QUERIES = 1000
SHOWN = 4  # queries of each data set in the picture, with eight hits each
SETS = {"cifar10_jpeg": (1024,), "fashion_mnist": (1024,)}  # with hidden units
BALANCE = {SHORT: 10.0, LONG: 1.0}
QUICK = {"QUERIES": 20}


@experiment(minutes=10)
def image_search(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Search images by 28 bits, 256 bits, and the Euclidean distance of pixels."""
    rows, shown = [], {}
    for name, units in SETS.items():
        (x, y), (queries, y_queries) = data.load(name)
        queries, y_queries = queries[:QUERIES], y_queries[:QUERIES]
        pixels, asked = (a.reshape(len(a), -1) for a in (x, queries))
        searches: dict[str, tuple] = {
            "pixels, Euclidean distance": (asked, pixels, "euclidean"),
            "pixels, cosine": (asked, pixels, "cosine"),
        }
        coded = {}
        for length in (SHORT, LONG):
            model = _trained(x, length, units, epochs, verbose)
            coded[length] = index = Index(model)
            index.add(x)
            codes = index.encode(queries)
            searches[f"{length} bits"] = codes, index.codes, "hamming"
        short, long = (searches[f"{length} bits"] for length in (SHORT, LONG))
        both = (np.concatenate([a, b], axis=1) for a, b in zip(short[:2], long[:2], strict=True))
        searches[f"{LONG} bits on the shortlist of {SHORT}"] = (*both, _on_shortlist)
        hits = {}
        for how, (some, items, metric) in searches.items():
            found = retrieval(some, y_queries, items, y, metric=metric, k=10)
            search = _prepared(items, metric, coded)
            ten = search(some)
            rows.append(
                [
                    f"{name}: {how}",
                    round(100 * found.precision_at_k, 1),
                    round(100 * found.mean_average_precision, 1),
                    _speed(search, some),
                ]
            )
            hits[how] = x[ten[:SHOWN, :8]]
            if verbose:
                print(*rows[-1], flush=True)
        pictured = ("pixels, Euclidean distance", f"{SHORT} bits", f"{LONG} bits")
        shown[name] = queries[:SHOWN], {how: hits[how] for how in pictured}
    return Table(
        "Images found by images of the same class",
        f"The first {QUERIES:,} test images are searched among all training images, 50,000 or "
        "60,000; images of the query's class are right. Precision in percent among the 10 nearest, "
        "and mean average precision; equal distances in random order. Dense networks with hidden "
        f"units {', '.join(f'{units} for {name}' for name, units in SETS.items())}, {epochs} "
        "epochs, bits by rounding, balance 10 for 28 bits and 1 for 256; labels are not used. A "
        "shortlist holds the images that "
        f"differ in at most {RADIUS} of {SHORT} bits; the others follow it. Queries a second for "
        "the 10 nearest, all queries at once, on two cores: pixels by faiss or scikit-learn. "
        "Settings were chosen on 1,000 training images that were held out.",
        ("search", "precision at 10", "mean average precision", "queries a second"),
        rows,
        _picture(shown),
    )


def _on_shortlist(queries, items):
    first, long = bits.distances(queries[:, :SHORT], items[:, :SHORT]), slice(SHORT, None)
    return bits.distances(queries[:, long], items[:, long]) + 1000 * (first > RADIUS)


def _trained(x, length, units, epochs, verbose) -> BinaryAutoencoder:
    keras.utils.set_random_seed(SEED)
    likelihood = "bernoulli" if x.shape[-1] == 1 else "squared_error"
    model = BinaryAutoencoder(
        x.shape[1:],
        length,
        balance=BALANCE[length],
        hidden_units=units,
        likelihood=likelihood,
        seed=SEED,
    )
    fit(model, x, epochs, 1e-3, verbose)
    return model


def _prepared(items: np.ndarray, metric: Any, coded: dict) -> Callable:
    """Return a function from queries to the rows of their 10 nearest items, int64 [n, 10]."""
    if metric == "hamming":
        index = coded[items.shape[1]]
        return lambda queries: index.query_codes(queries, 10).rows
    if callable(metric):
        apart: Callable = metric
        return lambda queries: np.argsort(apart(queries, items), axis=1, kind="stable")[:, :10]
    scaled: Callable = unit if metric == "cosine" else np.asarray
    searched = nearest.NearestVectors(scaled(items), nearest.chosen("auto"))
    return lambda queries: searched.search(scaled(queries), 10)[0]


def _speed(search: Callable, queries) -> int:
    """Return how many queries a second are answered, the median of three runs."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        search(queries)
        taken.append(time.perf_counter() - start)
    return int(float(f"{len(queries) / np.median(taken):.2g}"))


def _picture(shown) -> Picture:
    """Draw, for each data set, queries with eight hits by each search."""
    figure = Picture(figsize=(13, 2.6 * len(shown)), dpi=100, layout="constrained")
    grid = figure.subplots(len(shown), 3, squeeze=False)
    for row, (name, (queries, hits)) in zip(grid, shown.items(), strict=True):
        for axes, (how, found) in zip(row, hits.items(), strict=True):
            both = np.concatenate([queries[:, None], found], axis=1)
            show(axes, both.reshape(-1, *queries.shape[1:]), both.shape[1])
            axes.set_title(f"{name}: {how}", fontsize=8)
    return figure
