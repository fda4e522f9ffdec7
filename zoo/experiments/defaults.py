"""Detectors with default settings, compared with simple well-known detectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from zoo import data
from zoo.anomaly import Detector
from zoo.experiments import anomaly_tables, inspection, six_channels
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, chosen_rows

DIGITS, CLOTHES = (2, 8), (6, 8)  # shirts and bags
TABLES = ("cardio", "Pima", "satellite", "thyroid")
SEEDS = (1, 2, 3, 4, 5)
EXPLAINED = 0.9  # share of the variance in the principal components
CHANGE = 0.35  # brightness change of a painted defect
SMALL_CHANGE = 0.15  # the same if all images show the same part
VIEWS, SQUARES, SIGNALS = (300, 100), (600, 200), (2000, 500)  # for training; per kind for tests
QUICK = {
    "DIGITS": (2,),
    "CLOTHES": (6,),
    "TABLES": ("cardio",),
    "SEEDS": (1,),
    "VIEWS": (20, 10),
    "SQUARES": (20, 10),
    "SIGNALS": (40, 20),
}


@experiment(minutes=30, rows=lambda: _splits())
def defaults(epochs: int | None = None, verbose: int | str = 0, only: Sequence[str] = ()) -> Table:
    """Detect anomalies in images, signals and tables by detectors with default settings."""
    rows, splits = [], _splits()
    for name in splits:
        if name not in chosen_rows(only, splits):
            rows.append([name])
            continue
        split = splits[name]
        areas = [_areas(split(seed), seed, epochs, verbose) for seed in SEEDS]
        rows.append([name, *(_mean_and_spread(column) for column in zip(*areas, strict=True))])
    trained = "its own number of" if epochs is None else str(epochs)
    return Table(
        "Detectors with nothing set, beside simple ones",
        "Area under the ROC curve in percent, mean and standard deviation over the seeds "
        f"{SEEDS[0]} to {SEEDS[-1]}. Digits and clothes: MNIST and Fashion-MNIST, trained on the "
        "training images of one class, measured on all 10,000 test images. Faces: Olivetti, 320 "
        "images of 64x64 pixels to train; 80 others as they are, and the same 80 each with a spot "
        "or a scratch, painted with the seed. One part: 300 views, in color, of the middle of the "
        "Kodak photograph with the number of the seed, moved, turned and lit at random; 100 other "
        f"views as they are, and the same with a weaker defect ({SMALL_CHANGE} brighter or darker, "
        f"elsewhere {CHANGE}; the weaker one was chosen after seeing its effect on photographs 1 "
        "to 3, which are also seeds of this row). Any photographs: 600 squares of 160 photographs "
        "of BSDS500, and 200 of the 40 others, as they are and with a defect. "
        "Heartbeats: ECG5000, trained on normal beats. Six channels: drawn signals of 128 steps "
        "whose channels have deviations from 1e-3 to 1e5; 2,000 normal ones to train, 500 others "
        "and 500 with a fault in one channel (dropout, drift, spikes, another frequency) to test. "
        "Tables: ADBench, 60 % of the rows to train, anomalies among them, 40 % to test, split "
        f'with the seed. Ours: `zoo.anomaly.Detector("VAE")`, {trained} epochs, nothing else set '
        "but quantile=0.99 where training data are normal, and standardize=True for tables and six "
        "channels, which the others get standardized. PCA: "
        f"squared error of the principal components that hold {EXPLAINED:.0%} of the variance; "
        "largest window: the largest mean of these errors over 5x5 pixels, or 5 steps. Nearest "
        "neighbors: mean distance to 5. Isolation forest: scikit-learn's, with its defaults. "
        "What the defaults are was chosen on the last 10,000 training images of MNIST and "
        "Fashion-MNIST with their labels, on drawn parts, and on 100 of all 400 faces with other "
        "defects, so that some test faces had a part in the choice.",
        ("data", "ours", "PCA", "PCA, largest window", "nearest neighbors", "isolation forest"),
        rows,
    )


def paint(x: np.ndarray, seed: int, change: float = CHANGE) -> np.ndarray:
    """Return copies of images [n, height, width, channels], each with a spot or a scratch.

    A spot is a square of 4 to 8 pixels; a scratch is a line, about 19 pixels long and 2 wide, in
    any direction. They are brighter or darker than the image by `change`.
    """
    generator = np.random.default_rng(seed)
    painted = x.copy()
    height, width = x.shape[1:3]
    for image in painted:
        row, column = generator.integers(10, (height - 10, width - 10))
        shift = generator.choice([-change, change])
        mask = np.zeros((height, width), bool)
        if generator.random() < 0.5:
            half = generator.integers(2, 5)
            mask[row - half : row + half, column - half : column + half] = True
        else:
            angle, steps = generator.uniform(0, np.pi), np.arange(-9, 10)
            rows = np.clip(np.round(row + steps * np.sin(angle)).astype(int), 0, height - 1)
            columns = np.clip(np.round(column + steps * np.cos(angle)).astype(int), 0, width - 2)
            mask[rows, columns] = mask[rows, columns + 1] = True
        image[mask] = np.clip(image[mask] + shift, 0, 1)
    return painted


def _splits() -> dict[str, Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Return functions by name: seed to (x, x_test, whether each test item is an anomaly)."""
    found = {}
    for source, labels in (("mnist", DIGITS), ("fashion_mnist", CLOTHES)):
        for label in labels:
            name = data.SOURCES[source].classes[label]
            title = f"digit {name}" if source == "mnist" else f"clothes: {name}"
            found[title] = lambda seed, source=source, label=label: _of_class(source, label)
    found["faces with defects"] = _faces
    found["one part in photographs, with defects"] = _views
    found["any photographs with defects"] = _squares
    found["heartbeats"] = lambda seed: _heartbeats()
    found["six channels"] = _six_channels
    for name in TABLES:
        found[f"table {name}"] = lambda seed, name=name: anomaly_tables.split(name, seed)
    return found


