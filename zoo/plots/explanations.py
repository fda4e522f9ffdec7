"""Pictures that explain: parts of a model, and steps of its formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Ellipse

from zoo.plots.picture import Picture
from zoo.plots.sheets import DPI, enlarged, need, need_encoder, show, suited_colors, tile


def reparameterization(model: Any, x: Any, *, draws: int = 8, seed: int | None = 0) -> Picture:
    """Show how a VAE draws codes of one image: z = mean + deviation * noise, and their images.

    Args:
        model: a VAE with at least two latent dimensions, without labels; the two with the
            narrowest posterior for x are drawn.
        x: images; the first one is shown.
        draws: how many codes are drawn, at least 1.
        seed: the seed of the noise.

    Examples:
        >>> (x, _), _ = zoo.data.load("digits")
        >>> model = zoo.load("vae_digits")
        >>> zoo.plots.reparameterization(model, x).savefig("draws.png")
    """
    need(hasattr(model, "posterior_moments"), "This picture shows the posterior of a VAE.")
    need(not model.conditional, "This picture shows models without labels.")
    need(model.latent_dim > 1, "This picture needs two latent dimensions or more.")
    need(draws > 0, f"draws is {draws}; draw at least one code.")
    mean, log_var = (moments[0] for moments in model.posterior_moments(x[:1]))
    deviation = np.exp(0.5 * log_var)
    noise = np.random.default_rng(seed).normal(size=(draws, len(mean))).astype("float32")
    z = mean + deviation * noise
    first, second = np.argsort(log_var)[:2]  # where the posterior is narrow the code says most
    figure = Picture(figsize=(11, 4.4), dpi=DPI, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.5, 1.5))
    show(left, model.as_images(x[:1]), 1)
    left.set_title("x")
    middle.add_patch(
        Ellipse(
            mean[[first, second]],
            2 * deviation[first],
            2 * deviation[second],
            alpha=0.3,
        )
    )
    middle.scatter(z[:, first], z[:, second], color="C1", label="z = mean + deviation * noise")
    middle.scatter(*mean[[first, second]], color="k", marker="x", label="mean")
    names = (f"$z_{{{first + 1}}}$", f"$z_{{{second + 1}}}$")
    middle.set(title="q(z | x), one deviation wide", xlabel=names[0], ylabel=names[1])
    middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))
    columns = int(np.ceil(np.sqrt(draws)))
    show(right, model.as_images(model.decode(z)), columns)
    right.set_title("what the draws decode to")
    return enlarged(figure)


def kl_by_dimension(model: Any, x: Any, labels: Any = None) -> Picture:
    """Show the KL divergence of each latent dimension of a VAE as bars, largest first.

    Dimensions near 0 hold nothing about the images.

    Args:
        model: a VAE. x: images. labels: their labels, for conditional models.

    Examples:
        >>> _, (x_test, _) = zoo.data.load("digits")
        >>> zoo.plots.kl_by_dimension(zoo.load("vae_digits"), x_test).savefig("kl.png")
    """
    need(hasattr(model, "kl_by_dimension"), "This picture shows the KL divergences of a VAE.")
    kl = model.kl_by_dimension(x, labels).mean(axis=0)
    order = np.argsort(-kl)
    figure = Picture(figsize=(np.clip(0.35 * len(kl), 5, 12), 4), dpi=DPI, layout="constrained")
    axes = figure.add_subplot(title=f"KL divergence by dimension, {kl.sum():.1f} nats in all")
    axes.bar(range(len(kl)), kl[order])
    axes.set(xlabel="latent dimension", ylabel="nats, mean over the images")
    every = -(-len(kl) // 32)  # not all numbers of many dimensions fit
    axes.set_xticks(range(0, len(kl), every), [str(i + 1) for i in order[::every]])
    return enlarged(figure)


def differences(
    model: Any, x: Any, labels: Any = None, *, n: int = 10, cmap: Any = None
) -> Picture:
    """Show images, their reconstructions, and the differences: blue is missing, red is too much.

    Args:
        model: a model with an encoder, of images with one or three channels. x: images.
        labels: their labels, for conditional models. n: how many are shown.
        cmap: the color map of images with one channel.

    Examples:
        >>> _, (x_test, _) = zoo.data.load("digits")
        >>> zoo.plots.differences(zoo.load("vae_digits"), x_test).savefig("differences.png")
    """
    need_encoder(model)
    x, labels = x[:n], None if labels is None else labels[:n]
    restored = model.reconstruct(x, labels if model.conditional else None)
    x, restored = (model.as_images(a) for a in (x, restored))
    figure = Picture(figsize=(0.9 * len(x), 3.4), dpi=DPI, layout="constrained")
    upper, middle, lower = figure.subplots(3, 1)
    cmap = cmap or (suited_colors(x) if x.shape[-1] == 1 else None)
    show(upper, x, len(x), cmap)
    show(middle, restored, len(x), cmap)
    error = tile((restored - x).mean(axis=-1, keepdims=True), len(x), paper=0.0)[..., 0]
    drawn = lower.imshow(error, cmap="RdBu_r", vmin=-1, vmax=1)
    lower.set(xticks=[], yticks=[])
    lower.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=lower, shrink=0.9)
    for axes, name in ((upper, "image"), (middle, "reconstruction"), (lower, "difference")):
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    return enlarged(figure)


def principal_components(model: Any, x: Any, *, rows: int = 2) -> Picture:
    """Show a linear autoencoder beside the principal components of x, and the errors by size.

    A linear autoencoder with squared error finds the plane of the components, but not their
    directions. So the directions in its plane are turned to those along which its codes of x vary
    most. Pixels that are the same in all of x are 0 in both. On the right is the squared error of x
    by the number of components, and that of the autoencoder at its size.

    Args:
        model: an autoencoder whose decoder is one dense layer. x: images.
        rows: the number of rows of images.

    Examples:
        >>> (x, _), _ = zoo.data.load("digits")
        >>> model = zoo.Autoencoder((8, 8, 1), 6, hidden_units=(), likelihood="squared_error")
        >>> zoo.plots.principal_components(model, x).savefig("components.png")
    """
    need_encoder(model)
    dense = [layer for layer in model.decoder.layers if layer.weights]
    need(len(dense) == 1, f"The decoder has {len(dense)} layers with weights; one is expected.")
    flat = np.reshape(x, (len(x), -1)).astype("float64")
    lit = flat.std(axis=0) > 0
    zero = np.zeros((1, model.latent_dim), "float32")
    plane = model.decode(np.eye(model.latent_dim, dtype="float32")) - model.decode(zero)
    plane = plane.reshape(model.latent_dim, -1)
    basis = np.linalg.qr((plane * lit).T.astype("float64"))[0]  # [pixels, latent_dim]
    centered = flat - flat.mean(axis=0)
    turned = basis @ np.linalg.svd(centered @ basis, full_matrices=False)[2].T
    _, scales, components = np.linalg.svd(centered, full_matrices=False)
    left_over = np.append(np.cumsum(scales[::-1] ** 2)[::-1], 0.0) / len(flat)  # by components kept
    components = components[: model.latent_dim]
    turned = turned.T * np.sign((turned.T * components).sum(axis=1, keepdims=True))
    figure = Picture(
        figsize=(16, max(6.0 * rows * rows / model.latent_dim, 3.0) + 1.0),
        dpi=DPI,
        layout="constrained",
    )
    columns = -(-model.latent_dim // rows)
    named = {"directions of the autoencoder": turned, "principal components": components}
    most = max(np.abs(values).max() for values in named.values())
    *sheets, right = figure.subplots(1, 3, width_ratios=(1, 1, 0.8), gridspec_kw={"wspace": 0.06})
    for axes, (name, values) in zip(sheets, named.items(), strict=True):
        images = model.as_images((values / (2 * most) + 0.5).reshape(-1, *model.image_shape))
        show(axes, images.astype("float32"), columns, "gray")
        axes.set_title(name)
    sizes = np.arange(2 * model.latent_dim + 1)
    right.plot(sizes[: len(left_over)], left_over[: len(sizes)], "o-", label="PCA")
    error = np.square(flat - np.reshape(model.reconstruct(x), flat.shape)).sum(axis=1).mean()
    right.plot(model.latent_dim, error, "D", label=f"the autoencoder, {error:.3g}")
    right.set(title="squared error of an image", xlabel="numbers in the code", ylim=(0, None))
    right.legend()
    return enlarged(figure)


def architecture(model: Any) -> Picture:
    """Show the layers of a model's networks with the shapes of their outputs.

    Examples:
        >>> zoo.plots.architecture(zoo.load("vae_digits")).savefig("architecture.png")
    """
    names = ("encoder", "decoder", "generator", "discriminator", "head")
    networks: dict[str, Any] = {name: getattr(model, name, None) for name in names}
    networks = {name: network for name, network in networks.items() if hasattr(network, "layers")}
    need(networks, f"This {type(model).__name__} has no networks of layers to show.")
    most = max(len(network.layers) for network in networks.values())
    figure = Picture(figsize=(4.6 * len(networks), 0.55 * most + 0.8), dpi=DPI)
    for axes, (name, network) in zip(
        np.atleast_1d(figure.subplots(1, len(networks))), networks.items(), strict=True
    ):
        axes.set(xlim=(0, 1), ylim=(-most, 0.4), xticks=[], yticks=[], title=name)
        axes.spines[:].set_visible(False)
        for row, layer in enumerate(network.layers):
            shape = _shape_of(layer)
            text = f"{type(layer).__name__}  {shape}"
            box = {"boxstyle": "round", "facecolor": "0.93" if layer.weights else "white"}
            axes.text(0.5, -row - 0.3, text, ha="center", va="center", bbox=box)
    return figure


def _shape_of(layer) -> str:
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return ""
    return " x ".join(str(size) for size in shape[1:])
