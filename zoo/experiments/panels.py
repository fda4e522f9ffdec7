"""Panels in the pictures of experiments: their labels, and codes by class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.plots.picture import Picture
from zoo.plots.sheets import scatter


def label(axes: Any, title: str, xlabel: str, ylabel: str) -> None:
    """Write title and labels, with a legend below the panel if its lines have names."""
    axes.set_title(title, fontsize=13)
    axes.set_xlabel(xlabel, fontsize=12)
    axes.set_ylabel(ylabel, fontsize=12)
    axes.tick_params(labelsize=11)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=12, frameon=False)


def codes_by_class(
    figure: Picture, panels: Iterable[Any], codes: dict, y: np.ndarray, end: float, **title: Any
) -> tuple[list, list[str]]:
    """Scatter the codes of each model on a panel, with axes from -end to end.

    Args:
        codes: [n, 2] by title. y: their classes. title: settings of the titles, as `fontsize`.

    Returns:
        the handles and the names of a legend for all of them.
    """
    handles, names = [], []
    for axes, (name, z) in zip(panels, codes.items(), strict=False):
        axes.set_title(name, **title)
        axes.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
        scatter(figure, axes, z, y)
        legend = axes.get_legend()
        legend.remove()
        handles, names = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
    return handles, names
