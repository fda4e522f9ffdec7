"""Drawn defects in textures, parts, faces and clothes: found in images, and shown by pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

import zoo
from zoo import data, metrics
from zoo.anomaly import Detector, FeatureDetector
from zoo.anomaly.calibration import window_means
from zoo.experiments import inspection
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, chosen_rows
from zoo.plots.images import rows_of_images

SEEDS = (1, 2, 3)
SIDE = 32
TEXTURES = ("87065", "311081", "130034")  # of BSDS500, a seed each: pebbles, bark, ground
PARTS = (1, 2, 3)  # photographs of Kodak, a seed each
CLOTHES = 9  # ankle boots
# Other images, to choose settings on: `defect_losses` uses them.
VALIDATION = {"textures": ("35091", "28096", "138032"), "parts": (11, 12, 13), "clothes": 7}
TRAINING, TESTING = 200, 80
EXPLAINED = 0.9  # share of the variance in the principal components
NEIGHBORS = 5
FEATURES = "denoising_ae_cifar10"
SHOWN = 6
IMAGES = ("texture", "part", "faces", "clothes")
QUICK = {"IMAGES": ("part",), "SEEDS": (1,), "TRAINING": 24, "TESTING": 6, "SHOWN": 2}
METHODS = (
    *("Detector, largest error", "Detector, calibrated", "features, Gaussian"),
    *("features, neighbors", "PCA", "nearest images", "isolation forest"),
)


@experiment(minutes=8, rows=lambda: IMAGES)
def defects_by_pixel(
    epochs: int | None = None, verbose: int | str = 0, only: Sequence[str] = ()
) -> Table:
    """Find drawn defects in images, and their pixels, by detectors with default settings."""
    rows, shown = [], {}
    for kind in IMAGES:
        if kind not in chosen_rows(only, IMAGES):
            rows.append([kind])
            continue
        found: dict[str, list] = {name: [] for name in METHODS}
        for number, seed in enumerate(SEEDS):
            images = split(kind, number)
            results = detected(images, seed, epochs, verbose)
            for name, (scores, maps) in results.items():
                found[name].append(measured(images, scores, maps))
            if kind == "part" and not number:
                shown = pictures(images, results)
            if verbose:
                print(
                    kind, seed, {name: cell(values) for name, values in found.items()}, flush=True
                )
        rows.append([kind, *(cell(values) for values in found.values())])
    trained = "its own number of" if epochs is None else str(epochs)
    return Table(
        "Drawn defects, found in images and shown by pixel",
        "Each cell: area under the ROC curve of images, of pixels, and under the overlap of "
        "regions up to a false positive rate of 0.3 (AUPRO), in percent, means over the seeds "
        f"{', '.join(map(str, SEEDS))}. {TRAINING} normal images of {SIDE}x{SIDE} pixels to learn "
        f"from (clothes 28x28); {TESTING} others as they are, and the same with a drawn defect "
        "each (`zoo.data.drawn_defects` with its defaults: scratches, blobs and pasted pieces in "
        "turn). Areas of pixels: of the images with defects. Texture: squares of the left part of "
        "a photograph of BSDS500 to learn from, of the right part to test; pebbles, bark and "
        "ground, one a seed. Part: views of the middle of a photograph of Kodak, moved, turned and "
        "lit at random. Faces: Olivetti; test images show the same people. Clothes: ankle boots of "
        f'Fashion-MNIST. Detector: `zoo.anomaly.Detector("VAE")`, {trained} epochs, nothing else '
        "set but the rule of the threshold and the score; calibrated is the default for a folder "
        "of images. Features: `zoo.anomaly.FeatureDetector` of the encoder of the preset "
        f"{FEATURES}, nothing else set. PCA: components that hold {EXPLAINED:.0%} of the variance, "
        "errors averaged over 5x5 pixels, as by the detector. Nearest images: the mean distance to "
        f"{NEIGHBORS}, and the mean squared difference to them by pixel, averaged likewise. "
        "Isolation forest: scikit-learn's with its defaults; it has no map. The calibration, by "
        "the mean error of normal images at the same place, was chosen on other images with other "
        "defects: sneakers of Fashion-MNIST, and training images of Olivetti at 64x64 pixels, one "
        "seed each. Other layers and regularizations of features were tried on sneakers; the "
        "defaults stayed as they were, although the first block alone was better there.",
        ("data", *METHODS),
        rows,
        rows_of_images(shown, "views of a part with defects, and maps") if shown else None,
    )


def detected(images: Split, seed: int, epochs: int | None, verbose: int | str) -> dict[str, tuple]:
    """Return scores of good and bad images, and maps of bad ones or None, by method."""
    both = np.concatenate([images.good, images.bad])
    keras.utils.set_random_seed(seed)
    first = Detector("VAE", score="largest_error", quantile=0.8, seed=seed)
    first.fit(images.x, epochs=epochs, verbose=verbose)
    second = Detector(first.model, score="calibrated_error", quantile=0.8, seed=seed)
    second.fit(images.x, train=False, validation_split=0.1)
    network = zoo.load(FEATURES).encoder
    features = [
        FeatureDetector(network, method=method, quantile=0.8, seed=seed).fit(images.x)
        for method in ("gaussian", "neighbors")
    ]
    detectors = dict(zip(METHODS, (first, second, *features), strict=False))
    found = {name: (one.scores(both), one.maps(images.bad)) for name, one in detectors.items()}
    return found | _simple(images, both, seed)


def _simple(images, both, seed) -> dict[str, tuple]:
    """Return the same of PCA, of nearest images, and of an isolation forest."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    flat, flat_both = (a.reshape(len(a), -1) for a in (images.x, both))
    pca = PCA(EXPLAINED, svd_solver="full").fit(flat)
    restored = pca.inverse_transform(pca.transform(flat_both)).reshape(both.shape)
    maps = _means(np.square(both - restored))
    near = NearestNeighbors(n_neighbors=min(NEIGHBORS, len(flat))).fit(flat)
    distances, numbers = near.kneighbors(flat_both)
    beside = _means(np.square(both[:, None] - images.x[numbers]).mean(axis=1))
    forest = IsolationForest(random_state=seed).fit(flat)
    bad = slice(len(images.good), None)
    return {
        "PCA": (maps.max(axis=(1, 2)), maps[bad]),
        "nearest images": (distances.mean(axis=1), beside[bad]),
        "isolation forest": (-forest.score_samples(flat_both), None),
    }


