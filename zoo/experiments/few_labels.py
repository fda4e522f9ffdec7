"""Classification from few labels: models of the zoo compared with simple classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo import data
from zoo.experiments.anomaly_tables import rows_of
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table
from zoo.nn.distributions.columns import is_constant

SEEDS = (1, 2, 3)
QUICK: dict[str, Any] = {"SEEDS": (1,)}
FEWEST, MOST = 3, 60  # labels per class if classes have unequal numbers
CLOTHES, CLOTHES_TEST = 1200, 2000  # images
EPOCHS, BATCH_SIZE = 60, 128
HIDDEN_UNITS = (128,)
ZOO = ("M1", "M2", "SemiSupervisedAAE")


@experiment(minutes=60)
def few_labels(epochs: int = EPOCHS, verbose: int | str = 0) -> Table:
    """Classify digits, clothes and tables from few labels by models of the zoo and by others."""
    from sklearn.metrics import balanced_accuracy_score

    methods = _methods(epochs, verbose)
    rows = []
    for name, split in SPLITS.items():
        found: dict[str, list] = {method: [] for method in methods}
        for seed in SEEDS:
            x, y, x_test, y_test = split(seed)
            for method, predict in methods.items():
                labels = predict(x, y, x_test, seed)
                found[method].append(100 * balanced_accuracy_score(y_test, labels))
        rows.append([name, *(f"{np.mean(v):.1f} ± {np.std(v):.1f}" for v in found.values())])
    return Table(
        "Classes from few labels",
        "Balanced accuracy on test rows in percent: the mean of the shares of each class that are "
        "classified rightly. Mean and standard deviation over the seeds "
        f"{', '.join(map(str, SEEDS))}, which choose the labeled rows, and of tables the test "
        "rows, too. Digits: 1,437 images of 8x8 pixels, 100 labels, 10 a class, or from "
        f"{FEWEST} to {MOST} a class, in equal ratios and random order. Clothes: {CLOTHES:,} "
        f"images of Fashion-MNIST at 14x14 pixels, {FEWEST} to {MOST} labels a class, tested on "
        f"{CLOTHES_TEST:,}. Tumors: scikit-learn's table of breast cancer, 30 columns, "
        f"{FEWEST} labels of malignant and {MOST} of benign ones; cardio: ADBench, 21 columns, "
        f"{FEWEST} labels of anomalies and {MOST} of others; three quarters of the rows to train, "
        "in standard deviations. All methods get the same rows. Logistic regression, "
        "C=1, class_weight='balanced', on the labeled rows alone; self-training of it, "
        "with a threshold of 0.9; label spreading between 7 nearest neighbors with alpha=0.2, and "
        "label propagation between them; all of scikit-learn. M1, M2 and SemiSupervisedAAE: "
        f"`zoo.sklearn.SemiSupervisedClassifier`, {epochs} epochs of batches of {BATCH_SIZE}, "
        f"hidden_units={HIDDEN_UNITS}, for images likelihood='bernoulli', nothing else set. C, "
        "class_weight, neighbors and alpha were chosen on a quarter of the training rows of these "
        "data and of another table, satellite, with the seeds 0 and 100 (of the tables, some of "
        "these rows are test rows of another seed). So were the weights of labels and alpha in the "
        "spreading of M1, but without satellite; M2 and SemiSupervisedAAE were not tuned.",
        ("data", *methods),
        rows,
    )


# Data


def draw(y: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    """Return labels [n]: `counts` known labels of each class, and -1 for the others.

    Args:
        y: classes [n], from 0. counts: number of known labels by class. seed: seed of the choice.
    """
    generator = np.random.default_rng(seed)
    few = np.full(len(y), -1)
    for label, count in enumerate(counts):
        places = np.flatnonzero(y == label)
        few[generator.choice(places, min(count, len(places)), replace=False)] = label
    return few


def unequal(classes: int, seed: int) -> np.ndarray:
    """Return numbers of labels per class, from 3 to 60 in equal ratios, in random order."""
    counts = np.round(np.geomspace(FEWEST, MOST, classes)).astype(int)
    return np.random.default_rng(seed).permutation(counts)


def _digits(counts):
    def split(seed):
        (x, y), (x_test, y_test) = data.load("digits")
        return _rows(x), draw(y, counts(seed), seed), _rows(x_test), y_test

    return split


def _clothes(seed):
    (x, y), (x_test, y_test) = data.load("fashion_mnist")
    x, y, x_test, y_test = x[:CLOTHES], y[:CLOTHES], x_test[:CLOTHES_TEST], y_test[:CLOTHES_TEST]
    x, x_test = (a.reshape(len(a), 14, 2, 14, 2).mean(axis=(2, 4)) for a in (x, x_test))
    return _rows(x), draw(y, unequal(10, seed), seed), _rows(x_test), y_test


def _tumors(seed):
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)  # 0 is malignant
    return _of_table(x, y, (FEWEST, MOST), seed)


def _cardio(seed):
    x, y = rows_of("cardio")
    return _of_table(x.astype("float64"), y.astype(int), (MOST, FEWEST), seed)


def _of_table(x, y, counts, seed):
    from sklearn.model_selection import train_test_split

    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation = np.where(is_constant(x, deviation), 1.0, deviation)
    x, x_test = ((a - mean) / deviation for a in (x, x_test))
    return x, draw(y, np.array(counts), seed), x_test, y_test


def _rows(images):
    return images.reshape(len(images), -1)


SPLITS: dict[str, Callable] = {
    "digits, 10 labels a class": _digits(lambda seed: np.full(10, 10)),
    "digits, 3 to 60": _digits(lambda seed: unequal(10, seed)),
    "clothes, 3 to 60": _clothes,
    "tumors, 3 and 60": _tumors,
    "cardio, 3 and 60": _cardio,
}
"""Functions by name: a seed to x, y, x_test, y_test; x has rows, and y is -1 if unknown."""
QUICK["SPLITS"] = {name: SPLITS[name] for name in ("digits, 3 to 60", "tumors, 3 and 60")}


# Methods


def _methods(epochs, verbose) -> dict[str, Callable]:
    """Return functions by name: x, y, x_test and a seed to the predicted classes of x_test."""
    from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

    neighbors = {"kernel": "knn", "n_neighbors": 7, "max_iter": 3000}
    simple = {
        "logistic regression": _logistic,
        "self-training": lambda: SelfTrainingClassifier(_logistic(), threshold=0.9),
        "label spreading": lambda: LabelSpreading(alpha=0.2, **neighbors),
        "label propagation": lambda: LabelPropagation(**neighbors),
    }
    methods = {name: _of_scikit_learn(make) for name, make in simple.items()}
    return methods | {name: _of_zoo(name, epochs, verbose) for name in ZOO}


def _logistic():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(class_weight="balanced", max_iter=2000)


def _of_scikit_learn(make):
    def predict(x, y, x_test, seed):
        del seed
        estimator = make()
        known = y >= 0 if type(estimator) is type(_logistic()) else np.full(len(y), True)
        return estimator.fit(x[known], y[known]).predict(x_test)

    return predict


def _of_zoo(name, epochs, verbose):
    from zoo.sklearn import SemiSupervisedClassifier

    def predict(x, y, x_test, seed):
        settings: dict[str, Any] = {"hidden_units": HIDDEN_UNITS}
        if x.min() >= 0 and x.max() <= 1:
            settings["likelihood"] = "bernoulli"
        classifier = SemiSupervisedClassifier(
            name,
            epochs=epochs,
            batch_size=BATCH_SIZE,
            standardize=False,
            random_state=seed,
            verbose=verbose,
            **settings,
        )
        return classifier.fit(x, y).predict(x_test)

    return predict
