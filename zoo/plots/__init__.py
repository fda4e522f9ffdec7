"""Pictures of autoencoders; every function returns a matplotlib Figure that a notebook shows.

Images with one channel are shown with the color map `cmap=`, by default with one that suits them:
1 is black for drawings, which are mostly empty at their borders, and white for gray photographs.
"""

from __future__ import annotations

from typing import Any

from zoo.nn.distributions import Normal
from zoo.plots.images import (
    analogies,
    filters,
    filters_of_several,
    interpolations,
    photographs,
    reconstructions,
    reconstructions_of_several,
    restorations,
    rows_of_images,
    samples,
    style_grid,
    traversal,
)
from zoo.plots.latent import bubbles, codes, energy_surface, manifold, scatters, training_curves
from zoo.plots.picture import Picture
from zoo.plots.sheets import need, save_small, tile
from zoo.plots.signals import signals
from zoo.plots.translations import draws_for_labels, recolorings, translations

__all__ = [
    "analogies",
    "bubbles",
    "codes",
    "draws_for_labels",
    "energy_surface",
    "filters",
    "filters_of_several",
    "interpolations",
    "manifold",
    "photographs",
    "preview",
    "recolorings",
    "reconstructions",
    "reconstructions_of_several",
    "restorations",
    "rows_of_images",
    "samples",
    "save_small",
    "scatters",
    "signals",
    "style_grid",
    "tile",
    "training_curves",
    "translations",
    "traversal",
]


def preview(model: Any, x: Any, labels: Any = None) -> Picture:
    """Show the most typical picture of a model: styles by class, the manifold, samples, ...

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.plots.preview(zoo.VAE((8, 8, 1), 4), x_test).savefig("preview.png")
    """
    if hasattr(model, "translate"):
        return translations(model, x, labels)
    if model.label_shape:
        need(labels is not None, f"Give labels= too: {type(model).__name__} is given them.")
    if hasattr(model, "recolor"):
        return recolorings(model, x, labels[-5:])
    if model.label_shape and model.label_shape == model.image_shape:
        return draws_for_labels(model, labels[:8])
    if model.label_shape:
        columns = min(12, len(labels))
        rows = min(4, len(labels) // columns)
        return samples(model, rows=rows, columns=columns, labels=labels[: rows * columns])
    if len(model.image_shape) < 3 and not hasattr(model, "encode"):
        return signals({"generated": model.generate(12, seed=0)}, "generated signals")
    if len(model.image_shape) < 3:
        return reconstructions(model, x, labels if model.conditional else None)
    if model.restores:
        return restorations(model, x, labels=labels if model.conditional else None)
    if "image_discriminator" in model.network_names:
        return analogies(model, x, labels)
    if model.conditional:
        return style_grid(model)
    if "generator" in model.network_names or not hasattr(model, "encode"):
        return samples(model)
    if model.prior is None:
        wide = model.latent_dim >= 100 and len(model.image_shape) == 3
        return filters(model) if wide and not model.filters else reconstructions(model, x)
    beta = getattr(model, "beta", 1.0)
    normal = isinstance(model.prior, Normal)
    if normal and isinstance(beta, float) and beta > 1 and model.latent_dim > 2:
        return traversal(model, x=x[:1000])
    if model.image_shape[-1] == 3 and model.latent_dim > 2 and len(x) > 3:
        return photographs(model, x)
    if model.latent_dim == 2:
        return manifold(model, x[:5000], None if labels is None else labels[:5000])
    return samples(model)
