"""Densities from the neighbors of points: as classifiers of digits, and on a line and a spiral."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from zoo import data
from zoo.density import (
    DensityClassifier,
    ManifoldParzen,
    NonLocalManifoldParzen,
    ParzenWindows,
)
from zoo.density.non_local import STEPS
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, chosen_rows
from zoo.models.vae import VAE
from zoo.nn.distributions import Gaussian
from zoo.plots.picture import Picture

VALIDATION = 1000
EPOCHS = 40  # of the networks
SHARES = (1.0, 0.5, 0.25)  # of these epochs, which are compared too
# Settings that are compared; the first are the paper's.
VARIANCES = (0.05, 0.1)  # sigma0^2 of non-local densities
BANDWIDTHS = (0.8, 0.5, 0.6, 0.7, 0.9, 1.0)
LOCAL = ((11, 11, 0.1), (7, 11, 0.1), (11, 11, 0.2), (11, 15, 0.1), (15, 15, 0.2))
KERNELS = (8, 6, 10)  # sigma of support vector machines
DEFAULTS: dict[str, Any] = {}  # of the network with nothing set; quick runs set its epochs
# Errors that the paper reports, on validation and on test digits.
REPORTED = {
    "SVM": (1.2, 4.68),
    "Parzen windows": (1.8, 5.08),
    "Manifold Parzen": (0.9, 4.08),
    "Non-local manifold Parzen": (0.6, 3.64),
    "Non-local, 4 neighbors for the mean": (0.6, 3.54),
}


@experiment(minutes=15, rows=lambda: _methods(EPOCHS))
def density_classifiers(
    epochs: int = EPOCHS, only: Sequence[str] = (), verbose: int | str = 2
) -> Table:
    """Classify digits of USPS by one density a class."""
    x, y, x_test, y_test = _digits()
    order = np.random.default_rng(SEED).permutation(len(x))
    held_out, kept = order[:VALIDATION], order[VALIDATION:]
    rows = []
    methods = _methods(epochs)
    chosen = chosen_rows(only, methods)
    for name, candidates in methods.items():
        if name not in chosen:
            rows.append([name])
            continue
        found = []
        for settings, classifier in candidates.items():
            fitted = clone(classifier).fit(x[kept], y[kept])
            errors = [_error(fitted, x[held_out], y[held_out]), _error(fitted, x_test, y_test)]
            found.append([settings, *errors])
            if verbose:
                print(name, *found[-1], flush=True)
        reported = REPORTED.get(name, (None, None))
        best = min(found, key=lambda row: row[1])  # of equal ones, the first
        rows.append([name, *reported, *found[0], *(best if len(found) > 1 else [None] * 3)])
    return Table(
        "Digits classified by densities: errors in percent",
        "USPS, 16x16 pixels in [-1, 1]: 7,291 images, of which 1,000 drawn by "
        "chance are for validation and 6,291 are trained on; 2,007 test images. Reported: "
        "Bengio, Larochelle and Vincent 2006, on a split that is not known. Classes have their "
        f"frequencies as priors; the networks are trained for {epochs} epochs, or for fewer where "
        f"the settings say so, and for {STEPS} steps if nothing is set. First come the "
        "settings of the paper, or the defaults; then those of a few, all of them in "
        "`zoo/experiments/densities.py`, with the lowest validation error. The split and all "
        f"other random numbers have the seed {SEED}.",
        (
            *("classifier", "reported validation", "reported test"),
            *("settings", "validation", "test"),
            *("chosen settings", "their validation", "their test"),
        ),
        rows,
    )


def _digits() -> tuple:
    (x, y), (x_test, y_test) = data.load("usps")
    x, x_test = (
        2.0 * images.reshape(len(images), -1).astype("float64") - 1 for images in (x, x_test)
    )
    return x, y, x_test, y_test


def _error(classifier, x, y) -> float:
    return round(100 * float(np.mean(classifier.predict(x) != y)), 2)


def _methods(epochs) -> dict[str, dict[str, Any]]:
    """Return, for each method, its classifiers by their settings; those of the paper come first."""
    windows = {f"sigma = {s}": ParzenWindows(s) for s in BANDWIDTHS}
    local = {f"d = {d}, k = {k}, sigma0^2 = {v}": ManifoldParzen(d, k, v) for d, k, v in LOCAL}
    machines = {f"C = 100, sigma = {s}": SVC(C=100.0, gamma=0.5 / s**2) for s in KERNELS}
    classify = DensityClassifier
    return {
        "SVM": machines,
        "Parzen windows": {name: classify(one) for name, one in windows.items()},
        "Manifold Parzen": {name: classify(one) for name, one in local.items()},
        "Non-local manifold Parzen": _non_local(10, 70, epochs),
        "Non-local, 4 neighbors for the mean": _non_local(4, 30, epochs),
        "DensityClassifier()": {"nothing set": classify(ManifoldParzen(random_state=SEED))},
        "DensityClassifier(ParzenWindows())": {
            "nothing else set": classify(ParzenWindows(random_state=SEED))
        },
        "DensityClassifier(NonLocalManifoldParzen())": {
            "nothing else set": classify(NonLocalManifoldParzen(random_state=SEED, **DEFAULTS))
        },
        "nearest neighbor": {"nothing set": KNeighborsClassifier(1)},
        "logistic regression": {"nothing set": LogisticRegression(max_iter=2000)},
    }


def _non_local(mean_neighbors, hidden_units, epochs) -> dict[str, DensityClassifier]:
    """Return classifiers by their settings; the least variance and the epochs differ."""
    classifiers = {}
    for share in SHARES:
        some = max(1, round(share * epochs))
        for variance in VARIANCES:
            name = (
                f"d = 7, k = 10, k_mu = {mean_neighbors}, sigma0^2 = {variance}, {hidden_units} "
                f"units, {some} epochs"
            )
            density = NonLocalManifoldParzen(
                *(7, 10, mean_neighbors, variance, hidden_units, some), random_state=SEED
            )
            classifiers[name] = DensityClassifier(density)
    return classifiers


# A line and a spiral


REDRAWS, POINTS = 3, 100  # of two Gaussians on a line
TRAINED, TESTED = 300, 5000  # points of a spiral
VAE_EPOCHS, NETWORK_EPOCHS, PIXELS = 2000, 300, 150
SAMPLES, IN_PICTURE = 2000, 200  # from q(z | x), for the VAE's log-likelihood
DEVIATIONS = (0.01, 0.02, 0.04)  # of the VAE's Gaussian likelihood
QUICK = {
    "VALIDATION": 20,
    "VARIANCES": (0.05,),
    "SHARES": (1.0,),
    "DEFAULTS": {"epochs": 1},
    "BANDWIDTHS": (0.8,),
    "LOCAL": ((5, 5, 0.1),),
    "KERNELS": (8,),
    "DEVIATIONS": (0.04,),
    "NETWORK_EPOCHS": 10,
    "SAMPLES": 20,
    "PIXELS": 20,
    "TRAINED": 60,
    "TESTED": 20,
}


@experiment(minutes=3)
def densities(epochs: int = VAE_EPOCHS, verbose: int | str = 0) -> Table:
    """Estimate the densities of two Gaussians on a line and of a spiral in the plane."""
    x, held_out, x_test = (spiral(n, seed) for seed, n in enumerate((TRAINED, TRAINED, TESTED)))
    rows, shown = [], {}
    for name, candidates in _of_spirals().items():
        fitted = [clone(one).fit(x) for one in candidates]
        best = max(fitted, key=lambda one: one.score(held_out))
        shown[name] = best.score_samples
        rows.append([name, _settings(best), *_nats(best.score_samples, held_out, x_test)])
    vaes = [(d, _spiral_vae(x, d, epochs, verbose)) for d in DEVIATIONS]
    deviation, shown["VAE"] = max(vaes, key=lambda one: _nats(one[1], held_out))
    settings = f"deviation = {deviation}"
    rows.append(["VAE", settings, *_nats(shown["VAE"], held_out, x_test[:1000])])
    true = _true_density(x_test)
    rows.append(["the true density", "", None, round(float(true.mean()), 3)])
    shown["VAE"] = functools.partial(shown["VAE"], samples=IN_PICTURE)
    return Table(
        "Densities of a spiral, in nats a point",
        f"Mean log-density; {TRAINED} points (0.04 t sin t, 0.04 t cos t), t uniform in [3, 15], "
        "and normal noise of 0.01 in both directions, as in Vincent and Bengio 2003; as many "
        f"for the choice of settings, and {TESTED:,} test points. Each density has the settings "
        "with the highest mean on validation points, of those in "
        "`zoo/experiments/densities.py`. VAE: two latent dimensions, dense layers of 128 and "
        f"128, {epochs:,} epochs; log p(x) by {SAMPLES:,} samples from q(z | x), of 1,000 test "
        "points. The true density is summed over 20,001 values of t. Picture: above estimates of "
        f"two Gaussians by Parzen windows, from three times {POINTS} points; below the spiral.",
        ("density", "settings", "validation", "test"),
        rows,
        _picture(x, shown),
    )


def spiral(n: int, seed: int) -> np.ndarray:
    """Draw points of a noisy spiral, float64 [n, 2]."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(3.0, 15.0, n)
    return _line(t) + rng.normal(0.0, 0.01, (n, 2))


