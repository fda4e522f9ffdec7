"""From simple distributions of codes to complicated ones of data."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.plots.picture import Picture

POINTS = 4000
NOISE = 0.02  # standard deviation around the ring
STDDEV = 0.1  # of p(x | z); a calibrated one begins so wide that the codes collapse


@experiment(minutes=1)
def ring(epochs: int = 150, verbose: int | str = 2) -> Table:
    """Turn normal draws into a ring by one formula, and by the decoder of a small VAE."""
    generator = np.random.default_rng(SEED)
    z, z_test = (generator.normal(size=(POINTS, 2)).astype("float32") for _ in range(2))
    noise = NOISE * generator.normal(size=(2, POINTS, 2))
    x, x_test = (
        (on_ring(a) + e).astype("float32") for a, e in zip((z, z_test), noise, strict=True)
    )
    model = zoo.VAE((2,), 2, hidden_units=(64, 64), likelihood=zoo.Gaussian(STDDEV), seed=SEED)
    fit(model, x, epochs, 3e-3, verbose)
    drawn = model.generate(POINTS, seed=SEED)
    first, second = _hidden(model, z)
    points = {"z, drawn from N(0, I)": z, "g(z) = z/10 + z/|z|": on_ring(z)}
    made = {"decoded by the VAE": drawn, "test points": x_test}
    rows = [
        [name, *(round(float(value), 3) for value in _radius(some))]
        for name, some in (points | made).items()
    ]
    layers = {"after the decoder's first layer": first, "after its second layer": second}
    return Table(
        "Normal draws become a ring",
        f"{POINTS:,} draws; the ring with noise of {NOISE} is what a VAE with two latent "
        f"dimensions and two hidden layers of 64 units learned for {epochs} epochs. The radius is "
        "the distance to the origin. Of each of the decoder's hidden layers the first two "
        "principal components are drawn.",
        ("points", "mean radius", "its standard deviation", "smallest radius"),
        rows,
        _panels(points | layers | made, z),
    )


def on_ring(z: np.ndarray) -> np.ndarray:
    """Return z/10 + z/|z|, for points [n, 2] (Doersch 2016, figure 2)."""
    return z / 10.0 + z / np.linalg.norm(z, axis=1, keepdims=True)


def _radius(points) -> tuple:
    radius = np.linalg.norm(points, axis=1)
    return radius.mean(), radius.std(), radius.min()


def _hidden(model, z) -> list[np.ndarray]:
    """Return two principal components of each of the decoder's hidden layers, [n, 2] each."""
    import keras
    from sklearn.decomposition import PCA

    dense = [layer for layer in model.decoder.layers if layer.weights][:-1]
    network = keras.Model(model.decoder.input, [layer.output for layer in dense])
    return [PCA(2).fit_transform(values) for values in network.predict(z, verbose=0)]


def _panels(points: dict[str, np.ndarray], z: np.ndarray) -> Any:
    """Draw six sets of points; equal colors are equal angles of z where there is one."""
    figure = Picture(figsize=(12.8, 8.6), dpi=100, layout="constrained")
    angle = np.arctan2(z[:, 1], z[:, 0])
    for i, (name, some) in enumerate(points.items()):
        axes = figure.add_subplot(2, 3, i + 1)
        of_z = name not in ("decoded by the VAE", "test points")
        color: dict = {"c": angle, "cmap": "twilight"} if of_z else {"color": "tab:gray"}
        axes.scatter(some[:, 0], some[:, 1], s=2, **color)
        axes.set_title(name, fontsize=14)
        axes.tick_params(labelsize=12)
        axes.set_aspect("equal", adjustable="datalim")
    figure.suptitle("A decoder turns normal draws into a ring, layer by layer", fontsize=16)
    return figure
