"""Moving pictures, as GIF files."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from zoo.files.atomic_writes import publish_file
from zoo.plots.sheets import INK, need, need_classes, suited_colors, tile


class Animation:
    """A moving picture that a notebook shows if it is the value of a cell's last line.

    Args:
        frames: uint8 [frames, height, width, 1 or 3].
        milliseconds: how long each frame is shown.
    """

    def __init__(self, frames: np.ndarray, milliseconds: int = 80):
        self.frames, self.milliseconds = frames, milliseconds

    def to_gif(self) -> bytes:
        """Return the content of a GIF file, which repeats."""
        pictures = [Image.fromarray(f[..., 0] if f.shape[-1] == 1 else f) for f in self.frames]
        buffer = io.BytesIO()
        pictures[0].save(
            buffer,
            format="gif",
            save_all=True,
            append_images=pictures[1:],
            duration=self.milliseconds,
            loop=0,
        )
        return buffer.getvalue()

    def save(self, path: Any, overwrite: bool = False) -> None:
        """Write a GIF file.

        Raises:
            FileExistsError: the file exists, and `overwrite` is false.
        """
        with publish_file(path, overwrite) as scratch:
            scratch.write_bytes(self.to_gif())

    def _repr_html_(self) -> str:
        content = base64.b64encode(self.to_gif()).decode()
        return f'<img alt="a moving picture" src="data:image/gif;base64,{content}">'


def walk(
    model: Any,
    *,
    label: int | None = None,
    places: int = 6,
    steps: int = 12,
    copies: int = 4,
    enlarge: int = 4,
    seed: int | None = 0,
) -> Animation:
    """Walk through codes, from one draw of the prior to the next and back to the first.

    Args:
        model: a model with a prior, of images with one or three channels.
        label: the class, for conditional models.
        places: how many draws a walk passes, at least 2. steps: how many frames are between two.
        copies: how many walks are shown side by side.
        enlarge: how many pixels wide a pixel of an image is.
        seed: the seed of the draws.

    Examples:
        >>> zoo.plots.walk(zoo.load("vae_digits"), places=3).save("walk.gif")
    """
    need(model.prior, f"A {type(model).__name__} has no prior to draw codes from.")
    need_classes(model)
    need(model.conditional or label is None, "This model is not conditional: leave out label=.")
    for name, number, least in (
        ("places", places, 2),
        ("steps", steps, 1),
        ("copies", copies, 1),
        ("enlarge", enlarge, 1),
    ):
        need(number >= least, f"{name} is {number}; it is at least {least}.")
    stops = model.prior.sample(places * copies, seed=seed).reshape(places, copies, -1)
    share = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None, None]  # between two stops
    ways = [
        (1.0 - share) * before + share * after
        for before, after in zip(stops, np.roll(stops, -1, axis=0), strict=True)
    ]
    z = np.concatenate(ways).astype("float32")  # [places * steps, copies, latent_dim]
    frames = len(z)
    z = z.reshape(frames * copies, -1)
    labels = np.full(len(z), label or 0) if model.conditional else None
    z = model.styled(z, labels) if model.conditional else z
    images = model.as_images(model.decode(z, labels))
    need(images.ndim == 4, "A walk shows images.")
    if images.shape[-1] == 1 and suited_colors(images) == INK:
        images = 1.0 - images
    laid = [tile(some, copies) for some in images.reshape(frames, copies, *images.shape[1:])]
    pixels = np.round(255 * np.clip(np.stack(laid), 0, 1)).astype("uint8")
    return Animation(pixels.repeat(enlarge, axis=1).repeat(enlarge, axis=2))
