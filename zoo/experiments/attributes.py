"""Images decoded at all levels of an attribute: the thickness of strokes, or an angle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from scipy.stats import spearmanr

from zoo import data, metrics, plots, recipes
from zoo.data.attributes import ANGLES
from zoo.data.variants import rotated
from zoo.experiments.adversarial import trained
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, error, fit_as_recipe, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.models.caae import CAAE
from zoo.recipes import training

PRESET = "caae_mnist_thickness"
OF_IMAGES = ("image_weight",)  # settings of the image discriminator, for a CAAE only
TRIED = tuple(range(-70, 71, 5))  # degrees
TURNED = "CAAE, turned inputs"
QUARTER = 0.25  # of a full turn
QUICK = {"TRIED": (-45, 0, 45)}


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
            measured, read = angles_of(decoded, upright), turned_back(decoded)
        else:
            measured, read = np.stack([metrics.stroke_thickness(at) for at in decoded]), decoded
        levels = np.repeat(np.arange(len(measured)), measured.shape[1])
        rows.append(
            [
                name,
                rounded(metrics.rank_correlation(measured)),
                rounded(float(spearmanr(levels, measured.ravel()).statistic)),
                *(round(float(measured[i].mean()), 2) for i in (0, -1)),
                percent_read(read, classifier, digits),
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


@experiment(minutes=15)
def angles(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Turn digits by an angle that is asked for, and see why a CAAE alone does not learn it."""
    recipe = replace(recipes.get(PRESET), data="mnist_angles")
    (x, y), (x_test, y_test) = data.load(recipe.data)
    x, y = (a[: len(x) - recipe.validation] for a in (x, y))
    upright, digits = data.load("mnist")[1]
    reader = metrics.load_reference_classifier("mnist")
    rows, pictures = [], {}
    for name, make in (("CAAE", training.make_model), (TURNED, sees_turned)):
        keras.utils.set_random_seed(recipe.seed)
        model, length = make(recipe), epochs or recipe.epochs
        fit_as_recipe(model, recipe, x, y, length, verbose)
        decoded = metrics.through_all_levels(model, x_test, y_test)  # [levels, n, 28, 28, 1]
        measured = angles_of(decoded, upright)
        rows.append(
            [
                name,
                rounded(metrics.rank_correlation(measured)),
                *(round(float(measured[i].mean()), 1) for i in (0, -1)),
                percent_read(turned_back(decoded), reader, digits),
                rounded(level_in(model.encode(x_test), y_test)),
                error(model, x_test, y_test),
            ]
        )
        for i in range(4):
            pictures[f"{name}, image {i}"] = np.concatenate([x_test[i : i + 1], decoded[:, i]])
    in_pixels = rounded(level_in(x_test.reshape(len(x_test), -1), y_test))
    return Table(
        "A digit at ten angles",
        "MNIST, each digit turned by one of ten angles from -45 to 45 degrees, with that as its "
        f"label; the recipe `{PRESET}` with these data, {length} epochs each. With turned inputs "
        "the encoder sees, in training, each image turned once more, by an angle that is drawn "
        "uniformly from -90 to 90 degrees (a layer before its first one), and the decoder still "
        "restores the image as it was. The codes of the 10,000 test images are decoded at all ten "
        "levels; the angle is that of the turned upright test image that correlates most with the "
        "decoded one. Rank correlation of level and angle, for each image, averaged; the mean "
        "angle at the first and the last level; images whose digit the reference classifier "
        "reads after they were turned back; the share of the levels' variance that the 10 nearest "
        f"codes predict (R2, half of the test images by the other half; pixels: {in_pixels}); "
        "squared error of reconstructions at the image's own level, summed over pixels.",
        (
            "model",
            "rank correlation",
            "degrees at level 0",
            "at level 9",
            "digit read, %",
            "level in the code, R2",
            "squared error",
        ),
        rows,
        plots.rows_of_images(pictures, "test images, and the same at ten angles"),
    )


def angles_of(decoded: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Return the angles of digits at all levels in degrees, [levels, n].

    Args:
        decoded: [levels, n, 28, 28, 1]. upright: the same digits upright, [n, 28, 28, 1].
    """
    return np.stack([metrics.rotation(at, upright, TRIED) for at in decoded])


def turned_back(decoded: np.ndarray) -> list[np.ndarray]:
    """Return digits of all levels, each turned back by the angle of its level."""
    return [rotated(at, -angle) for at, angle in zip(decoded, ANGLES, strict=True)]


def percent_read(images: Any, reader: Any, digits: np.ndarray) -> float:
    """Return the percentage of images, [n, 28, 28, 1] of each level, that are read rightly."""
    found = [reader.predict(at, batch_size=1000, verbose=0).argmax(axis=1) for at in images]
    return round(100 * float(np.mean([classes == digits for classes in found])), 2)


def sees_turned(recipe: Any) -> CAAE:
    """Return a recipe's CAAE whose encoder, in training, sees images turned by random angles.

    The angle of what the encoder sees then says little about the angle that the decoder has to
    show, which the level says exactly.
    """
    plain = CAAE(**recipe.model)
    turning = keras.layers.RandomRotation(QUARTER, fill_mode="constant", seed=recipe.seed)
    encoder = keras.Sequential([keras.Input(plain.image_shape), turning, plain.encoder])
    made = ("input_shape", "latent_dim", "filters", "hidden_units")
    rest = {name: value for name, value in recipe.model.items() if name not in made}
    return CAAE(
        plain.image_shape,
        plain.latent_dim,
        encoder=encoder,
        decoder=plain.decoder,
        discriminator=plain.discriminator,
        discriminator_filters=recipe.model["filters"],
        discriminator_hidden_units=recipe.model["hidden_units"],
        **rest,
    )


def level_in(codes: np.ndarray, levels: np.ndarray) -> float:
    """Return the share of the levels' variance that nearest neighbors read from codes, R2."""
    from sklearn.neighbors import KNeighborsRegressor

    half = len(codes) // 2
    reader = KNeighborsRegressor(10).fit(codes[:half], levels[:half])
    return float(reader.score(codes[half:], levels[half:]))
