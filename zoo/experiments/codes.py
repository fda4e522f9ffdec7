"""What codes hold: variances, capacity, and classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from matplotlib.patches import Ellipse

import zoo
from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit
from zoo.metrics.card_metrics import rounded
from zoo.plots.picture import Picture
from zoo.plots.sheets import class_color

BETAS = (0.0, 0.1, 1.0, 4.0)
SHOWN = 150  # posteriors in a picture
MEMORIZED = 50
REPEATED = 100  # times that the memorized digits are in the training data
PROBED = 5000
ENTANGLED = {
    "ae_mnist": "autoencoder",
    "vae_mnist": "VAE",
    "aae_mnist": "AAE",
    "aae_mnist_mixture": "label-informed AAE",
    "supervised_aae_mnist": "AAE, decoder with label",
    "cvae_mnist": "CVAE",
}


@experiment(minutes=2)
def bubbles(epochs: int = 150, verbose: int | str = 2) -> Table:
    """Draw the posteriors of VAEs with four weights of the KL divergence as ellipses."""
    (x, _), (x_test, y_test) = data.load("digits")
    rows, moments = [], {}
    for beta in BETAS:
        model = zoo.VAE((8, 8, 1), 2, hidden_units=(128,), beta=beta, seed=SEED)
        fit(model, x, epochs, 3e-3, verbose)
        mean, log_var = (np.asarray(a, "float64") for a in model.posterior_moments(x_test))
        moments[beta] = mean[:SHOWN], np.exp(log_var[:SHOWN])
        kl = kl_to_normal(mean, np.exp(log_var)).mean()
        values = (np.exp(log_var).mean(), mean.var(axis=0).mean(), error(model, x_test), kl)
        rows.append([f"beta = {beta:g}", *(rounded(value) for value in values)])
    return Table(
        "Posteriors by the weight of the KL divergence",
        f"VAEs 64-128-2 with a Bernoulli likelihood, {epochs} epochs on the {len(x):,} training "
        f"images of digits (8x8 pixels), seed {SEED}. Over the {len(x_test)} test images: the "
        "mean variance of q(z | x), the variance of its means over images (both averaged over "
        "the two dimensions), the squared error of reconstructions from the mean, summed over "
        "pixels, and the KL divergence of q(z | x) to N(0, I) in nats.",
        ("weight", "variance of q", "variance of the means", "squared error", "KL divergence"),
        rows,
        _bubbles(moments, y_test[:SHOWN], rows),
    )


def penalty(variance: np.ndarray | float) -> Any:
    """Return V(v) = v - ln v - 1, twice what a variance adds to the KL divergence."""
    return variance - np.log(variance) - 1


def kl_to_normal(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return KL(N(mean, diag(variance)) || N(0, I)) in nats for rows [n, d], [n]."""
    return 0.5 * np.sum(np.square(mean) + penalty(variance), axis=1)


def _bubbles(moments, labels, rows) -> Any:
    """Draw a panel of ellipses for each weight, and V(v) with the weights' mean variances."""
    figure = Picture(figsize=(12.8, 8), dpi=100, layout="constrained")
    left, right = figure.add_gridspec(1, 2, width_ratios=(2, 1))
    grid = left.subgridspec(2, 2)
    for i, ((mean, variance), row) in enumerate(zip(moments.values(), rows, strict=True)):
        axes = figure.add_subplot(grid[i])
        for center, width, label in zip(mean, 2 * np.sqrt(variance), labels, strict=True):
            axes.add_patch(Ellipse(center, *width, facecolor=class_color(label), alpha=0.35))
        for label in np.unique(labels):
            of_class = mean[labels == label]
            axes.scatter(*of_class.T, s=5, color=class_color(label), label=str(label))
        axes.add_patch(Ellipse((0, 0), 2, 2, fill=False, linestyle="--", linewidth=1.5))
        axes.set_title(f"{row[0]}: error {row[3]:.2f}, KL {row[4]:.2f}", fontsize=14)
        end = 1.1 * max(np.quantile(np.abs(mean), 0.99), 1.2)
        axes.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
        axes.tick_params(labelsize=12)
    _class_legend(figure, axes)
    axes = figure.add_subplot(right)
    v = np.geomspace(1e-5, 10, 200)
    axes.plot(v, penalty(v), color="black")
    for i, row in enumerate(rows):
        axes.plot(row[1], penalty(row[1]), "osD^"[i], color=f"C{i}", markersize=11, label=row[0])
    axes.set_xscale("log")
    axes.set_title("V(v) = v - ln v - 1", fontsize=14)
    axes.set_xlabel("variance v; marks: mean of q", fontsize=13)
    axes.tick_params(labelsize=12)
    axes.legend(fontsize=13)
    figure.suptitle("A larger weight of the KL divergence makes larger bubbles", fontsize=16)
    return figure


