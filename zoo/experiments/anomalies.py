"""Anomaly detection: digits of one class against all others, heartbeats that are not normal."""

from __future__ import annotations

import numpy as np

import zoo
from zoo import data
from zoo.anomaly import Detector
from zoo.experiments.table import SEED, Table, fit

# Deep SVDD's, in percent: Ruff et al. 2018 (Deep one-class classification, ICML), table 1.
DEEP_SVDD = (98.0, 99.7, 91.7, 91.9, 94.9, 88.5, 98.3, 94.6, 93.9, 96.5)


def one_class_mnist(epochs: int = 25, verbose=2) -> Table:
    """Train a VAE on the images of one digit, and find those of the others, for all ten digits."""
    from sklearn.metrics import roc_auc_score

    (x, y), (x_test, y_test) = data.load("mnist")
    rows = []
    for digit, reported in enumerate(DEEP_SVDD):
        model = zoo.VAE((28, 28, 1), 16, likelihood="gaussian", seed=SEED)
        fit(model, x[y == digit], epochs, 1e-3, verbose)
        areas = (
            roc_auc_score(y_test != digit, Detector(model, score=score).scores(x_test))
            for score in ("elbo_at_mean", "reconstruction")
        )
        rows.append([str(digit), reported, *(round(100 * float(area), 2) for area in areas)])
    means = np.mean([row[1:] for row in rows], axis=0)
    return Table(
        "One digit is normal, the other nine are anomalies",
        f"MNIST: a VAE (784-512-256-16, Gaussian likelihood), {epochs} epochs on the training "
        "images of one digit; area under the ROC curve on all 10,000 test images, in percent. "
        "Reported: Deep SVDD, Ruff et al. 2018. Likelihood, code length and corruption were chosen "
        "on the last 10,000 training images with their labels, by models of the digit 8 (some also "
        "of 2) among the first 50,000; no test label was used.",
        ("normal digit", "Deep SVDD, reported", "negative ELBO at the mean code", "squared error"),
        [*rows, ["mean", *(round(float(mean), 2) for mean in means)]],
    )


# In percent: figures of a public repository for this split, not of a paper.
ON_HEARTBEATS = {"VAE": 96.2, "isolation forest": 95.2, "one-class SVM": 94.3}


def heartbeats(epochs: int = 20, verbose=2) -> Table:
    """Train autoencoders of signals on normal heartbeats, and find the others."""
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score
    from sklearn.svm import OneClassSVM

    (x, _), (x_test, y_test) = data.load("ecg5000")
    flat, flat_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))

    def area(scores):
        return round(100 * float(roc_auc_score(y_test, scores)), 2)

    rows = []
    for name, cls, network in (
        ("Autoencoder, conv1d", zoo.Autoencoder, "conv1d"),
        ("VAE, conv1d", zoo.VAE, "conv1d"),
        ("VAE, dense", zoo.VAE, "dense"),
    ):
        model = cls(x.shape[1:], 8, network=network, likelihood="gaussian", seed=SEED)
        fit(model, x, epochs, 1e-3, verbose)
        error = area(Detector(model, score="reconstruction").scores(x_test))
        reported, elbo = "", ""
        if cls is zoo.VAE:
            reported = ON_HEARTBEATS["VAE"]
            elbo = area(Detector(model, score="elbo_at_mean").scores(x_test))
        rows.append([name, reported, error, elbo])
    for name, other in (
        ("isolation forest", IsolationForest(random_state=SEED)),
        ("one-class SVM", OneClassSVM()),
    ):
        found = area(-other.fit(flat).decision_function(flat_test))
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
