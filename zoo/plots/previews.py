"""The most typical picture of a model; its class names the picture in the attribute `picture`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.nn.distributions import Normal
from zoo.plots.images import (
    analogies,
    filters,
    photographs,
    reconstructions,
    restorations,
    samples,
    style_grid,
    traversal,
)
from zoo.plots.latent import manifold
from zoo.plots.picture import Picture
from zoo.plots.sheets import need
from zoo.plots.signals import signals
from zoo.plots.translations import draws_for_labels, recolorings, translations


def preview(model: Any, x: Any, labels: Any = None) -> Picture:
    """Show the most typical picture of a model: styles by class, the manifold, samples, ...

    The class names it in its attribute `picture`: a name in `zoo.plots.previews.PREVIEWS`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.plots.preview(zoo.VAE((8, 8, 1), 4), x_test).savefig("preview.png")
    """
    if len(model.image_shape) < 3 and not model.label_shape:
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
        return manifold(model, x[:5000], None if labels is None else labels[:5000])
    return samples(model)


def _reconstructions(model, x, labels):
    if model.latent_dim >= 100 and not model.filters:
        return filters(model)
    return reconstructions(model, x, labels if model.conditional else None)


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
    "latent_space": _latent_space,
    "recolorings": _recolorings,
    "reconstructions": _reconstructions,
    "restorations": _restorations,
    "samples": _samples,
    "samples_for_labels": _samples_for_labels,
    "style_grid": _style_grid,
    "translations": translations,
}
"""Functions that take a model, images, and labels or None, by the `picture` of a class."""