def _of_class(source, label):
    (x, y), (x_test, y_test) = data.load(source)
    return x[y == label], x_test, y_test != label


def _faces(seed):
    (x, _), (x_test, _) = data.load("olivetti")
    return x, *_with_defects(x_test, paint(x_test, seed))


def _with_defects(good, bad):
    """Return both as one array, and which of its items have a defect."""
    return np.concatenate([good, bad]), np.arange(len(good) + len(bad)) >= len(good)


def _views(seed):
    generator = np.random.default_rng(seed)
    number = 1 + (seed - 1) % 24
    x, new = (inspection.views_of_a_part(n, number, generator) for n in VIEWS)
    return x, *_with_defects(new, paint(new, seed, SMALL_CHANGE))


def _squares(seed):
    generator, files = np.random.default_rng(seed), inspection.files_of_bsds()
    some = len(files) * 4 // 5
    parts = zip(SQUARES, (files[:some], files[some:]), strict=True)
    x, new = (inspection.squares(n, part, generator) for n, part in parts)
    return x, *_with_defects(new, paint(new, seed))


def _six_channels(seed):
    n, each = SIGNALS
    new, faulty = six_channels.normal(each, 10 * seed + 1), six_channels.faulty(each, 10 * seed + 2)
    return six_channels.normal(n, 10 * seed), *_with_defects(new, faulty[0])


def _heartbeats():
    (x, _), (x_test, y_test) = data.load("ecg5000")
    return x, x_test, y_test == 1


def _areas(split, seed, epochs, verbose):
    """Return the areas of our detector and of the others, for a training set and a test set."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score
    from sklearn.neighbors import NearestNeighbors

    x, x_test, is_anomaly = split
    table, channels = x.ndim == 2, x.ndim == 3 and x.shape[-1] > 1
    keras.utils.set_random_seed(seed)
    given: dict[str, Any] = {"standardize": True} if table or channels else {}
    given |= {} if table else {"quantile": 0.99}
    detector = Detector("VAE", seed=seed, **given).fit(x, epochs=epochs, verbose=verbose)
    scores = detector.scores(x_test)
    if channels:
        mean, deviation = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
        x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    flat, flat_test = (a.reshape(len(a), -1) for a in (x, x_test))
    pca = PCA(EXPLAINED, svd_solver="full").fit(flat)
    errors = np.square(flat_test - pca.inverse_transform(pca.transform(flat_test)))
    neighbors = NearestNeighbors(n_neighbors=min(5, len(x))).fit(flat).kneighbors(flat_test)[0]
    forest = IsolationForest(random_state=seed).fit(flat)
    found = (
        scores,
        errors.sum(axis=1),
        errors.sum(axis=1) if table else _largest_window(errors.reshape(x_test.shape)),
        neighbors.mean(axis=1),
        -forest.score_samples(flat_test),
    )
    return [100 * float(roc_auc_score(is_anomaly, scores)) for scores in found]


def _largest_window(errors):
    windows = (1, *(min(5, side) for side in errors.shape[1:-1]))
    errors = errors.mean(axis=-1)
    view = np.lib.stride_tricks.sliding_window_view(errors, windows)
    axes = tuple(range(errors.ndim, 2 * errors.ndim))
    return view.mean(axis=axes).reshape(len(errors), -1).max(axis=1)


def _mean_and_spread(values):
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"
