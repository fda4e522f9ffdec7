"""Pictures of reconstructed and generated images."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.nn.corruption import Masking
from zoo.nn.corruption import get as corruption_of
from zoo.nn.distributions import GaussianMixture
from zoo.plots.picture import Picture
from zoo.plots.sheets import (
    INK,
    blank,
    enlarged,
    name_columns,
    name_rows,
    need,
    need_classes,
    need_encoder,
    need_label,
    need_named,
    pixels,
    sheet,
    suited_colors,
    tile,
)
from zoo.plots.signals import signals

MASKED = (1.0, 0.8, 0.5)  # a light orange
QUANTILE = 2.0
"""The range of codes in pictures, in standard deviations of the prior."""


def reconstructions(
    model: Any, x: Any, labels: Any = None, *, n: int = 12, cmap: Any = None
) -> Picture:
    """Show originals in the upper row and reconstructions in the lower row; signals as lines.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.reconstructions(model, x_test).savefig("reconstructions.png")
    """
    need_encoder(model)
    x, labels = x[:n], None if labels is None else labels[:n]
    x, reconstructed = (model.as_images(a) for a in (x, model.reconstruct(x, labels)))
    if x.ndim < 4:
        return signals({"original": x, "reconstruction": reconstructed})
    both = np.concatenate([x, reconstructed])
    figure, _ = sheet(both, len(x), title="originals above, reconstructions below", cmap=cmap)
    return enlarged(figure)


def reconstructions_of_several(
    models: dict, x: Any, labels: Any = None, *, n: int = 12, cmap: Any = None
) -> Picture:
    """Show originals in the upper row, and below them the reconstructions of several models.

    Args:
        models: models by name; the names are written to the left of the rows.
        labels: integers [at least n], for conditional models.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> models = {f"{n} numbers": zoo.Autoencoder((8, 8, 1), n) for n in (2, 8)}
        >>> zoo.plots.reconstructions_of_several(models, x_test).savefig("several.png")
    """
    need_named(models, "models")
    for model in models.values():
        need_encoder(model)
    x, labels = x[:n], None if labels is None else labels[:n]
    rows = {
        name: model.reconstruct(x, labels if model.conditional else None)
        for name, model in models.items()
    }
    return rows_of_images({"original": x, **rows}, "reconstructions by several models", cmap=cmap)


def photographs(model: Any, x: Any, *, n: int = 10, seed: int = 0) -> Picture:
    """Show photographs with their reconstructions, interpolations between two, and samples.

    Args:
        model: a model with a prior that is not conditional.
        x: images, float32 [at least 4, *input_shape], in the range of the model's likelihood.
        n: the number of images in a row, at least 2; half of the images if there are fewer than
            2 n.
        seed: seed of the samples.

    Returns:
        seven rows: n images and their reconstructions, n other images and their reconstructions,
        interpolations between the codes of the first two images, and between those of the first two
        other images, and samples of the prior.

    Raises:
        ValueError: a model without a prior, or with labels; fewer than four images, or n below 2.

    Examples:
        >>> x = np.random.default_rng(0).random((20, 32, 32, 3), "float32")
        >>> model = zoo.VAE((32, 32, 3), 8, filters=(8, 16), likelihood="gaussian")
        >>> zoo.plots.photographs(model, x).savefig("photographs.png")
    """
    need_encoder(model)
    need(
        model.prior is not None and not model.conditional,
        "This picture needs a model with a prior and without labels, such as a VAE, not a "
        f"{type(model).__name__}. See `reconstructions`.",
    )
    need(
        min(n, len(x) // 2) > 1,
        f"This picture needs at least 4 images, and n of at least 2; there are {len(x)} images, "
        f"and n is {n}.",
    )
    n = min(n, len(x) // 2)
    first, second = x[:n], x[n : 2 * n]
    codes = model.encode(x[: 2 * n])
    steps = np.linspace(0, 1, n, dtype="float32")[:, None]
    between = [codes[i] + steps * (codes[i + 1] - codes[i]) for i in (0, n)]
    rows = {
        "photographs": first,
        "reconstructed": model.reconstruct(first),
        "others": second,
        "reconstructed ": model.reconstruct(second),
        "1st to 2nd": model.decode(between[0]),
        "1st to 2nd other": model.decode(between[1]),
        "samples": model.generate(n, seed=seed),
    }
    return rows_of_images(rows, f"codes of {model.latent_dim} numbers")


def rows_of_images(rows: dict, title: str, *, cmap: Any = None, gap: int = 1) -> Picture:
    """Show a row of images [n, *input_shape] for every name; all rows have the same length.

    Args:
        gap: pixels between images; give more for drawings that reach their borders.

    Raises:
        ValueError: rows are not given by name or not all alike, or images are bytes.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> rows = {"digits": x_test[:8], "darker": 0.5 * x_test[:8]}
        >>> zoo.plots.rows_of_images(rows, "Digits").savefig("rows.png")
    """
    need_named(rows, "rows of images")
    images = [pixels(row) for row in rows.values()]
    need(
        len({row.shape for row in images}) == 1,
        "All rows must have as many images of one size; these have the shapes "
        + ", ".join(f"{name}: {row.shape}" for name, row in zip(rows, images, strict=True))
        + ".",
    )
    laid = np.concatenate(images)
    need(gap >= 0, f"gap is {gap}; it is at least 0.")
    figure, axes = sheet(laid, len(images[0]), title=title, cmap=cmap, gap=gap)
    name_rows(axes, list(rows), images[0].shape[1], gap)
    return enlarged(figure)


def interpolations(
    model: Any, x: Any, labels: Any = None, *, pairs: int = 3, steps: int = 9, cmap: Any = None
) -> Picture:
    """Show interpolations between pairs of images twice: between pixels, and between codes.

    Args:
        x: images [at least 2 pairs, *input_shape]; the first is paired with the second, the third
            with the fourth. labels: integers for conditional models, which interpolate the style
            and keep the label of the first image of each pair.
        steps: images in a row, including both ends.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.interpolations(model, x_test).savefig("interpolations.png")
    """
    need_encoder(model)
    need(pairs > 0 and steps > 1, f"pairs is {pairs} and steps {steps}; give 1 and 2 or more.")
    need(len(x) >= 2 * pairs, f"{pairs} pairs need {2 * pairs} images; there are {len(x)}.")
    x, labels = x[: 2 * pairs], None if labels is None else labels[: 2 * pairs]
    styles = model.style(model.encode(x, labels), labels)
    rows = []
    for i in range(0, 2 * pairs, 2):
        mixed, z = (
            np.linspace(ends[i], ends[i + 1], steps, dtype="float32") for ends in (x, styles)
        )
        label = None if labels is None else np.repeat(labels[i : i + 1], steps, axis=0)
        rows += [mixed, model.decode(model.styled(z, label), label)]
    laid = np.clip(np.concatenate(rows), 0, 1)
    figure, axes = sheet(
        laid, steps, title="from one image to another: by pixels, by codes", cmap=cmap
    )
    name_rows(axes, ["pixels", "codes"] * pairs, x.shape[1])
    return enlarged(figure)


def restorations(
    model: Any,
    x: Any,
    corruption: Any = None,
    *,
    labels: Any = None,
    n: int = 12,
    seed: int = 0,
    cmap: Any = None,
) -> Picture:
    """Show originals, corrupted images, and restored images, in three rows.

    Pixels that masking set to 0 are orange, as they could not be told from dark ones.

    Args:
        labels: integers [at least n], for conditional models.
        corruption: from `zoo.nn.corruption`, or a dict such as {"masking": 0.25}; by default that
            with which the model was trained.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.DenoisingAutoencoder((8, 8, 1), 16, corruption={"masking": 0.25})
        >>> zoo.plots.restorations(model, x_test).savefig("restorations.png")
    """
    need_encoder(model)
    corruption = corruption or getattr(model, "used_corruption", getattr(model, "corruption", None))
    need(corruption, "Give a corruption of the images, such as corruption=zoo.Masking(0.25).")
    corruption = corruption_of(corruption)
    x, labels = x[:n], None if labels is None else labels[:n]
    corrupted = corruption.sample(x, seed=seed)
    restored = model.reconstruct(np.clip(corrupted, 0, 1), labels)
    rows = np.clip(np.concatenate([x, corrupted, restored]), 0, 1)
    masks = isinstance(corruption, Masking)
    what = "masked pixels orange" if masks else "corrupted"
    figure, axes = sheet(rows, len(x), title=f"originals, {what}, restored", cmap=cmap)
    if masks:
        masked = np.zeros_like(rows[..., :1])
        kept = corruption.sample(np.ones_like(x), seed=seed).any(axis=-1, keepdims=True)
        masked[len(x) : 2 * len(x)] = 1.0 - kept
        alpha = tile(masked, len(x), paper=0.0)
        color = np.broadcast_to(np.array(MASKED, "float32"), (*alpha.shape[:2], 3))
        axes.imshow(np.concatenate([color, alpha], axis=-1))
    return enlarged(figure)


def samples(
    model: Any,
    *,
    rows: int = 8,
    columns: int = 12,
    labels: Any = None,
    seed: int = 0,
    cmap: Any = None,
) -> Picture:
    """Show images decoded from samples of the prior, row by row.

    Args:
        labels: integers [rows * columns] for conditional models; by default each column shows one
            class.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.samples(model).savefig("samples.png")
    """
    need(
        model.can_generate,
        f"Samples need a model with a prior, such as a VAE, or an RBM; {type(model).__name__} has "
        "no prior. Use `preview` instead.",
    )
    need(min(rows, columns) > 0, f"rows={rows} and columns={columns} must be at least 1.")
    n = rows * columns
    if labels is None and model.conditional:
        need_classes(model)
        labels = np.tile(np.arange(columns) % model.num_classes, rows)
    title = "decoded samples of the prior" if model.prior else "generated images"
    images = model.as_images(model.generate(n, labels, seed=seed))
    figure, _ = sheet(images, columns, title=title, cmap=cmap)
    return enlarged(figure)


def style_grid(
    model: Any, *, styles: int = 8, seed: int = 0, class_names: Any = None, cmap: Any = None
) -> Picture:
    """Show one style per row and one class per column: the same code with every label.

    Examples:
        >>> model = zoo.CVAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> zoo.plots.style_grid(model).savefig("styles.png")
    """
    need(model.conditional, "A style grid needs a conditional model, such as a CVAE.")
    need_classes(model)
    need(styles > 0, f"styles is {styles}; show at least one.")
    classes = np.arange(model.num_classes)
    drawn = np.repeat(model.prior.sample(styles, seed=seed), model.num_classes, axis=0)
    labels = np.tile(classes, styles)
    images = model.decode(model.styled(drawn, labels), labels)
    figure, axes = sheet(
        images, model.num_classes, title="one style per row, one class per column", cmap=cmap
    )
    name_columns(axes, model, class_names)
    return enlarged(figure)


def analogies(
    model: Any, x: Any, labels: Any = None, *, n: int = 8, class_names: Any = None, cmap: Any = None
) -> Picture:
    """Show real images on the left, and on the right their style with every label.

    Args:
        labels: labels of the images, [n]; None if the model's encoder takes none.
        n: the number of images. class_names: names of the labels. cmap: a matplotlib color map.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.CVAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> zoo.plots.analogies(model, x_test, y_test).savefig("analogies.png")
    """
    need(model.conditional, "Analogies need a conditional model, such as a CVAE.")
    need_classes(model)
    need_encoder(model)
    x, labels = x[:n], None if labels is None else labels[:n]
    classes = np.arange(model.num_classes)
    styles = model.style(model.encode(x, labels), labels)
    styles, targets = np.repeat(styles, model.num_classes, axis=0), np.tile(classes, len(x))
    images = model.decode(model.styled(styles, targets), targets)
    images = images.reshape(len(x), model.num_classes, *model.image_shape)
    cmap = cmap or suited_colors(x)
    empty = blank(x.shape[-1], cmap)
    rows = np.concatenate([x[:, None], np.full_like(x[:, None], empty), images], axis=1)
    columns = model.num_classes + 2
    figure, axes = sheet(
        rows.reshape(-1, *model.image_shape),
        columns,
        title="a real image, and its style with every label",
        cmap=cmap,
    )
    name_columns(axes, model, class_names, offset=2)
    return enlarged(figure)


def traversal(
    model: Any,
    *,
    x: Any = None,
    label: int | None = None,
    steps: int = 11,
    rows: int = 64,
    start: Any = None,
    cmap: Any = None,
) -> Picture:
    """Show the effect of each latent dimension: in each row, one dimension changes.

    Args:
        x: images [n, *input_shape]; if given, the first one is varied, and the dimensions of a VAE
            are sorted by their KL divergence from the prior for these images, in nats, which is
            written next to each row.
        label: the label of the images, for conditional models; class 0 by default.
        steps: the number of images in a row. rows: the largest number of dimensions to show.
        start: a code [latent_dim] with the values of the other dimensions; by default that of the
            first image of x, or the middle of the prior.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.traversal(model).savefig("traversal.png")
    """
    need(model.conditional or label is None, "This model is not conditional: leave out label=.")
    need(steps > 0, f"steps is {steps}; show at least one image per dimension.")
    need(rows > 0, f"rows is {rows}; show at least one dimension.")
    spread = model.prior.extent if model.prior else QUANTILE
    values = np.linspace(-spread, spread, steps, dtype="float32")
    need(model.latent_dim, f"{type(model).__name__} has no codes to traverse.")
    need_classes(model)
    if label is not None:
        need_label(model, label)
    order, names = _dimensions(model, x, label)
    if start is None and x is not None:
        start = model.encode(x[:1], np.array([label or 0]) if model.conditional else None)[0]
    given = start is not None
    start = np.asarray(start, "float32") if given else np.zeros(model.latent_dim, "float32")
    need(
        start.shape == (model.latent_dim,),
        f"start has shape {start.shape}; a code of this model has ({model.latent_dim},).",
    )
    if model.conditional:
        start = model.style(start[None], [label or 0])[0] if given else start
    order, names = order[:rows], names[:rows]
    z = np.tile(start, (len(order), steps, 1))
    for row, dimension in enumerate(order):
        z[row, :, dimension] = values
    z = np.concatenate([start[None], z.reshape(-1, model.latent_dim)])
    labels = np.full(len(z), label or 0) if model.conditional else None
    z = model.styled(z, labels) if model.conditional else z
    middle, images = np.split(model.as_images(model.decode(z, labels)), [1])
    title = f"one latent dimension per row, from {-spread:g} to {spread:g}"
    title += f"; {rows} of {model.latent_dim}" if rows < model.latent_dim else ""
    if cmap is None and model.image_shape[-1] == 1:
        # Typical images decide: those of codes at the ends, or of zeros if there is no prior, are
        # not typical.
        typical = x if x is not None else middle if model.prior else None
        cmap = INK if typical is None else suited_colors(typical)
    figure, axes = sheet(images, steps, title=title, cmap=cmap)
    name_rows(axes, names, model.image_shape[0])
    return enlarged(figure)


def _dimensions(model: Any, x: Any, label: int | None) -> tuple[list[int], list[str]]:
    """Return the latent dimensions in the order of a traversal, and their names."""
    if x is None:
        order = list(range(model.latent_dim))
        return order, [f"$z_{{{i + 1}}}$" for i in order]
    need(
        hasattr(model, "kl_by_dimension"),
        "x= sorts the dimensions by the KL divergences of a VAE; leave it out.",
    )
    labels = np.full(len(x), label or 0) if model.conditional else None
    mixture = isinstance(model.prior, GaussianMixture)
    need(not mixture, "A mixture prior has no KL divergence by dimension: leave out x=.")
    kl = model.kl_by_dimension(x, labels).mean(axis=0)
    order = np.argsort(-kl).tolist()
    return order, [f"$z_{{{i + 1}}}$  {kl[i]:.2f} nats" for i in order]
