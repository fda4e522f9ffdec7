"""Experiments with adversarial models: discriminators of codes, labels and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

import zoo
from zoo import data, metrics, plots, recipes
from zoo.experiments.panels import codes_by_class
from zoo.experiments.registry import experiment
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import SEED, Table, chosen_rows, error, fit, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.metrics.parzen import estimate_around
from zoo.plots.picture import Picture
from zoo.plots.sheets import INK, enlarged, name_rows, show
from zoo.plots.walks import STEPS, along_classes
from zoo.recipes import training

IMAGE = (28, 28, 1)
SEEDS = (1, 2, 3)  # for initial weights and for random choices of labeled images
CLUSTER_SEEDS = (1, 2, 3, 4, 5)
WIDE = (1000, 1000)  # hidden units, as in the paper
GENERATED = 10_000  # images, for Parzen windows
BLUR = 0.7  # pixels, a filter's standard deviation: the best of 0.4 to 0.9 on validation images
QUICK = {"SEEDS": (1,), "CLUSTER_SEEDS": (1,), "WIDE": (32, 32), "GENERATED": 100}
DROPPED = {"AAE without dropout": 0.0, "AAE, inputs dropped": 0.2}
WINDOWS = (
    *DROPPED,
    "preset aae_mnist",
    "preset vae_mnist",
    "training images",
    "training images, blurred",
)
"""Images around which Parzen windows lie."""
# Of Adam in `parzen_windows`, whatever the recipes of presets are.
PARZEN_RATES: dict[str, Any] = {
    "learning_rate": 1e-3,
    "discriminator": {"learning_rate": 2e-4, "beta_1": 0.5},
    "generator": {"learning_rate": 5e-4, "beta_1": 0.5},
}
CLUSTERS = "aae_mnist_clusters"
ALIKE = ((4, 7, 9), (3, 5, 8))  # digits that clusters mix up
AS_IN_THE_PAPER = {"conditional_discriminator": False}  # in place of the presets' True


def trained(
    name: str,
    seed: int,
    labels: int,
    epochs: int | None,
    verbose: int | str,
    images: int | None = None,
    states: States = NOT_KEPT,
    **options,
) -> tuple:
    """Train a recipe's model with some labels, or load its preset if that was trained identically.

    Args:
        images: the number of training images, from the first one; None means the recipe's number.

    Returns:
        the model, and the test images with their labels.
    """
    recipe = recipes.get(name)
    (x, y), test = data.load(recipe.data)
    own = len(x) - recipe.validation
    cut = images or own
    same = (seed, labels, epochs, cut, options) == (recipe.seed, recipe.labels, None, own, {})
    if same and name in zoo.list_models():
        return zoo.load(name), test
    x, y = x[:cut], data.keep_labels(y[:cut], labels, seed=seed) if labels else y[:cut]
    settings = {**recipe.model, **options}
    recipe = replace(recipe, seed=seed, labels=labels, model=settings)
    return fit_recipe(recipe, x, y, epochs, verbose, states=states), test


def fit_adversarially(
    model: Any, x: np.ndarray, epochs: int, verbose: int | str, optimizer: dict
) -> None:
    """Train an adversarial autoencoder without labels; `optimizer` is as in a recipe."""
    keras.utils.set_random_seed(SEED)
    steps = epochs * -(-len(x) // 128)
    recipe = replace(recipes.get("aae_mnist"), optimizer=optimizer)
    model.compile(training.make_optimizer(model, recipe, steps))
    model.fit(x, epochs=epochs, verbose=verbose)


@experiment(minutes=15)
def label_informed(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Match the codes of digits to a mixture and a Swiss roll, with all or 10,000 labels."""
    rows, codes, walks = [], {}, {}
    for preset, shape in (("aae_mnist_mixture", "mixture"), ("aae_mnist_swiss_roll", "swiss roll")):
        for labels in (0, 10_000):
            model, (x, y) = trained(preset, SEED, labels, epochs, verbose, images=50_000)
            z = model.encode(x)
            name = f"{shape}, {'10,000 labels' if labels else 'all labels'}"
            distance = metrics.sliced_wasserstein(z, model.prior.sample(len(z), seed=0))
            inside = 100 - metrics.classification_error(model, x, y)
            rows.append([name, round(inside, 2), rounded(distance), error(model, x)])
            codes[name] = z
            if not labels:
                walks[f"decoded, {name}"] = model.decode(along_classes(model.prior, STEPS))
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Label-informed adversarial autoencoders",
        "MNIST, two latent dimensions, 50,000 training images, all or 10,000 of them with a label, "
        f"{length}; over the 10,000 test images: percentage whose code lies in its class's "
        "component of the prior, sliced 2-Wasserstein distance of their codes from as many prior "
        "samples, squared error summed over pixels. Settings are those of the presets' recipes. "
        f"On the right of the picture, {STEPS} decoded codes for each class: from the origin "
        "outward along the middle of its petal, to the radius 7; and along its section of the "
        "Swiss roll, from the center outward, so that each row continues the one above.",
        ("prior", "in their class's component, %", "distance", "squared error"),
        rows,
        codes_and_walks(codes, y, walks),
    )


