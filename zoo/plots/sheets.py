"""The layout of pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from zoo.checks.names import UnknownNameError
from zoo.checks.words import kind_of_items
from zoo.files.atomic_writes import publish_file
from zoo.plots.picture import Picture

DPI = 100
CELL = 0.7  # inches of an image in a sheet
INK = "gray_r"  # black on white: 1 is black
# Colors of classes that the color-blind can tell apart, by Petroff 2021 (arXiv 2107.02270).
CLASS_COLORS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)


STYLES: dict[str, dict[Any, Any]] = {
    "screen": {"font.size": 10, "lines.linewidth": 1.5, "savefig.dpi": "figure"},
    "slides": {"font.size": 15, "lines.linewidth": 2.5, "savefig.dpi": "figure"},
    "paper": {"font.size": 9, "lines.linewidth": 1.0, "savefig.dpi": 300},
}


def style(name: str) -> None:
    """Choose sizes of text and lines for all pictures from now on.

    Args:
        name: "screen", the sizes in the beginning; "slides", for the last row of a lecture room; or
            "paper", with small text and 300 dots an inch in saved files.

    Raises:
        UnknownNameError: there is no such style.

    Examples:
        >>> zoo.plots.style("slides")
        >>> zoo.plots.style("screen")
    """
    if name not in STYLES:
        raise UnknownNameError("style", name, STYLES)
    matplotlib.rcParams.update(STYLES[name])


def tile(images: np.ndarray, columns: int, gap: int = 1, paper: float | None = None) -> np.ndarray:
    """Arrange images [n, height, width, channels] row by row in one array, with gaps.

    Args:
        paper: the value of the gaps; white by default, for images in black on white.

    Returns:
        [rows * (height + gap) - gap, columns * (width + gap) - gap, channels].

    Examples:
        >>> zoo.plots.tile(np.zeros((6, 8, 8, 1)), columns=3).shape
        (17, 26, 1)
    """
    need(
        images.ndim == 4,
        "This picture needs images of shape (height, width, channels); given are "
        f"{kind_of_items(images.shape[1:])} of shape {images.shape[1:]}. Rows and signals are "
        "shown by `reconstructions`, `signals` and `codes`.",
    )
    n, height, width, channels = images.shape
    need(channels in (1, 3, 4), f"Pictures show images of 1, 3 or 4 channels, not {channels}.")
    need(columns > 0, f"columns is {columns}; show at least one image in a row.")
    rows = -(-n // columns)
    paper = blank(channels) if paper is None else paper
    laid = np.full((rows * (height + gap), columns * (width + gap), channels), paper, "float32")
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        laid[top : top + height, left : left + width] = image
    return laid[: laid.shape[0] - gap, : laid.shape[1] - gap]


def sheet(
    images: np.ndarray, columns: int, title: str, cmap: Any = None, gap: int = 1
) -> tuple[Picture, Any]:
    """Show images [n, height, width, channels] row by row in a figure; return it and its axes.

    The figure has the sides that these images need, and its width is enough for the title.

    Args:
        cmap: the color map for images with one channel; None chooses one, see `suited_colors`.
        gap: pixels between images.
    """
    rows = -(-len(images) // columns)
    ratio = np.sqrt(images.shape[1] / images.shape[2]) if images.ndim == 4 else 1.0
    letter = 0.009 * matplotlib.rcParams["font.size"]  # inches; 0.4 inches are the title's height
    width = max(CELL / ratio * columns, letter * len(title))
    figure = Picture(
        figsize=(width, CELL * ratio * rows + 4.5 * letter), dpi=DPI, layout="constrained"
    )
    axes = figure.add_subplot()
    axes.set_title(title, fontsize="medium")
    show(axes, images, columns, cmap, gap)
    return figure, axes


def show(axes: Any, images: np.ndarray, columns: int, cmap: Any = None, gap: int = 1) -> None:
    """Show images [n, height, width, channels] on axes without ticks; see `draw`."""
    draw(axes, images, columns, cmap, gap)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def draw(
    axes: Any, images: np.ndarray, columns: int, cmap: Any = None, gap: int = 1, **options
) -> None:
    """Show images [n, height, width, channels] on axes.

    Args:
        cmap: the color map for images with one channel; None chooses one, see `suited_colors`.
        options: of `imshow`.
    """
    channels = images.shape[-1]
    if cmap is None and channels == 1 and images.ndim == 4:
        cmap = suited_colors(images)
    laid = tile(images, columns, gap, paper=blank(channels, cmap))
    if channels == 1:
        options |= {"cmap": cmap, "vmin": 0, "vmax": 1}
    axes.imshow(laid[..., 0] if channels == 1 else np.clip(laid, 0, 1), **options)


def suited_colors(images: np.ndarray) -> str:
    """Return the color map for images [n, height, width, 1]: for drawings, or for photographs.

    The borders of drawings are mostly empty and have the lowest values, which are shown as white.
    """
    border = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    low, high = images.min(), images.max()
    return INK if np.median(border) <= low + 0.1 * (high - low) else "gray"


def blank(channels: int, cmap: Any = INK) -> float:
    """Return the value that is shown as white; NaN for other color maps, which is not drawn."""
    if channels > 1:
        return 1.0
    return 0.0 if cmap == INK else np.nan


def enlarged(figure: Picture) -> Picture:
    """Enlarge a figure until every image pixel has a screen pixel and all texts fit; return it."""
    for _ in range(5):  # a larger figure gets a new layout
        figure.draw_without_rendering()
        drawn, size = figure.get_tightbbox(), figure.get_size_inches()
        over = np.maximum((drawn.y1 - size[1], drawn.x1 - size[0]), (-drawn.y0, -drawn.x0))
        lack = 2 * DPI * np.maximum(over, 0.0)  # height and width
        lack[lack < 1] = 0
        for axes in figure.axes:
            place, around, box = (
                axes.get_subplotspec(),
                axes.get_tightbbox(),
                axes.get_window_extent(),
            )
            if place is None or around is None:
                continue  # these axes are not in a grid, or are hidden
            grid = place.get_gridspec().get_geometry()
            beyond = np.array([around.y1, around.x1]) - figure.bbox.size[::-1]
            lack = np.maximum(lack, 2 * np.maximum(beyond, [-around.y0, -around.x0]))
            for image in axes.get_images():
                pixels = np.array(image.get_size())  # height and width
                missing = pixels - (box.height, box.width)
                lack = np.maximum(lack, missing * grid)
        if not lack.any():
            break
        height, width = (figure.bbox.size[::-1] + np.ceil(lack) + 1) / DPI
        figure.set_size_inches(width, height)
    return figure


def name_columns(axes: Any, model: Any, class_names: Sequence[str] | None, offset: int = 0) -> None:
    """Write the names of the classes under the columns of images."""
    width = model.image_shape[1] + 1
    names = [str(i) for i in range(model.num_classes)] if class_names is None else class_names
    need(
        len(names) == model.num_classes,
        f"class_names has {len(names)} names; the model has {model.num_classes} classes.",
    )
    places = (np.arange(len(names)) + offset) * width + width / 2
    axes.set_xticks(places, names, fontsize="medium", parse_math=False)  # names may have a $
    axes.tick_params(length=0)


def name_rows(axes: Any, names: list[str], height: int, gap: int = 1) -> None:
    """Write names to the left of the rows of images, whose height is given.

    The figure gets wider by what the names need, so that the images keep their size.
    """
    figure = axes.figure.figure  # the whole one, also for a panel of a subfigure
    figure.draw_without_rendering()
    free = figure.bbox.width - axes.get_window_extent().width
    places = np.arange(len(names)) * (height + gap) + height / 2
    axes.set_yticks(places, names, fontsize="medium")
    axes.tick_params(length=0)
    widest = max(label.get_window_extent().width for label in axes.get_yticklabels())
    figure.set_figwidth(figure.get_figwidth() + max(0.0, widest + 10 - free) / DPI)


def save_small(figure: Figure, path: Any, grays: int = 64) -> None:
    """Save a PNG with few grays, or 256 colors, and with narrow margins.

    The file has half the size of what `savefig` writes, or less.

    Args:
        grays: the number of gray levels, for a figure without colors. Previews of presets have 16,
            which makes their files smaller.

    Examples:
        >>> figure = zoo.plots.energy_surface()
        >>> zoo.plots.save_small(figure, "energy.png")
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    image = trimmed(Image.open(buffer).convert("RGB"))
    red, green, blue = image.split()
    if red == green == blue:
        image = red.quantize(grays)
    else:  # the default method would merge rare colors of classes
        image = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    with publish_file(path, overwrite=True) as scratch:
        image.save(scratch, format="png", optimize=True)


