"""Anomaly detection: images of one class against all others, and abnormal heartbeats."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data
from zoo.anomaly import Detector
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit

# Results of Deep SVDD in percent: Ruff et al. 2018 (Deep one-class classification, ICML), table 1.
DEEP_SVDD = (98.0, 99.7, 91.7, 91.9, 94.9, 88.5, 98.3, 94.6, 93.9, 96.5)

STEPS = 140  # of a heartbeat
QUICK = {"STEPS": 28}
FOREST, MACHINE = "isolation forest", "one-class SVM"


@experiment(minutes=15)
def one_class_mnist(epochs: int = 25, verbose: int | str = 2) -> Table:
    """Train a VAE on the images of one digit, and detect the other digits, for all ten digits."""
    rows = [
        [str(digit), reported, *areas]
        for digit, reported, areas in zip(
            range(10), DEEP_SVDD, one_class_areas("mnist", epochs, verbose), strict=True
        )
    ]
    return Table(
        "One digit is normal, the other nine are anomalies",
        f"MNIST: a VAE (784-512-256-16, Gaussian likelihood), {epochs} epochs on the training "
        "images of one digit; area under the ROC curve on all 10,000 test images, in percent. "
        "Reported: Deep SVDD, Ruff et al. 2018. Likelihood, code length and corruption were chosen "
        "on the last 10,000 training images with their labels, by models of the digit 8 (some also "
        "of 2) among the first 50,000; no test label was used.",
        ("normal digit", "Deep SVDD, reported", "negative ELBO at the mean code", "squared error"),
        with_means(rows),
    )


@experiment(minutes=15)
def one_class_fashion_mnist(epochs: int = 25, verbose: int | str = 2) -> Table:
    """Train detectors on the images of one kind of clothes, and detect the others, for all ten."""
    (x, y), (x_test, y_test) = data.load("fashion_mnist")
    x, x_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))
    areas = one_class_areas("fashion_mnist", epochs, verbose)
    rows = []
    for label, name in enumerate(data.SOURCES["fashion_mnist"].classes):
        others = (
            area(y_test != label, -other.fit(x[y == label]).score_samples(x_test))
            for other in _others().values()
        )
        rows.append([name, *areas[label], *others])
    return Table(
        "One kind of clothes is normal, the other nine are anomalies",
        f"Fashion-MNIST: a VAE (784-512-256-16, Gaussian likelihood), {epochs} epochs on the "
        "training images of one class; area under the ROC curve on all 10,000 test images, in "
        "percent. The settings are those of MNIST (one_class_mnist); none was chosen on this data "
        "set. The isolation forest and the one-class SVM are scikit-learn's with their defaults, "
        "on the same images, flat.",
        ("normal class", "negative ELBO at the mean code", "squared error", FOREST, MACHINE),
        with_means(rows),
    )


def one_class_areas(name: str, epochs: int, verbose: int | str) -> list[list[float]]:
    """Return the areas of one VAE per class: by the negative ELBO, and by the squared error."""
    (x, y), (x_test, y_test) = data.load(name)
    found = []
    for label in range(10):
        model = zoo.VAE((28, 28, 1), 16, likelihood="gaussian", seed=SEED)
        fit(model, x[y == label], epochs, 1e-3, verbose)
        scores = (Detector(model, score=s) for s in ("elbo_at_mean", "reconstruction"))
        found.append([area(y_test != label, detector.scores(x_test)) for detector in scores])
    return found


def area(is_anomaly: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve in percent, with two decimals."""
    from sklearn.metrics import roc_auc_score

    return round(100 * float(roc_auc_score(is_anomaly, scores)), 2)


def with_means(rows: list) -> list:
    """Return rows of a name and values, followed by a row with the means of the values."""
    means = np.mean([row[1:] for row in rows], axis=0)
    return [*rows, ["mean", *(round(float(mean), 2) for mean in means)]]


def _others() -> dict:
    """Return scikit-learn's detectors, with their defaults."""
    from sklearn.ensemble import IsolationForest
    from sklearn.svm import OneClassSVM

    return {FOREST: IsolationForest(random_state=SEED), MACHINE: OneClassSVM()}


# In percent: results of a public repository for this split, not of a paper.
ON_HEARTBEATS = {"VAE": 96.2, FOREST: 95.2, MACHINE: 94.3}


@experiment(minutes=10)
def heartbeats(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Train autoencoders of signals on normal heartbeats, and detect the abnormal ones."""
    (x, _), (x_test, y_test) = data.load("ecg5000")
    x, x_test = x[:, :STEPS], x_test[:, :STEPS]
    flat, flat_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))
    rows = []
    models: list[tuple[str, Any, dict]] = [
        ("Autoencoder, conv1d", zoo.Autoencoder, {"network": "conv1d"}),
        ("VAE, conv1d", zoo.VAE, {"network": "conv1d"}),
        ("VAE, dense", zoo.VAE, {"network": "dense"}),
        ("SequenceVAE", zoo.SequenceVAE, {}),
        ("SequenceVAE, autoregressive", zoo.SequenceVAE, {"autoregressive": True}),
    ]
    for name, cls, settings in models:
        model = cls(x.shape[1:], 8, likelihood="gaussian", seed=SEED, **settings)
        fit(model, x, epochs, 1e-3, verbose)
        error = area(y_test, Detector(model, score="reconstruction").scores(x_test))
        reported, elbo = "", ""
        if issubclass(cls, zoo.VAE):
            reported = ON_HEARTBEATS["VAE"] if cls is zoo.VAE else ""
            elbo = area(y_test, Detector(model, score="elbo_at_mean").scores(x_test))
        rows.append([name, reported, error, elbo])
    for name, other in _others().items():
        found = area(y_test, -other.fit(flat).decision_function(flat_test))
        rows.append([name, ON_HEARTBEATS[name], found, ""])
    return Table(
        "Normal heartbeats are learned, the others are found",
        f"ECG5000: {len(x)} normal beats of {x.shape[1]} steps for training, {epochs} epochs with "
        "8 values a code and a Gaussian likelihood; area under the ROC curve on "
        f"{len(x_test)} beats, {int(y_test.sum())} of them not normal, in percent. The settings of "
        "the models are those of the classes and were not chosen by results; scikit-learn's too. "
        "Reported: one public repository, on this split, without settings.",
        ("model", "reported", "squared error, or its own score", "negative ELBO at the mean code"),
        rows,
    )
