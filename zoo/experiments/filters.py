"""Filters: what the hidden units of autoencoders with one layer respond to."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data
from zoo.experiments import panels
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit
from zoo.plots.picture import Picture

IMAGES = 20_000
UNITS = 400
LEVELS = (0.0, 0.1, 0.2, 0.25, 0.5)
FOLLOWED = (0.0, 0.1, 0.2, 0.5)  # levels at which two units are shown (Vincent et al. 2008)
SHOWN = 100
WINDOW = 7
QUICK = {"UNITS": 100}


@experiment(minutes=3)
def filters_by_noise(epochs: int = 10, verbose: int | str = 2) -> Table:
    """Compare the filters of the same hidden units after training with more and more noise."""
    (x, _), (x_test, _) = data.load("mnist")
    x = x[:IMAGES]
    kernels, rows = {}, []
    for level in LEVELS:
        model = zoo.DenoisingAutoencoder(
            x.shape[1:],
            UNITS,
            corruption={"masking": level},
            hidden_units=(),
            code_activation="sigmoid",
            tie_weights=True,
            seed=SEED,
        )
        fit(model, x, epochs, 3e-3, verbose)
        kernels[level] = filters_of(model, x)
        sizes = (lobe_width, spread, window_share)
        medians = (round(float(np.median(size(kernels[level]))), 3) for size in sizes)
        rows.append([f"{level:.0%}", *medians, error(model, x_test)])
    growth = lobe_width(kernels[LEVELS[-1]]) - lobe_width(kernels[LEVELS[0]])
    chosen = np.argsort(-growth)[:2]
    return Table(
        "More noise in training gives larger features",
        f"MNIST, {len(x):,} images; denoising autoencoders with {UNITS} tied sigmoid units, "
        "cross-entropy, masking noise, Adam, "
        f"{epochs} epochs, seed {SEED}. All have the same initial weights and the same order of "
        "images, so that a unit can be followed from one level of noise to the next. Medians over "
        "the units, of weights of pixels that are not the same in all images: the width of the "
        "autocorrelation at half of its height, which is the size of the spots and strokes in a "
        "filter; the standard deviation of the squared weights around their center, per axis; "
        f"and the largest share of the squared weights in a window of {WINDOW}x{WINDOW} pixels. "
        f"Squared error of {len(x_test):,} clean test images, summed over pixels. The picture "
        "shows the two units whose lobes grow most, and the first units at one level of noise.",
        ("masked", "width of lobes, pixels", "extent, pixels", "share in a window", "error"),
        rows,
        _by_noise(kernels, chosen),
    )


def filters_of(model: Any, x: np.ndarray | None = None) -> np.ndarray:
    """Return the weights of the units of a dense first layer, as images [units, height, width].

    Args:
        model: an autoencoder of images with one channel.
        x: images; weights of pixels that are the same in all of them are set to 0, as they keep
            their random start.
    """
    kernel = model.encoder.get_weights()[0]  # [pixels, units]
    filters = kernel.T.reshape(-1, *model.image_shape[:2]).astype("float64")
    return filters if x is None else filters * (x.std(axis=0)[..., 0] > 0)


def lobe_width(filters: np.ndarray) -> np.ndarray:
    """Return how wide the positive and negative parts of filters are, in pixels.

    It is the width at half height of the autocorrelation, averaged over both axes, with linear
    interpolation between pixels; a filter of independent weights has a width of 1.

    Args:
        filters: [n, height, width].

    Returns:
        float64 [n].
    """
    n, height, width = filters.shape
    spectrum = np.fft.fft2(filters, s=(2 * height, 2 * width))  # padded: no wrapping around
    correlation = np.fft.ifft2(np.abs(spectrum) ** 2).real
    lags = min(height, width)
    curve = (correlation[:, :lags, 0] + correlation[:, 0, :lags]) / (2 * correlation[:, :1, 0])
    after = np.argmax(curve < 0.5, axis=1)  # the first lag below half; one is, or all are 0
    high, low = curve[np.arange(n), after - 1], curve[np.arange(n), after]
    return 2 * (after - 1 + (high - 0.5) / (high - low))


def spread(filters: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the squared weights around their center, [n], in pixels.

    Args:
        filters: [n, height, width]; the variance is the mean of those along both axes.
    """
    energy = filters**2 / np.sum(filters**2, axis=(1, 2), keepdims=True)
    variances = []
    for axis in (1, 2):
        share = energy.sum(axis=axis)  # [n, places]
        places = np.arange(share.shape[1])
        center = share @ places
        variances.append(share @ places**2 - center**2)
    return np.sqrt(np.mean(variances, axis=0))


def window_share(filters: np.ndarray) -> np.ndarray:
    """Return the largest share of the squared weights in a square window, [n], from 0 to 1.

    Args:
        filters: [n, height, width].
    """
    windows = np.lib.stride_tricks.sliding_window_view(filters**2, (WINDOW, WINDOW), axis=(1, 2))
    return windows.sum(axis=(3, 4)).max(axis=(1, 2)) / np.sum(filters**2, axis=(1, 2))


def show(axes: Any, filters: np.ndarray, columns: int, title: str) -> None:
    """Show filters [n, height, width] on axes, each scaled to its largest weight."""
    scaled = 0.5 + 0.5 * filters / np.abs(filters).max(axis=(1, 2), keepdims=True)
    laid = zoo.plots.tile(scaled[..., None], columns, paper=0.0)
    axes.imshow(laid[..., 0], cmap="gray_r", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=13)


def _by_noise(kernels: dict, chosen: np.ndarray) -> Picture:
    figure = Picture(figsize=(12.8, 6.4), dpi=100, layout="constrained")
    figure.suptitle("The same units: with more noise, their spots and strokes grow", fontsize=16)
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    grid = left.subplots(3, len(FOLLOWED), height_ratios=(1, 1, 0.9))
    for axes, level in zip(grid.T, FOLLOWED, strict=True):
        show(axes[0], kernels[level][chosen[:1]], 1, f"{level:.0%} masked")
        show(axes[1], kernels[level][chosen[1:]], 1, "")
        axes[2].remove()
    for axes, name in zip(grid[:2, 0], "AB", strict=True):
        axes.set_ylabel(f"unit {name}", fontsize=13)
    below = left.add_subplot(grid[2, 0].get_gridspec()[2, :])
    widths = [lobe_width(some) for some in kernels.values()]
    places = [100 * level for level in kernels]
    low, middle, high = np.quantile(widths, (0.25, 0.5, 0.75), axis=1)
    below.fill_between(places, low, high, alpha=0.3, label="middle half of the units")
    below.plot(places, middle, "o-", lw=2, label="median")
    panels.label(below, "", "masked pixels in training, %", "width of lobes, pixels")
    below.legend(fontsize=12, frameon=False, loc="upper left")
    level = 0.25
    show(right.subplots(), kernels[level][:SHOWN], 10, f"{SHOWN} units at {level:.0%}")
    return figure
