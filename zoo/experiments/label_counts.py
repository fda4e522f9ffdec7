"""Classifying digits with 100 to 3,000 labels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np

import zoo
from zoo import data, metrics, recipes
from zoo.experiments.registry import experiment
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import Table, chosen_rows, fit_recipe
from zoo.inference import label_propagation

COUNTS = (100, 600, 1000, 3000)
DRAWS = (1, 2, 3)  # seeds of the choice of labeled images, for methods that are quick
FIRST = (1,)  # for models that take minutes
STEPS, BATCH_SIZE = 1500, 100  # of the small convolutional network
QUICK = {"COUNTS": (100,), "DRAWS": (1,), "STEPS": 20}

# Kingma et al. 2014 (arXiv 1406.5298), table 1; the adversarial autoencoder: Makhzani et al. 2015.
REPORTED = {
    "nearest neighbor": (25.81, 11.44, 10.7, 6.04),
    "convolutional network": (22.98, 7.68, 6.45, 3.35),
    "transductive SVM": (16.81, 6.16, 5.38, 3.45),
    "contractive autoencoder": (13.47, 6.3, 4.77, 3.22),
    "M1": (11.82, 5.72, 4.24, 3.49),
    "M2": (11.97, 4.94, 3.60, 3.92),
    "M1+M2": (3.33, 2.59, 2.40, 2.18),
    "SemiSupervisedAAE": (1.90, None, 1.60, None),
}


@experiment(minutes=70, rows=lambda: METHODS)
def label_counts(
    epochs: int | None = None,
    verbose: int | str = 2,
    only: Sequence[str] = (),
    states: States = NOT_KEPT,
) -> Table:
    """Classify digits with 100, 600, 1,000 and 3,000 labels by models and by simple methods."""
    rows = []
    for name, (measure, seeds) in METHODS.items():
        if name not in chosen_rows(only, METHODS):
            rows.append([name])
            continue
        drawn = {"draws": DRAWS, "first": FIRST}[seeds]
        errors = [
            np.mean([measure(*_data(n, seed), n, seed, epochs, verbose, states) for seed in drawn])
            for n in COUNTS
        ]
        rows.append([name, *(round(float(error), 2) for error in errors)])
    width = len(COUNTS)
    rows += [[f"{name}, reported", *reported[:width]] for name, reported in REPORTED.items()]
    length = f"{epochs} epochs each" if epochs else "epochs as in the recipes"
    return Table(
        "Digits with 100 to 3,000 labels",
        "MNIST, 50,000 training images, some of them with a label, equally many of each class; "
        "percentage of the 10,000 test images that are classified wrongly. Nearest neighbor, "
        "convolutional network, label spreading and M1: mean of three random choices of the "
        f"labeled images (seeds {', '.join(map(str, DRAWS))}); M2, M1+M2 and SemiSupervisedAAE: "
        f"one choice (seed 1), {length}. Nearest neighbor and convolutional network see the "
        "labeled images alone. The network has two convolutions, 5x5 with stride 2, of 16 and 32 "
        f"filters, a layer of 128 units and dropout of 0.5, and learns for {STEPS:,} steps of "
        f"{BATCH_SIZE} images. Label spreading on pixels: `zoo.inference.label_propagation.spread` "
        "labels the training images, and a test image gets the label of the nearest of these. "
        "Nearest neighbor and convolutional network have no setting that was chosen. M1: label "
        "spreading on the codes of `m1_mnist_100`. How `alpha` of spreading depends on the share "
        "of labels was chosen by the error of M1 on the validation images with 100, 1,000 and "
        "3,000 labels, and on other data. The models of the zoo have the settings of their "
        "recipes, which were chosen for 100 labels (of SemiSupervisedAAE for 100 and for 1,000) by "
        "the error on the 10,000 validation images, with all of their labels; with 100 labels "
        "they are the presets, "
        "as is SemiSupervisedAAE with 1,000. Its training images are shifted by up to two pixels. "
        "A method without a row was not run. Reported: Kingma et al. 2014, M1 with a transductive "
        "support vector machine; Makhzani et "
        "al. 2015, dense layers, images not shifted.",
        ("method", *(f"{count:,} labels" for count in COUNTS)),
        rows,
    )


def _data(count: int, seed: int) -> tuple:
    """Return training images, their labels with -1 for hidden ones, test images, their labels."""
    (x, y), test = data.load("mnist")
    cut = len(x) - recipes.get("m2_mnist_100").validation
    return x[:cut], data.keep_labels(y[:cut], count, seed=seed), *test


def _nearest_neighbor(x, y, x_test, y_test, *_):
    known = y >= 0
    place = _nearest(_rows(x[known]), _rows(x_test))
    return _error(y[known][place], y_test)


def _convolutional(x, y, x_test, y_test, count, seed, epochs, verbose, states):
    del count, epochs, states
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    convolution = {"kernel_size": 5, "strides": 2, "padding": "same", "activation": "relu"}
    network = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Conv2D(16, **convolution),
            layers.Conv2D(32, **convolution),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(int(y_test.max()) + 1),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3), loss)
    known = np.flatnonzero(y >= 0)
    shown = np.random.default_rng(seed).choice(known, STEPS * BATCH_SIZE)  # with repetitions
    network.fit(x[shown], y[shown], batch_size=BATCH_SIZE, verbose=verbose)
    return _error(network.predict(x_test, verbose=0).argmax(axis=1), y_test)


def _spreading(x, y, x_test, y_test, *_):
    del x_test
    graph, place = _neighbors(len(x))
    return _error(label_propagation.spread(_rows(x), y, graph=graph)[place], y_test)


@functools.cache
def _neighbors(n: int) -> tuple:
    """Return the neighbor graph of the first n images, and the nearest of them to test images."""
    (x, _), (x_test, _) = data.load("mnist")
    x, x_test = _rows(x[:n]), _rows(x_test)
    return label_propagation.neighbor_graph(x), _nearest(x, x_test)


def _m1(x, y, x_test, y_test, *_):
    lower = zoo.load("m1_mnist_100")  # its codes do not depend on labels
    lower.learn_labels(x, y)
    return metrics.classification_error(lower, x_test, y_test)


def _trained(preset: str) -> Callable:
    """Return a function that trains the model of a recipe, or loads the preset if it is equal."""

    def measure(x, y, x_test, y_test, count, seed, epochs, verbose, states):
        named = preset.replace("_100", "_1000") if "aae" in preset and count == 1000 else preset
        recipe = recipes.get(named)
        if (seed, count, epochs) == (recipe.seed, recipe.labels, None):
            model = zoo.load(named)
        else:
            recipe = replace(recipe, seed=seed, labels=count)
            model = fit_recipe(recipe, x, y, epochs, verbose, states=states)
        return metrics.classification_error(model, x_test, y_test)

    return measure


METHODS = {
    "nearest neighbor": (_nearest_neighbor, "draws"),
    "convolutional network": (_convolutional, "draws"),
    "label spreading on pixels": (_spreading, "draws"),
    "M1": (_m1, "draws"),
    "M2": (_trained("m2_mnist_100"), "first"),
    "M1+M2": (_trained("m1m2_mnist_100"), "first"),
    "SemiSupervisedAAE": (_trained("semi_supervised_aae_mnist_100"), "first"),
}
"""By name: a function that returns the error in percent, and how many choices of labels it gets."""


def _nearest(x: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Return the place of the nearest row of `x` for each row of `x_test`."""
    from sklearn.neighbors import NearestNeighbors

    finder = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(x)
    return finder.kneighbors(x_test, return_distance=False)[:, 0]


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def _error(found: np.ndarray, y: np.ndarray) -> float:
    return 100.0 * float(np.mean(found != y))
