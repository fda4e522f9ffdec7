"""The result of an experiment, and functions for training and measuring in experiments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from zoo import metrics
from zoo.checks.names import UnknownNameError
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.metrics.card_metrics import rounded
from zoo.plots.animations import Animation
from zoo.pretraining.mean_start import start_at_mean
from zoo.recipes import training

SEED = 1


@dataclass(frozen=True)
class Table:
    """The result of an experiment.

    Attributes:
        title: one line.
        protocol: data, networks, epochs, and the meaning of the values.
        columns: the names of the columns; the first column holds the name of the row.
        rows: lists of values, one for each column; a row that was not run has only its name.
        figure: a picture, or None.
        animation: a moving picture, or None.
    """

    title: str
    protocol: str
    columns: tuple[str, ...]
    rows: list[list[Any]]
    figure: Figure | None = None
    animation: Animation | None = None


def chosen_rows(only: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the names of the rows to run: the chosen ones, or all.

    Raises:
        UnknownNameError: there is no such row.
    """
    names = list(names)
    for name in only:
        if name not in names:
            raise UnknownNameError("row", name, names)
    return list(only) or names


def with_earlier_rows(rows: list[list], earlier: list[list]) -> list[list]:
    """Return rows, where rows that were not run come from an earlier table or are left out."""
    before = {row[0]: row for row in earlier}
    found = [row if len(row) > 1 else before.get(row[0]) for row in rows]
    return [row for row in found if row is not None]


def fit(
    model: Any,
    x: np.ndarray,
    epochs: int,
    rate: float,
    verbose: int | str,
    labels: np.ndarray | None = None,
    seed: int = SEED,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train with Adam and a cosine decay of the rate to a hundredth of `rate`."""
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(x) // 128)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(x, labels, epochs=epochs, verbose=verbose, callbacks=[*callbacks])


def fit_recipe(
    recipe: Any,
    x: np.ndarray,
    y: np.ndarray | None,
    epochs: int | None,
    verbose: int | str,
    model_class: type | None = None,
    states: States = NOT_KEPT,
) -> Any:
    """Train a recipe's model on images; `epochs` of None means the recipe's number."""
    keras.utils.set_random_seed(recipe.seed)
    model = training.make_model(recipe, model_class)
    if recipe.start:
        start_at_mean(model, x)
    fit_as_recipe(model, recipe, x, y, epochs, verbose, states)
    return model


def fit_as_recipe(
    model: Any,
    recipe: Any,
    x: np.ndarray,
    y: np.ndarray | None,
    epochs: int | None,
    verbose: int | str,
    states: States = NOT_KEPT,
) -> None:
    """Train a model with the optimizer and the batches of a recipe; `epochs` as in `fit_recipe`."""
    epochs = epochs or recipe.epochs
    model.compile(training.make_optimizer(model, recipe, epochs * -(-len(x) // recipe.batch_size)))
    images = x, y if model.learns_labels else None
    options = {"batch_size": recipe.batch_size, "epochs": epochs, "verbose": verbose}
    states.fit(model, *images, settings=recipe, **options)


def error(model: Any, x: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Return the mean squared error of reconstructions, with four significant digits."""
    return rounded(metrics.reconstruction_error(model, x, labels))


def pca_error(x: np.ndarray, x_test: np.ndarray, dimensions: int) -> float:
    """Return the squared error of PCA, summed over pixels, per test image."""
    from sklearn.decomposition import PCA

    x, x_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))
    pca = PCA(dimensions, svd_solver="covariance_eigh").fit(x)
    return rounded(metrics.squared_error(pca.inverse_transform(pca.transform(x_test)), x_test))
