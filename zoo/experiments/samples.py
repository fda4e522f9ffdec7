"""What is wrong with generated images: whether they look real, and whether all kinds occur."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

import zoo
from zoo import data, metrics
from zoo.experiments.panels import label
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.metrics.card_metrics import rounded
from zoo.plots.picture import Picture
from zoo.plots.sheets import class_color

COUNT = 5_000  # images of each sample
FACTORS = (0.5, 0.75, 1.0)  # of codes that are drawn from the prior
PRESETS = ("cvae_mnist", "aae_mnist", "vaegan_mnist", "ebgan_mnist")
NEIGHBORS = 5
BLUR = 1.0  # pixels
KEPT = 5  # classes
QUICK = {"COUNT": 60}
COLUMNS = ("images", "precision", "recall", "density", "coverage", "Fréchet distance")


@experiment(minutes=6)
def precision_and_recall() -> Table:
    """Measure quality and variety of generated digits separately, beside damaged real ones."""
    (x, y), (x_test, _) = data.load("mnist")
    real = x_test[:COUNT]
    classifier = metrics.load_reference_classifier("mnist")
    features = metrics.last_hidden_layer(classifier)
    rows = []
    for name, images in _samples(x, y).items():
        shares = metrics.prdc(images, real, features, k=NEIGHBORS)
        distance = metrics.frechet_distance(images, real, classifier)
        rows.append([name, *(round(share, 3) for share in shares), rounded(distance)])
    return Table(
        "Quality and variety of generated digits",
        f"{COUNT:,} images against the first {len(real):,} test images of MNIST, in the features "
        f"of the last hidden layer of the reference classifier, k = {NEIGHBORS}; one draw each. "
        "Fréchet distance: squared, of the same features. Blurred: by a Gaussian of "
        f"{BLUR:g} pixel. Classes 0 to {KEPT - 1}: training images of these alone. Codes times a "
        "number: draws of the prior of `vae_mnist` are multiplied by it before they are decoded. "
        "The other rows are presets; those with labels are given all labels equally often. "
        "Nothing is trained.",
        COLUMNS,
        rows,
        _picture(rows),
    )


def _samples(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return images by the name of their row: real ones, damaged ones, and generated ones."""
    first = x[:COUNT]
    found = {
        "training images": first,
        "training images, blurred": gaussian_filter(first, (0, BLUR, BLUR, 0)),
        f"training images, classes 0 to {KEPT - 1}": x[y < KEPT][:COUNT],
    }
    vae = zoo.load("vae_mnist")
    z = np.random.default_rng(SEED).normal(size=(COUNT, vae.latent_dim))  # draws of its prior
    for factor in FACTORS:
        name = "vae_mnist" if factor == 1.0 else f"vae_mnist, codes times {factor:g}"
        found[name] = vae.decode(factor * z)
    for name in PRESETS:
        model = zoo.load(name)
        labels = np.arange(COUNT) % model.num_classes if model.conditional else None
        found[name] = model.generate(COUNT, labels, seed=SEED)
    return found


def _picture(rows: list[list[Any]]) -> Picture:
    """Show precision by recall, and density by coverage."""
    figure = Picture(figsize=(12.8, 6.4), dpi=100, layout="constrained")
    panels, pairs = figure.subplots(1, 2), (("recall", "precision"), ("coverage", "density"))
    for axes, (across, up) in zip(panels, pairs, strict=True):
        i, j = COLUMNS.index(across), COLUMNS.index(up)
        of_vae = [row for row in rows if row[0].startswith("vae_mnist")]
        axes.plot([row[i] for row in of_vae], [row[j] for row in of_vae], color="0.6", zorder=0)
        for k, row in enumerate(rows):
            marker = "s" if k < len(rows) - len(PRESETS) - len(FACTORS) else "o"
            axes.scatter(row[i], row[j], s=110, color=class_color(k), marker=marker, label=row[0])
        label(axes, f"{up} and {across}", f"{across}: all kinds occur", f"{up}: they look real")
        axes.get_legend().remove()
        axes.set(xlim=(0, 1.05), ylim=(0, 1.06 * max(row[j] for row in rows)))
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=12
    )
    return figure
