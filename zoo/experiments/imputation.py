"""Missing values of tables: the imputer of the zoo beside those of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from zoo.experiments.anomaly_tables import rows_of
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, chosen_rows
from zoo.nn.distributions.columns import LEAST_SPREAD

OF_SKLEARN = ("wine", "iris", "diabetes", "breast_cancer")
OF_ADBENCH = ("annthyroid", "pendigits")
# Tables on whose missing values the defaults of the imputer were chosen.
FOR_CHOICES = ("glass", "Pima", "vowels", "vertebral", "Ionosphere", "cardio")
REMOVED = {
    f"{share:.0%} {how}": (share, how == "large first")
    for how in ("at random", "large first")
    for share in (0.1, 0.3, 0.5)
}
MOST_ROWS, SEEDS = 1000, (1, 2)
METHODS = ("mean", "KNNImputer", "IterativeImputer", "AutoencoderImputer")
QUICK = {"OF_SKLEARN": ("wine",), "OF_ADBENCH": (), "SEEDS": (1,), "MOST_ROWS": 100}
QUICK |= {"REMOVED": {"30% at random": (0.3, False)}}


@experiment(minutes=15, rows=lambda: REMOVED)
def imputation(
    epochs: int | None = None, only: Sequence[str] = (), verbose: int | str = 0
) -> Table:
    """Fill in missing values of six tables, by four imputers."""
    tables, rows = (*OF_SKLEARN, *OF_ADBENCH), []
    run = chosen_rows(only, REMOVED)
    for amount, (share, large_first) in REMOVED.items():
        named = [f"{table}, {amount}" for table in tables]
        if amount not in run:
            rows += [[name] for name in (*named, f"mean, {amount}")]
            continue
        found = []
        for table in tables:
            trials = [measured(table, share, large_first, s, epochs, verbose) for s in SEEDS]
            found.append(np.mean(trials, axis=0))
        rows += [[name, *_rounded(values)] for name, values in zip(named, found, strict=True)]
        rows.append([f"mean, {amount}", *_rounded(np.nanmean(found, axis=0))])
    errors = tuple(f"error, {name}" for name in METHODS)
    accuracies = tuple(f"accuracy, {name}" for name in METHODS)
    length = f" Here: {epochs} epochs each." if epochs else ""
    return Table(
        "Missing values of six tables, filled in",
        f"Root mean squared error of the values that were removed, in standard deviations of the "
        f"whole column; mean over the seeds {', '.join(map(str, SEEDS))} of removal and training. "
        "Whether a value is removed is drawn independently for each value: with the same "
        "probability (at random), or with one that grows in proportion to the value's rank in its "
        "column, from 0 for the least to twice the mean for the largest (large first; not at "
        "random). Tables: "
        f"scikit-learn's, and {', '.join(OF_ADBENCH)} of ADBench, of larger ones "
        f"{MOST_ROWS:,} rows, drawn with seed 0. All imputers fit and fill the same rows, in "
        "standard deviations of the values that were seen, with their defaults. Those of "
        f"AutoencoderImputer were chosen on {', '.join(FOR_CHOICES)} of ADBench (removed: 10 %, 30 "
        "% and 50 % at random, 30 % large first; one seed). Accuracy: of scikit-learn's "
        "LogisticRegression on the filled rows, five shuffled folds, for the tables with classes; "
        f"the imputers see no classes. A row without figures was not run.{length}",
        ("table", *errors, *accuracies, "accuracy, nothing removed"),
        rows,
    )


def measured(
    table: str,
    share: float,
    large_first: bool,
    seed: int,
    epochs: int | None = None,
    verbose: int | str = 0,
) -> list[float]:
    """Return four errors, four accuracies, and the accuracy on the whole table.

    Args:
        table: a name in `OF_SKLEARN`, or of a file of ADBench.
        share, large_first, seed: as for `removed`.
        epochs, verbose: of the training.
    """
    x, y = rows_with_classes(table)
    lost = removed(x, share, large_first, seed)
    incomplete = np.where(lost, np.nan, x)
    mean, deviation = np.nanmean(incomplete, axis=0), np.nanstd(incomplete, axis=0)
    deviation = np.where(deviation > LEAST_SPREAD, deviation, 1.0)
    incomplete = (incomplete - mean) / deviation
    errors, accuracies = [], []
    for make in imputers(seed, epochs, verbose).values():
        with warnings.catch_warnings():  # IterativeImputer may stop before it has converged
            warnings.simplefilter("ignore")
            keras.utils.set_random_seed(seed)
            filled = make().fit_transform(incomplete) * deviation + mean
        errors.append(float(np.sqrt(np.mean(np.square(filled - x)[lost]))))
        accuracies.append(accuracy(filled, y, seed))
    return [*errors, *accuracies, accuracy(x, y, seed)]


def imputers(
    seed: int, epochs: int | None = None, verbose: int | str = 0
) -> dict[str, Callable[[], Any]]:
    """Return functions that make the imputers with their defaults, by name."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

    from zoo.sklearn import AutoencoderImputer

    options = {"epochs": epochs, "verbose": 0 if verbose == "auto" else verbose}
    made = (
        SimpleImputer,
        KNNImputer,
        lambda: IterativeImputer(random_state=seed),
        lambda: AutoencoderImputer(random_state=seed, **options),
    )
    return dict(zip(METHODS, made, strict=True))


def rows_with_classes(table: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return standardized rows, float64 [n, features], and classes [n], or None.

    Columns that are constant are left out, and rows beyond `MOST_ROWS`, by chance with seed 0.
    """
    if table in OF_SKLEARN:
        from sklearn import datasets

        x, y = getattr(datasets, f"load_{table}")(return_X_y=True)
        y = None if table == "diabetes" else y  # a number to predict
    else:
        x, y = rows_of(table)[0], None  # its labels are of outliers
    if len(x) > MOST_ROWS:
        kept = np.random.default_rng(0).permutation(len(x))[:MOST_ROWS]
        x, y = x[kept], None if y is None else y[kept]
    x = x.astype("float64")
    x = x[:, x.std(axis=0) > LEAST_SPREAD * np.abs(x).max(axis=0)]
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def removed(x: np.ndarray, share: float, large_first: bool, seed: int) -> np.ndarray:
    """Return which values of rows [n, features] are removed, bool of the same shape.

    Args:
        share: the mean probability, from 0 to 1/2.
        large_first: whether a value's probability is in proportion to its rank in its column, from
            0 to twice the share.
        seed: of the draw.
    """
    probability: Any = share
    if large_first:
        ranks = x.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
        probability = 2 * share * ranks / (len(x) - 1)
    return np.random.default_rng(seed).random(x.shape) < probability


def accuracy(x: np.ndarray, y: np.ndarray | None, seed: int) -> float:
    """Return the accuracy of a linear classifier in five folds; NaN without classes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    if y is None:
        return float("nan")
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return float(cross_val_score(LogisticRegression(max_iter=1000), x, y, cv=folds).mean())


def _rounded(values):
    return [None if np.isnan(value) else round(float(value), 3) for value in values]
