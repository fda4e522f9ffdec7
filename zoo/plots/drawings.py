"""Pictures of drawings."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.data import strokes
from zoo.plots.images import rows_of_images
from zoo.plots.picture import Picture
from zoo.plots.sheets import need, need_named

_SIDE = 56  # pixels
TEMPERATURES = (0.1, 0.4, 0.7, 1.0)


def drawings(rows: dict, title: str, *, side: int = _SIDE) -> Picture:
    """Show a row of drawings for every name; all rows have the same length.

    Args:
        rows: stroke-5 sequences [n, time, 5] or lists of drawings, by name. side: of a drawing, in
            pixels.

    Examples:
        >>> square = [np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)])]
        >>> zoo.plots.drawings({"squares": [square] * 4}, "Squares").savefig("squares.png")
    """
    need_named(rows, "drawings")
    images = {name: strokes.to_images(row, side) for name, row in rows.items()}
    return rows_of_images(images, title)


def redrawn(model: Any, x: Any, *, n: int = 12, seed: int = 0) -> Picture:
    """Show drawings, how a model redraws them at several temperatures, and what it invents.

    Args:
        model: a `zoo.SketchRNN`. x: stroke-5 sequences [at least n, time, 5].

    Examples:
        >>> square = [np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)])]
        >>> x = zoo.data.strokes.to_stroke5([square] * 3, length=6)
        >>> model = zoo.SketchRNN((6, 5), 2, encoder_units=8, decoder_units=8)
        >>> zoo.plots.redrawn(model, x).savefig("redrawn.png")
    """
    need(n > 0 and len(x) > 0, "Give one drawing at least.")
    x = np.asarray(x[:n])
    rows = {"drawings": x, "temperature 0": model.reconstruct(x)}
    for temperature in TEMPERATURES:
        redrawn = model.reconstruct(x, temperature=temperature, seed=seed)
        rows[f"temperature {temperature:g}"] = redrawn
    rows["invented"] = model.generate(len(x), seed=seed)
    return drawings(rows, "drawings, drawn anew from their codes, and from codes of the prior")