def trimmed(image: Image.Image, margin: int = 8) -> Image.Image:
    """Return a picture whose margins, where they have the color of a corner, are narrow.

    Args:
        image: RGB. margin: how many pixels of a margin stay.
    """
    plain = Image.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, plain).getbbox() or (0, 0, *image.size)
    width, height = image.size
    return image.crop(
        (
            max(0, left - margin),
            max(0, top - margin),
            min(width, right + margin),
            min(height, bottom + margin),
        )
    )


def need(condition: Any, message: str) -> None:
    """Raise a ValueError with this message if the condition is false."""
    if not condition:
        raise ValueError(message)


def need_named(given: Any, kind: str) -> None:
    """Refuse what is not a dict of arrays or models by name, with at least one of them."""
    said = "an empty dict" if isinstance(given, dict) else f"a {type(given).__name__}"
    need(
        isinstance(given, dict) and given,
        f'Give {kind} by name, as {{"first": ..., "second": ...}}, not {said}.',
    )


def need_label(model: Any, label: Any) -> None:
    """Refuse what is no class of a conditional model."""
    need(
        isinstance(label, int | np.integer) and 0 <= label < model.num_classes,
        f"label is {label!r}; the classes of this {type(model).__name__} are the numbers from 0 "
        f"to {model.num_classes - 1}.",
    )


