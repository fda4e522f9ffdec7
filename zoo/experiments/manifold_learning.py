"""Manifolds in many dimensions: what embeddings in the plane keep of their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import zoo
from zoo import data
from zoo.data.variants import rotated
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.plots.picture import Picture

POINTS = 1000
NEIGHBORS = 10
DIGIT = 3
NEW_POINTS = {"PCA": "encoded", "Isomap": "interpolated", "LLE": "interpolated", "t-SNE": "none"}
QUICK = {"POINTS": 60}


@experiment(minutes=2)
def manifold_learning(epochs: int = 180, verbose: int | str = 2) -> Table:
    """Embed a swiss roll, an S-curve and a rotated digit by five methods, and compare the order."""
    sets = {
        "swiss roll": swiss_roll(POINTS),
        "S-curve": s_curve(POINTS),
        "rotated digit": rotated_digit(POINTS),
    }
    codes: dict[str, dict[str, np.ndarray]] = {}
    left: dict[str, list[float]] = {}
    for name, (x, _) in sets.items():
        codes[name] = {method: embed(x) for method, embed in _methods().items()}
        model = zoo.Autoencoder(
            x.shape[1:], 2, hidden_units=(128, 64), likelihood="squared_error", seed=SEED
        )
        fit(model, x, epochs, 3e-3, verbose)
        codes[name]["autoencoder"] = model.encode(x)
        for method, restored in (("PCA", _by_pca(x)), ("autoencoder", model.reconstruct(x))):
            share = np.square(restored - x).sum() / np.square(x - x.mean(axis=0)).sum()
            left.setdefault(method, []).append(round(100 * float(share), 1))
    rows = []
    for method in codes["swiss roll"]:
        kept = [round(rank_correlation(codes[name][method], t), 3) for name, (_, t) in sets.items()]
        errors = " / ".join(map(str, left[method])) if method in left else "no decoder"
        rows.append([method, *kept, errors, NEW_POINTS.get(method, "encoded")])
    return Table(
        "Manifolds in the plane: what is kept of a known parameter",
        f"{POINTS:,} points each: scikit-learn's swiss roll and S-curve (three dimensions, no "
        "noise, centered, divided by one standard deviation), and one test digit of MNIST (the "
        f"first {DIGIT}), rotated by uniform angles between -90 and 90 degrees. Five embeddings "
        "of the same points in two dimensions. Rank correlation: Spearman's, without its sign, "
        "between the parameter (the position along the curve, or the angle) and the coordinate "
        "along the best of 180 directions of the plane; it is 1 if the order is kept. Isomap and "
        f"LLE with {NEIGHBORS} neighbors, t-SNE at its defaults; the autoencoder has hidden "
        f"layers of 128 and 64 units each way, a squared error, {epochs} epochs, seed {SEED}. "
        "Variance left: the squared error of the reconstruction of these points in percent of "
        "their variance, for the three data sets. New points: Isomap and LLE place one between its "
        "neighbors.",
        ("method", *sets, "variance left, %", "new points"),
        rows,
        _panels(sets, codes, rows),
    )


def swiss_roll(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points on a rolled-up rectangle, [n, 3], and how far along the roll they are."""
    from sklearn.datasets import make_swiss_roll

    x, t = make_swiss_roll(n, random_state=SEED)
    return _scaled(x), t


def s_curve(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points on a rectangle that is bent to an S, [n, 3], and how far along they are."""
    from sklearn.datasets import make_s_curve

    x, t = make_s_curve(n, random_state=SEED)
    return _scaled(x), t


def rotated_digit(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rotated copies of one test digit, [n, 784], and their angles in degrees."""
    _, (x, y) = data.load("mnist")
    angles = np.random.default_rng(SEED).uniform(-90, 90, n)
    digit = x[y == DIGIT][:1]
    return np.concatenate([rotated(digit, angle) for angle in angles]).reshape(n, -1), angles


def rank_correlation(z: np.ndarray, t: np.ndarray) -> float:
    """Return Spearman's correlation of t with z [n, 2] along the best direction, without sign."""
    from scipy.stats import rankdata

    angles = np.deg2rad(np.arange(180))
    along = z @ np.stack([np.cos(angles), np.sin(angles)])  # [n, 180]
    ranks, of_t = rankdata(along, axis=0), rankdata(t)
    ranks, of_t = ranks - ranks.mean(axis=0), of_t - of_t.mean()
    norms = np.linalg.norm(ranks, axis=0) * np.linalg.norm(of_t)
    return float(np.max(np.abs(of_t @ ranks) / norms))


def _scaled(x: np.ndarray) -> np.ndarray:
    return ((x - x.mean(axis=0)) / x.std()).astype("float32")


def _methods() -> dict[str, Callable]:
    """Return functions from points to their embeddings, by name."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap, LocallyLinearEmbedding

    linear = LocallyLinearEmbedding(n_neighbors=NEIGHBORS, random_state=SEED)
    return {
        "PCA": PCA(2).fit_transform,
        "Isomap": Isomap(n_neighbors=NEIGHBORS).fit_transform,
        "LLE": linear.fit_transform,
        "t-SNE": TSNE(random_state=SEED).fit_transform,
    }


def _by_pca(x: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    pca = PCA(2).fit(x)
    return pca.inverse_transform(pca.transform(x))


def _panels(sets: dict, codes: dict, rows: list) -> Any:
    """Draw each data set, and its five embeddings, colored by the parameter."""
    figure = Picture(figsize=(12.8, 7.2), dpi=100, layout="constrained")
    grid = figure.add_gridspec(3, 1 + len(rows))
    for i, (name, (x, t)) in enumerate(sets.items()):
        flat = x.shape[1] == 3
        axes: Any = figure.add_subplot(grid[i, 0], projection="3d" if flat else None)
        if flat:
            axes.scatter(*x.T, c=t, s=4, cmap="viridis")
            axes.view_init(10, -70)
            axes.set(xticks=[], yticks=[], zticks=[])
            axes.set_box_aspect(None, zoom=1.3)
        else:
            order = np.argsort(t)[np.linspace(0, len(t) - 1, 9).astype(int)]
            axes.imshow(zoo.plots.tile(x[order].reshape(-1, 28, 28, 1), 3)[..., 0], cmap="gray_r")
            axes.set(xticks=[], yticks=[])
        axes.set_title(name, fontsize=14)
        for k, (method, z) in enumerate(codes[name].items()):
            axes = figure.add_subplot(grid[i, k + 1], xticks=[], yticks=[])
            axes.scatter(*z.T, c=t, s=4, cmap="viridis")
            axes.set_title(method if i == 0 else "", fontsize=14)
            axes.set_xlabel(f"{rows[k][i + 1]:.2f}", fontsize=14)
    figure.suptitle(
        "Color is the known parameter; numbers are its rank correlation with the embedding",
        fontsize=16,
    )
    return figure
