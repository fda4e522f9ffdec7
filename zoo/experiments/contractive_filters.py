"""Filters of contractive autoencoders with more units than pixels, beside those of plain ones."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments import filters
from zoo.experiments.registry import experiment
from zoo.experiments.regularized import gray_photographs
from zoo.experiments.table import SEED, Table, error, fit
from zoo.metrics.card_metrics import rounded
from zoo.plots.picture import Picture

UNITS = {"MNIST": 2000, "CIFAR-10 in gray": 4000}
IMAGES = 20_000
WEIGHTS = (0.0, 0.1, 1.0)
SHOWN = 100
QUICK = {"UNITS": {"MNIST": 100, "CIFAR-10 in gray": 100}, "WEIGHTS": (0.0, 0.1)}


@experiment(minutes=8)
def contractive_filters(epochs: int = 8, verbose: int | str = 2) -> Table:
    """Compare filters of contractive autoencoders with those of an autoencoder on two data sets."""
    kernels, rows = {}, []
    for name, units in UNITS.items():
        x, x_test = _images(name)
        for weight in WEIGHTS:
            title = f"contractive, weight {weight:g}" if weight else "autoencoder"
            model = zoo.ContractiveAutoencoder(x.shape[1:], units, weight=weight, seed=SEED)
            fit(model, x, epochs, 1e-3, verbose)
            some = kernels[name, title] = filters.filters_of(model, x)
            parts = strongest_windows(some, filters.SIDE)
            rows.append(
                [
                    f"{name}, {title}",
                    round(float(np.median(filters.lobe_width(some))), 2),
                    round(float(np.median(filters.window_share(some))), 3),
                    round(float(np.median(filters.edge_score(parts))), 3),
                    rounded(metrics.jacobian_norm(model, x_test)),
                    round(metrics.saturation(model, x_test), 1),
                    error(model, x_test),
                ]
            )
            if verbose:
                print(*rows[-1], flush=True)
    sizes = " and ".join(f"{units:,} for {name}" for name, units in UNITS.items())
    return Table(
        "Filters of contractive autoencoders",
        f"The first {IMAGES:,} training images of MNIST, and {IMAGES:,} of CIFAR-10 in gray (JPEG "
        f"copy); one layer of tied sigmoid units, {sizes}; cross-entropy, and the squared norm of "
        f"the Jacobian times a weight; Adam with a rate of 0.001, {epochs} epochs, seed {SEED}. "
        "The weights were not searched. Medians over the units, of weights of pixels that are not "
        "the same in all images: width of the lobes and share in a window as in `zoo reproduce "
        "filters_by_noise`; edge score as in `zoo reproduce filters_of_photographs`, of the "
        f"window of {filters.SIDE}x{filters.SIDE} pixels with the most squared weights. On 1,000 "
        "test images: the norm of the Jacobian (mean), units below 0.05 or above 0.95, and the "
        "squared error, summed over pixels.",
        (
            "data, training",
            *("width of lobes, pixels", "share in a window", "edge score"),
            *("Jacobian norm", "saturated %", "error"),
        ),
        rows,
        _picture(kernels),
    )


def _images(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "MNIST":
        (x, _), (x_test, _) = data.load("mnist")
    else:
        (x, _), _, (x_test, _) = gray_photographs()
        x_test = x_test[np.random.default_rng(SEED).permutation(len(x_test))]  # sorted by class
    return x[:IMAGES], x_test[:1000]


def strongest_windows(some: np.ndarray, side: int) -> np.ndarray:
    """Return of each filter the square window with the largest sum of squared weights.

    Args:
        some: filters [n, height, width]. side: of a window, in pixels.

    Returns:
        [n, side, side].
    """
    windows = np.lib.stride_tricks.sliding_window_view(some, (side, side), axis=(1, 2))
    sums = np.cumsum(np.cumsum(np.pad(some**2, ((0, 0), (1, 0), (1, 0))), axis=1), axis=2)
    energy = (
        sums[:, side:, side:]
        - sums[:, :-side, side:]
        - sums[:, side:, :-side]
        + sums[:, :-side, :-side]
    )  # [n, places, places]
    best = energy.reshape(len(some), -1).argmax(axis=1)
    top, left = np.unravel_index(best, energy.shape[1:])
    return windows[np.arange(len(some)), top, left]


def _picture(kernels: dict[tuple[str, str], np.ndarray]) -> Picture:
    columns = len(WEIGHTS)
    rows = len(kernels) // columns
    figure = Picture(figsize=(12.8, 0.6 + 4.4 * rows), dpi=100, layout="constrained")
    figure.suptitle(f"The first {SHOWN} units", fontsize=16)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes, ((name, title), some) in zip(grid.flat, kernels.items(), strict=True):
        filters.show(axes, some[:SHOWN], 10, f"{name}: {title}")
    return figure