def _line(t: np.ndarray) -> np.ndarray:
    return 0.04 * t[:, None] * np.stack([np.sin(t), np.cos(t)], axis=1)


def _true_density(x: np.ndarray) -> np.ndarray:
    """Return the log-density of points [n, 2] of the spiral: the mean over t of its Gaussians."""
    return ParzenWindows(0.01).fit(_line(np.linspace(3.0, 15.0, 20_001))).score_samples(x)


def _of_spirals() -> dict[str, list]:
    variances = np.geomspace(0.003, 0.05, 8) ** 2
    return {
        "Parzen windows": [ParzenWindows(s) for s in np.geomspace(0.005, 0.1, 20)],
        "Manifold Parzen": [ManifoldParzen(1, k, v) for k in (3, 5, 8, 12) for v in variances],
        "Non-local manifold Parzen": [
            NonLocalManifoldParzen(
                1,
                8,
                4,
                v,
                hidden_units=100,
                epochs=NETWORK_EPOCHS,
                learning_rate=3e-3,
                random_state=SEED,
            )
            for v in variances[:5]
        ],
    }


def _settings(density) -> str:
    """Return the settings of a density that were compared."""
    if isinstance(density, ParzenWindows):
        return f"sigma = {density.bandwidth:.3g}"
    k, deviation = density.n_neighbors, density.noise_variance**0.5
    return f"d = 1, k = {k}, sigma0 = {deviation:.2g}"


