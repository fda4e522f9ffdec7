"""Pictures of autoencoders; each function returns a matplotlib Figure that a notebook shows.

Images with one channel use the color map `cmap=`. By default it depends on the images: 1 is black
for drawings, whose borders are mostly empty, and white for gray photographs.
"""

from zoo.plots.animations import moving_codes, walk
from zoo.plots.drawings import drawings, redrawn
from zoo.plots.explanations import (
    architecture,
    differences,
    kl_by_dimension,
    principal_components,
    reparameterization,
)
from zoo.plots.first_layer import filters, filters_of_several
from zoo.plots.images import (
    analogies,
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
from zoo.plots.previews import preview
from zoo.plots.retrieved import hits
from zoo.plots.sheets import need as need
from zoo.plots.sheets import save_small, style, tile
from zoo.plots.signals import signals
from zoo.plots.translations import draws_for_labels, recolorings, translations

__all__ = [
    "analogies",
    "architecture",
    "bubbles",
    "codes",
    "differences",
    "drawings",
    "draws_for_labels",
    "energy_surface",
    "filters",
    "filters_of_several",
    "hits",
    "interpolations",
    "kl_by_dimension",
    "manifold",
    "moving_codes",
    "photographs",
    "preview",
    "principal_components",
    "recolorings",
    "reconstructions",
    "reconstructions_of_several",
    "redrawn",
    "reparameterization",
    "restorations",
    "rows_of_images",
    "samples",
    "save_small",
    "scatters",
    "signals",
    "style",
    "style_grid",
    "tile",
    "training_curves",
    "translations",
    "traversal",
    "walk",
]
