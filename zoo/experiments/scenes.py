"""Images drawn for captions, checked by a classifier of their content."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from zoo import plots, recipes
from zoo.data import captions
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit_recipe

TRAINING, TESTING = captions.TRAINING, 2_000
PLACES = ("upper", "lower")
NAMES = ("count", "size", "shade", "shape")
QUICK = {"TRAINING": 128, "TESTING": 60}
SHOWN = (
    "two large dark circles above a cross",
    "three small light triangles above a large dark square",
    "a circle above three crosses",
)


@experiment(minutes=4)
def scenes(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Draw images for captions, also for combinations that no training caption has."""
    recipe = recipes.get("cvae_scenes")
    x, _, words = captions.draw(TRAINING, seed=0, held_out=False)
    model = fit_recipe(recipe, x, words, epochs, verbose)
    reader = attribute_classifier(min(epochs or 8, 8), verbose)
    rows = []
    for kind, held_out in (("seen in training", False), ("never seen", True)):
        true, content, said = captions.draw(TESTING, seed=2, held_out=held_out)
        drawn = model.generate(labels=said, seed=0)
        for what, images in (("drawn for captions", drawn), ("true images", true)):
            right = agreement(reader, images, content, said)
            rows.append([f"{what}, combinations {kind}", *right])
    rows.append(
        ["drawn for captions of other images", *agreement(reader, drawn[::-1], content, said)]
    )
    pictures = {
        f"caption {i}": model.generate(
            labels=np.repeat(captions.WORDS.numbers([caption]), 12, axis=0), seed=0
        )
        for i, caption in enumerate(SHOWN, 1)
    }
    listed = "; ".join(f"{i}: '{caption}'" for i, caption in enumerate(SHOWN, 1))
    return Table(
        "Images from captions",
        f"Drawn scenes of two groups of shapes; the recipe `{recipe.name}`, "
        f"{epochs or recipe.epochs} epochs on {TRAINING:,} scenes, in which a sixth of "
        f"the combinations of two groups never occur; {TESTING:,} captions of each kind, one image "
        "each, seed 0; a convolutional classifier that was trained on drawn scenes of all "
        "combinations reads count, size, shade and shape of both groups; what a caption does "
        "not say is not counted. In the picture: "
        f"{listed}.",
        ("images", "attributes right, %", *(f"{n}, %" for n in NAMES), "all of a scene right, %"),
        rows,
        plots.rows_of_images(pictures, "images drawn for captions"),
    )


def attribute_classifier(epochs: int, verbose: int | str) -> keras.Model:
    """Return a classifier from images to probabilities of the eight attributes, as a list."""
    keras.utils.set_random_seed(SEED + 10)
    x, content, _ = captions.draw(TRAINING, seed=10)
    image = features = keras.Input((captions.SIDE, captions.SIDE, 1))
    for width in (16, 32, 64):
        features = layers.Conv2D(width, 4, 2, "same", activation="relu")(features)
    features = layers.Dense(128, activation="relu")(layers.Flatten()(features))
    outputs = [
        layers.Dense(most, activation="softmax", name=f"{place}_{name}")(features)
        for place in PLACES
        for name, most in zip(NAMES, captions.ATTRIBUTES, strict=True)
    ]
    classifier = keras.Model(image, outputs)
    classifier.compile("adam", ["sparse_categorical_crossentropy"] * len(outputs))
    classifier.fit(x, [*content.reshape(-1, 8).T], batch_size=128, epochs=epochs, verbose=verbose)
    return classifier


def is_said(words: np.ndarray) -> np.ndarray:
    """Return which attributes captions [n, 9] name, bool [n, 2, 4]."""
    said = np.ones((len(words), 2, 4), bool)
    for row, caption in enumerate(captions.WORDS.captions(words)):
        for group, text in enumerate(caption.split(" above ")):
            named = {*text.split()}
            said[row, group, 1] = bool(named & {*captions.SIZES})
            said[row, group, 2] = bool(named & {*captions.SHADES})
    return said


def agreement(
    classifier: keras.Model, images: np.ndarray, content: np.ndarray, words: np.ndarray
) -> list[float]:
    """Return the percentages of right attributes (in total and by kind), and of right scenes."""
    read = classifier.predict(images, batch_size=500, verbose=0)
    read = np.stack([scores.argmax(axis=1) for scores in read], axis=1).reshape(-1, 2, 4)
    right, said = read == content, is_said(words)
    each = [right[..., i][said[..., i]].mean() for i in range(len(NAMES))]
    whole = (right | ~said).all(axis=(1, 2)).mean()
    return [round(100 * float(share), 2) for share in (right[said].mean(), *each, whole)]
