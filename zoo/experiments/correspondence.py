"""Correspondence autoencoders beside canonical correlation analysis: a view found by another."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.metrics.retrieval import retrieval, unit
from zoo.metrics.search import canonical_variates
from zoo.models.correspondence import VARIANTS, CorrespondenceAutoencoder
from zoo.plots.picture import Picture
from zoo.plots.sheets import show

EPOCHS = 6
ALPHAS = (0.2, 0.5, 0.9, 0.98)
COMPONENTS, PRINCIPAL = (8, 16), (64, 128, 200)  # of CCA, and of the PCA of each view before it
LATENT = 32
VALIDATION = 2000
SEARCHED = 5000  # test pairs
FOR_CCA = 10_000  # training pairs
SHOWN = 6  # queries in the picture
QUICK = {
    "VALIDATION": 40,
    "SEARCHED": 60,
    "ALPHAS": (0.9,),
    "COMPONENTS": (2,),
    "PRINCIPAL": (4,),
}


@experiment(minutes=20)
def correspondence(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Find lower halves of digits by upper halves, garments by words, and the other way round."""
    rows, curves, shown = [], {}, {}
    for name, pairs in {"halves of digits": _halves(), "garments and words": _garments()}.items():
        (x, y, labels), (x_test, y_test, test_labels) = pairs
        held_out = slice(len(x) - VALIDATION, None)
        train = slice(0, len(x) - VALIDATION)
        validation = x[held_out], y[held_out], labels[held_out]
        test = x_test[:SEARCHED], y_test[:SEARCHED], test_labels[:SEARCHED]
        # Canonical correlation analysis, with the best numbers of components.
        found = [
            (_both_ways(project, *validation), settings, project)
            for settings, project in _cca(x[train], y[train])
        ]
        (best, settings, project) = max(found, key=lambda one: sum(one[0]))
        rows.append([f"{name}: CCA", settings, *_both_ways(project, *test)])
        curves[name] = {"CCA": [sum(best) / 2] * len(ALPHAS)}
        for variant in VARIANTS:
            made = []
            for alpha in ALPHAS:
                model = _trained(x[train], y[train], variant, alpha, epochs, verbose)
                made.append((_both_ways(_coded(model), *validation), alpha, model))
                if verbose:
                    print(name, variant, alpha, made[-1][0], flush=True)
            curves[name][variant] = [sum(scores) / 2 for scores, *_ in made]
            _, alpha, model = max(made, key=lambda one: sum(one[0]))
            rows.append(
                [f"{name}: {variant}", f"alpha = {alpha}", *_both_ways(_coded(model), *test)]
            )
            if variant == "full":
                shown[name] = _found(model, *test[:2])
    return Table(
        "One view found by the other: mean average precision in percent",
        "Upper and lower halves of MNIST's digits; garments of Fashion-MNIST and words: the name "
        "of the class, and one of three words each for brightness, width, height and texture, at "
        f"the thirds of the training set. {SEARCHED:,} test pairs: each view is searched by the "
        "other, by cosine; items of the same class are right. CCA: scikit-learn's, of "
        f"{FOR_CCA:,} pairs, after a PCA of each view. Autoencoders: codes of {LATENT} numbers, "
        f"hidden units (512, 256), {epochs} epochs. Components and alpha are those of the best "
        f"mean on {VALIDATION:,} training pairs that were held out; the picture has the means of "
        "these, by alpha.",
        ("method", "settings", "second by first", "first by second"),
        rows,
        _picture(curves, shown),
    )


def _halves() -> tuple:
    """Return the upper and lower halves of MNIST's digits with their labels, for both parts."""
    return tuple((x[:, :14], x[:, 14:], y) for x, y in data.load("mnist"))


def _garments() -> tuple:
    """Return garments, words as 0 and 1, and labels, for both parts."""
    train, test = data.load("fashion_mnist")
    thirds = np.quantile(_measured(train[0]), (1 / 3, 2 / 3), axis=0)  # [2, measures]
    return tuple((x, _words(x, y, thirds), y) for x, y in (train, test))


def _measured(x) -> np.ndarray:
    """Return brightness, width, height and texture of garments, [n, 4]."""
    ink = x[..., 0] > 0.1
    body = np.maximum(ink.sum(axis=(1, 2)), 1)
    brightness = x.sum(axis=(1, 2, 3)) / body
    width, height = ink.any(axis=1).sum(axis=1), ink.any(axis=2).sum(axis=1)
    steps = np.abs(np.diff(x[..., 0], axis=1)) * (ink[:, 1:] & ink[:, :-1])
    return np.stack([brightness, width, height, steps.sum(axis=(1, 2)) / body], axis=1)


def _words(x, y, thirds) -> np.ndarray:
    """Return which words describe garments, float32 [n, 10 classes and 3 words a measure]."""
    levels = (_measured(x)[:, None] > thirds).sum(axis=1)  # [n, measures], 0 to 2
    described = [np.eye(3, dtype="float32")[level] for level in levels.T]
    return np.concatenate([np.eye(10, dtype="float32")[y], *described], axis=1)


def _cca(x, y) -> list:
    """Return settings in words, and functions from both views to their canonical variates."""
    pairs = x[:FOR_CCA], y[:FOR_CCA]
    return [
        (f"{k} components of {principal}", canonical_variates(*pairs, k, principal))
        for principal in PRINCIPAL
        for k in COMPONENTS
    ]


def _trained(x, y, variant, alpha, epochs, verbose) -> CorrespondenceAutoencoder:
    keras.utils.set_random_seed(SEED)
    model = CorrespondenceAutoencoder(
        x.shape[1:], LATENT, second_shape=y.shape[1:], variant=variant, alpha=alpha, seed=SEED
    )
    model.compile("adam")
    model.fit(x, y, epochs=epochs, batch_size=256, verbose=verbose)
    return model


def _coded(model: CorrespondenceAutoencoder) -> Any:
    return lambda x, y: (model.encode(x), model.encode_second(y))


def _both_ways(project, x, y, labels) -> list[float]:
    """Return the mean average precision of second views by first ones, and the reverse."""
    a, b = project(x, y)
    ways = (a, labels, b, labels), (b, labels, a, labels)
    return [round(100 * retrieval(*way).mean_average_precision, 1) for way in ways]


def _found(model, x, y) -> tuple:
    """Return queries, the first views nearest to their second views, and decoded second views."""
    codes, others = model.encode(x), model.encode_second(y)
    a, b = unit(codes), unit(others)
    nearest = np.argsort(-b[:SHOWN] @ a.T, axis=1)[:, :8]
    return x[:SHOWN], x[nearest]


def _picture(curves, shown) -> Picture:
    """Draw the curves over alpha, and the first views that were found by second ones."""
    figure = Picture(figsize=(9, 3.6 * len(curves)), dpi=100, layout="constrained")
    grid = figure.subplots(len(curves), 2, squeeze=False)
    for (left, right), name in zip(grid, curves, strict=True):
        for method, values in curves[name].items():
            left.plot(range(len(ALPHAS)), values, "--" if method == "CCA" else "o-", label=method)
        left.set_xticks(range(len(ALPHAS)), list(map(str, ALPHAS)))
        left.set(xlabel="alpha", ylabel="mean average precision, %", title=name)
        left.legend(fontsize=7)
        first, found = shown[name]
        both = np.concatenate([first[:, None], found], axis=1)
        show(right, both.reshape(-1, *first.shape[1:]), both.shape[1])
        right.set_title("pair of the query, and what its other view finds", fontsize=8)
    return figure
