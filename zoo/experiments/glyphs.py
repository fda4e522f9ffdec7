"""A preset trained further on other classes, a few drawn characters, compared with new weights."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
from keras import layers
from PIL import Image, ImageDraw

import zoo
from zoo import recipes
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.recipes import training
from zoo.recipes.length import fitted

SIDE, CLASSES = 28, 20
EACH = 16  # training images of a class
LENGTHS = (150, 300, 600, 1200, 2400)  # steps
SEEDS = (1, 2, 3, 4, 5)
TRAINED, TESTED = 300, 50  # characters of a class, for the classifier and for tests
QUICK = {"EACH": 4, "LENGTHS": (3,), "SEEDS": (1,), "TRAINED": 16, "TESTED": 4}
_LARGE = 4 * SIDE  # glyphs are drawn large and then reduced, so that strokes are smooth
_STROKES, _POINTS = 3, 3  # strokes of a glyph, and points of a stroke


@experiment(minutes=3)
def glyphs(epochs: int | None = None, verbose: int | str = 0) -> Table:
    """Train a conditional VAE on 320 drawn characters, from `cvae_mnist` and from new weights."""
    classifier, right = _classifier(epochs, verbose)
    test = draw(TESTED, seed=98)
    rows = []
    for steps in LENGTHS:
        found = [
            [_measured(start, steps, seed, epochs, classifier, test) for seed in SEEDS]
            for start in ("cvae_mnist", None)
        ]
        both = np.transpose(found, (2, 0, 1))  # [right and loss, start, seed]
        rows.append([steps, *map(_mean_and_spread, both.reshape(-1, len(SEEDS)))])
    return Table(
        "Fine-tuning to other classes: a preset of digits, and 320 characters of 20 classes",
        f"Characters of {CLASSES} classes, {SIDE}x{SIDE} pixels, drawn by code, {EACH} of a class; "
        "the network and the recipe of `cvae_mnist`, with batches of 16 and a learning rate that "
        'falls to 2 % over the steps; from `zoo.load("cvae_mnist", num_classes=20)` and from new '
        f"weights; mean and standard deviation over the seeds {SEEDS[0]} to {SEEDS[-1]}, each with "
        "characters of its own. Right: share of 1,000 images drawn by label that a classifier, "
        f"trained on 6,000 characters and right on {right:.1f} % of 1,000 others, gives this label "
        "to, in percent. Negative ELBO with beta 2, in nats, of these 1,000 others: it rises again "
        "where the model knows its few images by heart, while drawn images get better."
        + (f" {epochs} epochs each." if epochs else ""),
        (
            "steps",
            "right, from the preset",
            "right, from new weights",
            "negative ELBO, from the preset",
            "negative ELBO, from new weights",
        ),
        rows,
    )


def _measured(start, steps, seed, epochs, classifier, test) -> tuple[float, float]:
    """Return the percentage of images drawn in the right class, and the loss on test images."""
    x, y = draw(EACH, seed)
    recipe = replace(recipes.get("cvae_mnist"), seed=seed)
    recipe = replace(recipe, model={**recipe.model, "num_classes": CLASSES})
    recipe, _ = fitted(recipe, len(x), "images", epochs=epochs or steps * 16 // len(x))
    keras.utils.set_random_seed(seed)
    model = training.make_model(recipe)
    if start:
        training.start_from(model, zoo.load(start))
    total = recipe.epochs * recipe.steps_per_epoch
    model.compile(training.make_optimizer(model, recipe, total))
    model.fit(x, y, batch_size=recipe.batch_size, epochs=recipe.epochs, verbose=0)
    asked = np.tile(np.arange(CLASSES), TESTED)
    drawn = classifier.predict(model.generate(labels=asked, seed=seed), verbose=0)
    loss = model.evaluate(*test, verbose=0, return_dict=True)["loss"]
    return 100 * float(np.mean(drawn.argmax(axis=1) == asked)), loss


def _classifier(epochs, verbose):
    """Return a classifier of characters, and its accuracy on test characters in percent."""
    keras.utils.set_random_seed(SEED)
    convolutions = [layers.Conv2D(n, 3, 2, "same", activation="relu") for n in (32, 64)]
    dense = [layers.Dense(128, "relu"), layers.Dropout(0.4), layers.Dense(CLASSES)]
    model = keras.Sequential([*convolutions, layers.Flatten(), *dense])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(*draw(TRAINED, seed=99), epochs=epochs or 10, batch_size=64, verbose=verbose)
    return model, 100 * model.evaluate(*draw(TESTED, seed=98), verbose=0, return_dict=True)[
        "accuracy"
    ]


def _mean_and_spread(values) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


def draw(each: int, seed: int, classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    """Return drawings of invented characters, white strokes on black, and their classes.

    A class has three bent strokes, whose points are the same for every seed. A drawing moves the
    points a little, and rotates, scales and shifts the whole character.

    Args:
        each: the number of drawings per class.
        seed: seed of the drawings.
        classes: the number of classes.

    Returns:
        float32 [each * classes, 28, 28, 1] in [0, 1], and int32 [each * classes], in turn.

    Example:
        >>> from zoo.experiments.glyphs import draw
        >>> x, y = draw(2, seed=0)
        >>> x.shape, y[:3]
        ((40, 28, 28, 1), array([0, 1, 2], dtype=int32))
    """
    shapes = np.random.default_rng(0).uniform(-1, 1, (classes, _STROKES, _POINTS, 2))
    rng = np.random.default_rng([seed, 1])
    y = np.tile(np.arange(classes, dtype="int32"), each)
    x = np.stack([_drawing(shapes[label], rng) for label in y])
    return x[..., None].astype("float32") / 255, y


def _drawing(strokes, rng):
    """Return one drawing of a glyph, uint8 [28, 28]."""
    angle, scale = rng.normal(0, 0.2), rng.uniform(0.8, 1.1)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (strokes + rng.normal(0, 0.1, strokes.shape)) @ turn + rng.normal(0, 0.1, 2)
    picture = Image.new("L", (_LARGE, _LARGE))
    pen, width = ImageDraw.Draw(picture), int(rng.integers(8, 13))
    t = np.linspace(0, 1, 24)[:, None]
    for a, b, c in moved:
        curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c  # a quadratic Bezier curve
        points = _LARGE * (0.5 + 0.32 * curve)
        pen.line([tuple(point) for point in points], 255, width, joint="curve")
        for column, row in points[[0, -1]]:
            r = width / 2
            pen.ellipse((column - r, row - r, column + r, row + r), 255)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
