"""Differences between a VAE and a GAN: images of two data sets, and a density."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import zoo
from zoo import data, metrics, plots, recipes
from zoo.experiments.adversarial import gray_pixels, trained
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, fit, fit_recipe
from zoo.metrics.card_metrics import rounded

PRESET = "gan_fashion_mnist"
OF_DISCRIMINATORS = ("discriminator_filters", "discriminator_hidden_units", "label_smoothing")
SEEDS = (1, 2, 3, 4, 5)
STDDEV = 0.4  # of each of the two modes
POINTS = 10_000  # of two modes
QUICK = {"SEEDS": (1,), "POINTS": 256}


@experiment(minutes=30)
def vae_against_gan(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare images that a VAE and a GAN with the same networks generate."""
    recipe = recipes.get(PRESET)
    plain = {name: v for name, v in recipe.model.items() if name not in OF_DISCRIMINATORS}
    rows, pictures = [], {}
    for data_name in ("mnist", "fashion_mnist"):
        (x, _), (x_test, _) = data.load(data_name)
        x = x[: len(x) - recipe.validation]
        classifier = metrics.load_reference_classifier(data_name)
        of_data = replace(recipe, data=data_name)
        vae = fit_recipe(replace(of_data, class_name="VAE", model=plain), x, None, epochs, verbose)
        if data_name == recipe.data:
            gan, _ = trained(PRESET, recipe.seed, 0, epochs, verbose)
        else:
            gan = fit_recipe(of_data, x, None, epochs, verbose)
        shown = {"test images": x_test}
        shown |= {kind: m.generate(len(x_test), seed=0) for kind, m in (("VAE", vae), ("GAN", gan))}
        for kind, images in shown.items():
            classes = classifier.predict(images, batch_size=1000, verbose=0).argmax(axis=1)
            distance = metrics.frechet_distance(images, x_test, classifier)
            rows.append(
                [
                    f"{data_name}: {kind}",
                    "" if images is x_test else rounded(distance),
                    gray_pixels(images),
                    rounded(effective_classes(classes)),
                    *(rounded(value) for value in nearest(images[:1000], x)),
                ]
            )
            pictures[f"{data_name}: {kind}"] = images[:14]
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "A VAE and a GAN with the same networks",
        f"MNIST and Fashion-MNIST, 50,000 training images; the recipe `{PRESET}`, and a VAE whose "
        f"decoder is the same network as the generator, with the same optimizer, {length}; 10,000 "
        "generated images (means of the VAE's p(x | z)); squared Fréchet distance to the test "
        "images in the last hidden layer of the reference classifier; of the pixels above 0.1, "
        "the percentage below 0.9, which is higher for blurred images; the exponential of the "
        "entropy of the classes that the reference classifier sees (10 if all are equally "
        "frequent); for the first 1,000 images the distance to the nearest training image (root "
        "of the squared differences summed over pixels): the median, and the first percentile, "
        "which is near 0 for images that were learned by heart.",
        (
            "images",
            "Fréchet distance",
            "gray pixels, %",
            "effective classes",
            "distance to the nearest training image",
            "its first percentile",
        ),
        rows,
        plots.rows_of_images(pictures, "test images, and generated ones"),
    )


def effective_classes(classes: np.ndarray) -> float:
    """Return the exponential of the entropy of labels: the effective number of classes."""
    shares = np.bincount(classes) / len(classes)
    return float(np.exp(-np.sum(shares * np.log(np.maximum(shares, 1e-12)))))


