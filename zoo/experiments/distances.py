"""What a distance between images means: in pixels, in codes, and in many dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.plots.picture import Picture

QUERIES = 1000
SEARCHED = 20_000
NEIGHBORS = 10
PRESETS = ("vae_mnist", "contractive_ae_mnist")
ERASED = slice(13, 15)  # rows of an image of 28x28
SHELL = 0.05  # thickness as a share of the half side, or of the radius
DIMENSIONS = (1, 2, 3, 10, 30, 100, 300, 784)
POINTS = 1000


@experiment(minutes=0.5)
def half_pixel() -> Table:
    """Compare digits moved by half a pixel with damaged ones, by pixels, codes and features."""
    _, (x, y) = data.load("mnist")
    x, y = x[:QUERIES], y[:QUERIES]
    damaged, shifted = erased(x), moved(x)
    classifier = metrics.load_reference_classifier("mnist")
    correct = [
        100 * float(np.mean(classifier.predict(some, verbose=0).argmax(axis=1) == y))
        for some in (damaged, shifted)
    ]
    rows, pixels = [], np.zeros((2, len(x)))
    for name, features in _representations().items():
        from_damaged, from_shifted = (
            squared_distances(features(x), features(some)) for some in (damaged, shifted)
        )
        if name == "pixels":
            pixels = np.stack([from_damaged, from_shifted])
        wrong = 100 * float(np.mean(from_shifted > from_damaged))
        means = (float(f"{float(d.mean()):.4g}") for d in (from_damaged, from_shifted))
        rows.append([name, *means, round(wrong, 1)])
    return Table(
        "A digit moved by half a pixel, and one with a part erased",
        f"{len(x):,} test images of MNIST. Erased: two rows of pixels in the middle are set to "
        "0. Moved: half a pixel to the right and half a pixel down, by bilinear interpolation. "
        "The table shows the mean squared distance to the original, and the share of digits in "
        "percent whose moved version is farther away than the damaged one. Codes are those of "
        "presets (the mean of q(z | x) for the VAE); features are the third convolution of the "
        "reference classifier, after its activation. That classifier is right on "
        f"{correct[0]:.1f} % of the damaged and on {correct[1]:.1f} % of the moved digits.",
        ("distance between", "erased", "moved", "moved is farther, %"),
        rows,
        _moved_and_erased(
            {"original": x, "two rows erased": damaged, "moved": shifted}, pixels, rows
        ),
    )


def erased(x: np.ndarray) -> np.ndarray:
    """Return images [n, 28, 28, 1] without two rows in the middle."""
    damaged = x.copy()
    damaged[:, ERASED] = 0
    return damaged


def moved(x: np.ndarray, pixels: float = 0.5) -> np.ndarray:
    """Move images [n, height, width, 1] right and down by at most a pixel, bilinearly."""
    for axis in (1, 2):
        before = np.roll(x, 1, axis=axis)
        before[(slice(None),) * axis + (0,)] = 0
        x = (1 - pixels) * x + pixels * before
    return x.astype("float32")


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared distance of each pair of rows, float64 [n]."""
    return np.square((a - b).reshape(len(a), -1), dtype="float64").sum(axis=1)


def _representations() -> dict[str, Callable]:
    """Return functions from images to what is compared, by name."""
    convolutions = metrics.reference_features("mnist")

    def features(x):
        return np.maximum(convolutions.predict(x, verbose=0)[2], 0)

    encoders = {f"codes of {name}": zoo.load(name).encode for name in PRESETS}
    return {"pixels": lambda x: x, **encoders, "features of a classifier": features}


