"""Sequences of images as paths on a manifold."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.plots.picture import Picture

FACES = 8  # shown along the path
DRAWN = slice(100, 160)  # the frames of the path that is drawn
QUICK = {"DRAWN": slice(0, 30)}


@experiment(minutes=1)
def path_on_a_manifold(epochs: int = 60, verbose: int | str = 2) -> Table:
    """Follow a face through time as a path of two-dimensional codes."""
    (x, _), (x_test, _) = data.load("frey_faces")
    models = {
        "codes of an autoencoder": zoo.Autoencoder(x.shape[1:], 2, seed=SEED),
        "codes of a VAE": zoo.VAE(x.shape[1:], 2, likelihood=zoo.Gaussian(0.1), seed=SEED),
    }
    spaces = {"pixels": (_flat(x), _flat(x_test)), "two components of PCA": _by_pca(x, x_test)}
    for name, model in models.items():
        fit(model, x, epochs, 1e-3, verbose)
        spaces[name] = (model.encode(x), model.encode(x_test))
    rows = []
    for name, (z, z_test) in spaces.items():
        step, pair = steps_and_pairs(z)
        of_test = steps_and_pairs(z_test)
        ratios = (round(s / p, 3) for s, p in ((step, pair), of_test))
        rows.append([name, round(step, 3), round(pair, 3), *ratios, round(share_nearest(z), 1)])
    return Table(
        "The frames of a face as a path",
        f"{len(x):,} frames of the Frey faces in order of time for training, and the last "
        f"{len(x_test)} for testing. Step: the mean Euclidean distance between a frame and the "
        "next one; pair: the mean distance of all pairs of frames; both of training frames. The "
        "ratio of the two needs no unit; it is 1 if the order of time means nothing. Nearest: the "
        "share of training frames in percent whose nearest other frame is the one before or after. "
        "Autoencoder (Bernoulli likelihood) and VAE (Gaussian, standard deviation 0.1; the mean of "
        f"q(z | x)) with two latent dimensions, 512 and 256 hidden units, {epochs} epochs, seed "
        f"{SEED}.",
        ("space", "step", "pair", "step / pair", "step / pair, test", "nearest, %"),
        rows,
        _paths(x, spaces, rows),
    )


def steps_and_pairs(z: np.ndarray) -> tuple[float, float]:
    """Return the mean distance of successive rows of z [n, d], and that of all pairs of rows."""
    from scipy.spatial.distance import pdist

    return float(np.linalg.norm(np.diff(z, axis=0), axis=1).mean()), float(pdist(z).mean())


def share_nearest(z: np.ndarray) -> float:
    """Return the share of rows in percent whose nearest row is the one before or after."""
    from sklearn.neighbors import NearestNeighbors

    _, nearest = NearestNeighbors(n_neighbors=2).fit(z).kneighbors(z)
    index = np.arange(len(z))
    other = np.where(nearest[:, 0] == index, nearest[:, 1], nearest[:, 0])
    return 100 * float(np.mean(np.abs(other - index) == 1))


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _by_pca(x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.decomposition import PCA

    pca = PCA(2, random_state=SEED).fit(_flat(x))
    return pca.transform(_flat(x)), pca.transform(_flat(x_test))


def _paths(x: np.ndarray, spaces: dict, rows: list) -> Any:
    """Draw the path through the codes of each model, some faces on it, and the ratios."""
    figure = Picture(figsize=(12.8, 7.8), dpi=100, layout="constrained")
    columns = [name for name in spaces if name != "pixels"]
    above, below = figure.add_gridspec(2, 1, height_ratios=(3, 1))
    grid, faces = above.subgridspec(1, len(columns)), below.subgridspec(1, FACES)
    frames = np.arange(len(x))[DRAWN]
    marks = frames[np.linspace(0, len(frames) - 1, FACES).astype(int)]
    for k, name in enumerate(columns):
        z = spaces[name][0]
        axes = figure.add_subplot(grid[k], xticks=[], yticks=[])
        axes.scatter(*z.T, s=3, color="lightgray")
        axes.plot(*z[frames].T, color="gray", linewidth=1)
        points = axes.scatter(*z[frames].T, c=frames, s=25, cmap="viridis", zorder=2)
        axes.scatter(*z[marks].T, s=60, facecolor="none", edgecolor="black", zorder=3)
        for number, (a, b) in enumerate(z[marks], 1):
            axes.annotate(
                str(number), (a, b), (6, 6), textcoords="offset points", fontsize=15, weight="bold"
            )
        axes.set_title(name, fontsize=14)
        axes.set_xlabel(f"step / pair = {rows[k + 1][3]:.2f}", fontsize=14)
    bar = figure.colorbar(points, ax=axes)
    bar.set_label("number of the frame", fontsize=13)
    bar.ax.tick_params(labelsize=12)
    for number, i in enumerate(marks):
        axes = figure.add_subplot(faces[number], xticks=[], yticks=[])
        axes.imshow(x[i, ..., 0], cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{number + 1}: frame {i}", fontsize=13)
    figure.suptitle(
        f"{len(frames)} successive frames make small steps in codes (step / pair in pixels: "
        f"{rows[0][3]:.2f})",
        fontsize=16,
    )
    return figure