def _means(errors):
    """Return errors [n, height, width, channels], averaged over channels and 5x5 pixels."""
    return ops.convert_to_numpy(window_means(ops.convert_to_tensor(errors, "float32")))


def measured(images: Split, scores: np.ndarray, maps: np.ndarray | None) -> list[float]:
    """Return the areas in percent: of images, of pixels, of overlaps; NaN without maps."""
    from sklearn.metrics import roc_auc_score

    is_bad = np.arange(len(scores)) >= len(images.good)
    found = [float(roc_auc_score(is_bad, scores)), np.nan, np.nan]
    if maps is not None:
        found[1:] = metrics.localization(maps, images.masks)[:2]
    return [100 * value for value in found]


def cell(values: list[list[float]]) -> str:
    """Return means over seeds as the text of a cell."""
    means = np.mean(values, axis=0)
    return " / ".join(f"{mean:.1f}" for mean in means if not np.isnan(mean))


def pictures(images: Split, results: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Return images with defects, masks and maps as rows of pictures in [0, 1]."""
    bad = images.bad[:SHOWN]

    def gray(maps):
        maps = maps[:SHOWN, ..., None]
        return np.repeat(maps / maps.max(axis=(1, 2, 3), keepdims=True), bad.shape[-1], axis=-1)

    rows = {"with a defect": bad, "mask": gray(images.masks.astype("float32"))}
    return rows | {n: gray(maps) for n, (_, maps) in results.items() if maps is not None}


class Split(NamedTuple):
    """Images to learn from; other normal ones; the same with defects, and the masks of these."""

    x: np.ndarray
    good: np.ndarray
    bad: np.ndarray
    masks: np.ndarray


def split(kind: str, number: int, validation: bool = False) -> Split:
    """Return the images of a kind.

    Args:
        kind: one of `IMAGES`. number: of the seed, from 0.
        validation: whether to return the images on which settings were chosen.
    """
    seed = 100 * SEEDS[number] + 50 * validation
    x, good = _READERS[kind](number, validation, np.random.default_rng(seed))
    drawn = data.drawn_defects(good, seed=seed + 1)
    return Split(x, good, drawn.x, drawn.masks)


def _textures(number, validation, generator):
    """Return squares of the left and of the right part of a photograph."""
    name = (VALIDATION["textures"] if validation else TEXTURES)[number]
    whole = inspection.photograph(f"bsds500_train/{name}.jpg")
    middle = whole.shape[1] * 3 // 5
    found = []
    for part, n in ((whole[:, :middle], TRAINING), (whole[:, middle:], TESTING)):
        places = generator.integers(0, np.array(part.shape[:2]) - SIDE + 1, (n, 2))
        found.append(np.stack([part[i : i + SIDE, j : j + SIDE] for i, j in places]))
    return found


def _parts(number, validation, generator):
    photograph = (VALIDATION["parts"] if validation else PARTS)[number]
    return [
        _halved(inspection.views_of_a_part(n, photograph, generator)) for n in (TRAINING, TESTING)
    ]


def _faces(number, validation, generator):
    (x, _), (good, _) = data.load("olivetti")
    if validation:  # every fourth image that is for training
        last = np.arange(len(x)) % 4 == 3
        x, good = x[~last], x[last]
    return _drawn(_halved(x), _halved(good), generator)


def _clothes(number, validation, generator):
    (x, y), (good, y_test) = data.load("fashion_mnist")
    label = VALIDATION["clothes"] if validation else CLOTHES
    x, good = x[y == label], good[y_test == label]
    return _drawn(x[: len(x) // 2], x[len(x) // 2 :] if validation else good, generator)


_READERS: dict[str, Callable] = dict(
    zip(IMAGES, (_textures, _parts, _faces, _clothes), strict=True)
)


def _drawn(x, good, generator):
    return [x[generator.permutation(len(x))[:n]] for x, n in ((x, TRAINING), (good, TESTING))]


def _halved(x):
    """Return images of 64x64 pixels at half of the size."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
