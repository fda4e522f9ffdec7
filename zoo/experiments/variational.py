"""Experiments with variational autoencoders: labels, noise, and the size of the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from scipy.special import ndtri

import zoo
from zoo import data, metrics, plots
from zoo.experiments.panels import codes_by_class
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit
from zoo.metrics.card_metrics import rounded
from zoo.nn import corruption
from zoo.plots.picture import Picture
from zoo.plots.sheets import INK, draw, enlarged, name_rows, show
from zoo.training.callbacks import CodesInTraining

IMAGE = (28, 28, 1)
SHOWN, MOVING = 12, 400  # images of a picture, and codes of a moving one
SIDE = 10  # of a grid of codes
# Models that restore corrupted images, their latent dimensions and their options.
DENOISING: tuple[tuple[type, int, dict], ...] = (
    (zoo.VAE, 16, {}),
    (zoo.CVAE, 16, {"num_classes": 10}),
    (zoo.VAE, 2, {}),
)
LIKELIHOODS = {
    "vae_mnist_binarized": ("784-400-400-40, fixed binarization", "89.9 (200)"),
    "iwae_mnist_binarized": ("784-200-200-50, k = 50, fixed binarization", "87.1 (5000)"),
    "vae_mnist_conv": ("convolutional, dynamic binarization", "84.45 (5000; dense 2x300)"),
}
"""Presets with binary pixels: their models, and reported values (number of samples)."""


@experiment(minutes=0.1)
def likelihoods() -> Table:
    """Compare the log-likelihoods on the cards of presets with reported values."""
    names = (
        "negative ELBO",
        "KL divergence",
        "negative log-likelihood, 200 samples",
        "negative log-likelihood, 5000 samples",
    )
    rows = []
    for preset in [name for name in LIKELIHOODS if name in zoo.list_models()]:
        what, reported = LIKELIHOODS[preset]
        found = {metric["name"]: metric["value"] for metric in zoo.card(preset)["figures"]}
        rows.append([preset, what, reported, *(found[name] for name in names)])
    return Table(
        "Log-likelihoods of binary digits",
        "In nats, over all 10,000 test images, by importance sampling from q(z | x), as measured "
        "by `zoo evaluate NAME --update` from the stored weights. Reported: of the variational "
        "autoencoder Rezende and Mohamed 2015, of the importance-weighted one Burda et al. 2015, "
        "of the dense 2x300 Tomczak and Welling 2018; each with its number of samples. Fixed and "
        "dynamic binarization cannot be compared with each other.",
        (
            "preset",
            "model",
            "reported",
            "negative ELBO",
            "KL divergence",
            "200 samples",
            "5000 samples",
        ),
        rows,
    )


@experiment(minutes=10)
def conditional_bounds(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Compare the ELBOs of a VAE and of CVAEs with two latent dimensions, and their codes."""
    (x, y), (x_test, y_test) = data.load("mnist")
    models = {
        "VAE": zoo.VAE(IMAGE, 2, hidden_units=(400,), binarize="dynamic", seed=SEED),
        **{
            f"CVAE, {kind} prior": zoo.CVAE(
                IMAGE,
                2,
                hidden_units=(400,),
                num_classes=10,
                prior=prior,
                binarize="dynamic",
                seed=SEED,
            )
            for kind, prior in (("standard", None), ("learned", "learned"))
        },
    }
    rows, pictures, shown = [], {"test images": x_test[:SHOWN]}, {}
    for name, model in models.items():
        labels, labels_test = (y, y_test) if model.conditional else (None, None)
        some = (x_test[:SHOWN], labels_test if labels_test is None else labels_test[:SHOWN])
        after_one = KeptAfterOne(lambda model, some=some: model.reconstruct(*some))
        fit(model, x, epochs, 1e-3, verbose, labels, callbacks=[after_one])
        pictures[f"{name}, 1 epoch"] = after_one.kept
        pictures[f"{name}, {epochs} epochs"] = model.reconstruct(*some)
        negative_elbo, kl = metrics.negative_elbo(model, x_test, labels_test)
        codes = model.encode(x_test, labels_test, sample=True, seed=0)
        codes = shown[name] = model.style(codes, labels_test)
        means, spreads = (
            np.array([moment(codes[y_test == label], axis=0) for label in range(10)])
            for moment in (np.mean, np.std)
        )
        rows.append(
            [
                name,
                rounded(negative_elbo),
                rounded(kl),
                error(model, x_test, labels_test),
                rounded(np.abs(means).max()),
                f"{spreads.min():.2f} to {spreads.max():.2f}",
            ]
        )
    return Table(
        "Two latent dimensions, with the label and without",
        f"MNIST, 784-400-2, dynamic binarization, {epochs} epochs on the 60,000 training images; "
        "over the 10,000 test images: negative ELBO (log p(x), or log p(x | label)) and the "
        "KL divergence in it, in nats, one sample per image; squared error summed over gray "
        "pixels; then, for the codes of each class (sampled from q, in units of the learned prior "
        "if there is one), the largest mean of a dimension and the range of standard "
        "deviations: 0 and 1 if the codes of every class are N(0, I). On the right of the picture "
        "are these codes.",
        ("model", "negative ELBO", "KL divergence", "squared error", "largest mean", "deviations"),
        rows,
        _restored_and_codes(pictures, shown, y_test),
    )


