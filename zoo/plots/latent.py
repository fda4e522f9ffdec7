"""Pictures of codes, energies, and training curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtr, ndtri

from zoo.checks.names import UnknownNameError
from zoo.checks.words import kind_of_items
from zoo.nn.distributions import Normal
from zoo.plots.picture import Picture
from zoo.plots.sheets import (
    DPI,
    class_color,
    draw,
    enlarged,
    need,
    need_classes,
    need_encoder,
    need_label,
    need_named,
    scatter,
)


def manifold(
    model: Any,
    x: Any = None,
    labels: Any = None,
    *,
    label: int | None = None,
    side: int = 20,
    limits: tuple[float, float] | None = None,
    cmap: Any = None,
) -> Picture:
    """Show the images of a grid of two-dimensional codes, and the codes of real images.

    Both panels have the same axes: the first latent dimension to the right, the second one upward.
    With a normal prior, and without classes, these are quantiles of the prior, so that each image
    of the grid stands for equally many draws, and the codes of real images fill the right panel
    evenly if they are distributed like the prior.

    Args:
        model: a model with two latent dimensions.
        x, labels: real images for the right panel, and their labels; without x, there is no right
            panel.
        label: the class to show, for conditional models.
        side: the number of grid points along each axis.
        limits: the lowest and the highest code of both axes, which are then codes and no quantiles;
            otherwise, by default a range with nearly all draws, and without a prior one with
            98 % of the codes.

    Source: Kingma and Welling 2013 (arXiv 1312.6114), appendix A.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 2)
        >>> zoo.plots.manifold(model, x_test, y_test).savefig("manifold.png")
    """
    need(model.latent_dim == 2, f"A manifold needs 2 latent dimensions, not {model.latent_dim}.")
    need(
        side > 1 and side == int(side),
        f"side is {side}; a grid has a whole number of points along an axis, at least 2.",
    )
    if model.conditional:
        need_classes(model)
        need(
            label is not None,
            "A conditional model has one manifold per class: give label=, or use style_grid.",
        )
        need_label(model, label)
    else:
        need(label is None, "This model is not conditional: leave out label=.")
    if x is not None:
        need_encoder(model)
    need(
        limits is None or np.shape(limits) == (2,),
        f"limits is {limits}; give two numbers for both axes, such as limits=(-3, 3).",
    )
    codes = None if x is None else model.encode(x, labels if model.conditional else None)
    normal = isinstance(model.prior, Normal) and not model.conditional and limits is None
    low, high = (0.0, 1.0) if normal else _limits(model, codes) if limits is None else limits
    need(low < high, f"limits are {limits}; the first one must be below the second.")
    if normal:
        ends = low, high
        ticks = model.prior.scale * ndtri((np.arange(side) + 0.5) / side)
        codes = None if codes is None else ndtr(codes / model.prior.scale)
    else:
        half = (high - low) / (2 * (side - 1))  # of a cell
        ends = low - half, high + half
        ticks = np.linspace(low, high, side)
    z = np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1).reshape(-1, 2).astype("float32")
    panels = 1 if codes is None else 2
    figure = Picture(figsize=(6 * panels, 6.3), dpi=DPI, layout="constrained")
    what = "what quantiles of the prior decode to" if normal else "what each code decodes to"
    what += "" if label is None else f", class {label}"
    left = figure.add_subplot(1, panels, 1, title=what)
    given = None if label is None else np.full(len(z), label)
    z = z if given is None else model.styled(z, given)
    images = model.as_images(model.decode(z, given))
    draw(left, images, side, cmap, gap=0, extent=(*ends, *ends))
    if codes is not None:
        right = figure.add_subplot(1, panels, 2, title="codes of real images")
        scatter(figure, right, codes, labels)
        right.set(xlim=ends, ylim=ends, aspect="equal")
    names = ("quantile of $z_1$", "quantile of $z_2$") if normal else ("$z_1$", "$z_2$")
    for axes in figure.axes[:panels]:
        axes.set(xlabel=names[0], ylabel=names[1])
    return enlarged(figure)


def bubbles(
    model: Any, x: Any, labels: Any = None, *, class_names: Sequence[str] | None = None
) -> Picture:
    """Show q(z | x) of images as ellipses with a radius of one standard deviation.

    The dashed circle shows a normal prior, for models that are not conditional.

    Args:
        model: a VAE with two latent dimensions.
        x, labels: a few hundred images, and their classes for the colors.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 2)
        >>> zoo.plots.bubbles(model, x_test[:100], y_test[:100]).savefig("bubbles.png")
    """
    need(hasattr(model, "posterior_moments"), "Bubbles show the posteriors of a VAE.")
    need(model.latent_dim == 2, f"Bubbles need 2 latent dimensions, not {model.latent_dim}.")
    mean, log_var = model.posterior_moments(x, labels if model.conditional else None)
    widths = 2 * np.exp(0.5 * log_var)
    figure = Picture(figsize=(7, 6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot(title="posteriors of images", xlabel="$z_1$", ylabel="$z_2$")
    scatter(figure, axes, mean, labels, class_names)
    colors_of = ["C0"] * len(mean) if labels is None else [class_color(y) for y in labels]
    for center, width, color in zip(mean, widths, colors_of, strict=True):
        axes.add_patch(Ellipse(center, *width, facecolor=color, edgecolor="none", alpha=0.25))
    if not model.conditional and isinstance(model.prior, Normal):
        width = 2 * model.prior.scale
        axes.add_patch(Ellipse((0, 0), width, width, fill=False, linestyle="--"))
    axes.set_aspect("equal")
    return enlarged(figure)


def codes(
    model: Any, x: Any, labels: Any = None, *, class_names: Sequence[str] | None = None
) -> Picture:
    """Show the codes of images, colored by class.

    For more than two dimensions, it shows the first two principal components.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.codes(model, x_test, y_test).savefig("codes.png")
    """
    need_encoder(model)
    z = model.encode(x, labels if model.conditional else None)
    z = z.reshape(len(z), -1)
    names = ("$z_1$", "$z_2$")
    if z.shape[1] > 2:
        from sklearn.decomposition import PCA

        pca = PCA(2).fit(z)
        share = pca.explained_variance_ratio_ * 100
        names = tuple(f"component {i + 1} ({share[i]:.0f} % of the variance)" for i in range(2))
        z = pca.transform(z)
    figure = Picture(figsize=(7, 6), dpi=DPI, layout="constrained")
    title = f"codes of real {kind_of_items(model.image_shape)}"
    axes = figure.add_subplot(title=title, xlabel=names[0], aspect="equal")
    if z.shape[1] == 1:
        z = np.concatenate([z, np.zeros_like(z)], axis=1)
    axes.set_ylabel(names[1])
    scatter(figure, axes, z, labels, class_names)
    return enlarged(figure)


def scatters(
    codes: dict,
    labels: Any = None,
    *,
    extent: float | None = None,
    own_scales: bool = False,
    title: str | None = None,
) -> Picture:
    """Show several sets of two-dimensional points [n, 2], such as codes of the same images.

    All panels have the same axes, so that their sizes can be compared.

    Args:
        codes: the sets by name.
        labels: integers [n], by which points are colored; the rarest class is drawn last.
        extent: half the range of the axes; by default one with 99 % of all points.
        own_scales: whether each panel has axes of its own, which fit its points.
        title: a title of the whole picture.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> models = {f"seed {seed}": zoo.VAE((8, 8, 1), 2, seed=seed) for seed in (0, 1)}
        >>> codes = {name: model.encode(x_test) for name, model in models.items()}
        >>> zoo.plots.scatters(codes, y_test).savefig("scatters.png")
    """
    return enlarged(scattered(codes, labels, title, extent=extent, own_scales=own_scales))


def scattered(
    codes: dict, labels: Any, title: str | None, *, extent: float | None, own_scales: bool
) -> Picture:
    """Return the picture of `scatters` in a size that depends on the number of panels alone."""
    need_named(codes, "codes")
    codes = {name: np.asarray(z) for name, z in codes.items()}
    shape = None if labels is None else np.shape(labels)
    for name, z in codes.items():
        need(
            z.ndim == 2 and z.shape[1] == 2 and len(z),
            f"The codes of {name!r} have the shape {z.shape}; [n, 2] is expected, such as "
            "z[:, :2]. `codes` shows wider ones by principal components.",
        )
        need(np.isfinite(z).all(), f"Some codes of {name!r} are NaN or infinite: leave them out.")
        need(
            shape is None or shape == (len(z),),
            f"labels have the shape {shape}; give {len(z)} integers for the "
            f"{len(z)} codes of {name!r}.",
        )
    columns = 2 if len(codes) == 4 else min(len(codes), 3)
    rows = -(-len(codes) // columns)
    figure = Picture(figsize=(4.2 * columns, 4.4 * rows), dpi=DPI, layout="constrained")
    figure.suptitle(title or "", fontsize="large")
    points = np.concatenate([np.abs(z).max(axis=1) for z in codes.values()])
    end = 1.1 * float(np.quantile(points, 0.99)) if extent is None else extent
    classes, counts = np.unique([] if labels is None else labels, return_counts=True)
    for i, (name, z) in enumerate(codes.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.set_title(name, fontsize="medium")
        if not own_scales:
            axes.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
        if labels is None:
            axes.scatter(*z.T, s=3, alpha=0.5)
        for label in classes[np.argsort(-counts, kind="stable")]:
            chosen = np.asarray(labels) == label
            axes.scatter(*z[chosen].T, s=3, alpha=0.5, color=class_color(label), label=str(label))
    if labels is not None:
        handles, names = axes.get_legend_handles_labels()
        order = np.argsort([int(name) for name in names])
        handles, names = ([some[i] for i in order] for some in (handles, names))
        legend = figure.legend(
            handles, names, loc="outside right center", title="class", markerscale=5
        )
        for handle in legend.legend_handles:
            handle.set_alpha(1)
    return figure


def energy_surface(w1: float = 2.0, w2: float = 1.0, *, beta: float = 5.0) -> Picture:
    """Show the free energy of points in the plane, for a latent angle on an ellipse.

    E(y, z) = |y - (w1 cos z, w2 sin z)|^2. The left panel shows its minimum over z, the right one
    its soft minimum at the inverse temperature `beta`.

    Examples:
        >>> zoo.plots.energy_surface().savefig("energy.png")
    """
    from zoo.nn import energies

    end = max(3.0, 1.5 * max(abs(w1), abs(w2)))
    side = np.linspace(-end, end, 121)
    y = np.stack(np.meshgrid(side, side), axis=-1)
    table = energies.ellipse_energies(y, w1, w2)
    outline = energies.ellipse(np.linspace(0, 2 * np.pi, 200), w1, w2)
    figure = Picture(figsize=(11, 5), dpi=DPI, layout="constrained")
    for i, (value, title) in enumerate(
        ((np.inf, "zero temperature: min over z"), (beta, f"soft minimum at beta = {beta:g}"))
    ):
        axes = figure.add_subplot(1, 2, i + 1, title=title, xlabel="$y_1$", ylabel="$y_2$")
        levels = axes.contourf(side, side, energies.free_energy(table, value), 20, cmap="viridis")
        axes.plot(*outline.T, "w--", linewidth=1)
        axes.set_aspect("equal")
        figure.colorbar(levels, ax=axes, label="free energy F(y)")
    return enlarged(figure)


def training_curves(history: Any, metrics: Sequence[str] = ()) -> Picture:
    """Show metrics of a training by epoch, three panels in a row; validation is dashed.

    Args:
        history: the result of `fit`, or its `.history` dict, or the model that was trained.
        metrics: the names of the metrics to show; by default all.

    Raises:
        UnknownNameError: there is no such metric; the error suggests the nearest names.
        ValueError: the history is of no training, or of several.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 4)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=2, verbose=0)
        >>> zoo.plots.training_curves(history, ["loss", "kl"]).savefig("curves.png")
    """
    values = history
    while hasattr(values, "history"):  # a model has the result of its last `fit`
        values = values.history
    need(
        isinstance(values, dict) and all(np.ndim(value) == 1 for value in values.values()),
        f"history is a {type(history).__name__} that has no metrics by epoch. Give what one `fit` "
        "returned; several trainings are several pictures.",
    )
    metrics = (metrics,) if isinstance(metrics, str) else metrics
    names = [name for name in values if not name.startswith("val_") and name != "learning_rate"]
    need(names, "The history is empty: train for at least one epoch first.")
    for name in metrics:
        if name not in names:
            raise UnknownNameError("metric", name, names)
    names = list(metrics) or names
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = Picture(figsize=(4.2 * columns, 3.4 * rows), dpi=DPI, layout="constrained")
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1, title=name, xlabel="epoch")
        epochs = np.arange(1, len(values[name]) + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.plot(epochs, values[name], marker="." if len(epochs) < 30 else "", label="training")
        if len(epochs) == 1:
            axes.set_xticks([1])
        if f"val_{name}" in values:
            axes.plot(epochs, values[f"val_{name}"], "--", label="validation")
            axes.legend()
    return enlarged(figure)


def _limits(model, codes) -> tuple[float, float]:
    """Return the range of the axes for codes."""
    if model.prior:
        return -model.prior.extent, model.prior.extent
    if codes is None:
        raise ValueError("Without a prior, give x= or limits=.")
    end = float(np.quantile(np.abs(codes), 0.98))
    return -end, end
