"""Images decoded at all levels of an attribute: the thickness of strokes, or an angle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from scipy.stats import spearmanr

from zoo import data, metrics, plots, recipes
from zoo.data.attributes import ANGLES
from zoo.experiments.adversarial import trained
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, error, fit_recipe
from zoo.metrics.card_metrics import rounded

PRESET = "caae_mnist_thickness"
OF_IMAGES = ("image_weight",)  # settings of the image discriminator, for a CAAE only
TRIED = tuple(range(-70, 71, 5))  # degrees


@experiment(minutes=30)
def attributes(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Decode digits at all levels of thickness, or of an angle, and measure what changed."""
    recipe = recipes.get(PRESET)
    whole, _ = trained(PRESET, recipe.seed, 0, epochs, verbose)
    paper = {**recipe.model, "own_labels": True, "conditional_discriminator": False}
    plain = {name: value for name, value in recipe.model.items() if name not in OF_IMAGES}
    plain["prior"] = {"uniform": {}}
    models = {
        "thickness: CAAE": (whole, "mnist_thickness"),
        "thickness: CAAE of the paper": (replace(recipe, model=paper), "mnist_thickness"),
        "thickness: no image discriminator": (
            replace(recipe, class_name="SupervisedAAE", model=plain),
            "mnist_thickness",
        ),
        "angle: CAAE": (replace(recipe, data="mnist_angles"), "mnist_angles"),
    }
    upright, digits = data.load("mnist")[1]
    classifier = metrics.load_reference_classifier("mnist")
    rows, pictures = [], {}
    for name, (model, data_name) in models.items():
        (x, y), (x_test, y_test) = data.load(data_name)
        if model is not whole:
            own = len(x) - recipe.validation
            model = fit_recipe(model, x[:own], y[:own], epochs, verbose)
        decoded = metrics.through_all_levels(model, x_test, y_test)  # [levels, n, 28, 28, 1]
        if data_name == "mnist_angles":
            measured = np.stack([metrics.rotation(at, upright, TRIED) for at in decoded])
            read = [turned(at, -angle) for at, angle in zip(decoded, ANGLES, strict=True)]
        else:
            measured, read = np.stack([metrics.stroke_thickness(at) for at in decoded]), decoded
        classes = [classifier.predict(at, batch_size=1000, verbose=0).argmax(1) for at in read]
        levels = np.repeat(np.arange(len(measured)), measured.shape[1])
        rows.append(
            [
                name,
                rounded(metrics.rank_correlation(measured)),
                rounded(float(spearmanr(levels, measured.ravel()).statistic)),
                *(round(float(measured[i].mean()), 2) for i in (0, -1)),
                round(100 * float(np.mean([found == digits for found in classes])), 2),
                error(model, x_test, y_test),
            ]
        )
        if name.endswith(": CAAE"):
            kind = name.partition(":")[0]
            for i in range(4):
                pictures[f"{kind}, image {i}"] = np.concatenate([x_test[i : i + 1], decoded[:, i]])
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "Digits through ten levels of an attribute",
        "MNIST, labeled by tenths of the thickness of strokes, or rotated and labeled by one of "
        "ten angles from -45 to 45 degrees; the recipe `caae_mnist_thickness`; the same with the "
        "choices of the paper (the image discriminator is shown images decoded at their own level, "
        "and the discriminator of codes does not see the level); a SupervisedAAE with the same "
        "networks, which has no image discriminator, and an update of its own for the encoder as "
        f"a generator; {length}. The codes of the 10,000 test "
        "images are decoded at all ten levels. Thickness is measured by morphology, in pixels, the "
        "angle by the rotation of the upright test image that correlates most, in degrees; "
        "Spearman's rank correlation with the level, for each image, averaged, and over all images "
        "together; the mean at the first and the last level; images whose digit the reference "
        "classifier still reads (rotated ones turned back by the angle asked for); squared error "
        "of the reconstruction at the image's own level, summed over pixels. The picture shows "
        "test images on the left, and the ten levels. Zhang et al. 2017 show ages of faces, and "
        "report no such figures.",
        (
            "attribute and model",
            "rank correlation",
            "over all images",
            "at the first level",
            "at the last",
            "digit read, %",
            "squared error",
        ),
        rows,
        plots.rows_of_images(pictures, "test images, and the same at ten levels"),
    )


def turned(images: np.ndarray, angle: float) -> np.ndarray:
    """Return images rotated counterclockwise by an angle in degrees, [n, 28, 28, 1]."""
    return ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1)
