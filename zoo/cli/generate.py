"""The pictures that `zoo generate` draws, and the options that each picture takes."""

from __future__ import annotations

import os
import sys
from typing import Any

import zoo
from zoo.cli import push
from zoo.cli.shared_options import table_options

PICTURES = {
    "samples": ("labels", "n", "seed", "cmap"),
    "styles": ("n", "seed", "cmap"),
    "analogies": ("n", "cmap", "data"),
    "reconstructions": ("n", "cmap", "data"),
    "restorations": ("n", "seed", "cmap", "data"),
    "photographs": ("n", "seed", "data"),
    "filters": (),
    "manifold": ("n", "cmap", "data"),
    "codes": ("n", "data"),
    "bubbles": ("n", "data"),
    "interpolations": ("n", "cmap", "data"),
    "translations": ("n", "cmap", "data"),
    "recolorings": ("n", "data"),
    "traversal": ("labels", "cmap"),
}


def check(options: Any) -> None:
    """Refuse options of `zoo generate` that the picture would ignore.

    Raises:
        ValueError: an option would be ignored; the error lists the pictures that take it.
    """
    for name in ("labels", "n", "seed", "cmap", "data"):
        if getattr(options, name) is not None and name not in PICTURES[options.picture]:
            others = ", ".join(picture for picture, takes in PICTURES.items() if name in takes)
            raise ValueError(
                f"--{name} has no effect on the picture {options.picture}: leave it out, or choose "
                f"a picture that takes it: {others}."
            )
    if options.picture == "traversal" and len(options.labels or ()) > 1:
        raise ValueError(f"--labels has {len(options.labels)} classes, but a traversal shows one.")


def draw(model: Any, options: Any) -> Any:
    """Draw the picture that the options of the command line describe, as a matplotlib Figure."""
    import numpy as np

    from zoo import plots
    from zoo.presets.catalog import preset_folder
    from zoo.recipes.evaluation_data import arrays_of

    name, n, seed = options.picture, options.n, options.seed or 0
    cmap = {} if options.cmap is None else {"cmap": options.cmap}
    if name == "samples":
        return _samples(model, n, options.labels, seed, cmap)
    if name == "styles":
        return plots.style_grid(model, styles=n or 8, seed=seed, **cmap)
    if name == "filters":
        return plots.filters(model)
    if name == "traversal":
        return plots.traversal(model, label=(options.labels or [None])[0], **cmap)
    of_class: dict[str, Any] = {"label": (options.labels or [0])[0]} if model.conditional else {}
    try:
        card, folder = zoo.card(options.name), preset_folder(options.name)
        read = table_options(options)
        _, _, (x, y) = arrays_of(card, options.data, preset=folder, **read)
    except OSError as error:
        if name != "manifold" or not model.prior:
            raise
        print(f"The codes of real images are left out: {error}", file=sys.stderr)
        return plots.manifold(model, **cmap, **of_class)
    x = np.asarray(x[: max(n or 0, 5000)])
    if name in ("manifold", "codes", "bubbles"):
        n = n or (500 if name == "bubbles" else 5000)
        given = {**cmap, **(of_class if name == "manifold" else {})}
        return getattr(plots, name)(model, x[:n], None if y is None else y[: len(x[:n])], **given)
    if name == "photographs":
        return plots.photographs(model, x, n=n or 10, seed=seed)
    labels = y if model.conditional else None
    if name == "translations":
        return plots.translations(model, x, y, n=n or 12, **cmap)
    if name == "recolorings":
        plots.need(hasattr(model, "recolor"), f"{type(model).__name__} does not recolor images.")
        return plots.recolorings(model, x, model.labels_from_images(x[-5:]), n=n or 8)
    if name == "interpolations":
        return plots.interpolations(model, x, labels, pairs=n or 3, **cmap)
    if name == "restorations":
        return plots.restorations(model, x, labels=labels, n=n or 10, seed=seed, **cmap)
    return getattr(plots, name)(model, x, labels, n=n or 10, **cmap)


def _samples(model, n, labels, seed, cmap):
    """Show samples of these classes in turn."""
    from zoo import plots

    n = n or (len(labels) if labels else 96)
    if labels and len(labels) > n:
        raise ValueError(f"--labels has {len(labels)} classes for {n} images; give at most {n}.")
    columns = max(width for width in range(1, 13) if n % width == 0)
    if labels:
        labels = [labels[i % len(labels)] for i in range(n)]
    size = {"rows": n // columns, "columns": columns}
    return plots.samples(model, **size, labels=labels, seed=seed, **cmap)


def picture_file(options: Any) -> str:
    """Return the path of the picture that `zoo generate` writes."""
    out = options.out or f"{push.short_name(options.name)}_{options.picture}.png"
    return out + ("" if os.path.splitext(out)[1] else ".png")


def usual_picture(model: Any) -> str:
    """Return the name of the picture that is drawn for a model by default."""
    if model.can_generate and not model.label_shape:
        return "samples"
    return model.picture if model.picture in PICTURES else "reconstructions"
