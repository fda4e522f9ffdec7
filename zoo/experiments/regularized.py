"""Six methods that pre-train one layer for a classifier: their errors and filters.

Their settings were chosen by the experiments of `zoo.experiments.regularized_search`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments.filters import filters_of, lobe_width, show
from zoo.experiments.registry import experiment
from zoo.experiments.representations import error_on, fine_tuned, split
from zoo.experiments.table import SEED, Table, chosen_rows, fit
from zoo.metrics.card_metrics import rounded
from zoo.plots.picture import Picture

UNITS = 1000
SEEDS = (1, 2, 3)
FILTERS = 64  # shown of each method


class Method(NamedTuple):
    """A way to pre-train a layer: a class, and what its strength is called and sets."""

    model_class: type
    strength: str
    strengths: tuple[float, ...]  # candidates
    options: Callable[[float], dict]


class Settings(NamedTuple):
    """The settings of a method: its strength, and the rates of Adam before and with labels."""

    strength: float
    rate: float
    fine_tuning: float


METHODS = {
    "contractive (CAE)": Method(
        zoo.ContractiveAutoencoder, "weight", (0.3, 1.0, 3.0), lambda w: {"weight": w}
    ),
    "denoising, Gaussian noise": Method(
        zoo.DenoisingAutoencoder,
        "noise",
        (0.25, 0.5, 1.0),
        lambda s: {"corruption": {"gaussian": s}},
    ),
    "binary RBM": Method(zoo.RBM, "Gibbs steps", (1, 2, 4), lambda k: {"k": int(k)}),
    "denoising, masking noise": Method(
        zoo.DenoisingAutoencoder,
        "masked",
        (0.25, 0.5, 0.75),
        lambda share: {"corruption": {"masking": share}},
    ),
    "autoencoder + weight decay": Method(
        zoo.Autoencoder, "weight", (1e-5, 1e-4, 1e-3), lambda w: {"l2": w}
    ),
    "autoencoder": Method(zoo.Autoencoder, "times the epochs", (0.5, 1, 2), lambda share: {}),
}
NONE = "none"
FINE_TUNED = {"mnist": 1, "cifar": 2}  # epochs of fine-tuning for each epoch of pre-training

# The candidates with the lowest validation error in results/regularized_settings.json and
# results/regularized_cifar_settings.json.
SETTINGS = {
    "mnist": {
        "contractive (CAE)": Settings(1, 8e-3, 1e-2),
        "denoising, Gaussian noise": Settings(1, 8e-3, 1e-2),
        "binary RBM": Settings(4, 8e-3, 1e-2),
        "denoising, masking noise": Settings(0.5, 8e-3, 1e-2),
        "autoencoder + weight decay": Settings(1e-5, 8e-3, 1e-2),
        "autoencoder": Settings(0.5, 8e-3, 1e-2),
        NONE: Settings(0, 0, 1e-2),
    },
    "cifar": {
        "contractive (CAE)": Settings(1, 2e-3, 1e-3),
        "denoising, Gaussian noise": Settings(0.25, 5e-4, 3e-3),
        "binary RBM": Settings(1, 2e-3, 3e-3),
        "denoising, masking noise": Settings(0.5, 2e-3, 1e-3),
        "autoencoder + weight decay": Settings(1e-5, 5e-4, 3e-3),
        "autoencoder": Settings(0.5, 2e-3, 3e-3),
        NONE: Settings(0, 0, 3e-3),
    },
}

# Rifai et al. 2011, table 1: test error in %, norm of the Jacobian, saturated units in %.
REPORTED = {
    "mnist": {
        "contractive (CAE)": (1.14, 0.73, 86.36),
        "denoising, Gaussian noise": (1.18, 0.86, 17.77),
        "binary RBM": (1.30, 2.50, 78.59),
        "denoising, masking noise": (1.57, 7.87, 68.19),
        "autoencoder + weight decay": (1.68, 5.00, 12.97),
        "autoencoder": (1.78, 17.5, 49.90),
    },
    "cifar": {
        "contractive (CAE)": (47.86, 2.40, 85.65),
        "denoising, Gaussian noise": (54.81, 4.94, 19.90),
        "denoising, masking noise": (49.03, 4.85, 80.66),
        "autoencoder + weight decay": (55.03, 34.9, 23.04),
        "autoencoder": (55.47, 44.9, 22.57),
    },
}
QUICK = {
    "METHODS": {name: METHODS[name] for name in ("contractive (CAE)", "binary RBM")},
    "UNITS": 30,
    "FINE_TUNED": {"mnist": 1, "cifar": 1},
    "SEEDS": (1, 2),
    "FILTERS": 16,
}


def one_layer(name: str, shape: tuple[int, ...], strength: float, seed: int) -> Any:
    """Return an untrained autoencoder of one layer for a method, or for `NONE`."""
    common = {"code_activation": "sigmoid", "seed": seed}
    if name == NONE:
        return zoo.Autoencoder(shape, UNITS, hidden_units=(), tie_weights=True, **common)
    method = METHODS[name]
    if method.model_class is not zoo.RBM:  # which has one layer and one kernel in any case
        common |= {"hidden_units": (), "tie_weights": True}
    return method.model_class(shape, UNITS, **common, **method.options(strength))


def pretrained(
    name: str,
    shape: tuple[int, ...],
    settings: Settings,
    x: np.ndarray,
    epochs: int,
    seed: int,
    verbose: int | str,
) -> Any:
    """Return an autoencoder of one layer, trained by a method; or an untrained one for `NONE`."""
    model = one_layer(name, shape, settings.strength, seed)
    if name == "autoencoder":  # it has no strength but the length of its training
        epochs = max(1, round(epochs * settings.strength))
    if name != NONE:
        fit(model, x, epochs, settings.rate, verbose, seed=seed)
    return model


@experiment(minutes=25, rows=lambda: [*METHODS, NONE])
def regularized(epochs: int = 12, only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train one layer by six methods, measure its code, and fine-tune it as a classifier."""
    sets = split("mnist")
    rows = compared("mnist", sets, 1e4, epochs, only, verbose)
    train, validation, test = (len(part[0]) for part in sets)
    return Table(
        "Regularized autoencoders as pre-training",
        f"MNIST, {train:,} images to train, {validation:,} to validate, {test:,} to test; "
        f"784-{UNITS} sigmoid units with tied kernels, {epochs} epochs of pre-training by Adam "
        f"(batch 128), then a softmax layer and {epochs} epochs of fine-tuning, of which the one "
        "that is best on validation images counts. The settings of each method were chosen by "
        "`zoo reproduce regularized_settings`, on validation images. Errors: mean and standard "
        f"error of {len(SEEDS)} seeds, of the weights, the order of the images and the noise; "
        "the test images are the same. Methods whose means are within these errors have no order. "
        f"{JACOBIAN.format('1e-4')} Reported: Rifai et al. 2011 (ICML), table 1.",
        COLUMNS,
        rows,
    )


