"""Likelihoods of binary digits by bound, prior and network, beside those of papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

import zoo
from zoo import data
from zoo.backend import backend
from zoo.experiments.registry import experiment
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import SEED, Table, chosen_rows
from zoo.metrics.card_metrics import rounded

IMAGE, VALIDATION, BATCH = (28, 28, 1), 10_000, 100
SAMPLES = 5000
QUICK = {"SAMPLES": 5, "VALIDATION": 50}


@dataclass(frozen=True)
class Row:
    """A model to train, and what was reported for one like it."""

    reported: float
    kind: str
    epochs: int
    settings: dict[str, Any]
    start: str = ""  # the row whose trained weights this one starts with
    warm_up: int = 0  # epochs in which the weight of the KL divergence grows from 0 to 1
    best: bool = False  # whether the best later epoch by the validation loss counts
    components: int = 0  # of a VampPrior; 0 for a normal prior
    batch: int = BATCH
    rate: float = 1e-3  # the first one; it falls to a fiftieth along a half cosine
    held_out: int = VALIDATION  # the number of last training images it is not trained on
    at_mean: bool = False  # whether the decoder starts at the mean image, see `zoo.start_at_mean`


BURDA = {"latent_dim": 50, "hidden_units": (200, 200), "activation": "tanh"}
TOMCZAK = {"latent_dim": 40, "hidden_units": (300, 300)}
GATED = {**TOMCZAK, "activation": "glu"}
DREG = {"estimator": "doubly_reparameterized"}
ROWS = {
    "VAE, normal prior": Row(84.45, "VAE", 150, TOMCZAK, warm_up=10),
    "VAE, normal prior, 400 epochs": Row(84.45, "VAE", 400, TOMCZAK, warm_up=100, best=True),
    "VAE, normal prior, gates, 150 epochs": Row(84.45, "VAE", 150, GATED, warm_up=10),
    "VAE, normal prior, gates": Row(84.45, "VAE", 400, GATED, warm_up=100, best=True),
    "VAE, VampPrior": Row(82.43, "VAE", 100, TOMCZAK, warm_up=10, components=500),
    "VAE, VampPrior, gates, batches of 250": Row(
        82.43, "VAE", 400, GATED, warm_up=100, best=True, components=500, batch=250
    ),
    "VAE, k = 1, 200 epochs": Row(86.76, "VAE", 200, BURDA),
    "VAE, k = 1, 200 epochs, batches of 20": Row(86.76, "VAE", 200, BURDA, batch=20),
    "VAE, k = 1": Row(86.76, "VAE", 1000, BURDA),
    "VAE, k = 1, 3,280 epochs": Row(86.76, "VAE", 3280, BURDA),
    "IWAE, k = 5": Row(85.54, "IWAE", 80, {**BURDA, "samples": 5}),
    "IWAE, k = 5, doubly reparameterized": Row(85.54, "IWAE", 400, {**BURDA, "samples": 5, **DREG}),
    "IWAE, k = 5, rate of 0.003, 59,600 images": Row(
        85.54, "IWAE", 1200, {**BURDA, "samples": 5, **DREG}, rate=3e-3, held_out=400
    ),
    "IWAE, k = 5, after k = 1": Row(
        85.54, "IWAE", 200, {**BURDA, "samples": 5, **DREG}, start="VAE, k = 1, 3,280 epochs"
    ),
    "IWAE, k = 50, after k = 5": Row(
        84.78, "IWAE", 100, {**BURDA, "samples": 50, **DREG}, start="IWAE, k = 5, after k = 1"
    ),
    "IWAE, k = 50, after k = 5, 59,600 images": Row(
        84.78,
        "IWAE",
        50,
        {**BURDA, "samples": 50, **DREG},
        start="IWAE, k = 5, rate of 0.003, 59,600 images",
        held_out=400,
    ),
    "IWAE, k = 5, start at the mean, rate of 0.003, 59,600 images": Row(
        85.54,
        "IWAE",
        1200,
        {**BURDA, "samples": 5, **DREG},
        rate=3e-3,
        held_out=400,
        at_mean=True,
    ),
    "IWAE, k = 50, after k = 5, start at the mean, 59,600 images": Row(
        84.78,
        "IWAE",
        100,
        {**BURDA, "samples": 50, **DREG},
        start="IWAE, k = 5, start at the mean, rate of 0.003, 59,600 images",
        held_out=400,
    ),
}
"""Networks and reported values of Tomczak and Welling 2018 and of Burda et al. 2015."""


@experiment(minutes=1600, rows=lambda: ROWS)
def bounds_and_priors(
    epochs: int | None = None,
    only: Sequence[str] = (),
    verbose: int | str = 2,
    states: States = NOT_KEPT,
) -> Table:
    """Compare VAE, IWAE and VampPrior by the likelihood of digits that are binarized anew."""
    (x, _), (x_test, _) = data.load("mnist")
    run, rows = chosen_rows(only, ROWS), []
    all_rows = {name: replace(row, epochs=epochs) if epochs else row for name, row in ROWS.items()}
    trained: dict[str, tuple[Any, float]] = {}
    for name, row in all_rows.items():
        if name not in run:
            rows.append([name])
            continue
        for one in reversed(_starts(name)):
            if one not in trained:
                start = trained.get(all_rows[one].start, (None, 0.0))
                parts = _split(x, all_rows[one].held_out)
                trained[one] = _trained(all_rows[one], *parts, verbose, states, *start)
        model, hours = trained[name]
        value = model.log_likelihood(x_test, samples=SAMPLES).value
        _, held_out = _split(x, row.held_out)
        held_out = held_out[np.random.default_rng(0).permutation(len(held_out))[:1000]]
        validation = model.log_likelihood(held_out, samples=min(SAMPLES, 200)).value
        rows.append(
            [
                name,
                row.reported,
                rounded(-float(value.mean())),
                rounded(float(value.std() / np.sqrt(len(value)))),
                rounded(-float(validation.mean())),
                _lengths([all_rows[one].epochs for one in reversed(_starts(name))]),
                _spent(hours),
            ]
        )
    length = f" Here: {epochs} epochs each." if epochs else ""
    return Table(
        "Likelihoods by bound and prior, digits that are binarized anew",
        f"Negative log-likelihood in nats of the {len(x_test):,} test images of MNIST by "
        f"importance sampling with {SAMPLES:,} codes from q(z | x), with its standard error over "
        "images. Validation: 200 codes, 1,000 of the last 10,000 training images, which are held "
        "out. A row of 59,600 images is trained on as many as the program of Burda et al., and its "
        "validation images are the other 400, so that this figure of it compares with no other. "
        "Settings were not searched, except for the rate of 0.003 (trials with k = 1, 60 epochs, "
        "validation images). Pixels are 1 with their value as the probability, drawn anew in every "
        f"step; batches of {BATCH}, or of the size that the row says; Adam from 1e-3, or "
        f"from the rate that the row says, along a half cosine to a fiftieth, seed {SEED}. "
        "The first six: 784-300-300-40; a VampPrior has 500 pseudo-inputs. Without gates: ReLU. "
        "With gates, as in the paper: each unit is multiplied by the sigmoid of a further one. In "
        "100 or 150 epochs the weight of the KL divergence grows from 0 to 1 in 10 epochs. In 400 "
        "epochs it grows in 100, and the best later epoch by the validation loss counts. The "
        "others: 784-200-200-50, tanh. Start at the mean: the decoder's last biases are the "
        "log-odds of the mean image, as in the program of Burda et al. A row with the epochs "
        "a + b goes on from the model of an earlier one that has a; its rate starts at 1e-3 "
        "again, its hours contain those of that one. A row that is missing was not run. Reported: "
        "Tomczak and Welling 2018 (arXiv 1705.07120), gates and early stopping after some hundred "
        "epochs; Burda et al. 2015 (arXiv 1509.00519), 3,280 epochs. Hours on one core of a "
        "machine with two (with 59,600 images: on one or both), or on the GPU that is named, "
        f"beside other work.{length}",
        ("model", "reported", "obtained", "standard error", "validation", "epochs", "hours"),
        rows,
    )


def _split(x, held_out):
    """Return images to train on, and the last ones, which are held out: at most `VALIDATION`."""
    count = min(held_out, VALIDATION)
    return x[:-count], x[-count:]


def _spent(hours):
    """Return hours, with the name of the GPU that they were spent on."""
    device = backend.device()
    return round(hours, 2) if device == "CPU" else f"{hours:.2f} ({device})"


def _starts(name):
    """Return a row's name, that of the row from which it goes on, and so forth."""
    names = [name]
    while ROWS[names[-1]].start:
        names.append(ROWS[names[-1]].start)
    return names


