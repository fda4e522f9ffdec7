"""Autoencoders are specific to their data: a codec of digits on photographs, and the reverse."""

from __future__ import annotations

import numpy as np

from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.metrics.reconstruction import psnr
from zoo.models.compressive import CompressiveAutoencoder
from zoo.plots.images import rows_of_images

EPOCHS = 6
SIDE = 32
TRAINED, TESTED = 20_000, 768
SHOWN = 8
QUICK = {"TRAINED": 100, "TESTED": 32}


@experiment(minutes=5)
def specific_codecs(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Train one codec on digits and one on photographs, and compress both by both."""
    sets = {"digits": _digits(), "photographs": _photographs()}
    codecs = {name: _trained(x, epochs, verbose) for name, (x, _) in sets.items()}
    rows, pictures = [], {}
    for name, (_, x) in sets.items():
        shown = np.linspace(0, len(x) - 1, SHOWN).astype(int)
        pictures[name] = x[shown]
        for of, codec in codecs.items():
            restored = np.clip(codec.reconstruct(x, rate=1), 0, 1)
            bits = codec.bits_per_pixel(x, rate=1)
            rows.append(
                [f"{name}, by the codec of {of}", round(bits, 3), round(psnr(restored, x), 2)]
            )
            pictures[f"{name} by {of}"] = restored[shown]
            if verbose:
                print(*rows[-1], flush=True)
    return Table(
        "Codecs know what they were trained on",
        f"Gray images of {SIDE}x{SIDE} pixels: MNIST's digits with a border of zeros, and squares "
        "of the photographs that come with scikit-learn and scikit-image; two of these are for "
        f"testing. Two equal CompressiveAutoencoders of one rate, trained on {TRAINED:,} images "
        f"each for {epochs} epochs; bits a pixel by the tables of the entropy coder, without "
        f"headers, and PSNR, averaged over {TESTED} test images.",
        ("compressed images", "bits per pixel", "PSNR"),
        rows,
        rows_of_images(pictures, "after compression by each codec", cmap="gray"),
    )


def _digits() -> tuple[np.ndarray, np.ndarray]:
    (x, _), (x_test, _) = data.load("mnist")
    border = ((0, 0), (2, 2), (2, 2), (0, 0))
    return np.pad(x[:TRAINED], border), np.pad(x_test[:TESTED], border)


def _photographs() -> tuple[np.ndarray, np.ndarray]:
    (x, _), (x_test, _) = data.load("photographs")
    order = np.random.default_rng(SEED).permutation(16 * len(x))
    return _squares(x)[order[:TRAINED]], _squares(x_test)[:TESTED]


def _squares(x: np.ndarray) -> np.ndarray:
    """Return squares of gray, float32 [n, 32, 32, 1], of images [n, 128, 128, 3]."""
    gray = (x @ np.array([0.299, 0.587, 0.114], "float32"))[..., None]
    n, parts = len(x), gray.shape[1] // SIDE
    cut = gray.reshape(n, parts, SIDE, parts, SIDE, 1).swapaxes(2, 3)
    return np.ascontiguousarray(cut.reshape(-1, SIDE, SIDE, 1))


def _trained(x, epochs, verbose) -> CompressiveAutoencoder:
    model = CompressiveAutoencoder(x.shape[1:], 32, filters=(32, 32), tradeoffs=(100.0,), seed=SEED)
    fit(model, x, epochs, 1e-3, verbose)
    return model
