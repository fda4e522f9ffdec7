"""Pictures of the weights of a first layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.plots.picture import Picture
from zoo.plots.sheets import DPI, INK, enlarged, need, need_encoder, need_named, sheet, show


def filters(model: Any, x: Any = None, *, rows: int = 8, columns: int = 12) -> Picture:
    """Show the weights of units of the first layer as images.

    Each image is scaled to its largest weight; gray is zero, black positive, white negative. It
    shows the units with the largest weights, in the order of the code.

    Args:
        x: images; weights of pixels that are the same in all of them keep their random start, and
            are left out, gray.
        rows, columns: of the picture.

    Examples:
        >>> model = zoo.Autoencoder((8, 8, 1), 100, hidden_units=())
        >>> zoo.plots.filters(model).savefig("filters.png")
    """
    need(min(rows, columns) > 0, f"rows={rows} and columns={columns} must be at least 1.")
    images = _filters(model, rows * columns, x)
    columns = min(columns, len(images))
    title = "weights of the first layer" + ("" if x is None else ", of pixels that change")
    figure, _ = sheet(images, columns, title=title, cmap=INK)
    return enlarged(figure)


def filters_of_several(models: dict, *, side: int = 8) -> Picture:
    """Show the `filters` of several models next to each other, by name.

    Examples:
        >>> models = {f"{n} units": zoo.Autoencoder((8, 8, 1), n, hidden_units=()) for n in (9, 64)}
        >>> zoo.plots.filters_of_several(models).savefig("filters.png")
    """
    need_named(models, "models")
    need(side > 0, f"side is {side}; show at least one filter a row.")
    figure = Picture(figsize=(3.4 * len(models), 3.5), dpi=DPI)
    figure.set_layout_engine("constrained", wspace=0.06)  # panels are farther apart than filters
    for i, (name, model) in enumerate(models.items()):
        axes = figure.add_subplot(1, len(models), i + 1)
        axes.set_title(name, fontsize="medium")
        show(axes, _filters(model, side * side), side, INK)
    return enlarged(figure)


def _filters(model, n, x=None):
    need_encoder(model)
    kernels = [w for w in model.encoder.trainable_weights if w.name == "kernel"]
    need(
        len(model.image_shape) == 3
        and kernels
        and kernels[0].shape[0] == np.prod(model.image_shape),
        "The picture needs a dense first layer that takes images.",
    )
    weights = kernels[0].numpy().T
    if x is not None:
        weights = weights * (np.reshape(x, (len(x), -1)).std(axis=0) > 0)
    strongest = np.sort(np.argsort(-np.linalg.norm(weights, axis=1))[:n])
    weights = weights[strongest] / np.abs(weights[strongest]).max(axis=1, keepdims=True)
    return 0.5 + 0.5 * weights.reshape(len(weights), *model.image_shape)
