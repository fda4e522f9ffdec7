"""The adversarial family: what a discriminator does for codes, labels and images."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

import zoo
from zoo import data, metrics, plots
from zoo.experiments.table import SEED, Table, error, fit, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.presets import recipes, training

IMAGE = (28, 28, 1)
DRAWS = (1, 2, 3)
CLUSTERS = "aae_mnist_clusters"


def trained(name, seed, labels, epochs, verbose, images=None, **options):
    """Train a recipe's model with some labels, or load its preset where that is the same.

    Args:
        images: how many of the data set's first ones to train on; as in the recipe for None.

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
    recipe = replace(recipe, seed=seed, model={**recipe.model, **options})
    return fit_recipe(recipe, x, y, epochs, verbose), test


def contest(model, x, epochs, verbose, rates):
    """Train an adversarial autoencoder without labels, at the rates of the recipe `rates`."""
    keras.utils.set_random_seed(SEED)
    steps = epochs * -(-len(x) // 128)
    model.compile(training.make_optimizer(model, recipes.get(rates), steps))
    model.fit(x, epochs=epochs, verbose=verbose)


def label_informed(epochs: int | None = None, verbose=2) -> Table:
    """Lay digits out on a mixture and on a swiss roll, with all labels and with 10,000."""
    rows, codes = [], {}
    for preset, shape in (("aae_mnist_mixture", "mixture"), ("aae_mnist_swiss_roll", "swiss roll")):
        for labels in (0, 10_000):
            model, (x, y) = trained(preset, SEED, labels, epochs, verbose, images=50_000)
            z = model.encode(x)
            name = f"{shape}, {'10,000 labels' if labels else 'all labels'}"
            distance = metrics.sliced_wasserstein(z, model.prior.sample(len(z), seed=0))
            inside = 100 - metrics.classification_error(model, x, y)
            rows.append([name, round(inside, 2), rounded(distance), error(model, x)])
            codes[name] = z
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Label-informed adversarial autoencoders",
        "MNIST, two latent dimensions, 50,000 training images of which all or 10,000 have a label, "
        f"{length}; over the 10,000 test images: percentage whose code lies in its class's part of "
        "the prior, sliced 2-Wasserstein distance of their codes from as many draws, squared error "
        "summed over pixels. Settings are those of the presets' recipes.",
        ("prior", "in their class's part, %", "distance", "squared error"),
        rows,
        plots.scatters(codes, y, extent=9.0),
    )


def adversarial_labels(epochs: int | None = None, verbose=2) -> Table:
    """Classify digits by semi-supervised adversarial autoencoders, for three draws of labels."""
    rows = []
    for count, reported in ((100, 1.90), (1000, 1.60), (0, 0.85)):
        preset = f"semi_supervised_aae_mnist_{100 if count == 100 else 1000}"
        errors = []
        for seed in DRAWS:
            model, test = trained(preset, seed, count, epochs, verbose)
            errors.append(metrics.classification_error(model, *test))
        draws = ", ".join(f"{value:.2f}" for value in errors)
        rows.append([count or "all 50,000", reported, round(float(np.mean(errors)), 2), draws])
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Semi-supervised adversarial autoencoders",
        "MNIST, 50,000 training images of which some have a label, as many of each class; "
        "percentage of the 10,000 test images that are classified wrongly, for three draws of the "
        f"labels (seeds 1, 2, 3) and their mean; {length}; convolutional encoder, images moved by "
        "up to two pixels and noisy in training. Settings were chosen by the error on the 10,000 "
        "validation images, with the labels of all of them. The first draws of 100 and of 1000 "
        "labels are those of the presets' recipes. Reported: Makhzani et al. 2015, dense layers, "
        "nothing moved.",
        ("labels", "reported", "mean error in %", "by draw"),
        rows,
    )


def vae_against_aae(epochs: int = 20, verbose=2) -> Table:
    """Fit the codes of VAEs and of AAEs to a wide Gaussian and to a mixture."""
    (x, _), (x_test, y_test) = data.load("mnist")
    shapes = {"N(0, 5^2 I)": zoo.Normal(2, 5.0), "mixture": zoo.GaussianMixture.petals()}
    rows, codes = [], {}
    for shape, prior in shapes.items():
        drawn = prior.sample(len(x_test), seed=0)
        for cls in (zoo.VAE, zoo.AAE):
            options = {"hidden_units": (600, 300), "prior": prior, "seed": SEED}
            if cls is zoo.VAE:
                model = cls(IMAGE, 2, **options)
                fit(model, x, epochs, 1e-3, verbose)
            else:
                model = cls(IMAGE, 2, posterior="gaussian", **options)
                contest(model, x, epochs, verbose, "aae_mnist_mixture")
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
        "images, one draw of the Gaussian q(z | x) each, and as many draws from the prior, beside "
        "that of two samples of the prior; squared error summed over pixels.",
        ("model, prior", "distance", "of the prior to itself", "squared error"),
        rows,
        plots.scatters(codes, y_test, extent=15.0),
    )


