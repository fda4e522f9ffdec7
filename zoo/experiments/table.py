"""What an experiment finds, and what all of them train and measure with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from zoo import metrics
from zoo.metrics.card_metrics import rounded
from zoo.presets import training

SEED = 1


@dataclass(frozen=True)
class Table:
    """What an experiment found.

    Attributes:
        title: one line.
        protocol: data, networks, epochs, what a figure means.
        columns: their names; the first names the row.
        rows: as many values each.
        figure: a picture, or None.
    """

    title: str
    protocol: str
    columns: tuple[str, ...]
    rows: list[list[Any]]
    figure: Figure | None = None


def fit(model, x, epochs, rate, verbose, labels=None, seed=SEED):
    """Train by Adam with a rate that falls to a hundredth of `rate` by a cosine."""
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(x) // 128)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(x, labels, epochs=epochs, verbose=verbose)


def fit_recipe(recipe, x, y, epochs, verbose):
    """Train a recipe's model on images, for other than its epochs if these are given."""
    epochs = epochs or recipe.epochs
    keras.utils.set_random_seed(recipe.seed)
    model = training.make_model(recipe)
    model.compile(training.make_optimizer(model, recipe, epochs * -(-len(x) // recipe.batch_size)))
    y = y if model.learns_labels else None
    model.fit(x, y, batch_size=recipe.batch_size, epochs=epochs, verbose=verbose)
    return model


def error(model, x, labels=None):
    """Return the mean squared error of reconstructions, to four digits."""
    return rounded(metrics.reconstruction_error(model, x, labels))


def pca_error(x, x_test, dimensions):
    """Return the squared error of PCA, summed over pixels, per test image."""
    from sklearn.decomposition import PCA

    x, x_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))
    pca = PCA(dimensions, svd_solver="covariance_eigh").fit(x)
    return rounded(metrics.squared_error(pca.inverse_transform(pca.transform(x_test)), x_test))
