"""Filters: what the hidden units of autoencoders with one layer respond to."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

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
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    left, right = parts
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


SIDE = 12  # of a patch
PATCHES = 25  # of each square
CUT = 0.4  # cycles per pixel where the whitening filter begins to suppress frequencies
EDGE = 0.6  # a score above that of spots
DECAYS = (0.01, 0.03, 0.1, 0.3, 0.8, 2.0)
EXTREMES = (2.0, 3.0, 4.0, 5.0, 7.0, 10.0)  # of salt and pepper, in standard deviations
GABORS = [
    (sigma, frequency)
    for sigma in (1.2, 1.7, 2.4, 3.4)
    for frequency in (0.1, 0.14, 0.2, 0.28, 0.4)
    if sigma * frequency > 0.3  # otherwise it is a spot, and no edge
]
QUICK = {"UNITS": 100, "PATCHES": 5, "DECAYS": (0.8,), "EXTREMES": (7.0,)}


@experiment(minutes=3)
def filters_of_photographs(epochs: int = 25, verbose: int | str = 2) -> Table:
    """Compare weight decay with denoising on photographs: which one finds edges."""
    (squares, _), (squares_test, _) = data.load("bsds500")
    photographs = whitened(squares)
    deviation = photographs.std()
    x, x_test = (patches(some / deviation) for some in (photographs, whitened(squares_test)))
    kernels, rows = {}, []

    def measured(name: str, model: Any) -> float:
        some = kernels[name] = filters_of(model)
        scores = edge_score(some)
        medians = (np.median(scores), np.median(edge_score(mixtures(some, x))))
        above = round(100 * float(np.mean(scores > EDGE)), 1)
        rows.append([name, *(round(float(m), 3) for m in medians), above, error(model, x_test)])
        return float(medians[0])

    def trained(name: str, model_class: type = zoo.Autoencoder, **options: Any) -> float:
        model = model_class(x.shape[1:], SHOWN, **TIED, **options)
        fit(model, x, epochs, 3e-2, verbose)
        return measured(name, model)

    measured(START, zoo.Autoencoder(x.shape[1:], SHOWN, **TIED))
    trained(NOTHING)
    decays: Any = {f"weight decay {w:g}": {"l2": w} for w in DECAYS}
    noises = {f"salt and pepper {e:g}": {"corruption": Extremes(0.1, e)} for e in EXTREMES}
    by_decay = {name: trained(name, **some) for name, some in decays.items()}
    by_noise = {
        name: trained(name, zoo.DenoisingAutoencoder, **some) for name, some in noises.items()
    }
    shown = (START, NOTHING, _best(by_decay), _best(by_noise))
    return Table(
        "Denoising finds edges in photographs, weight decay does not",
        f"{len(x):,} gray patches of {SIDE}x{SIDE} pixels of whitened photographs of BSDS500, with "
        f"a variance of 1; autoencoders with {SHOWN} tied sigmoid units, linear outputs, squared "
        f"error, Adam with a rate of 0.03, {epochs} epochs, seed {SEED}. Weight decay: this number "
        "times the sum of squared weights, added to the squared error of a patch. Salt and pepper: "
        "10 % of the pixels are set to this number of standard deviations or to its negative. "
        f"Trials with the same steps: {len(DECAYS)} of weight decay, {len(EXTREMES)} of salt and "
        "pepper; the picture shows that of each with the highest edge score. Before, the rate was "
        "chosen for salt and pepper of 5 in a few trials (0.01 gives a score of 0.26); weight "
        "decay of 1 has a score of 0.40 with rates of 0.003, 0.01 and 0.03, and that of 0.6, 1.2, "
        "1.5, 3 and 10 has no higher one. Edge score: the largest share of the squared weights "
        "that a Gabor function explains, of all phases, with any pixel as its center, 12 "
        "orientations, and deviations and frequencies as in zoo/experiments/filters.py. Of random "
        "mixtures: the median score of 1,000 random mixtures of the principal components of the "
        "patches, which have on average the same shares of these as the filters. Error: squared "
        f"error of {len(x_test):,} clean patches of other photographs, those of Kodak, summed over "
        f"pixels; an output of zeros has {np.mean(np.sum(x_test**2, axis=(1, 2, 3))):.1f}.",
        ("training", "edge score", "of random mixtures", f"% of units above {EDGE}", "error"),
        rows,
        _of_photographs(shown, kernels, {row[0]: row[1:3] for row in rows}),
    )


START, NOTHING = "random start", "no regularization"
TIED: dict[str, Any] = {"hidden_units": (), "code_activation": "sigmoid", "tie_weights": True}
TIED |= {"likelihood": "squared_error", "seed": SEED}


class Extremes(zoo.nn.corruption.Corruption):
    """Salt and pepper for values of both signs: a value becomes -extreme or extreme."""

    def __init__(self, level: float, extreme: float):
        self.level, self.extreme = level, extreme

    def apply(self, x: Any, noise: Any) -> Any:
        salted = ops.where(noise < self.level, self.extreme, x)
        return ops.where(noise < self.level / 2, -self.extreme, salted)

    def get_config(self) -> dict:
        return {"level": self.level, "extreme": self.extreme}


def patches(images: np.ndarray) -> np.ndarray:
    """Return square patches of gray images [n, side, side], at random places, in random order."""
    generator = np.random.default_rng(SEED)
    last = images.shape[1] - SIDE + 1
    found = [
        image[top : top + SIDE, left : left + SIDE]
        for image in images
        for top, left in generator.integers(0, last, (PATCHES, 2))
    ]
    return generator.permutation(np.stack(found))[..., None]


def whitened(squares: np.ndarray) -> np.ndarray:
    """Return gray photographs whose frequencies are about equally strong.

    The spectrum is multiplied by f exp(-(f / CUT)^4), where f is the frequency in cycles per
    pixel; then the border is cut off.

    Args:
        squares: [n, side, side, 3], colors in [0, 1].

    Returns:
        float32 [n, side - 16, side - 16].

    Source: Olshausen and Field 1996 (doi 10.1038/381607a0).
    """
    gray = squares @ np.array([0.299, 0.587, 0.114], "float32")
    frequencies = np.fft.fftfreq(gray.shape[1])
    f = np.hypot(frequencies[:, None], frequencies)
    filtered = np.fft.ifft2(np.fft.fft2(gray) * f * np.exp(-((f / CUT) ** 4))).real
    return filtered[:, 8:-8, 8:-8].astype("float32")


def gabors(side: int = SIDE) -> np.ndarray:
    """Return orthonormal pairs of a Gabor function in two phases, float32 [n, 2, side * side].

    Each pair spans the Gabor functions of all phases with this center, orientation, frequency and
    size: exp(-r^2 / (2 sigma^2)) cos(2 pi f u + phase), where u is the place along the orientation.
    """
    places = np.arange(side)
    centers = places[:, None]
    d = places - centers  # [centers, places], distances from each center along one axis
    pairs = []
    for sigma, frequency in GABORS:
        envelope = np.exp(-(d**2) / (2 * sigma**2))
        for angle in np.pi * np.arange(12) / 12:
            along = [
                envelope * np.exp(2j * np.pi * frequency * share * d)
                for share in (np.sin(angle), np.cos(angle))
            ]
            waves = np.einsum("ay,bx->abyx", *along).reshape(side * side, -1)
            pairs.append(np.stack([waves.real, waves.imag], axis=1))
    cosine, sine = np.moveaxis(np.concatenate(pairs), 1, 0)
    cosine /= np.linalg.norm(cosine, axis=1, keepdims=True)
    sine -= cosine * np.sum(cosine * sine, axis=1, keepdims=True)
    sine /= np.linalg.norm(sine, axis=1, keepdims=True)
    return np.stack([cosine, sine], axis=1).astype("float32")


def edge_score(filters: np.ndarray) -> np.ndarray:
    """Return the share of the squared weights that the best Gabor function explains, [n].

    Args:
        filters: [n, side, side].
    """
    flat = filters.reshape(len(filters), -1).astype("float32")
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    cosine, sine = np.moveaxis(gabors(filters.shape[1]), 1, 0)
    return np.max((cosine @ flat.T) ** 2 + (sine @ flat.T) ** 2, axis=0)


def mixtures(filters: np.ndarray, x: np.ndarray, n: int = 1000) -> np.ndarray:
    """Return random filters with the same mean power along each principal component.

    They are normally distributed along each principal component of the patches x. A filter counts
    with its squared weights divided by their sum.

    Args:
        filters: [units, side, side]. x: [patches, side, side, 1].

    Returns:
        [n, side, side].
    """
    _, components = np.linalg.eigh(np.cov(x.reshape(len(x), -1), rowvar=False))  # in columns
    flat = filters.reshape(len(filters), -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    power = np.mean((flat @ components) ** 2, axis=0)
    amounts = np.random.default_rng(SEED).normal(size=(n, len(power))) * np.sqrt(power)
    return (amounts @ components.T).reshape(n, *filters.shape[1:])


def _of_photographs(shown: tuple, kernels: dict, scores: dict) -> Picture:
    figure = Picture(figsize=(12.8, 4.5), dpi=100, layout="constrained")
    figure.suptitle("Denoising finds edges in photographs, weight decay does not", fontsize=16)
    for axes, name in zip(figure.subplots(1, len(shown)), shown, strict=True):
        show(axes, kernels[name], 10, name)
        score, chance = scores[name]
        axes.set_xlabel(f"edge score {score:.2f}\nof random mixtures {chance:.2f}", fontsize=13)
    return figure


def _best(scores: dict[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])
