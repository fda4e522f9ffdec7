"""The figure that the functions of `zoo.plots` return, and that a notebook shows."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib Figure that a notebook shows if it is the value of a cell's last line.

    A notebook shows matplotlib figures only after pyplot was imported. The import changes how all
    figures are shown, and a figure made by pyplot would appear a second time at the end of its
    cell. This figure does not use pyplot, and renders itself for the notebook.
    """

    def _repr_png_(self) -> bytes:
        """Return the picture as a PNG file; IPython calls it."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi)
        return buffer.getvalue()