def _class_legend(figure: Picture, axes: Any) -> None:
    """Name the colors of the classes on these axes below all panels."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        title="class",
        loc="outside lower center",
        ncols=10,
        fontsize=13,
        markerscale=3,
    )


@experiment(minutes=2)
def capacity(epochs: int = 100, verbose: int | str = 2) -> Table:
    """Measure what wide autoencoders, and one-dimensional codes, restore: digits or anything."""
    (x, _), (x_test, _) = data.load("digits")
    noise = shuffled_pixels(x_test, SEED)
    few = np.tile(x[:MEMORIZED], (REPEATED, 1, 1, 1))
    kinds: dict[str, tuple] = {
        "linear, 8 numbers": (8, (), x),
        "linear, 100 numbers": (100, (), x),
        "nonlinear, 100 numbers": (100, (256,), x),
        f"1 number, 8 units, {MEMORIZED} digits": (1, (8,), few),
        f"1 number, 3 x 256 units, {MEMORIZED} digits": (1, (256, 256, 256), few),
    }
    rows, pictures = [], {}
    for name, (size, units, given) in kinds.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of more parameters than data, which are the subject
            model = zoo.Autoencoder(
                (8, 8, 1), size, hidden_units=units, likelihood="squared_error", seed=SEED
            )
            fit(model, given, epochs, 3e-3, verbose)
        trained = given[:MEMORIZED] if given is few else given
        rows.append([name, *(error(model, some) for some in (trained, x_test, noise))])
        pictures[name] = [model.reconstruct(some[:8]) for some in (x, x_test, noise)]
    return Table(
        "What an autoencoder with too much capacity restores",
        f"Autoencoders of digits (8x8 pixels, 64 numbers), {epochs} epochs with the squared "
        f"error on the {len(x):,} training images, or on the first {MEMORIZED} of them, each "
        f"{REPEATED} times an epoch; seed {SEED}. Squared error summed over pixels, mean over "
        f"the images that were trained on, over the {len(x_test)} test images, and over noise: "
        "the test images with the pixels of each image shuffled. The mean training image has "
        f"an error of {_error_of(x.mean(axis=0), x_test):.1f} on test images and of "
        f"{_error_of(x.mean(axis=0), noise):.1f} on noise.",
        ("code", "training", "test", "noise"),
        rows,
        _restored([x[:8], x_test[:8], noise[:8]], pictures, rows),
    )


def shuffled_pixels(x: np.ndarray, seed: int) -> np.ndarray:
    """Return images with the pixels of each image in a random order of its own."""
    flat = x.reshape(len(x), -1)
    return np.random.default_rng(seed).permuted(flat, axis=1).reshape(x.shape)


def _error_of(guess: np.ndarray, x: np.ndarray) -> float:
    """Return the squared error of one image as the reconstruction of all."""
    return float(np.square(x - guess).sum() / len(x))


def _restored(originals, pictures, rows) -> Any:
    """Draw training, test and noise images, and what each model makes of them."""
    figure = Picture(figsize=(12.8, 7.4), dpi=100, layout="constrained")
    rows_of = {"original": originals, **pictures}
    grid = figure.add_gridspec(len(rows_of), 3)
    for i, (name, sets) in enumerate(rows_of.items()):
        for k, (kind, some) in enumerate(zip(("training", "test", "noise"), sets, strict=True)):
            axes = figure.add_subplot(grid[i, k], xticks=[], yticks=[])
            axes.imshow(zoo.plots.tile(some[:6], 6)[..., 0], cmap="gray_r", vmin=0, vmax=1)
            if i == 0:
                axes.set_title(f"{kind} images", fontsize=14)
            else:
                axes.set_xlabel(f"error {rows[i - 1][k + 1]:.2g}", fontsize=13)
            if k == 0:
                text = name.replace(", ", "\n")
                axes.set_ylabel(text, fontsize=13, rotation=0, ha="right", va="center")
    figure.suptitle("Wide codes restore noise, too; one number can memorize 50 digits", fontsize=16)
    return figure


@experiment(minutes=1.5)
def entanglement() -> Table:
    """Measure how much of the class the codes of six models hold, by two classifiers."""
    train, test = ((x[:PROBED], y[:PROBED]) for x, y in data.load("mnist"))
    rows, planes = [], {}
    spaces = {"pixels": "the image itself", **ENTANGLED}
    for name, kind in spaces.items():
        z, z_test = (_codes(name, *some) for some in (train, test))
        found = (round(rate, 1) for rate in probes(z, train[1], z_test, test[1]))
        rows.append([name, kind, z.shape[1], *found])
        if name in ENTANGLED:
            planes[name] = _plane(z, z_test)
    most = 100 * np.bincount(test[1]).max() / len(test[1])
    return Table(
        "How much of the class is in a code",
        f"Presets of MNIST. Accuracy in percent of two classifiers of codes on {len(test[1]):,} "
        f"test images, fitted to the codes of {len(train[1]):,} training images: logistic "
        "regression on standardized codes (linear), and the 5 nearest neighbors. Codes are "
        "means; the encoder of the CVAE is given the true label. The label-informed AAE was "
        "trained with all labels, which its discriminator saw. Always the most frequent class: "
        f"{most:.1f} %. Nothing is trained except for the two classifiers.",
        ("codes of", "model", "numbers", "linear, %", "nearest neighbors, %"),
        rows,
        _planes(planes, test[1], rows),
    )


def probes(
    z: np.ndarray, y: np.ndarray, z_test: np.ndarray, y_test: np.ndarray
) -> tuple[float, float]:
    """Return the accuracy in percent of a linear classifier, and of 5 nearest neighbors."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an end before convergence
        linear.fit(z, y)
    neighbors = KNeighborsClassifier(5, algorithm="brute").fit(z, y)
    first, second = (100 * float(model.score(z_test, y_test)) for model in (linear, neighbors))
    return first, second