def parzen_windows(epochs: int = 60, verbose=2) -> Table:
    """Estimate log-likelihoods by Parzen windows: with dropout, without, and of other models."""
    (x, _), (x_test, _) = data.load("mnist")
    x, kept = x[:50_000], x[-1000:]
    models = {}
    for name, dropped in (("AAE without dropout", 0.0), ("AAE, inputs dropped", 0.2)):
        prior = zoo.Normal(8, 5.0)
        model = zoo.AAE(
            IMAGE, 8, hidden_units=(1000, 1000), input_dropout=dropped, prior=prior, seed=SEED
        )
        contest(model, x, epochs, verbose, "aae_mnist")
        models[name] = model
    models |= {"preset aae_mnist": zoo.load("aae_mnist"), "preset vae_mnist": zoo.load("vae_mnist")}
    reported = {"AAE, inputs dropped": "340 ± 2 (rerun: 345)", "AAE without dropout": "232 (rerun)"}
    rows = []
    for name, model in models.items():
        mean, spread, bandwidth = metrics.parzen_estimate(model, x_test, kept)
        values = [round(mean, 1), round(spread, 1), round(bandwidth, 3)]
        rows.append([name, reported.get(name, ""), *values])
    return Table(
        "Log-likelihood by Parzen windows",
        "MNIST, gray pixels; log-density in nats of the 10,000 test images under Gaussian windows "
        "around 10,000 generated images, with its standard error over images, and the bandwidth "
        "that 1,000 validation images chose. The first two: 784-1000-1000-8, prior N(0, 5^2 I), "
        f"{epochs} epochs on 50,000 images; a fifth of the pixels that the encoder of the second "
        "sees in training is dropped. Reported: Makhzani et al. 2015 (340), and a rerun of "
        "it with dropout and without. A Parzen window says little of a model (Theis et al. 2016, "
        "arXiv 1511.01844).",
        ("model", "reported", "log-likelihood", "standard error", "bandwidth"),
        rows,
    )


def clusters(epochs: int | None = None, verbose=2) -> Table:
    """Sort digits into 16 and into 30 clusters, without labels."""
    rows = []
    for count, reported in ((16, 9.55), (30, 4.10)):
        options = (
            {} if count == recipes.get(CLUSTERS).model["num_classes"] else {"num_classes": count}
        )
        errors = []
        for seed in DRAWS:
            model, (x, y) = trained(CLUSTERS, seed, 0, epochs, verbose, **options)
            errors.append(metrics.clustering_error(model, x, y))
        seeds = ", ".join(f"{value:.2f}" for value in errors)
        rows.append([count, reported, round(float(np.mean(errors)), 2), seeds])
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipe"
    return Table(
        "Clustering without labels",
        f"MNIST, 50,000 training images, {length}; percentage of the 10,000 test images whose "
        "cluster stands for another class than theirs. A cluster stands for the class of the test "
        "image of which the model is surest. Reported: Makhzani et al. 2015.",
        ("clusters", "reported", "mean error in %", "by seed"),
        rows,
    )


def two_dimensions(epochs: int | None = None, verbose=2) -> Table:
    """Reduce digits to two dimensions, a head for each class or cluster plus a style."""
    options = {"latent_dim": 2, "head_distance": 8.0}
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
        f"MNIST, 50,000 training images, {length}; the decoder sees two numbers. Percentage of the "
        "10,000 test images that are classified wrongly, or whose cluster stands for another "
        "class; squared error summed over pixels. After Makhzani et al. 2015, section 7.",
        ("labels", "error in %", "squared error"),
        rows,
        plots.scatters(codes, y),
    )


def gray_pixels(images) -> float:
    """Return the percentage below 0.9 of the pixels above 0.1: much where strokes are blurred."""
    marked = images[images > 0.1]
    return round(100 * float((marked < 0.9).mean()), 1)


def adversarial_images(epochs: int | None = None, verbose=2) -> Table:
    """Compare what a VAE and a VAE-GAN of the same networks generate."""
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
        "Images that a discriminator judges",
        "VAE-GANs of the recipes `vaegan_mnist` and `vaegan_fashion_mnist` beside VAEs of the same "
        f"encoder and decoder, {length} on the same 50,000 images; squared Fréchet distance "
        "between 10,000 generated images and the 10,000 test images by what the last hidden layer "
        "of an independently trained classifier gives; squared error of reconstructed test images "
        "summed over pixels; of the pixels of generated images that are above 0.1, the percentage "
        "below 0.9, which is the larger the more blurred they are.",
        ("model", "Fréchet distance", "squared error", "gray pixels, %"),
        rows,
        plots.rows_of_images(pictures, "generated"),
    )
