"""Images of models that compare pixels or features, or compare nothing."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
from keras import layers

from zoo import data, metrics, plots, recipes
from zoo.experiments.adversarial import gray_pixels, trained
from zoo.experiments.gans import effective_classes
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.presets import reference_classifier

PHOTOGRAPHS = 20_000
OF_PHOTOGRAPHS = (800.0, 200.0, 100.0)  # weights of three layers of features
FILTERS, GENERATED = (16, 32, 64), 5000  # of networks for photographs; generated photographs
QUICK = {"FILTERS": (4, 8, 8), "GENERATED": 100}


def independent_classifier(
    x: np.ndarray, y: np.ndarray, epochs: int, verbose: int | str
) -> keras.Model:
    """Train a classifier that shares neither layers nor seed with the reference classifiers."""
    keras.utils.set_random_seed(11)
    classifier = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Conv2D(12, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),  # the features
            layers.Dense(10, activation="softmax"),
        ]
    )
    classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    classifier.fit(x, y, batch_size=128, epochs=epochs, verbose=verbose)
    return classifier


@experiment(minutes=7)
def feature_losses(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare images of a VAE and a DFC-VAE with the same networks, a VAE-GAN, a GAN, a BEGAN."""
    dfc, (x, y) = trained("dfc_vae_fashion_mnist", SEED, 0, epochs, verbose)
    others = {
        kind: trained(name, SEED, 0, epochs, verbose)[0]
        for kind, name in (
            ("VAE-GAN", "vaegan_fashion_mnist"),
            ("GAN", "gan_fashion_mnist"),
            ("BEGAN", "began_fashion_mnist"),
        )
    }
    (train, labels), _ = data.load("fashion_mnist")
    train, labels = train[:50_000], labels[:50_000]
    recipe = recipes.get("dfc_vae_fashion_mnist")
    shared = {name: value for name, value in recipe.model.items() if "feature" not in name}
    vae = fit_recipe(replace(recipe, class_name="VAE", model=shared), train, None, epochs, verbose)
    classifier = independent_classifier(train, labels, min(epochs or 4, 4), verbose)
    accuracy = 100 * classifier.evaluate(x, y, verbose=0)[1]
    reference = metrics.load_reference_classifier("fashion_mnist")
    variety = _variety(reference, x)
    rows, pictures = [["real images", "", "", "", gray_pixels(x), variety]], {"real": x[:12]}
    for kind, model in {"VAE": vae, "DFC-VAE": dfc, **others}.items():
        drawn = model.generate(len(x), seed=0)
        distances = (metrics.frechet_distance(drawn, x, by) for by in (classifier, reference))
        of_pixels = error(model, x) if hasattr(model, "encode") else ""
        variety = _variety(reference, drawn)
        rows.append([kind, *map(rounded, distances), of_pixels, gray_pixels(drawn), variety])
        if hasattr(model, "encode"):
            pictures[f"{kind}: reconstructed"] = model.reconstruct(x[:12])
        pictures[f"{kind}: generated"] = drawn[:12]
    length = (
        f"{epochs} epochs each"
        if epochs
        else "epochs as in the recipes (10; 20 for the VAE-GAN, 12 for the GAN)"
    )
    return Table(
        "Images of models that compare pixels, or features, or neither",
        "Fashion-MNIST; the recipe `dfc_vae_fashion_mnist`, with residual networks; a VAE with the "
        "same networks and training; the recipes `vaegan_fashion_mnist`, with plain convolutions "
        "of the same widths, `gan_fashion_mnist` and `began_fashion_mnist`, with other residual "
        f"networks; {length} on the same 50,000 images; squared Fréchet "
        "distance between 10,000 generated images and the 10,000 test images, in the last hidden "
        f"layer of an independent classifier, which is right on {accuracy:.1f} % of the test "
        "images, and of the reference classifier, whose convolutions the DFC-VAE was trained with; "
        "squared error of reconstructed test images summed over pixels (a GAN reconstructs "
        "nothing, a BEGAN by its discriminator); of the pixels of generated images that are above "
        "0.1, the percentage below 0.9, which is higher for blurred images; the exponential of the "
        "entropy of the classes that the reference classifier finds in images, 10 if all "
        "ten are equally frequent. Hou et al. 2017 report no such figures.",
        (
            "model",
            "Fréchet distance",
            "by the reference classifier",
            "squared error",
            "gray pixels, %",
            "effective classes",
        ),
        rows,
        plots.rows_of_images(pictures, "images"),
    )