def _restored_and_codes(pictures: dict, codes: dict, y: np.ndarray) -> Picture:
    """Show rows of reconstructed images on the left, and the codes of each model on the right."""
    figure = Picture(figsize=(15, 6.4), dpi=100, layout="constrained")
    figure.suptitle("A digit from two numbers, without and with its label")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.35, 1))
    sheet = halves[0].add_subplot(title="reconstructed")
    show(sheet, np.concatenate([*pictures.values()]), SHOWN, INK)
    name_rows(sheet, list(pictures), IMAGE[0])
    panels = halves[1].subplots(2, 2)
    named = {f"codes, {name}": z for name, z in codes.items()}
    handles, names = codes_by_class(figure, panels.flat, named, y, 4)
    panels[1, 1].set_axis_off()
    panels[1, 1].legend(handles, names, loc="center", ncols=2, title="class")
    return enlarged(figure)


class KeptAfterOne(keras.callbacks.Callback):
    """Keep what a function of the model returns after the first epoch."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function, self.kept = function, np.zeros(0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 0:
            self.kept = self.function(self.model)


@experiment(minutes=15)
def denoising_variational(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Restore corrupted digits by denoising VAEs and CVAEs, after one epoch and after many."""
    (x, y), (x_test, y_test) = data.load("mnist")
    rows, pictures, manifolds = [], {"original": x_test[:SHOWN]}, {}
    for noise, kind in (("50 % masked", "masking"), ("50 % salt and pepper", "salt_and_pepper")):
        corrupted = corruption.get({kind: 0.5}).sample(x_test, seed=0)
        pictures[noise] = corrupted[:SHOWN]
        for cls, size, more in DENOISING:
            options: dict[str, Any] = {"corruption": {kind: 0.5}, "seed": SEED, **more}
            labels, labels_test = (y, y_test) if more else (None, None)
            name = cls.__name__ if size == 16 else f"{cls.__name__} with {size} latent dimensions"
            row = [f"{name}, {noise}", round(metrics.psnr(corrupted, x_test), 2)]
            for count, lasting in ((1, "1 epoch"), (epochs, f"{epochs} epochs")):
                model = cls(IMAGE, size, hidden_units=(400, 200), **options)
                fit(model, x, count, 1e-3, verbose, labels)
                images = model.reconstruct(corrupted, labels_test)
                row.append(round(metrics.psnr(images, x_test), 2))
                if size == 2:
                    manifolds[f"{noise}, {lasting}"] = model.decode(quantiles(SIDE))
                else:
                    pictures[f"{row[0]}, {lasting}"] = images[:SHOWN]
            rows.append(row)
    return Table(
        "Denoising variational autoencoders",
        "MNIST, 784-400-200-16 or -2, trained to restore corrupted images, one model for 1 epoch "
        f"and one for {epochs} epochs on the 60,000 training images, both with a rate that decays "
        "along a half cosine; peak signal-to-noise ratio in dB of the 10,000 test images, "
        "corrupted with seed 0 and after passing through the mean code. The CVAE takes the label. "
        f"In the picture below: what {SIDE}x{SIDE} quantiles of the prior decode to, for the VAEs "
        "with two latent dimensions.",
        ("model", "corrupted", "1 epoch", f"{epochs} epochs"),
        rows,
        restored_and_manifolds(pictures, manifolds),
    )


