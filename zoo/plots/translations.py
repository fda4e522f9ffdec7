"""Pictures of images that models translate from other images."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.checks.data import check_label_arrays
from zoo.plots.images import rows_of_images
from zoo.plots.picture import Picture
from zoo.plots.sheets import enlarged, need, sheet


def translations(model: Any, x: Any, y: Any = None, *, n: int = 12, cmap: Any = None) -> Picture:
    """Show images, their translations, and the true images.

    Args:
        model: a `zoo.Pix2Pix` or `zoo.TDAE`.
        x: images [at least n, *input_shape]; small ones are shown with larger pixels.
        y: the true translations, or None.

    Raises:
        ValueError: a model that does not translate, or images with another number of channels.

    Examples:
        >>> (y, _), _ = zoo.data.load("digits")
        >>> model = zoo.Pix2Pix((8, 8, 1), filters=(8, 16))
        >>> zoo.plots.translations(model, np.round(y), y).savefig("translations.png")
    """
    need(hasattr(model, "translate"), f"{type(model).__name__} does not translate images.")
    x = np.asarray(x[:n])
    times = model.target_shape[0] // model.image_shape[0]
    rows = {"given": enlarged_pixels(x, times), "translated": model.translate(x)}
    if y is not None:
        rows["true"] = check_label_arrays(y[:n], len(x), model)
    channels = max(images.shape[-1] for images in rows.values())
    rows = {  # gray images get three channels among images in color
        name: np.repeat(images, channels, axis=-1) if images.shape[-1] == 1 else images
        for name, images in rows.items()
    }
    return rows_of_images(rows, "images and their translations", cmap=cmap)


def enlarged_pixels(images: np.ndarray, times: int) -> np.ndarray:
    """Return images [n, height, width, channels] whose pixels are squares of `times` pixels."""
    return images.repeat(times, axis=1).repeat(times, axis=2)


def recolorings(model: Any, x: Any, palettes: Any, *, n: int = 8, cmap: Any = None) -> Picture:
    """Show images in the first row, and in each row below in the colors of a palette.

    Args:
        model: a `zoo.PaletteNet`.
        x: images [at least n, *input_shape]. palettes: [rows, colors, 3], shown at the left.

    Examples:
        >>> x = np.random.default_rng(0).random((8, 8, 8, 3), "float32")
        >>> model = zoo.PaletteNet((8, 8, 3), filters=(8, 16))
        >>> zoo.plots.recolorings(model, x, zoo.data.palettes(x[:5])).savefig("recolored.png")
    """
    need(hasattr(model, "recolor"), f"{type(model).__name__} does not recolor images.")
    x, palettes = np.asarray(x[:n]), np.asarray(palettes)
    height, width = x.shape[1:3]
    bands = np.arange(width) * palettes.shape[1] // width  # the color of each column of pixels
    cells = [np.ones_like(x[:1]), x]
    for palette in palettes:
        shown = np.broadcast_to(palette[bands], (1, height, width, 3))
        cells += [shown, model.recolor(x, palette)]
    figure, _ = sheet(
        np.concatenate(cells), len(x) + 1, title="images, and in other colors", cmap=cmap
    )
    return enlarged(figure)


def draws_for_labels(
    model: Any, labels: Any, *, n: int = 6, seed: int = 0, cmap: Any = None
) -> Picture:
    """Show labels that are images, and beside each the images that a model draws for it.

    Args:
        model: a `zoo.CVAE` whose `label_shape` is the shape of its images.
        labels: images [rows, *label_shape].
        n: the number of draws for each label; all labels get the same codes.

    Raises:
        ValueError: a model with other labels.

    Examples:
        >>> (x, _), _ = zoo.data.load("digits")
        >>> model = zoo.CVAE((8, 8, 1), 4, label_shape=(8, 8, 1), hidden_units=(64,))
        >>> zoo.plots.draws_for_labels(model, np.round(x[:6])).savefig("draws.png")
    """
    need(
        model.conditional and model.label_shape == model.image_shape,
        f"{type(model).__name__} has labels of the shape {model.label_shape}; this picture needs "
        "labels that are images of the model's shape.",
    )
    z = np.repeat(model.prior.sample(n, seed=seed)[None], len(labels), axis=0)
    drawn = model.decode(z.reshape(-1, model.latent_dim), np.repeat(labels, n, axis=0))
    drawn = drawn.reshape(len(labels), n, *model.image_shape)
    rows = np.concatenate([np.asarray(labels)[:, None], drawn], axis=1)
    figure, _ = sheet(
        rows.reshape(-1, *model.image_shape), n + 1, title="given, and draws", cmap=cmap
    )
    return enlarged(figure)