def _variety(classifier, images):
    """Return the effective number of classes that a classifier finds in images."""
    classes = classifier.predict(images, batch_size=1000, verbose=0).argmax(axis=1)
    return round(effective_classes(classes), 1)


@experiment(minutes=12)
def feature_losses_color(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Compare photographs of a VAE and of a DFC-VAE that uses the features of a given network."""
    recipe = recipes.get("vae_cifar10")
    recipe = replace(recipe, model={**recipe.model, "filters": FILTERS}, epochs=10)
    (train, labels), _ = data.load("cifar10_jpeg")
    train, labels = np.asarray(train[:PHOTOGRAPHS]), labels[:PHOTOGRAPHS]
    x, y = data.load("cifar10_subset")[1]
    longest = min(epochs or 10, 10)
    features, trained_with = trained_features(train, labels, longest, verbose)
    settings = {**recipe.model, "features": features, "feature_weight": OF_PHOTOGRAPHS}
    dfc = replace(recipe, class_name="DFCVAE", model=settings)
    models = {
        "VAE": fit_recipe(recipe, train, None, epochs, verbose),
        "DFC-VAE": fit_recipe(dfc, train, None, epochs, verbose),
    }
    classifier = independent_classifier(train, labels, longest, verbose)
    accuracies = [100 * c.evaluate(x, y, verbose=0)[1] for c in (trained_with, classifier)]
    rows, pictures = [], {"real": x[:12]}
    for kind, model in models.items():
        images = {
            "reconstructed": model.reconstruct(x),
            "generated": model.generate(GENERATED, seed=0),
        }
        images = {name: np.clip(made, 0, 1) for name, made in images.items()}
        distances = (metrics.frechet_distance(made, x, classifier) for made in images.values())
        classes = classifier.predict(images["reconstructed"], batch_size=500, verbose=0)
        kept = round(100 * float(np.mean(classes.argmax(axis=1) == y)), 1)
        rows.append([kind, *map(rounded, distances), kept, error(model, x)])
        pictures |= {f"{kind}: {name}": made[:12] for name, made in images.items()}
    return Table(
        "Photographs of VAEs that compare pixels, or features",
        f"The recipe `{recipe.name}` with filters of 16, 32 and 64, {epochs or recipe.epochs} "
        f"epochs on {PHOTOGRAPHS:,} of the training images of CIFAR-10 (JPEG copies), and a "
        "DFC-VAE with the same networks and training; its features are what the three convolutions "
        "of a classifier give before their activations, each scaled to a mean variance of 1, with "
        f"the weights {', '.join(f'{weight:g}' for weight in OF_PHOTOGRAPHS)}; the classifier was "
        f"trained on the same images for {longest} epochs and is right on {accuracies[0]:.1f} % of "
        "the test images; measured on the 1,000 lossless "
        "test images: squared Fréchet distance of their reconstructions, and of 5,000 generated "
        "images, to them in the last hidden layer of an independent classifier, which is right on "
        f"{accuracies[1]:.1f} %; how many of the reconstructions it sorts into the true class; "
        "squared error of reconstructions summed over pixels. Hou et al. 2017 show faces, and "
        "report no such figures.",
        (
            "model",
            "Fréchet distance, reconstructed",
            "generated",
            "in the true class, %",
            "squared error",
        ),
        rows,
        plots.rows_of_images(pictures, "photographs"),
    )


def trained_features(
    x: np.ndarray, y: np.ndarray, epochs: int, verbose: int | str
) -> tuple[keras.Model, keras.Model]:
    """Train a classifier on images; return a network of its features, and the classifier."""
    keras.utils.set_random_seed(7)
    classifier = reference_classifier.build(x.shape[1:])
    classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    classifier.fit(x, y, batch_size=128, epochs=epochs, verbose=verbose)
    inputs, outputs = reference_classifier.before_activations(classifier)
    seen = keras.Model(inputs, outputs).predict(x[:2000], batch_size=500, verbose=0)
    scaled = [
        layers.Rescaling(1 / float(np.sqrt(values.var(axis=0).mean())))(output)
        for values, output in zip(seen, outputs, strict=True)
    ]
    return keras.Model(inputs, scaled), classifier
