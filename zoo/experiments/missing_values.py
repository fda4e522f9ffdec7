"""Anomalies in rows with missing values: a detector that learns with them, or from filled rows."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from zoo.anomaly import Detector
from zoo.experiments import anomaly_tables
from zoo.experiments.imputation import removed
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table
from zoo.nn.distributions.columns import GaussianColumns

# Tables with at most 2,000 rows; the defaults were chosen on others, but these were seen, too.
TABLES = ("cardio", "letter", "Lymphography", "Pima", "vertebral", "vowels")
SHARES, TRIALS, EPOCHS = (0.0, 0.1, 0.3, 0.5), 2, 20
METHODS = ("as they are", "filled by the mean", "filled by IterativeImputer", "forest, filled")
QUICK: dict[str, Any] = {"TABLES": ("vertebral",), "SHARES": (0.3,), "TRIALS": 1}


@experiment(minutes=15)
def missing_values(epochs: int = EPOCHS, verbose: int | str = 0) -> Table:
    """Detect anomalies in six tables of which up to half of the values are missing."""
    rows = []
    for share in SHARES:
        found = [
            np.mean([areas(n, share, t, epochs, verbose) for t in range(1, TRIALS + 1)], axis=0)
            for n in TABLES
        ]
        for name, values in zip((*TABLES, "mean"), (*found, np.mean(found, axis=0)), strict=True):
            rows.append([f"{name}, {share:.0%} missing", *np.round(values, 3).tolist()])
    return Table(
        "Anomalies in rows with missing values",
        f"Area under the ROC curve, mean of {TRIALS} trials: tables of ADBench, 60 % of the rows "
        f"to train, anomalies among them, and 40 % to test, split with the seeds 1 to {TRIALS}; of "
        "both, values are removed at random with the same probability for all. As they are: "
        '`zoo.anomaly.Detector("VAE", likelihood=zoo.GaussianColumns.adapted(x, '
        f'missing="learn"))`, {epochs} epochs, nothing else set. Filled: the training rows fit an '
        "imputer of scikit-learn that fills both, then "
        f'`Detector("VAE", standardize=True)`, {epochs} epochs, which all three are if '
        "nothing is missing. Forest: scikit-learn's IsolationForest with its defaults on the rows "
        "filled by the mean. No setting was chosen on these trials.",
        ("table", *METHODS),
        rows,
    )


def areas(
    name: str, share: float, trial: int, epochs: int = EPOCHS, verbose: int | str = 0
) -> list[float]:
    """Return the areas under the ROC curve of the four methods.

    Args:
        name, trial: as for `zoo.experiments.anomaly_tables.split`.
        share: the probability that a value is removed, from 0 to 1/2.
        epochs, verbose: of the trainings.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, SimpleImputer
    from sklearn.metrics import roc_auc_score

    whole, whole_test, y_test = anomaly_tables.split(name, trial)
    x, x_test = (
        np.where(removed(rows, share, False, trial + 100 * part), np.float32(np.nan), rows)
        for part, rows in enumerate((whole, whole_test))
    )
    filled = []
    for imputer in (SimpleImputer(), IterativeImputer(random_state=trial)):
        with warnings.catch_warnings():  # the second one may stop before it has converged
            warnings.simplefilter("ignore")
            both = imputer.fit_transform(x), imputer.transform(x_test)
        filled.append([rows.astype("float32") for rows in both])
    if share == 0:  # all three are the same rows
        scores = [_scores(x, x_test, trial, epochs, verbose)] * 3
    else:
        scores = [
            _scores(rows, test, trial, epochs, verbose) for rows, test in ((x, x_test), *filled)
        ]
    forest = IsolationForest(random_state=trial).fit(filled[0][0])
    scores.append(-forest.score_samples(filled[0][1]))
    return [float(roc_auc_score(y_test, score)) for score in scores]


def _scores(x, x_test, trial, epochs, verbose):
    keras.utils.set_random_seed(trial)
    if np.isnan(x).any():
        detector = Detector("VAE", likelihood=GaussianColumns.adapted(x, missing="learn"))
    else:
        detector = Detector("VAE", standardize=True)
    return detector.fit(x, epochs=epochs, verbose=verbose).scores(x_test)
