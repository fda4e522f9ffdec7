"""Anomaly detection: digits of one class against all others."""

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