def pixels(images: Any) -> np.ndarray:
    """Return images in the range [0, 1]; refuse bytes, which would all be white or black."""
    images = np.asarray(images)
    need(
        images.dtype.kind not in "iu" or not images.size or images.max() <= 1,
        f"These images are of {images.dtype} and reach {images.max() if images.size else 0}; "
        'pictures show values in [0, 1]: images.astype("float32") / 255.',
    )
    return np.clip(images, 0, 1)


def need_encoder(model: Any) -> None:
    """Refuse a picture of codes or reconstructions for a model without an encoder."""
    need(
        not isinstance(model, str),
        f"{model!r} is a text; give the model itself, such as zoo.load({model!r}).",
    )
    need(
        hasattr(model, "encode"),
        f"This picture needs a model with an encoder, and a {type(model).__name__} has none. "
        "Choose samples, or translations for a model that takes images.",
    )


def need_classes(model: Any) -> None:
    """Refuse a model whose labels are not classes."""
    need(
        not model.label_shape,
        f"The labels of this {type(model).__name__} are not classes but have the shape "
        f"{model.label_shape}. See `preview` and `draws_for_labels`.",
    )


def class_color(label: int) -> str:
    """Return the color of a class in all pictures; it repeats after ten classes."""
    return CLASS_COLORS[label % len(CLASS_COLORS)]


def scatter(
    figure: Figure, axes: Any, z: np.ndarray, labels: Any, class_names: Sequence[str] | None = None
) -> None:
    """Draw codes as points, colored by class, with a legend."""
    if labels is None:
        axes.scatter(z[:, 0], z[:, 1], s=3, alpha=0.5)
        return
    labels = np.asarray(labels)
    need(
        labels.shape == (len(z),) and labels.dtype.kind in "iu",
        f"labels have shape {labels.shape} and dtype {labels.dtype}; give {len(z)} integers for "
        f"{len(z)} codes.",
    )
    found, counts = np.unique(labels, return_counts=True)
    need(
        class_names is None or found.max() < len(class_names),
        f"class_names has {0 if class_names is None else len(class_names)} names; the labels go up "
        f"to {found.max()}.",
    )
    for label in found[np.argsort(-counts, kind="stable")]:  # the rarest class last, on top
        chosen = labels == label
        name = str(label if class_names is None else class_names[label])
        axes.scatter(*z[chosen, :2].T, s=3, alpha=0.5, color=class_color(label), label=name)
    handles, names = axes.get_legend_handles_labels()
    order = np.argsort(np.argsort(-counts, kind="stable"))  # the legend by class
    legend = axes.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        title="class",
        markerscale=4,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        ncols=-(-len(found) // 20),
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
