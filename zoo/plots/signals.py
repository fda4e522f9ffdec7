"""Pictures of signals and vectors: lines instead of images."""

from __future__ import annotations

import numpy as np

from zoo.plots.picture import Picture
from zoo.plots.sheets import DPI, enlarged, need, need_named

_COLUMNS = 4
_COLORS = ("0.6", "#c1440e", "#1f6f8b", "#4a7c2c")


def signals(rows: dict, title: str = "", *, columns: int = _COLUMNS) -> Picture:
    """Show signals as lines: one signal per axes, with the lines of all names in the same axes.

    Args:
        rows: signals by name, all [n, time, channels] or [n, features]; the first name is the
            reference, drawn wide and gray. Channels share axes and color.
        title: the title of the picture.
        columns: the number of axes in a row.

    Example:
        >>> waves = np.sin(np.linspace(0, 9, 50) + np.arange(6)[:, None])
        >>> zoo.plots.signals({"wave": waves, "half": waves / 2}).savefig("waves.png")
    """
    need_named(rows, "signals")
    rows = {name: np.asarray(values) for name, values in rows.items()}
    shapes = {values.shape for values in rows.values()}
    need(len(shapes) == 1, f"All signals must have one shape; these have {sorted(shapes)}.")
    shape = shapes.pop()
    need(
        len(shape) in (2, 3) and shape[0] > 0,
        f"Signals have the shape [n, time, channels] or [n, features]; these have {shape}.",
    )
    height = -(-shape[0] // columns)
    figure = Picture(figsize=(2.4 * columns, 1.4 * height + 0.6), dpi=DPI, layout="constrained")
    grid = figure.subplots(height, columns, sharex=True, sharey=True, squeeze=False)
    for i, axes in enumerate(grid.flat):
        if i >= shape[0]:
            axes.set_visible(False)
            continue
        for j, (name, values) in enumerate(rows.items()):
            style = {"color": _COLORS[j % len(_COLORS)], "linewidth": 1.0 if j else 2.5}
            lines = axes.plot(values[i], **style)
            lines[0].set_label(name)
        axes.tick_params(labelsize="x-small")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(title, fontsize="medium")
    return enlarged(figure)