def _nats(score_samples, *several) -> list[float]:
    return [round(float(np.mean(score_samples(x))), 3) for x in several]


def _spiral_vae(x, deviation, epochs, verbose):
    """Train a VAE on points of the spiral, and return its log-density as a function."""
    scale = x.std()
    likelihood = Gaussian(deviation / scale)
    model = VAE((2,), 2, hidden_units=(128, 128), likelihood=likelihood, seed=SEED)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(x) // 100), alpha=0.01)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit((x / scale).astype("float32"), batch_size=100, epochs=epochs, verbose=verbose)

    def log_density(points, samples=SAMPLES):
        rows = (points / scale).astype("float32")
        return model.log_likelihood(rows, samples=samples).value - 2.0 * np.log(scale)

    return log_density


def _picture(x: np.ndarray, shown: dict) -> Picture:
    """Show estimates of two Gaussians on a line above, and densities of the spiral below."""
    figure = Picture(figsize=(3.2 * len(shown), 6.2), dpi=100, layout="constrained")
    grid_of_rows = figure.add_gridspec(2, 1, height_ratios=(1, 1.25))
    above, below = figure.add_subfigure(grid_of_rows[0]), figure.add_subfigure(grid_of_rows[1])
    grid = np.linspace(-4.0, 6.0, 400)[:, None]
    axes = above.subplots(1, REDRAWS, sharey=True)
    for i, ax in enumerate(axes):
        points = two_gaussians(POINTS, seed=i)
        estimate = np.exp(ParzenWindows(random_state=0).fit(points).score_samples(grid))
        ax.plot(grid, np.exp(_two_gaussians_density(grid[:, 0])), "k", lw=1, label="true")
        ax.plot(grid, estimate, "C0", label="Parzen windows")
        ax.plot(points, np.zeros(POINTS), "|", color="gray", label=f"{POINTS} points")
    axes[0].legend(fontsize=7)
    side = np.linspace(-0.75, 0.75, PIXELS)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    for ax, (name, log_density) in zip(below.subplots(1, len(shown)), shown.items(), strict=True):
        density = np.minimum(np.exp(log_density(plane)), 12.0).reshape(PIXELS, PIXELS)
        ax.imshow(density, origin="lower", extent=(-0.75, 0.75, -0.75, 0.75), cmap="magma_r")
        ax.plot(*x.T, ",", color="C0")
        ax.set(title=name, xticks=[], yticks=[])
    return figure


def two_gaussians(n: int, seed: int) -> np.ndarray:
    """Draw points of two Gaussians on a line, float64 [n, 1]."""
    rng = np.random.default_rng(seed)
    first = rng.random(n) < 0.5
    return np.where(first, rng.normal(-1.0, 0.6, n), rng.normal(2.5, 1.0, n))[:, None]


def _two_gaussians_density(x: np.ndarray) -> np.ndarray:
    from scipy.stats import norm

    return np.logaddexp(norm.logpdf(x, -1.0, 0.6), norm.logpdf(x, 2.5, 1.0)) - np.log(2.0)
