"""The labels of panels in the pictures of experiments."""

from __future__ import annotations

from typing import Any


def label(axes: Any, title: str, xlabel: str, ylabel: str) -> None:
    """Write title and labels, with a legend below the panel if its lines have names."""
    axes.set_title(title, fontsize=13)
    axes.set_xlabel(xlabel, fontsize=12)
    axes.set_ylabel(ylabel, fontsize=12)
    axes.tick_params(labelsize=11)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=12, frameon=False)
