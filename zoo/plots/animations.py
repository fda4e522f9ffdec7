"""Moving pictures, as GIF files."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from zoo.files.atomic_writes import publish_file
from zoo.plots.latent import scattered
from zoo.plots.sheets import (
    INK,
    need,
    need_classes,
    need_label,
    need_named,
    suited_colors,
    tile,
)


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
    enlarge: int | None = None,
    seed: int | None = 0,
) -> Animation:
    """Walk through codes, from one draw of the prior to the next and back to the first.

    Args:
        model: a model with a prior, of images with one or three channels.
        label: the class, for conditional models.
        places: how many draws a walk passes, at least 2. steps: how many frames are between two.
        copies: how many walks are shown side by side.
        enlarge: how many pixels wide a pixel of an image is; by default as many as make an image
            at least 100 pixels high.
        seed: the seed of the draws.

    Examples:
        >>> zoo.plots.walk(zoo.load("vae_digits"), places=3).save("walk.gif")
    """
    need(model.prior, f"This {type(model).__name__} has no prior to draw codes from.")
    need_classes(model)
    need(model.conditional or label is None, "This model is not conditional: leave out label=.")
    if label is not None:
        need_label(model, label)
    for name, number, least in (
        ("places", places, 2),
        ("steps", steps, 1),
        ("copies", copies, 1),
        ("enlarge", 1 if enlarge is None else enlarge, 1),
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
    times = -(-100 // images.shape[1]) if enlarge is None else enlarge
    if images.shape[-1] == 1 and suited_colors(images) == INK:
        images = 1.0 - images
    laid = [tile(some, copies) for some in images.reshape(frames, copies, *images.shape[1:])]
    pixels = np.round(255 * np.clip(np.stack(laid), 0, 1)).astype("uint8")
    return Animation(pixels.repeat(times, axis=1).repeat(times, axis=2))


def moving_codes(
    codes: dict[str, Any],
    labels: Any = None,
    *,
    title: str = "codes after {} epochs",
    milliseconds: int = 400,
) -> Animation:
    """Show how two-dimensional codes move in trainings, one panel for each.

    The axes of a panel hold its last codes, and the middle half of the codes of every other frame.

    Args:
        codes: [frames, n, 2] by name, as `zoo.callbacks.CodesInTraining` keeps them; all have as
            many frames and codes.
        labels: integers [n], by which points are colored.
        title: the title of a frame, with {} for its number, from 0.
        milliseconds: how long each frame is shown; the last one is shown five times as long.

    Raises:
        ValueError: codes are not [frames, n, 2], or not all alike.

    Examples:
        >>> z = np.random.default_rng(0).normal(size=(5, 100, 2))
        >>> moving = zoo.plots.moving_codes({"toy": z}, np.arange(100) % 10)
        >>> moving.save("toy.gif")
    """
    need_named(codes, "codes")
    codes = {name: np.asarray(z) for name, z in codes.items()}
    shapes = {z.shape for z in codes.values()}
    shape = next(iter(shapes), ())
    if len(shapes) != 1 or len(shape) != 3 or shape[2] != 2 or 0 in shape:
        said = ", ".join(f"{name}: {list(z.shape)}" for name, z in codes.items())
        raise ValueError(f"codes have the shapes {said}; [frames, n, 2] is expected, all alike.")
    frames = [
        _frame({name: z[i] for name, z in codes.items()}, codes, labels, title.format(i))
        for i in range(shape[0])
    ]
    return Animation(np.stack([*frames, *frames[-1:] * 4]), milliseconds)


def _frame(now, codes, labels, title):
    """Return the pixels of one frame, uint8 [height, width, 3]."""
    figure = scattered(now, labels, title, extent=None, own_scales=True)
    for axes, z in zip(figure.axes, codes.values(), strict=True):
        low, high = np.quantile(z[-1], (0.005, 0.995), axis=0)
        middle = np.quantile(z, (0.25, 0.75), axis=1)  # [2, frames, 2]
        low = np.minimum(low, middle[0].min(axis=0))
        high = np.maximum(high, middle[1].max(axis=0))
        margin = 0.1 * np.maximum(high - low, 1e-6)
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
