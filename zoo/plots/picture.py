"""The figure that the functions of `zoo.plots` return, and that a notebook shows."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib Figure that a notebook shows if it is the value of a cell's last line.

    A notebook shows matplotlib figures only after pyplot was imported. The import changes how all
    figures are shown, and a figure made by pyplot would appear a second time at the end of its
    cell. This figure does not use pyplot, and renders itself for the notebook.
    """

    def savefig(self, *args: Any, **options: Any) -> None:
        """Save the picture, with a layout that knows the sides of panels with equal scales.

        The layout is made when a figure is drawn, and these sides are only known after the first
        time: without it, the numbers below such panels could be cut off.
        """
        self.draw_without_rendering()
        super().savefig(*args, **options)

    def _repr_png_(self) -> bytes:
        """Return the picture as a PNG file; IPython calls it."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi)
        return buffer.getvalue()
