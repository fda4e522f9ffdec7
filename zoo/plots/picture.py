"""What the functions of `zoo.plots` return: a figure that a notebook shows."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib Figure which a notebook shows as a picture where it ends a cell.

    A notebook shows figures of matplotlib only after pyplot was imported there, which changes how
    all of them are shown, and would show one that pyplot made a second time, at the end of its
    cell. This one belongs to no window and says itself what it looks like.
    """

    def _repr_png_(self) -> bytes:
        """Return the picture as a PNG file; IPython calls it."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi)
        return buffer.getvalue()
