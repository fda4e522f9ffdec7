"""Large faces from small, unaligned, noisy ones, compared with methods without networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from zoo import data, metrics, plots, recipes
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.plots.translations import enlarged_pixels

SHRINKAGE = 10.0  # for linear regression; the best of 1, 10 and 100 in validation
SHOWN = 10


@experiment(minutes=30)
def super_resolution(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Enlarge small faces by TDAE with and without its discriminator, and by simpler methods."""
    recipe = recipes.get("tdae_olivetti")
    (x, y), (x_test, y_test) = data.load(recipe.data)
    x, y = (a[: len(a) - recipe.validation] for a in (x, y))
    model = fit_recipe(recipe, x, y, epochs, verbose)
    alone = {**recipe.model, "generator_weight": 0.0, "feature_weight": 0.0}
    of_errors = fit_recipe(replace(recipe, model=alone), x, y, epochs, verbose)
    made = {
        "bicubic": bicubic(x_test, y_test.shape[1:3]),
        "mean of the training faces": np.broadcast_to(y.mean(axis=0), y_test.shape),
        "linear regression": regression(x, y, x_test),
        "squared errors alone": of_errors.translate(x_test),
        "first decoder": first_stage(model, x_test),
        "whole": model.translate(x_test),
    }
    made["true"] = y_test
    rows = []
    for name, images in made.items():
        same = images is y_test
        psnr = "" if same else round(metrics.psnr(images, y_test), 2)
        rows.append([name, psnr, round(metrics.ssim(images, y_test), 3), rounded(edges(images))])
    times = y.shape[1] // x.shape[1]
    shown = {"given": enlarged_pixels(x_test, times), **made}
    del shown["mean of the training faces"]
    every = slice(None, None, len(x_test) // SHOWN)
    return Table(
        "Large faces from small, unaligned, noisy ones",
        f"The recipe `{recipe.name}`, {epochs or recipe.epochs} epochs on {len(x):,} pairs of 280 "
        f"of the Olivetti faces; {len(x_test)} pairs of 80 other images, but of the same 40 "
        "people: all people are in both parts. Faces of 64 pixels a side are moved by up to 4 "
        "pixels, turned by up to 15 degrees, scaled by up to 10 %, reduced to 8 pixels, and given "
        "normal noise of 0.1. PSNR in dB, and structural similarity by scikit-image, to the "
        "aligned face without noise, averaged over images; edges: the mean absolute difference of "
        "neighboring pixels. Linear regression is from the 64 pixels to the 4,096, with a squared "
        "penalty on its weights. Squared errors alone: the same networks and training without the "
        "discriminator's two terms. First decoder: y1 of the whole. Yu and Porikli 2017 measure "
        "other faces, of people who are not in the training set.",
        ("faces", "PSNR, dB", "SSIM", "edges"),
        rows,
        plots.rows_of_images(
            {name: images[every][:SHOWN] for name, images in shown.items()},
            "faces that were not seen in training, of people who were",
            cmap="gray",
        ),
    )


def bicubic(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return images [n, height, width, channels] resized to another size, clipped to [0, 1]."""
    resized = ops.image.resize(images, size, interpolation="bicubic")
    return np.clip(ops.convert_to_numpy(resized), 0, 1)


def regression(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Return predictions of large images by linear regression on small ones, clipped to [0, 1]."""
    from sklearn.linear_model import Ridge

    linear = Ridge(SHRINKAGE).fit(x.reshape(len(x), -1), y.reshape(len(y), -1))
    found = linear.predict(x_test.reshape(len(x_test), -1))
    return np.clip(found, 0, 1).reshape(-1, *y.shape[1:]).astype("float32")


def first_stage(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the images y1 of the first decoder of a TDAE."""
    parts = [ops.convert_to_numpy(model.stages(part)[0]) for part in np.array_split(x, 10)]
    return np.concatenate(parts)


def edges(images: np.ndarray) -> float:
    """Return the mean absolute difference of neighboring pixels, along both sides."""
    steps = [np.abs(np.diff(images, axis=axis)).mean(dtype="float64") for axis in (1, 2)]
    return float(np.mean(steps))
