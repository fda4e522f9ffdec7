"""What a picture shows: its pixels, one of its cells, the names at its axes."""

import numpy as np


def sheet(figure, panel=0):
    """Return the pixels that a panel shows."""
    image, *_ = figure.axes[panel].get_images()  # marks may lie over it
    return np.asarray(image.get_array())


def cell(figure, row, column, side=8, gap=1):
    top, left = row * (side + gap), column * (side + gap)
    return sheet(figure)[top : top + side, left : left + side]


def labels_of(ticks):
    return [tick.get_text() for tick in ticks]
