"""Pictures of searches: queries beside the items that were found."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.plots.picture import Picture
from zoo.plots.sheets import blank, enlarged, need, pixels, sheet, suited_colors


def hits(
    queries: Any, found: Any, distances: Any = None, *, title: str = "", cmap: Any = None
) -> Picture:
    """Show each query, a gap, and the items that were found for it, the nearest first.

    Args:
        queries: images [n, height, width, channels] in [0, 1].
        found: images of the same size, [n, k, height, width, channels].
        distances: numbers [n, k], whose range is in the title by default; or None.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> index = zoo.search.Index(zoo.load("vae_digits"))
        >>> index.add(x)
        >>> hits = index.query(x_test[:4], k=8)
        >>> zoo.plots.hits(x_test[:4], x[hits.rows], hits.distances).savefig("hits.png")
    """
    queries, found = pixels(queries), pixels(found)
    need(found.ndim == 5 and len(queries) == len(found), "Give one row of images for each query.")
    need(found.size, "There are no queries, or no images were found.")
    n, k = found.shape[:2]
    if cmap is None and queries.shape[-1] == 1:
        cmap = suited_colors(queries)
    gap = np.full((n, 1, *queries.shape[1:]), blank(queries.shape[-1], cmap), "float32")
    rows = np.concatenate([queries[:, None], gap, found], axis=1)
    if not title:
        title = f"queries, and the {k} nearest"
        if distances is not None:
            title += f", {np.min(distances):.3g} to {np.max(distances):.3g}"
    figure, _ = sheet(rows.reshape(-1, *queries.shape[1:]), k + 2, title=title, cmap=cmap)
    return enlarged(figure)
