"""Recolored photographs: by PaletteNet, and by a simple method that moves each color."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from keras import ops

from zoo import data, metrics, plots, recipes
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, fit_recipe
from zoo.metrics.card_metrics import rounded
from zoo.nn import colors

TRAINING = 10_000
PATCHES = 20  # of each photograph
QUICK = {"PATCHES": 1}


@experiment(minutes=5)
def recoloring(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Recolor photographs with palettes of rotated hues, and compare with rotated photographs."""
    recipe = recipes.get("palette_net_cifar10")
    (x, _), _ = data.load("cifar10_jpeg")
    order = np.random.default_rng(recipe.seed).permutation(len(x))[:TRAINING]
    x = np.asarray(x[np.sort(order)])
    model = fit_recipe(recipe, x, data.palettes(x), epochs, verbose)
    tests = {"CIFAR-10": data.load("cifar10_subset")[1][0]}
    if folder := photographs():
        tests["patches of photographs"] = patches(folder)
    rows = []
    for kind, given in tests.items():
        images, asked = metrics.asked_of(model, given)
        own = model.labels_from_images(given)
        for name, recolored in (
            ("left alone", given),
            ("color by color", by_color(given, own, asked)),
            ("PaletteNet", model.recolor(given, asked)),
        ):
            distance = rounded(metrics.color_distance(recolored, images))
            of_palettes = rounded(metrics.palette_distance(recolored, asked))
            rows.append([f"{kind}: {name}", distance, of_palettes])
    shown = tests["CIFAR-10"]
    return Table(
        "Photographs in other colors",
        f"The recipe `{recipe.name}`, {epochs or recipe.epochs} epochs on {TRAINING:,} of the "
        "training images of CIFAR-10 (JPEG copies); lossless test images of CIFAR-10, and patches "
        "of 32 pixels a side of 24 photographs (Kodak), which no model has seen; each with the "
        "palette of itself with its hues turned by an angle, seed 0; mean distance of a and b in "
        "Lab to the image with turned hues, and in Lab between the palette of the result and the "
        "one asked for, colors matched. Color by color: a pixel moves as the colors of the palette "
        "do, weighted by a Gaussian of its distance to them. In the picture: images through the "
        "palettes of five others. Cho et al. 2017 report other measures on other images.",
        ("images", "distance to the turned image", "distance of palettes"),
        rows,
        plots.recolorings(model, shown, model.labels_from_images(shown[20:25]), n=10),
    )


def photographs() -> list[Path]:
    """Return the photographs in the folder `kodak` of ZOO_DATA; none if it does not exist."""
    return sorted(Path(os.environ.get("ZOO_DATA", "."), "kodak").glob("*.png"))


def patches(paths: list[Path], side: int = 32) -> np.ndarray:
    """Return patches of photographs at random places, seed 0, float32 [n, side, side, 3]."""
    from PIL import Image

    generator, found = np.random.default_rng(0), []
    for path in paths:
        with Image.open(path, formats=("PNG",)) as photograph:
            image = np.asarray(photograph.convert("RGB"), "float32") / 255
        for _ in range(PATCHES):
            top, left = (generator.integers(0, size - side + 1) for size in image.shape[:2])
            found.append(image[top : top + side, left : left + side])
    return np.stack(found)


def by_color(images: np.ndarray, own: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Move the color of each pixel like the colors of its palette.

    Args:
        images: [n, height, width, 3]. own, asked: palettes [n, colors, 3] before and after.
    """
    lab, p, t = (ops.convert_to_numpy(colors.rgb_to_lab(each)) for each in (images, own, asked))
    between = np.sqrt(np.square(p[:, :, None] - p[:, None]).sum(axis=-1))
    width = np.maximum(between.mean(axis=(1, 2)), 1e-3)[:, None, None, None]
    distance = np.square(lab[:, :, :, None] - p[:, None, None]).sum(axis=-1)  # [n, h, w, colors]
    weight = np.exp(-0.5 * (distance - distance.min(axis=-1, keepdims=True)) / width**2)
    weight /= weight.sum(axis=-1, keepdims=True)
    moved = lab.copy()
    moved[..., 1:] += np.einsum("nhwc,ncd->nhwd", weight, (t - p)[..., 1:])
    return ops.convert_to_numpy(colors.lab_to_rgb(ops.convert_to_tensor(moved)))