def _moved_and_erased(images: dict[str, np.ndarray], distances: np.ndarray, rows: list) -> Any:
    """Draw some digits in three versions, and the share of wrong rankings as bars."""
    figure = Picture(figsize=(12.8, 6), dpi=100, layout="constrained")
    grid = figure.add_gridspec(3, 9)
    for i, (name, some) in enumerate(images.items()):
        for k in range(4):
            axes = figure.add_subplot(grid[i, k])
            axes.imshow(some[k, ..., 0], cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            if i:
                axes.set_xlabel(f"distance {distances[i - 1, k]:.1f}", fontsize=13)
            if k == 0:
                axes.set_ylabel(name, fontsize=13)
    axes = figure.add_subplot(grid[:, 5:])
    names = [row[0].replace(" of ", " of\n").removesuffix("_mnist") for row in rows]
    bars = axes.barh(names, [row[-1] for row in rows], color=["C0", "C0", "C0", "C1"])
    axes.bar_label(bars, fmt="%.0f %%", fontsize=13, padding=4)
    axes.invert_yaxis()
    axes.set_xlim(0, 110)
    axes.tick_params(labelsize=13)
    axes.set_title("moved digits that are farther than damaged ones", fontsize=14)
    axes.set_xlabel("percent of all digits", fontsize=13)
    figure.suptitle("The squared distance in pixels prefers the damaged digit", fontsize=16)
    return figure


@experiment(minutes=1)
def dimension() -> Table:
    """Measure shells, neighbors and random images in spaces of many dimensions."""
    (x, _), (x_test, _) = data.load("mnist")
    x, x_test = x[:SEARCHED].reshape(-1, 784), x_test[:POINTS].reshape(-1, 784)
    generator = np.random.default_rng(SEED)
    rows = []
    for d in DIMENSIONS:
        points = generator.random((POINTS, d), "float32")
        shares = (shell(d), float(np.mean(in_cube_shell(points))))
        near_surface = (round(float(share), 3) for share in shares)
        log = log10_of_ball(d)
        inside = round(10**log, 3) if log > -2 else f"10^{log:.1f}"
        rows.append([str(d), *near_surface, inside, round(contrast(points), 3), ""])
    images = _kinds_of_images(x, x_test, generator)
    nearest = {name: np.sqrt(nearest_rows(some, x)[1]) for name, some in images.items()}
    for name, some in images.items():
        mean = round(float(nearest[name].mean()), 2)
        rows.append([name, "", "", "", round(contrast(some), 3), mean])
    return Table(
        "Spaces of many dimensions",
        "Shell: the share of the volume of a cube (or ball) that is nearer to its surface than "
        f"{SHELL:g} of the half side (or radius): by the formula, and counted among {POINTS:,} "
        "uniform draws in the cube. Ball: the share of the cube that the largest ball in it "
        f"fills. Nearest over farthest: the distance to the nearest of {POINTS:,} points, "
        "divided by the distance to the farthest, mean over all points. Images have 784 pixels "
        f"in [0, 1]; their last column is the mean distance to the nearest of {len(x):,} "
        "training digits of MNIST. Independent pixels: each pixel is that of a training digit "
        "drawn for this pixel alone. The number of gray images of 200x200 pixels, 256^40000, "
        f"has {digits_of_power(256, 40_000):,} digits. Seed {SEED}.",
        (
            "dimensions or images",
            "shell",
            "shell, counted",
            "ball",
            "nearest over farthest",
            "distance to a digit",
        ),
        rows,
        _four_panels(rows, images, nearest),
    )


def shell(d: int | np.ndarray, thickness: float = SHELL) -> Any:
    """Return the share of the volume near the surface: of a cube, of a ball, of any such shape.

    Without its shell, the shape is the same one, smaller by 1 - thickness in each dimension.
    """
    return 1 - (1 - thickness) ** d


def log10_of_ball(d: int) -> float:
    """Return log10 of the share of a cube's volume that the largest ball in it fills.

    The ball's volume is pi^(d/2) / Gamma(d/2 + 1) at radius 1, and that of the cube is 2^d.
    """
    log = 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d + 1) - d * math.log(2)
    return log / math.log(10)


def in_cube_shell(points: np.ndarray, thickness: float = SHELL) -> np.ndarray:
    """Return which points [n, d] of the unit cube are near its surface; the half side is 0.5."""
    return np.any(np.minimum(points, 1 - points) < thickness / 2, axis=1)


def digits_of_power(base: int, exponent: int) -> int:
    """Return the number of decimal digits of base ** exponent."""
    return int(np.floor(exponent * np.log10(base))) + 1


