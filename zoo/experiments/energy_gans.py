"""GANs whose discriminator is an autoencoder: energies of images; diversity against quality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from zoo import data, metrics, plots, recipes
from zoo.experiments.adversarial import trained
from zoo.experiments.gans import effective_classes, nearest
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit_recipe
from zoo.metrics.card_metrics import rounded

OF_DISCRIMINATORS = ("margin", "pulling_away_weight")  # settings that plain autoencoders lack
RATIOS, OF_FACES = (0.5, 0.7, 1.0), (0.3, 0.5, 0.7, 1.0)  # of the errors of a BEGAN
GENERATED = 1000  # faces
QUICK = {"RATIOS": (0.5, 1.0), "OF_FACES": (0.5, 1.0), "GENERATED": 40}


@experiment(minutes=4)
def energies(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare energies of digits, samples and noise between an EBGAN and plain autoencoders."""
    ebgan, (x, _) = trained("ebgan_mnist", SEED, 0, epochs, verbose)
    recipe = recipes.get("ebgan_mnist")
    (train, _), _ = data.load(recipe.data)
    train = train[: len(train) - recipe.validation]
    shared = {k: v for k, v in recipe.model.items() if k not in OF_DISCRIMINATORS}
    models = {"EBGAN": ebgan}
    for name, cls, more in (
        ("autoencoder", "Autoencoder", {"likelihood": "squared_error"}),
        (
            "denoising autoencoder",
            "DenoisingAutoencoder",
            {"likelihood": "squared_error", "corruption": {"gaussian": 0.3}},
        ),
    ):
        plain = replace(recipe, class_name=cls, model={**shared, **more})
        models[name] = fit_recipe(plain, train, None, epochs, verbose)
    generator = np.random.default_rng(0)
    kinds = {
        "digits": x,
        "samples of the EBGAN": ebgan.generate(len(x), seed=0),
        "noise": generator.random(x.shape, "float32"),
    }
    rows, found = [], {}
    for name, model in models.items():
        found[name] = {kind: model.reconstruction_error(images) for kind, images in kinds.items()}
        of_digits, *others = found[name].values()
        means = [rounded(float(np.mean(values))) for values in found[name].values()]
        told = [round(100 * above(of_digits, values), 1) for values in others]
        rows.append([name, *means, *told])
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "Energies of digits, of samples and of noise",
        "MNIST; the recipe `ebgan_mnist`, and two autoencoders with the networks and the training "
        f"of its discriminator and a squared error, {length}; mean squared error of the "
        "reconstruction, summed over pixels, of the 10,000 test images, of as many samples of the "
        "EBGAN's generator, and of as many images of uniform noise (seed 0); how often a sample, "
        "or an image of noise, has a higher energy than a digit (AUROC). The picture shows the "
        "energies. Zhao et al. 2017 report no such figures.",
        ("model", *kinds, "samples above digits, %", "noise above digits, %"),
        rows,
        histograms(found),
    )


