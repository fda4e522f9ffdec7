"""Pictures of autoencoders; every function returns a matplotlib Figure.

Images are shown as ink on paper (1 is black) where they have one channel.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

DPI = 100
_NORMAL_QUANTILE = 2.0


def tile(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Lay images [n, height, width, channels] out row by row in one array, with white gaps.

    Returns:
        [rows * (height + gap) - gap, columns * (width + gap) - gap, channels].
    """
    _need(images.ndim == 4, "These pictures need images of shape (height, width, channels).")
    n, height, width, channels = images.shape
    _need(channels in (1, 3, 4), f"Images have 1, 3 or 4 channels to be shown, not {channels}.")
    rows = -(-n // columns)
    paper = 0.0 if channels == 1 else 1.0
    sheet = np.full((rows * (height + gap), columns * (width + gap), channels), paper, "float32")
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


def reconstructions(model, x, labels=None, *, n: int = 12) -> Figure:
    """Show originals in the upper row and their reconstructions below."""
    x, labels = x[:n], None if labels is None else labels[:n]
    both = np.concatenate([x, model.reconstruct(x, labels)])
    figure, axes = _sheet(len(x), 2, title="originals above, reconstructions below")
    _show(axes, both, len(x))
    return figure


def restorations(model, x, corruption=None, *, labels=None, n: int = 12, seed: int = 0) -> Figure:
    """Show originals, the same damaged, and what the model makes of these, in three rows.

    Args:
        labels: integers [at least n], for conditional models.
        corruption: from `zoo.nn.corruption`; by default the one that the model was trained with.
    """
    corruption = corruption or getattr(model, "corruption", None)
    _need(corruption, "Say how to damage the images: corruption=zoo.Masking(0.25).")
    x, labels = x[:n], None if labels is None else labels[:n]
    damaged = corruption.sample(x, seed=seed)
    rows = np.concatenate([x, damaged, model.reconstruct(np.clip(damaged, 0, 1), labels)])
    figure, axes = _sheet(len(x), 3, title="originals, damaged, restored")
    _show(axes, np.clip(rows, 0, 1), len(x))
    return figure


def filters(model, *, rows: int = 8, columns: int = 12) -> Figure:
    """Show what units of the first layer look for: their weights as images.

    Each is scaled to its own largest weight; grey is zero, black positive, white negative. The
    units are those with the largest weights, in the order of the code.
    """
    images = _filters(model, rows * columns)
    height = -(-len(images) // columns)
    figure, axes = _sheet(columns, height, title="weights of the first layer")
    _show(axes, images, columns)
    return figure


def filters_of_several(models: dict, *, side: int = 8) -> Figure:
    """Show the `filters` of several models beside each other, by name."""
    figure = Figure(figsize=(3.2 * len(models), 3.5), dpi=DPI, layout="constrained")
    for i, (name, model) in enumerate(models.items()):
        axes = figure.add_subplot(1, len(models), i + 1)
        axes.set_title(name, fontsize=9)
        _show(axes, _filters(model, side * side), side)
    return figure


def _filters(model, n):
    kernel = next((w for w in model.encoder.trainable_weights if w.name == "kernel"), None)
    _need(
        len(model.image_shape) == 3
        and kernel is not None
        and kernel.shape[0] == np.prod(model.image_shape),
        "Filters are pictures where the first layer is dense and sees images.",
    )
    weights = kernel.numpy().T
    strongest = np.sort(np.argsort(-np.linalg.norm(weights, axis=1))[:n])
    weights = weights[strongest] / np.abs(weights[strongest]).max(axis=1, keepdims=True)
    return 0.5 + 0.5 * weights.reshape(len(weights), *model.image_shape)


def energy_surface(w1: float = 2.0, w2: float = 1.0, *, beta: float = 5.0) -> Figure:
    """Show the free energy of points in the plane for a latent angle that draws an ellipse.

    E(y, z) = |y - (w1 cos z, w2 sin z)|^2, its minimum over z at the left, its soft minimum at
    inverse temperature `beta` at the right.
    """
    from zoo.nn import energies

    side = np.linspace(-3, 3, 121)
    y = np.stack(np.meshgrid(side, side), axis=-1)
    table = energies.ellipse_energies(y, w1, w2)
    outline = energies.ellipse(np.linspace(0, 2 * np.pi, 200), w1, w2)
    figure = Figure(figsize=(11, 4.6), dpi=DPI, layout="constrained")
    for i, (value, title) in enumerate(
        ((np.inf, "zero temperature: min over z"), (beta, f"soft minimum at beta = {beta:g}"))
    ):
        axes = figure.add_subplot(1, 2, i + 1, title=title, xlabel="$y_1$", ylabel="$y_2$")
        levels = axes.contourf(side, side, energies.free_energy(table, value), 20, cmap="viridis")
        axes.plot(*outline.T, "w--", linewidth=1)
        axes.set_aspect("equal")
        figure.colorbar(levels, ax=axes, label="free energy F(y)")
    return figure


def samples(model, *, rows: int = 8, columns: int = 12, labels=None, seed: int = 0) -> Figure:
    """Show images decoded from draws of the prior, row by row.

    Args:
        labels: for conditional models, integers [rows * columns]; by default every column has one
            class.
    """
    _need(
        model.can_generate,
        f"Samples need a model with a prior, such as a VAE, or an RBM; {type(model).__name__} has "
        "none. Its pictures are reconstructions, codes and filters.",
    )
    _need(min(rows, columns) > 0, f"rows={rows} and columns={columns} must be at least 1.")
    n = rows * columns
    if labels is None and model.conditional:
        labels = np.tile(np.arange(columns) % model.num_classes, rows)
    figure, axes = _sheet(columns, rows, title="decoded draws from the prior")
    _show(axes, model.generate(n, labels, seed=seed), columns)
    return figure


def style_grid(model, *, styles: int = 8, seed: int = 0, class_names=None) -> Figure:
    """Show one style a row and one class a column: the same code with every label."""
    _need(model.conditional, "A style grid needs a conditional model, such as a CVAE.")
    _need(styles > 0, f"styles is {styles}; show at least one.")
    classes = np.arange(model.num_classes)
    drawn = np.repeat(model.prior.sample(styles, seed=seed), model.num_classes, axis=0)
    labels = np.tile(classes, styles)
    images = model.decode(model.styled(drawn, labels), labels)
    figure, axes = _sheet(model.num_classes, styles, title="one style a row, one class a column")
    _show(axes, images, model.num_classes)
    _name_columns(axes, model, class_names)
    return figure


def analogies(model, x, labels, *, n: int = 8, class_names=None) -> Figure:
    """Show real images at the left, and to their right their style with every label."""
    _need(model.conditional, "Analogies need a conditional model, such as a CVAE.")
    x, labels = x[:n], labels[:n]
    classes = np.arange(model.num_classes)
    styles = model.style(model.encode(x, labels), labels)
    styles, targets = np.repeat(styles, model.num_classes, axis=0), np.tile(classes, len(x))
    images = model.decode(model.styled(styles, targets), targets)
    images = images.reshape(len(x), model.num_classes, *model.image_shape)
    rows = np.concatenate([x[:, None], np.zeros_like(x[:, None]), images], axis=1)
    columns = model.num_classes + 2
    figure, axes = _sheet(columns, len(x), title="a real image, and its style with every label")
    _show(axes, rows.reshape(-1, *model.image_shape), columns)
    _name_columns(axes, model, class_names, offset=2)
    return figure


def manifold(model, x=None, labels=None, *, side: int = 20, extent: float | None = None) -> Figure:
    """Show the images of a grid of two-dimensional codes, beside the codes of real images.

    Both panels have the same axes: the first latent dimension runs to the right, the second
    upwards, over the same range.

    Args:
        model: with two latent dimensions.
        x, labels: real images for the right panel; without them there is none.
        side: grid points along each axis.
        extent: half the range; by default two standard deviations of the prior, or what holds 98 %
            of the codes where there is no prior.
    """
    _need(model.latent_dim == 2, f"A manifold needs 2 latent dimensions, not {model.latent_dim}.")
    _need(not model.conditional, "A conditional model has a manifold a class; use style_grid.")
    _need(side > 1, f"side is {side}; a grid has at least 2 points along an axis.")
    codes = None if x is None else model.encode(x)
    if extent is None:
        _need(model.prior or codes is not None, "Without a prior, give x= or extent=.")
        extent = (
            _NORMAL_QUANTILE * model.prior.scale
            if model.prior
            else float(np.quantile(np.abs(codes), 0.98))
        )
    ticks = np.linspace(-extent, extent, side, dtype="float32")
    z = np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1).reshape(-1, 2)
    panels = 1 if codes is None else 2
    figure = Figure(figsize=(6 * panels, 6), dpi=DPI, layout="constrained")
    half = extent * side / (side - 1)
    left = figure.add_subplot(1, panels, 1, title="what each code decodes to")
    sheet = tile(model.decode(z), side, gap=0)
    left.imshow(_pixels(sheet), extent=(-half, half, -half, half), **_colours(sheet))
    if codes is not None:
        right = figure.add_subplot(1, panels, 2, title="codes of real images")
        _scatter(figure, right, codes, labels)
        right.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    for axes in figure.axes[:panels]:
        axes.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def codes(model, x, labels=None, *, class_names=None) -> Figure:
    """Show the codes of images, coloured by class; more than two dimensions by their first two
    principal components.
    """
    z = model.encode(x, labels if model.conditional else None)
    names = ("$z_1$", "$z_2$")
    if z.shape[1] > 2:
        from sklearn.decomposition import PCA

        pca = PCA(2).fit(z)
        share = pca.explained_variance_ratio_ * 100
        names = tuple(f"component {i + 1} ({share[i]:.0f} % of the variance)" for i in range(2))
        z = pca.transform(z)
    figure = Figure(figsize=(7, 6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot(title="codes of real images", xlabel=names[0], aspect="equal")
    if z.shape[1] == 1:
        z = np.concatenate([z, np.zeros_like(z)], axis=1)
    axes.set_ylabel(names[1])
    _scatter(figure, axes, z, labels, class_names)
    return figure


def scatters(codes: dict, labels) -> Figure:
    """Show several sets of two-dimensional codes [n, 2] of the same images, by name."""
    columns = min(len(codes), 3)
    rows = -(-len(codes) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.8 * rows), dpi=DPI, layout="constrained")
    for i, (name, z) in enumerate(codes.items()):
        axes = figure.add_subplot(rows, columns, i + 1, title=name, xticks=[], yticks=[])
        for label in np.unique(labels):
            chosen = np.asarray(labels) == label
            axes.scatter(*z[chosen].T, s=2, alpha=0.5, color=f"C{label % 10}", label=str(label))
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", title="class", markerscale=5)
    return figure


def traversal(model, *, label: int | None = None, steps: int = 11, start=None) -> Figure:
    """Show what each latent dimension does: a row a dimension, moved while the others stay.

    Args:
        label: of the images, for conditional models; class 0 by default.
        steps: images in a row.
        start: the code to move from [latent_dim]; zeros by default.
    """
    _need(model.conditional or label is None, "This model is not conditional and takes no label.")
    _need(steps > 0, f"steps is {steps}; show at least one image a dimension.")
    spread = _NORMAL_QUANTILE * (model.prior.scale if model.prior else 1.0)
    values = np.linspace(-spread, spread, steps, dtype="float32")
    start = np.zeros(model.latent_dim, "float32") if start is None else np.asarray(start, "float32")
    _need(
        start.shape == (model.latent_dim,),
        f"start has shape {start.shape}; a code of this model has ({model.latent_dim},).",
    )
    z = np.tile(start, (model.latent_dim, steps, 1))
    for i in range(model.latent_dim):
        z[i, :, i] = values
    z = z.reshape(-1, model.latent_dim)
    labels = np.full(len(z), label or 0) if model.conditional else None
    z = model.styled(z, labels) if model.conditional else z
    title = f"a latent dimension a row, from {-spread:g} to {spread:g}"
    figure, axes = _sheet(steps, model.latent_dim, title=title)
    _show(axes, model.decode(z, labels), steps)
    height = model.image_shape[0] + 1
    axes.set_yticks(
        np.arange(model.latent_dim) * height + height / 2,
        [f"$z_{{{i + 1}}}$" for i in range(model.latent_dim)],
    )
    return figure


def training_curves(history) -> Figure:
    """Show every metric of a training by epoch, validation dashed.

    Args:
        history: what `fit` returned, or its `.history` dict.
    """
    values = getattr(history, "history", history)
    names = [name for name in values if not name.startswith("val_") and name != "learning_rate"]
    _need(names, "The history is empty: train for at least one epoch first.")
    figure = Figure(figsize=(4 * len(names), 3.2), dpi=DPI, layout="constrained")
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1, title=name, xlabel="epoch")
        epochs = np.arange(1, len(values[name]) + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.plot(epochs, values[name], marker="." if len(epochs) < 30 else "", label="training")
        if f"val_{name}" in values:
            axes.plot(epochs, values[f"val_{name}"], "--", label="validation")
            axes.legend()
    return figure


def preview(model, x, labels=None) -> Figure:
    """Show what a model is for: classes by style, the manifold, draws, or reconstructions."""
    if getattr(model, "corruption", None):
        return restorations(model, x, labels=labels if model.conditional else None)
    if model.conditional:
        return style_grid(model)
    if model.prior is None:
        wide = model.latent_dim >= 100 and len(model.image_shape) == 3
        return filters(model) if wide and not model.filters else reconstructions(model, x)
    if model.latent_dim == 2:
        return manifold(model, x[:5000], None if labels is None else labels[:5000])
    return samples(model)


def save_small(figure: Figure, path) -> None:
    """Save a PNG for a preset folder: with 64 greys where there is no colour, at half the size."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    image = Image.open(buffer).convert("RGB")
    red, green, blue = image.split()
    if red == green == blue:
        image = red.quantize(64)
    image.save(path, format="png", optimize=True)


def _need(condition, message):
    if not condition:
        raise ValueError(message)


def _sheet(columns, rows, title):
    figure = Figure(figsize=(0.55 * columns, 0.55 * rows + 0.4), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9)
    return figure, axes


def _show(axes, images, columns):
    sheet = tile(images, columns)
    axes.imshow(_pixels(sheet), **_colours(sheet))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _pixels(sheet):
    return sheet[..., 0] if sheet.shape[-1] == 1 else np.clip(sheet, 0, 1)


def _colours(sheet):
    return {"cmap": "gray_r", "vmin": 0, "vmax": 1} if sheet.shape[-1] == 1 else {}


def _name_columns(axes, model, class_names, offset=0):
    width = model.image_shape[1] + 1
    names = class_names or [str(i) for i in range(model.num_classes)]
    _need(
        len(names) == model.num_classes,
        f"class_names has {len(names)} names; the model has {model.num_classes} classes.",
    )
    places = (np.arange(len(names)) + offset) * width + width / 2
    axes.set_xticks(places, names, fontsize=7)
    axes.tick_params(length=0)


def _scatter(figure, axes, z, labels, class_names=None):
    if labels is None:
        axes.scatter(z[:, 0], z[:, 1], s=3, alpha=0.5)
        return
    labels = np.asarray(labels)
    _need(
        labels.shape == (len(z),) and labels.dtype.kind in "iu",
        f"labels have shape {labels.shape} and dtype {labels.dtype}; for {len(z)} codes as many "
        "integers are needed.",
    )
    for label in np.unique(labels):
        chosen = labels == label
        name = class_names[label] if class_names else str(label)
        axes.scatter(*z[chosen, :2].T, s=3, alpha=0.5, color=f"C{label % 10}", label=name)
    legend = axes.legend(title="class", markerscale=4, loc="upper right", fontsize=8)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