def contrast(points: np.ndarray) -> float:
    """Return the mean of nearest over farthest distance, for points [n, d]."""
    squared = all_squared_distances(points, points)
    farthest = squared.max(axis=1)
    np.fill_diagonal(squared, np.inf)
    return float(np.mean(np.sqrt(squared.min(axis=1) / farthest)))


def all_squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared distances of all pairs of rows, [len(a), len(b)]."""
    a, b = (some.reshape(len(some), -1) for some in (a, b))
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    return np.maximum(squares - 2 * a @ b.T, 0)


def nearest_rows(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row of a the index of the nearest row of b, and the squared distance."""
    squared = all_squared_distances(a, b)
    return squared.argmin(axis=1), squared.min(axis=1)


def _kinds_of_images(x, x_test, generator) -> dict[str, np.ndarray]:
    """Return random images, draws of a VAE and digits, [n, 784], by name."""
    donors = generator.integers(len(x), size=(POINTS, 784))
    drawn = zoo.load("vae_mnist").generate(POINTS, seed=SEED).reshape(POINTS, -1)
    return {
        "uniform noise": generator.random((POINTS, 784), "float32"),
        "independent pixels": x[donors, np.arange(784)],
        "drawn from vae_mnist": drawn,
        "test digits": x_test,
    }