def nearest(images: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Return the median and the first percentile of the distances to the nearest image of `x`."""
    images, x = (a.reshape(len(a), -1) for a in (images, x))
    squares = np.sum(x * x, axis=1) - 2 * images @ x.T + np.sum(images * images, axis=1)[:, None]
    distances = np.sqrt(np.maximum(squares.min(axis=1), 0.0))
    return float(np.median(distances)), float(np.quantile(distances, 0.01))


@experiment(minutes=1.5)
def two_modes(epochs: int = 30, verbose: int | str = 2) -> Table:
    """Fit densities with two modes by linear and nonlinear VAEs and GANs; count covered modes."""
    generator = np.random.default_rng(0)
    centers = np.where(generator.random(POINTS) < 0.5, -2.0, 2.0)
    x = (centers + STDDEV * generator.standard_normal(POINTS)).astype("float32")[:, None]
    rows, drawn = [["data", "", *modes(x)]], {"data": x}
    for kind, hidden_units in (("linear", ()), ("hidden layers", (32, 32))):
        for cls in (zoo.VAE, zoo.GAN):
            found = []
            for seed in SEEDS:
                model = made(cls, hidden_units, seed)
                fit(model, x, epochs, 2e-3, verbose, seed=seed)
                found.append(samples_of(model, len(x)))
            name = f"{cls.__name__}, {kind}"
            by_seed = np.array([modes(samples) for samples in found])
            one = int(np.sum(np.abs(by_seed[:, 0] - 50) > 45))
            rows.append([name, f"{one} of {len(SEEDS)}", *(spread(column) for column in by_seed.T)])
            drawn[name] = found[int(np.argmax(np.abs(by_seed[:, 0] - 50)))]
    return Table(
        "Two modes: maximum likelihood covers both",
        "10,000 numbers, half of them from N(-2, 0.4^2) and half from N(2, 0.4^2); VAEs and GANs "
        "whose decoder is linear (so that the samples are Gaussian, and cannot have two modes) or "
        "has two hidden layers of 32; Gaussian likelihoods, of learned variance with the linear "
        "decoder, and of standard deviation 0.4 with the other; the discriminator has two hidden "
        f"layers of 32; codes of one dimension; {epochs} epochs of "
        "Adam; 10,000 samples (of the VAE with the noise of its likelihood); mean over seeds 1 to "
        "5, and in parentheses the lowest and the highest. One mode: less than 5 % of the samples "
        "are on one side of 0. Between the modes: from -1 to 1. The picture shows the seed with "
        "the most unequal sides.",
        (
            "samples",
            "runs with one mode",
            "below 0, %",
            "between the modes, %",
            "mean",
            "standard deviation",
        ),
        rows,
        histograms(drawn),
    )


def made(cls: type, hidden_units: tuple[int, ...], seed: int) -> Any:
    """Return a model of single numbers, whose decoder has these hidden layers."""
    if cls is zoo.VAE:
        likelihood = zoo.Gaussian(STDDEV if hidden_units else None)
        return cls((1,), 1, hidden_units=hidden_units, likelihood=likelihood, seed=seed)
    return cls(
        (1,),
        1,
        hidden_units=hidden_units,
        discriminator_hidden_units=(32, 32),
        likelihood="squared_error",
        seed=seed,
    )


def samples_of(model: Any, n: int) -> np.ndarray:
    """Return samples of p(x), with the noise of a Gaussian likelihood, [n, 1]."""
    means = model.generate(n, seed=0)
    if not hasattr(model, "encode"):
        return means
    stddev = model.likelihood.stddev or np.exp(0.5 * float(model.likelihood.log_var))
    return means + stddev * np.random.default_rng(1).standard_normal(means.shape)


def modes(samples: np.ndarray) -> list[float]:
    """Return the percentages of numbers below 0 and from -1 to 1, the mean, and the deviation."""
    below, between = np.mean(samples < 0), np.mean(np.abs(samples) < 1)
    statistics = (100 * below, 100 * between, np.mean(samples), np.std(samples))
    return [round(float(value), 2) for value in statistics]


def spread(values: np.ndarray) -> str:
    """Return the mean of values with the lowest and the highest value."""
    return f"{np.mean(values):.2f} ({np.min(values):.2f} to {np.max(values):.2f})"


def histograms(drawn: dict) -> Figure:
    """Show the density of each kind of samples, with one panel per kind."""
    figure = Figure(figsize=(2.4 * len(drawn), 2.2), layout="constrained")
    panels = figure.subplots(1, len(drawn), sharex=True, sharey=True)
    for axes, (name, samples) in zip(panels, drawn.items(), strict=True):
        axes.hist(samples.ravel(), bins=np.linspace(-4.5, 4.5, 61), density=True, color="C0")
        axes.set_title(name, fontsize="medium")
        axes.set_yticks([])
    figure.supxlabel("x")
    return figure