def _codes(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the codes of a preset as rows; pixels as they are."""
    if name == "pixels":
        return x.reshape(len(x), -1)
    model = zoo.load(name)
    z = model.encode(x, y if model.conditional else None)
    return z.reshape(len(z), -1)


def _plane(z: np.ndarray, z_test: np.ndarray) -> np.ndarray:
    """Return the first two principal components of the test codes, [n, 2]."""
    from sklearn.decomposition import PCA

    return PCA(2).fit(z).transform(z_test)


def _planes(planes, labels, rows) -> Any:
    """Draw the codes of each model in two dimensions, and the accuracies as bars."""
    figure = Picture(figsize=(12.8, 7), dpi=100, layout="constrained")
    left, right = figure.add_gridspec(1, 2, width_ratios=(2, 1))
    grid, shown = left.subgridspec(2, 3), slice(0, 1500)
    for i, (name, points) in enumerate(planes.items()):
        axes = figure.add_subplot(grid[i], xticks=[], yticks=[])
        for label in range(10):
            chosen = points[shown][labels[shown] == label]
            axes.scatter(*chosen.T, s=7, color=class_color(label), label=str(label))
        axes.set_title(name, fontsize=13)
    _class_legend(figure, axes)
    axes = figure.add_subplot(right)
    places = np.arange(len(rows))
    for i, kind in enumerate(("linear", "nearest neighbors")):
        bars = axes.barh(places + 0.4 * i, [row[3 + i] for row in rows], 0.38, label=kind)
        axes.bar_label(bars, fmt="%.0f", fontsize=12, padding=3)
    names_of = [row[0].replace("_mnist", "").replace("_", "\n") for row in rows]
    axes.set_yticks(places + 0.2, names_of)
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.tick_params(labelsize=13)
    axes.set_title("accuracy of the class, %", fontsize=14)
    axes.legend(loc="lower right", fontsize=13)
    figure.suptitle("A code holds little of the class if the decoder gets the label", fontsize=16)
    return figure