def _four_panels(rows, images, nearest) -> Any:
    """Draw shells, neighbors, some images, and their distances to digits."""
    figure = Picture(figsize=(12.8, 9), dpi=100, layout="constrained")
    grid = figure.add_gridspec(2, 2)
    near, neighbors, distances = (
        figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (1, 1))
    )
    d = np.arange(1, DIMENSIONS[-1] + 1)
    measured = rows[: len(DIMENSIONS)]
    near.plot(d, shell(d), label="shell, formula")
    near.plot(DIMENSIONS, [row[2] for row in measured], "o", label="shell, counted")
    near.set_title(f"share of a cube: shell of {SHELL:g}, and ball", fontsize=14)
    neighbors.plot(DIMENSIONS, [row[4] for row in measured], "o-", label="uniform points")
    digits = rows[-1][4]
    neighbors.plot(784, digits, "s", color="C1", markersize=9, label=f"test digits, {digits:.2f}")
    neighbors.set_title("nearest distance over farthest distance", fontsize=14)
    balls = [10 ** log10_of_ball(d) for d in DIMENSIONS]
    near.plot(DIMENSIONS, balls, "s--", label="largest ball in the cube")
    for axes in (near, neighbors):
        axes.set_xscale("log")
        axes.set_xlabel("dimensions", fontsize=13)
        axes.set_ylim(0, 1.05)
        axes.legend(fontsize=13, loc="center right" if axes is near else "upper left")
    below = grid[1, 0].subgridspec(len(images), 6)
    for i, (name, some) in enumerate(images.items()):
        kind: dict = {"histtype": "step", "color": "black"} if name == "test digits" else {}
        distances.hist(nearest[name], bins=40, range=(0, 17), label=name, linewidth=2, **kind)
        for k in range(6):
            axes = figure.add_subplot(below[i, k], xticks=[], yticks=[])
            axes.imshow(some[k].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            if k == 0:
                axes.set_ylabel(name.replace(" ", "\n", 1), fontsize=12, rotation=0, ha="right")
                axes.yaxis.label.set_verticalalignment("center")
    distances.set_title("distance to the nearest training digit", fontsize=14)
    distances.set_ylabel("number of images", fontsize=13)
    distances.set_ylim(top=1.5 * distances.get_ylim()[1])
    distances.legend(fontsize=13, loc="upper left")
    for axes in (near, neighbors, distances):
        axes.tick_params(labelsize=12)
    figure.suptitle("In many dimensions, points lie near the surface and far apart", fontsize=16)
    return figure


@experiment(minutes=1)
def meaning_of_distance() -> Table:
    """Find the neighbors of digits and the middle between two, by pixels and by codes."""
    (x, y), (x_test, y_test) = data.load("mnist")
    x, y, x_test, y_test = x[:SEARCHED], y[:SEARCHED], x_test[:QUERIES], y_test[:QUERIES]
    classifier = metrics.load_reference_classifier("mnist")
    half = len(x_test) // 2
    rows, middles = [], {}
    for name in ("pixels", *PRESETS):
        encode, decode = _coder(name)
        z, z_test = encode(x), encode(x_test)
        middles[name] = decode((z_test[:half] + z_test[half : 2 * half]) / 2)
        ends, middle = (
            float(np.mean(np.sqrt(nearest_rows(some, x)[1])))
            for some in (decode(z_test), middles[name])
        )
        sure = classifier.predict(middles[name], verbose=0).max(axis=1) > 0.9
        agreement = round(neighbors_agree(z, y, z_test, y_test), 1)
        rows.append(
            [name, agreement, round(ends, 2), round(middle, 2), round(100 * sure.mean(), 1)]
        )
    return Table(
        "Distances and midpoints, by pixels and by codes",
        f"The first {len(x):,} training images of MNIST and the first {len(x_test):,} test "
        f"images. Neighbors: the share in percent of a test image's {NEIGHBORS} nearest "
        f"training images that have its class. Midpoints: of {half} pairs of test images, (a + "
        "b) / 2 for pixels or codes; codes are decoded. Distances are Euclidean ones in pixels "
        "to the nearest training image: of the test images as they are, or decoded from their "
        "codes, and of the midpoints. Clear: the share of midpoints in percent to which the "
        "reference classifier gives a class with a probability above 0.9.",
        (
            "space",
            "neighbors of the class, %",
            "image to nearest",
            "midpoint to nearest",
            "clear, %",
        ),
        rows,
        _midpoints(x_test, half, middles, rows),
    )


def neighbors_agree(
    z: np.ndarray, y: np.ndarray, z_test: np.ndarray, y_test: np.ndarray, k: int = NEIGHBORS
) -> float:
    """Return how many of the k nearest rows of z have the label of the row of z_test, percent."""
    squared = all_squared_distances(z_test, z)
    nearest = np.argpartition(squared, k - 1, axis=1)[:, :k]  # [m, k]
    return 100 * float(np.mean(y[nearest] == y_test[:, None]))


def _coder(name: str) -> tuple[Callable, Callable]:
    """Return an encoder and a decoder; for pixels both return what they get."""
    if name == "pixels":
        return (lambda x: x), (lambda z: z)
    model = zoo.load(name)
    return model.encode, model.decode


def _midpoints(x, half, middles, rows) -> Any:
    """Draw pairs of digits, their midpoints, and two bars for each space."""
    figure = Picture(figsize=(12.8, 6), dpi=100, layout="constrained")
    images, bars_of = figure.add_gridspec(1, 2, width_ratios=(3, 2))
    grid, right = images.subgridspec(5, 7), bars_of.subgridspec(2, 1)
    pictures = {"first": x, **middles, "second": x[half:]}
    for i, (name, some) in enumerate(pictures.items()):
        for k in range(7):
            axes = figure.add_subplot(grid[i, k], xticks=[], yticks=[])
            axes.imshow(some[k, ..., 0], cmap="gray_r", vmin=0, vmax=1)
            if k == 0:
                label = name.replace("_mnist", "").replace("_", "\n", 1)
                axes.set_ylabel(label, fontsize=13, rotation=0, ha="right", va="center")
    names = [row[0].removesuffix("_mnist").replace("_", "\n") for row in rows]
    columns = (("neighbors of the class, %", 1), ("midpoints with a clear class, %", 4))
    for i, (title, column) in enumerate(columns):
        axes = figure.add_subplot(right[i])
        bars = axes.barh(names, [row[column] for row in rows], color=f"C{i}")
        axes.bar_label(bars, fmt="%.0f", fontsize=13, padding=4)
        axes.invert_yaxis()
        axes.set_xlim(0, 112)
        axes.set_title(title, fontsize=14)
        axes.tick_params(labelsize=12)
    figure.suptitle("Between two digits: the mean of pixels, and the mean of codes", fontsize=16)
    return figure