def above(low: np.ndarray, high: np.ndarray) -> float:
    """Return the probability that a value of `high` is above one of `low`: the AUROC, in [0, 1]."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([0, 1], [len(low), len(high)])
    return float(roc_auc_score(truth, np.concatenate([low, high])))


def histograms(found: dict) -> Figure:
    """Show the energies of each kind of images, one panel for each model."""
    figure = Figure(figsize=(4 * len(found), 3), layout="constrained")
    for axes, (name, energies_of) in zip(
        figure.subplots(1, len(found)), found.items(), strict=True
    ):
        bins = np.geomspace(0.3, 1e3, 70)
        for kind, values in energies_of.items():
            axes.hist(values, bins, alpha=0.6, label=kind)
        axes.set(xscale="log", xlabel="energy, squared error of an image", title=name, yticks=[])
    figure.axes[0].legend(fontsize="small")
    return figure


@experiment(minutes=30)
def diversity(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Train a BEGAN for several ratios of the errors, which trade diversity for quality."""
    recipe = recipes.get("began_fashion_mnist")
    (x, _), (x_test, _) = data.load(recipe.data)
    x = x[: len(x) - recipe.validation]
    classifier = metrics.load_reference_classifier(recipe.data)
    rows, pictures = [], {"real": x_test[:14]}
    for gamma in RATIOS:
        if gamma == recipe.model["diversity"]:
            model, _ = trained(recipe.name, SEED, 0, epochs, verbose)
        else:
            other = replace(recipe, model={**recipe.model, "diversity": gamma})
            model = fit_recipe(other, x, None, epochs, verbose)
        drawn = model.generate(len(x_test), seed=0)
        classes = classifier.predict(drawn, batch_size=1000, verbose=0).argmax(axis=1)
        rows.append(
            [
                gamma,
                rounded(float(np.mean(model.reconstruction_error(drawn)))),
                error(model, x_test),
                int(np.sum(np.bincount(classes) > 0.01 * len(classes))),
                round(effective_classes(classes), 1),
                rounded(metrics.frechet_distance(drawn, x_test, classifier)),
            ]
        )
        pictures[f"diversity {gamma}"] = drawn[:14]
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "BEGAN: diversity for quality",
        "Fashion-MNIST; the recipe `began_fashion_mnist` with other values of `diversity`, "
        f"{length}; squared error of the discriminator's reconstruction, summed over pixels, of "
        "10,000 generated images (low: easy to reconstruct) and of the test images; how many of "
        "the ten classes have more than 1 % of the generated images, by the reference classifier, "
        "and the exponential of the entropy of the classes (10 if all are equally frequent); "
        "squared Fréchet distance to the test images in its last hidden layer. Berthelot et al. "
        "2017 show faces, and report no such figures.",
        (
            "diversity",
            "error of generated images",
            "error of test images",
            "classes",
            "effective classes",
            "Fréchet distance",
        ),
        rows,
        plots.rows_of_images(pictures, "generated images"),
    )


@experiment(minutes=5)
def diversity_of_faces(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Train a BEGAN on faces for several ratios of the errors, and measure its convergence."""
    recipe = recipes.get("began_olivetti")
    (x, _), (x_test, _) = data.load(recipe.data)
    rows, pictures = [], {"real": x[:: len(x) // 12][:12]}
    for gamma in OF_FACES:
        other = replace(recipe, model={**recipe.model, "diversity": gamma})
        model = fit_recipe(other, x, None, epochs, verbose)
        convergence = model.history.history["loss"]
        drawn = model.generate(GENERATED, seed=0)
        share = drawn.var(axis=0).mean() / x.var(axis=0).mean()
        rows.append(
            [
                gamma,
                *(rounded(float(convergence[epoch])) for epoch in (0, -1)),
                rounded(float(np.mean(model.reconstruction_error(drawn)))),
                error(model, x_test),
                round(100 * float(share), 1),
                rounded(nearest(drawn, x)[0]),
            ]
        )
        pictures[f"diversity {gamma}"] = drawn[:12]
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "BEGAN: diversity for quality, of faces",
        "Olivetti, 320 faces of 40 people, 64 pixels a side; the recipe `began_olivetti` with "
        f"other values of `diversity`, {length}; the measure of convergence M, averaged over the "
        "first epoch and over the last; squared error of the discriminator's reconstruction, "
        "summed over pixels, of 1,000 generated faces (low: easy to reconstruct) and of the 80 "
        "test faces; the variance of a pixel over generated faces as a share of that over real "
        "ones; median distance of a generated face to the nearest training face (root of the "
        f"squared differences summed over pixels), which is {nearest(x_test, x)[0]:.4g} for test "
        "faces, of the same people. Berthelot et al. 2017 show other faces, and report no such "
        "figures.",
        (
            "diversity",
            "M in the first epoch",
            "in the last",
            "error of generated faces",
            "error of test faces",
            "variance, %",
            "distance to the nearest",
        ),
        rows,
        plots.rows_of_images(pictures, "generated faces", cmap="gray"),
    )