def _lengths(epochs):
    return epochs[0] if len(epochs) == 1 else " + ".join(map(str, epochs))


def _trained(row, x, held_out, verbose, states, start=None, hours=0.0):
    """Return the trained model of a row, and hours; `best`: with the weights of its best epoch.

    Args:
        start: the trained model whose weights it starts with, and the hours that took.
    """
    steps = -(-len(x) // row.batch)
    settings = dict(row.settings)
    validated: dict[str, Any] = {}
    warm_up = min(row.warm_up, -(-row.epochs // 4))
    if warm_up:
        settings["beta"] = keras.optimizers.schedules.PolynomialDecay(0.0, warm_up * steps, 1.0)
    if row.best:
        validated = {"validation_data": (held_out,), "best_after": warm_up}
    if row.components:
        settings["prior"] = zoo.VampPrior(settings["latent_dim"], row.components)
    keras.utils.set_random_seed(SEED)
    model = getattr(zoo, row.kind)(IMAGE, binarize="dynamic", seed=SEED, **settings)
    if start is not None:
        model.set_weights(start.get_weights())
    elif row.at_mean:
        zoo.start_at_mean(model, x)
    total = steps * row.epochs
    rate = keras.optimizers.schedules.CosineDecay(row.rate, total, alpha=0.02)
    model.compile(keras.optimizers.Adam(rate))
    options = {"batch_size": row.batch, "epochs": row.epochs, "verbose": verbose, **validated}
    return model, hours + states.fit(model, x, settings=row, **options)