@experiment(minutes=60, rows=lambda: [*METHODS, NONE])
def regularized_cifar(epochs: int = 15, only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train one layer by six methods on small gray photographs, and fine-tune it."""
    sets = gray_photographs()
    rows = compared("cifar", sets, 1e5, epochs, only, verbose)
    train, validation, test = (len(part[0]) for part in sets)
    return Table(
        "Regularized autoencoders as pre-training, gray photographs",
        f"CIFAR-10 in gray (0.299 R + 0.587 G + 0.114 B), JPEG copy: {train:,} images to train, "
        f"{validation:,} to validate, {test:,} to test; 1024-{UNITS} sigmoid units with tied "
        f"kernels, {epochs} epochs of pre-training by Adam (batch 128), "
        f"{FINE_TUNED['cifar'] * epochs} of fine-tuning, of which the one that is best on "
        "validation images counts. The settings of each method were chosen by `zoo reproduce "
        "regularized_cifar_settings`, on validation images. Errors: mean and standard error of "
        f"{len(SEEDS)} seeds. {JACOBIAN.format('1e-5')} Reported: Rifai et al. 2011 (ICML), table "
        "1, on the originals; it has no Boltzmann machine.",
        COLUMNS,
        rows,
    )


COLUMNS = (
    "pre-training",
    *("error %, reported", "obtained", "standard error"),
    *("Jacobian, reported", "obtained"),
    *("saturated %, reported", "obtained"),
)
JACOBIAN = (
    "Jacobian: mean squared entry of the pre-trained encoder's in {}, on test images; the paper "
    "does not state its unit, and this one makes its norms and ours of one size on MNIST. "
    "Saturated: below 0.05 or above 0.95."
)


def compared(
    images: str,
    sets: tuple[tuple, tuple, tuple],
    unit: float,
    epochs: int,
    only: Sequence[str],
    verbose: int | str,
) -> list[list[Any]]:
    """Return a row for each method: reported and obtained error, Jacobian and saturation."""
    train, validation, test = sets
    shape = train[0].shape[1:]
    entries = int(np.prod(shape)) * UNITS
    names = [*METHODS, NONE]
    rows: list[list[Any]] = []
    for name in names:
        if name not in chosen_rows(only, names):
            rows.append([name])
            continue
        settings, found = SETTINGS[images][name], []
        for seed in SEEDS:
            model = pretrained(name, shape, settings, train[0], epochs, seed, verbose)
            rates = (settings.fine_tuning,)
            length = FINE_TUNED[images] * epochs
            network, _ = fine_tuned(model, train, validation, length, rates, verbose, seed)
            squares = metrics.jacobian_norm(model, test[0], squared=True)
            saturated = metrics.saturation(model, test[0])
            found.append((error_on(network, test), unit * squares / entries, saturated))
            if verbose:
                print(name, seed, *found[-1], flush=True)
        means = np.mean(found, axis=0)
        deviation = np.std([one[0] for one in found], ddof=1) / np.sqrt(len(found))
        error, jacobian, saturation = REPORTED[images].get(name, (None, None, None))
        rows.append(
            [
                name,
                *(error, round(float(means[0]), 2), round(float(deviation), 2)),
                *(jacobian, rounded(means[1])),
                *(saturation, round(float(means[2]), 1)),
            ]
        )
    return rows


def gray_photographs() -> tuple[tuple, tuple, tuple]:
    """Return CIFAR-10 in gray and in random order: images and labels for three purposes."""
    (x, y), test = data.load("cifar10_jpeg")
    weights = np.array([0.299, 0.587, 0.114], "float32")
    order = np.random.default_rng(SEED).permutation(len(x))
    x, y = (x @ weights)[order, ..., None], y[order]
    held_out = len(x) // 5
    train, validation = (x[:-held_out], y[:-held_out]), (x[-held_out:], y[-held_out:])
    return train, validation, ((test[0] @ weights)[..., None], test[1])


@experiment(minutes=6)
def regularized_filters(epochs: int = 12, verbose: int | str = 2) -> Table:
    """Show the filters that the six methods of `regularized` learn."""
    (x, _), _, _ = split("mnist")
    kernels, rows = {}, []
    for name in METHODS:
        model = pretrained(name, x.shape[1:], SETTINGS["mnist"][name], x, epochs, SEED, verbose)
        kernels[name] = filters_of(model, x)
        norms = np.sqrt(np.sum(kernels[name] ** 2, axis=(1, 2)))
        widths = lobe_width(kernels[name])
        rows.append([name, rounded(np.median(norms)), round(float(np.median(widths)), 2)])
    return Table(
        "The filters of six methods",
        f"MNIST, {len(x):,} images; the models of `zoo reproduce regularized` before fine-tuning, "
        f"{epochs} epochs, seed {SEED}. Medians over the {UNITS} units, of weights of pixels that "
        "are not the same in all images: the norm of a filter, and the width of its "
        "autocorrelation at half of its height, which is the size of its spots and strokes; 1 for "
        f"independent weights. The picture shows the first {FILTERS} units of each method, each "
        "scaled to its largest weight.",
        ("pre-training", "norm", "width of lobes, pixels"),
        rows,
        _of_six(kernels),
    )


def _of_six(kernels: dict[str, np.ndarray]) -> Picture:
    rows = -(-len(kernels) // 3)
    figure = Picture(figsize=(12.8, 0.6 + 4.1 * rows), dpi=100, layout="constrained")
    figure.suptitle("The first units of each method", fontsize=16)
    grid: Any = figure.subplots(rows, 3, squeeze=False)
    for axes, (name, some) in zip(grid.flat, kernels.items(), strict=False):
        show(axes, some[:FILTERS], int(np.sqrt(FILTERS)), name)
    return figure
