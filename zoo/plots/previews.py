"""The most typical picture of a model; its class names the picture in the attribute `picture`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.nn.distributions import GaussianMixture, Normal, SwissRoll
from zoo.plots.drawings import redrawn
from zoo.plots.first_layer import filters
from zoo.plots.images import (
    analogies,
    photographs,
    reconstructions,
    restorations,
    rows_of_images,
    samples,
    style_grid,
    traversal,
)
from zoo.plots.latent import manifold
from zoo.plots.picture import Picture
from zoo.plots.retrieved import hits
from zoo.plots.sheets import need
from zoo.plots.signals import signals
from zoo.plots.translations import draws_for_labels, recolorings, translations
from zoo.plots.walks import class_walks


def preview(model: Any, x: Any, labels: Any = None) -> Picture:
    """Show the most typical picture of a model: styles by class, the manifold, samples, ...

    The class names it in its attribute `picture`: a name in `zoo.plots.previews.PREVIEWS`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.plots.preview(zoo.VAE((8, 8, 1), 4), x_test).savefig("preview.png")
    """
    signals_or_rows = len(model.image_shape) < 3 and not model.label_shape
    if signals_or_rows and model.picture not in OF_SEQUENCES:
        return _of_signals(model, x, labels)
    return PREVIEWS[model.picture](model, x, labels)


def _of_signals(model, x, labels):
    if not hasattr(model, "encode"):
        return signals({"generated": model.generate(12, seed=0)}, "generated signals")
    return reconstructions(model, x, labels if model.conditional else None)


def _samples(model, x, labels):
    return samples(model)


def _latent_space(model, x, labels):
    """Show the picture of codes that suits their number of dimensions and the kind of images."""
    beta = getattr(model, "beta", 1.0)
    normal = isinstance(model.prior, Normal)
    if normal and isinstance(beta, float) and beta > 1 and model.latent_dim > 2:
        return traversal(model, x=x[:1000])
    if model.image_shape[-1] == 3 and model.latent_dim > 2 and len(x) > 3:
        return photographs(model, x)
    if model.latent_dim == 2:
        return manifold(model, x[:5000], None if labels is None else labels[:5000], side=12)
    return samples(model)


def _class_walks(model, x, labels):
    """Show walks through the places of the classes, where the prior has such places in a plane."""
    if model.latent_dim != 2 or not isinstance(model.prior, GaussianMixture | SwissRoll):
        return _latent_space(model, x, labels)
    return class_walks(model, x[:5000], None if labels is None else labels[:5000])


def _reconstructions(model, x, labels):
    if model.latent_dim >= 100 and not model.filters:
        return filters(model)
    return reconstructions(model, x, labels if model.conditional else None)


def _hits(model, x, labels):
    """Show a few of the first 2,000 images, and those with the nearest codes."""
    x = np.asarray(x[:2000])
    need(len(x) > 1, "This picture needs two images or more.")
    codes = model.encode(x).reshape(len(x), -1).astype("float64")
    n, k = min(6, len(x)), min(10, len(x) - 1)
    # Of codes of bits, the squared distance is the number of different ones.
    squared = np.square(codes[:n, None] - codes).sum(axis=2)
    squared[np.arange(n), np.arange(n)] = np.inf
    nearest = np.argsort(squared, axis=1, kind="stable")[:, :k]
    far = np.take_along_axis(squared, nearest, 1)
    title = f"queries, and the {k} nearest of {len(x):,}: {far.min():g} to {far.max():g} other bits"
    return hits(x[:n], x[nearest], title=title)


def _views(model, x, labels):
    """Show first views, the second views that are decoded from their codes, and the true ones."""
    _need_labels(model, labels)
    if len(model.second_shape) != 3 or model.second_shape != model.image_shape:
        return reconstructions(model, x)
    n = min(12, len(x))
    decoded = model.decode_second(model.encode(np.asarray(x[:n])))
    rows = {"x": x[:n], "y from x": decoded, "y": labels[:n]}
    return rows_of_images(rows, "first views, second views from their codes, true second views")


def _rates(model, x, labels):
    """Show images, and what is left of them at each rate, with the bits that they need."""
    x = np.asarray(x[:3])
    pictures = {"images": x}
    for rate in range(model.rates, 0, -1):
        bits = model.bits_per_pixel(x, rate=rate)
        pictures[f"{bits:.2f} bits a pixel"] = model.reconstruct(x, rate=rate)
    middle = [slice(max(0, (side - 96) // 2), (side + 96) // 2) for side in x.shape[1:3]]
    rows = {name: images[:, middle[0], middle[1]] for name, images in pictures.items()}
    return rows_of_images(rows, "images, and after compression at each rate")


def _drawings(model, x, labels):
    return redrawn(model, x, n=8)


def _restorations(model, x, labels):
    return restorations(model, x, labels=labels if model.conditional else None)


def _style_grid(model, x, labels):
    return style_grid(model)


def _samples_for_labels(model, x, labels):
    """Show several images for each label that is an image, or one for each row of words."""
    _need_labels(model, labels)
    if model.label_shape == model.image_shape:
        return draws_for_labels(model, labels[:8])
    columns = min(12, len(labels))
    rows = min(4, len(labels) // columns)
    return samples(model, rows=rows, columns=columns, labels=labels[: rows * columns])


def _recolorings(model, x, labels):
    _need_labels(model, labels)
    return recolorings(model, x, labels[-5:])


def _need_labels(model, labels):
    need(labels is not None, f"Give labels=, which a {type(model).__name__} needs.")


PREVIEWS: dict[str, Callable[[Any, Any, Any], Picture]] = {
    "analogies": analogies,
    "class_walks": _class_walks,
    "drawings": _drawings,
    "hits": _hits,
    "latent_space": _latent_space,
    "rates": _rates,
    "recolorings": _recolorings,
    "reconstructions": _reconstructions,
    "restorations": _restorations,
    "samples": _samples,
    "samples_for_labels": _samples_for_labels,
    "style_grid": _style_grid,
    "translations": translations,
    "views": _views,
}
"""Functions that take a model, images, and labels or None, by the `picture` of a class."""
OF_SEQUENCES = ("drawings",)
"""The pictures that show sequences otherwise than as lines over time."""