def quantiles(side: int) -> np.ndarray:
    """Return the grid of codes whose coordinates are quantiles of N(0, 1), [side * side, 2].

    The first dimension grows to the right, the second one upward.
    """
    ticks = ndtri((np.arange(side) + 0.5) / side)
    return np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1).reshape(-1, 2).astype("float32")


def restored_and_manifolds(pictures: dict, manifolds: dict) -> Picture:
    """Show rows of restored images above, and decoded grids of codes below."""
    figure = Picture(figsize=(11.6, 11), dpi=100, layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(len(pictures) * 0.6, 3.8))
    above, below = halves
    axes = above.add_subplot(title="corrupted and restored, 16 latent dimensions")
    show(axes, np.clip(np.concatenate([*pictures.values()]), 0, 1), SHOWN, INK)
    name_rows(axes, list(pictures), IMAGE[0])
    figure.suptitle("Digits restored from half of their pixels", fontsize="x-large")
    below.suptitle("VAEs with two latent dimensions: decoded quantiles of the prior")
    panels = below.subplots(1, len(manifolds))
    for axes, (name, images) in zip(panels, manifolds.items(), strict=True):
        draw(axes, images, SIDE, INK, gap=0)
        axes.set(xticks=[], yticks=[])
        axes.set_title(name, fontsize="medium")
    return figure


@experiment(minutes=5)
def latent_sizes(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Reconstruct by VAEs with 2, 5 and 20 latent dimensions."""
    (x, _), (x_test, _) = data.load("mnist")
    rows, models = [], {}
    for size in (2, 5, 20):
        model = zoo.VAE(IMAGE, size, hidden_units=(400,), binarize="dynamic", seed=SEED)
        fit(model, x, epochs, 1e-3, verbose)
        negative_elbo, kl = metrics.negative_elbo(model, x_test)
        active = metrics.active_units(model, x_test)
        rows.append([size, rounded(negative_elbo), rounded(kl), active, error(model, x_test)])
        models[f"|z| = {size}"] = model
    return Table(
        "The size of the code",
        f"MNIST, VAE 784-400-|z|, dynamic binarization, {epochs} epochs on the 60,000 training "
        "images; over the 10,000 test images: negative ELBO and the KL divergence in it, in nats, "
        "one sample per image; dimensions whose mean varies by more than 0.01; squared error "
        "summed over gray pixels.",
        ("latent dimensions", "negative ELBO", "KL divergence", "active", "squared error"),
        rows,
        plots.reconstructions_of_several(models, x_test),
    )


@experiment(minutes=5)
def manifold_seeds(epochs: int = 10, verbose: int | str = 2) -> Table:
    """Embed digits in two dimensions by an autoencoder and a VAE, with three seeds each."""
    (x, _), (x_test, y_test) = data.load("mnist")
    x_test, y_test = x_test[:5000], y_test[:5000]
    codes, moving, rows = {}, {}, []
    for cls in (zoo.Autoencoder, zoo.VAE):
        for seed in (1, 2, 3):
            model = cls(IMAGE, 2, hidden_units=(400, 100), seed=seed)
            kept = CodesInTraining(x_test[:MOVING])
            fit(model, x, epochs, 1e-3, verbose, seed=seed, callbacks=[kept])
            name = f"{cls.__name__}, seed {seed}"
            z = codes[name] = model.encode(x_test)
            moving[name] = kept.codes
            spread = " and ".join(f"{value:.2f}" for value in z.std(axis=0))
            center = " and ".join(f"{value:.2f}" for value in z.mean(axis=0))
            rows.append([name, center, spread, error(model, x_test)])
    return Table(
        "Where two-dimensional codes lie, by seed",
        f"MNIST, 784-400-100-2, {epochs} epochs on the 60,000 training images; means and standard "
        "deviations of the codes of the first 5,000 test images, and their squared error summed "
        "over pixels. The codes of a VAE lie where its prior is, for every seed; those of an "
        f"autoencoder may lie anywhere. The moving picture has {MOVING} of the codes before the "
        "training and after each epoch, on the axes of the end.",
        ("model", "mean of codes", "deviation of codes", "squared error"),
        rows,
        plots.scatters(
            codes, y_test, own_scales=True, title="Codes of an autoencoder and of a VAE, by seed"
        ),
        plots.moving_codes(moving, y_test[:MOVING]),
    )