def codes_and_walks(codes: dict, y: np.ndarray, walks: dict) -> Picture:
    """Show the codes of test images for each model, and decoded walks in a last column."""
    figure = Picture(figsize=(13.5, 9), dpi=100, layout="constrained")
    columns = len(codes) // len(walks)
    panels = figure.subplots(len(walks), columns + 1, width_ratios=[1] * columns + [0.8])
    handles, names = codes_by_class(figure, panels[:, :-1].flat, codes, y, 9, fontsize=14)
    figure.legend(handles, names, loc="outside lower center", ncols=10, title="class", fontsize=13)
    for axes, (name, images) in zip(panels[:, -1], walks.items(), strict=True):
        show(axes, images, STEPS, INK)
        axes.set_title(name, fontsize=14)
        name_rows(axes, [f"class {c}" for c in range(len(images) // STEPS)], images.shape[1])
    return enlarged(figure)


@experiment(minutes=90)
def adversarial_labels(
    epochs: int | None = None, verbose: int | str = 2, states: States = NOT_KEPT
) -> Table:
    """Classify digits by semi-supervised adversarial autoencoders, for three choices of labels."""
    rows = []
    for count, reported in ((100, 1.90), (1000, 1.60), (0, 0.85)):
        preset = f"semi_supervised_aae_mnist_{100 if count == 100 else 1000}"
        errors = []
        for seed in SEEDS:
            options = {"states": states, **AS_IN_THE_PAPER}
            model, test = trained(preset, seed, count, epochs, verbose, **options)
            errors.append(metrics.classification_error(model, *test))
        by_seed = ", ".join(f"{value:.2f}" for value in errors)
        rows.append([count or "all 50,000", reported, round(float(np.mean(errors)), 2), by_seed])
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Semi-supervised adversarial autoencoders",
        "MNIST, 50,000 training images, some of them with a label, equally many of each class; "
        "percentage of the 10,000 test images that are classified wrongly, for three random "
        f"choices of the labeled images (seeds 1, 2, 3) and their mean; {length}; convolutional "
        "encoder, training images shifted by up to two pixels and with noise. Settings were chosen "
        "by the error on the 10,000 validation images, with all of their labels. As in the paper, "
        "the discriminator of styles does not see the class; in the presets it does. Reported: "
        "Makhzani et al. 2015, dense layers, images not shifted.",
        ("labels", "reported", "mean error in %", "by seed"),
        rows,
    )


@experiment(minutes=10)
def vae_against_aae(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Match the codes of VAEs and of AAEs to a wide Gaussian and to a mixture."""
    (x, _), (x_test, y_test) = data.load("mnist")
    shapes = {"N(0, 5^2 I)": zoo.Normal(2, 5.0), "mixture": zoo.GaussianMixture.petals()}
    rows, codes = [], {}
    for shape, prior in shapes.items():
        drawn = prior.sample(len(x_test), seed=0)
        for cls in (zoo.VAE, zoo.AAE):
            options = {"hidden_units": (600, 300), "prior": prior, "seed": SEED}
            if cls is zoo.VAE:
                model = zoo.VAE(IMAGE, 2, **options)
                fit(model, x, epochs, 1e-3, verbose)
            else:
                model = zoo.AAE(IMAGE, 2, posterior="gaussian", **options)
                rates = recipes.get("aae_mnist_mixture").optimizer
                fit_adversarially(model, x, epochs, verbose, rates)
            z = model.encode(x_test, sample=True, seed=0)
            name = f"{cls.__name__}, {shape}"
            distance = rounded(metrics.sliced_wasserstein(z, drawn))
            floor = rounded(metrics.sliced_wasserstein(prior.sample(len(z), seed=1), drawn))
            rows.append([name, distance, floor, error(model, x_test)])
            codes[name] = z
    return Table(
        "Variational against adversarial: codes and the same prior",
        f"MNIST, 784-600-300-2, no labels, {epochs} epochs on the 60,000 training images; sliced "
        "2-Wasserstein distance (200 directions, seed 0) between the codes of the 10,000 test "
        "images, one sample of the Gaussian q(z | x) for each, and as many prior samples, and the "
        "distance between two such sets of prior samples; squared error summed over pixels.",
        ("model, prior", "distance", "of the prior to itself", "squared error"),
        rows,
        plots.scatters(codes, y_test, extent=15.0),
    )


@experiment(minutes=60, rows=lambda: WINDOWS)
def parzen_windows(epochs: int = 60, only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Estimate log-likelihoods by Parzen windows: of AAEs, other models, and training images."""
    (x, _), (x_test, _) = data.load("mnist")
    x, kept = x[:50_000], x[-1000:]
    run = chosen_rows(only, WINDOWS)
    reported = {"AAE, inputs dropped": "340 ± 2 (rerun: 345)", "AAE without dropout": "232 (rerun)"}
    rows = []
    for name in WINDOWS:
        if name not in run:
            rows.append([name])
            continue
        drawn = _images_for_windows(name, x, epochs, verbose)
        mean, spread, bandwidth = estimate_around(drawn, x_test, kept)
        values = [round(mean, 1), round(spread, 1), round(bandwidth, 3)]
        rows.append([name, reported.get(name, ""), *values])
        if verbose:
            print(*rows[-1], flush=True)
    updates = (PARZEN_RATES, PARZEN_RATES["discriminator"], PARZEN_RATES["generator"])
    rates = [options["learning_rate"] for options in updates]
    return Table(
        "Log-likelihood by Parzen windows",
        f"MNIST, gray pixels; log-density in nats of the 10,000 test images under Gaussian windows "
        f"around {GENERATED:,} generated images, with its standard error over images, and the "
        "bandwidth that 1,000 validation images chose. The first two: 784-1000-1000-8, prior "
        f"N(0, 5^2 I), {epochs} epochs on 50,000 images by Adam with rates of {rates[0]:g} "
        f"(reconstruction), {rates[1]:g} (discriminator) and {rates[2]:g} (generator), which fall "
        "along a cosine; the second one drops a fifth of the encoder's input pixels in training. "
        "The last two: windows around "
        f"{GENERATED:,} training images in place of generated ones, as they are and after a "
        f"Gaussian filter of {BLUR} pixels, the best of 0.4 to 0.9 on validation images. Reported: "
        "Makhzani et al. 2015 (340), and a rerun of it with dropout and without. Parzen windows "
        "are a poor measure of a model (Theis et al. 2016, arXiv 1511.01844).",
        ("model", "reported", "log-likelihood", "standard error", "bandwidth"),
        rows,
    )


def _images_for_windows(name: str, x: np.ndarray, epochs: int, verbose: int | str) -> np.ndarray:
    """Return the images around which Parzen windows lie."""
    if name in DROPPED:
        options = {"input_dropout": DROPPED[name], "prior": zoo.Normal(8, 5.0), "seed": SEED}
        model = zoo.AAE(IMAGE, 8, hidden_units=WIDE, **options)
        fit_adversarially(model, x, epochs, verbose, PARZEN_RATES)
        return model.generate(GENERATED, seed=0)
    if name.startswith("preset "):
        return zoo.load(name.removeprefix("preset ")).generate(GENERATED, seed=0)
    order = np.random.default_rng(SEED).permutation(len(x))
    real = x[order[:GENERATED]]
    return gaussian_filter(real, (0, BLUR, BLUR, 0)) if name.endswith("blurred") else real


@experiment(minutes=70)
def clusters(epochs: int | None = None, verbose: int | str = 2, states: States = NOT_KEPT) -> Table:
    """Sort digits into 16 and into 30 clusters, without labels."""
    recipe, rows = recipes.get(CLUSTERS), []
    (x, _), (x_test, y_test) = data.load(recipe.data)
    held_out = x[-recipe.validation :]  # all, in quick runs, which hold none out
    for count, reported in ((16, 9.55), (30, 4.10)):
        options = {} if count == recipe.model["num_classes"] else {"num_classes": count}
        errors, validation, details = [], [], []
        for seed in CLUSTER_SEEDS:
            model, _ = trained(CLUSTERS, seed, 0, epochs, verbose, states=states, **options)
            errors.append(metrics.clustering_error(model, x_test, y_test))
            validation.append(error(model, held_out))
            details.append(_kinds_of_errors(model.predict_proba(x_test), y_test))
        mean, spread = np.mean(errors), np.std(errors, ddof=1) if len(errors) > 1 else 0.0
        best = int(np.argmin(validation))
        rows.append(
            [
                count,
                reported,
                round(float(mean), 2),
                round(float(spread / np.sqrt(len(errors))), 2),
                ", ".join(f"{value:.2f}" for value in errors),
                round(errors[best], 2),
                CLUSTER_SEEDS[best],
                *(round(float(value), 2) for value in np.mean(details, axis=0)),
            ]
        )
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipe"
    return Table(
        "Clustering without labels",
        f"MNIST, 50,000 training images, {length}; percentage of the 10,000 test images whose "
        "cluster has another class than theirs. The class of a cluster is that of the test image "
        "with the highest probability of this cluster. Chosen: the seed with the smallest "
        "squared error of reconstructed validation images, which takes no labels. The settings "
        "of the recipe were chosen with the labels of validation images. Alike: of the mean error, "
        "what lies among 4, 7 and 9 and among 3, 5 and 8. Most frequent: the mean error if the "
        "class of a cluster is the most frequent one of its test images. Reported: Makhzani et al. "
        "2015.",
        (
            "clusters",
            "reported",
            "mean error in %",
            "standard error",
            "by seed",
            "chosen without labels",
            "its seed",
            "alike",
            "most frequent",
        ),
        rows,
    )


def _kinds_of_errors(probability, y):
    """Return the errors in % among digits that are alike, and those by most frequent classes.

    Args:
        probability: of each cluster, [n, clusters]. y: classes [n].
    """
    named, cluster = y[probability.argmax(axis=0)], probability.argmax(axis=1)
    found = named[cluster]
    alike = [np.isin(found, group) & np.isin(y, group) for group in ALIKE]
    counts = np.zeros((probability.shape[1], int(y.max()) + 1))
    np.add.at(counts, (cluster, y), 1)
    right = counts.max(axis=1).sum()
    return 100 * np.mean(np.any(alike, axis=0) & (found != y)), 100 * (1 - right / len(y))


@experiment(minutes=30)
def two_dimensions(
    epochs: int | None = None, verbose: int | str = 2, states: States = NOT_KEPT
) -> Table:
    """Reduce digits to two dimensions, with a head for each class or cluster and a style."""
    options = {"latent_dim": 2, "head_distance": 8.0, "states": states, **AS_IN_THE_PAPER}
    rows, codes = [], {}
    for labels, preset in (
        (1000, "semi_supervised_aae_mnist_1000"),
        (100, "semi_supervised_aae_mnist_100"),
        (0, CLUSTERS),
    ):
        more = options if labels else {**options, "num_classes": 20}
        model, (x, y) = trained(preset, SEED, labels, epochs, verbose, **more)
        measure = metrics.classification_error if labels else metrics.clustering_error
        name = f"{labels} labels" if labels else "no labels, 20 clusters"
        rows.append([name, round(measure(model, x, y), 2), error(model, x)])
        codes[name] = model.represent(x)
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes of ten dimensions"
    return Table(
        "Two dimensions: a head for each class, plus a style",
        f"MNIST, 50,000 training images, {length}; the decoder takes two numbers. Percentage of "
        "the 10,000 test images that are classified wrongly, or whose cluster has another class; "
        "squared error summed over pixels. After Makhzani et al. 2015, section 7.",
        ("labels", "error in %", "squared error"),
        rows,
        plots.scatters(codes, y),
    )


def gray_pixels(images: np.ndarray) -> float:
    """Return the percentage of gray pixels (< 0.9) among those > 0.1: high for blurred images."""
    marked = images[images > 0.1]
    return round(100 * float((marked < 0.9).mean()), 1)


@experiment(minutes=3)
def adversarial_images(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare images generated by a VAE and a VAE-GAN with the same networks."""
    rows, pictures = [], {}
    for name in ("mnist", "fashion_mnist"):
        gan, (x, _) = trained(f"vaegan_{name}", SEED, 0, epochs, verbose)
        recipe = recipes.get(f"vaegan_{name}")
        shared = {
            key: recipe.model[key] for key in ("filters", "hidden_units") if key in recipe.model
        }
        vae = zoo.VAE(IMAGE, recipe.model["latent_dim"], seed=SEED, **shared)
        (train, _), _ = data.load(name)
        fit(vae, train[:50_000], epochs or recipe.epochs, 1e-3, verbose)
        classifier = metrics.load_reference_classifier(name)
        pictures[f"{name}: real"] = x[:12]
        rows.append([f"real images, {name}", "", "", gray_pixels(x)])
        for kind, model in (("VAE", vae), ("VAE-GAN", gan)):
            drawn = model.generate(len(x), seed=0)
            distance = rounded(metrics.frechet_distance(drawn, x, classifier))
            rows.append([f"{kind}, {name}", distance, error(model, x), gray_pixels(drawn)])
            pictures[f"{name}: {kind}"] = drawn[:12]
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Images of VAEs with and without a discriminator",
        "VAE-GANs of the recipes `vaegan_mnist` and `vaegan_fashion_mnist`, and VAEs with the same "
        f"encoder and decoder, {length} on the same 50,000 images; squared Fréchet distance "
        "between 10,000 generated images and the 10,000 test images, in the last hidden layer of "
        "an independently trained classifier; squared error of reconstructed test images summed "
        "over pixels; of the pixels of generated images that are above 0.1, the percentage below "
        "0.9, which is higher for blurred images.",
        ("model", "Fréchet distance", "squared error", "gray pixels, %"),
        rows,
        plots.rows_of_images(pictures, "generated"),
    )
