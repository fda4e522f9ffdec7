"""Two hundred photographs: PCA, a cosine transform and autoencoders with codes of equal size."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from scipy.fft import dct

import zoo
from zoo import data
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.metrics.card_metrics import rounded
from zoo.plots.images import rows_of_images

SIDE, CODE = 64, 64
HELD_OUT = 33  # photographs for validation
COPIES = 16  # parts of each photograph
EPOCHS = 4  # with all parts; fewer images have more epochs, and as many steps
BATCH_SIZE, RATE = 32, 3e-4
SHOWN = 8
QUICK = {"SIDE": 16, "CODE": 2, "HELD_OUT": 2, "COPIES": 1, "SHOWN": 2}


@experiment(minutes=25)
def small_photographs(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Restore photographs from 64 numbers, by what 200 photographs and their parts teach."""
    x = _photographs("bsds500_train")
    x = x[np.random.default_rng(SEED).permutation(len(x))]
    held_out, x, x_test = x[:HELD_OUT], x[HELD_OUT:], _photographs("kodak")
    sets = {"photographs": x, "and mirror images": data.varied(x, 0)}
    sets["and parts"] = data.varied(x, COPIES, seed=SEED)
    steps = epochs * -(-len(sets["and parts"]) // BATCH_SIZE)
    methods: dict[str, Callable[..., np.ndarray]] = {
        "cosine transform, 64 of its numbers": _cosine(x)
    }
    methods |= {f"PCA, {name}": _pca(of) for name, of in sets.items()}
    networks = {
        "autoencoder, photographs": ("photographs", False),
        "autoencoder from PCA, photographs": ("photographs", True),
        "autoencoder from PCA, and parts": ("and parts", True),
    }
    for name, (of, at_pca) in networks.items():
        methods[name] = _trained(sets[of], held_out, at_pca, steps, verbose)
    rows, pictures = [], {"photographs of Kodak": x_test[:SHOWN]}
    for name, restore in methods.items():
        restored = restore(x_test)
        errors = [zoo.metrics.squared_error(restore(a), a) for a in (x, held_out)]
        errors.append(zoo.metrics.squared_error(restored, x_test))
        rows.append([name, *map(rounded, errors)])
        pictures[name] = np.clip(restored[:SHOWN], 0, 1)
        if verbose:
            print(*rows[-1], flush=True)
    return Table(
        "Codes of 64 numbers from 200 photographs",
        f"The 200 training photographs of BSDS500, their middle squares at {SIDE}x{SIDE} pixels: "
        f"{len(x)} to learn from, {HELD_OUT} for validation (seed {SEED}). Test: the "
        f"{len(x_test)} photographs of Kodak, likewise. Squared error of an image, summed over "
        f"pixels of [0, 1] and channels; a code has {CODE} numbers. Parts: "
        f"`zoo.data.varied(x, {COPIES})`, {len(sets['and parts']):,} images with the photographs "
        "and their mirror images. Cosine transform: of each of three axes of color, by PCA of the "
        f"pixels; the {CODE} numbers of largest variance, and the mean image. Autoencoder: "
        '`zoo.Autoencoder(network="resnet", likelihood="squared_error")`, Adam with a rate that '
        f"rises to {RATE:g} and falls along a cosine, {steps:,} steps of {BATCH_SIZE} images, "
        f"which are {epochs} epochs with all parts; one run each; the weights of the lowest "
        "validation error, looked at before and eight times. From PCA: `zoo.start_at_pca` on the "
        "same images. The size and the number of the parts were chosen on photographs of BSDS500 "
        "in two other orders; the rate was not compared with others.",
        ("method", "error, training", "error, validation", "error, test"),
        rows,
        rows_of_images(pictures, "from codes of 64 numbers"),
    )


def _photographs(name) -> np.ndarray:
    """Return the middle squares of the photographs in a folder of `ZOO_DATA`, float32."""
    folder = Path(os.environ.get("ZOO_DATA") or ".", name)
    with tempfile.TemporaryDirectory() as cache:
        images = data.from_folder(folder, SIDE, cache=cache).images
        order = np.argsort(data.from_folder(folder, SIDE, cache=cache).files)
        return np.asarray(images, "float32")[order]


def _pca(x):
    """Return a function that restores images by the principal components of x."""
    mean = x.mean(axis=0, dtype="float64").ravel()
    rows = x.reshape(len(x), -1) - mean
    products = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    values, vectors = np.linalg.eigh(products)
    components = vectors[:, ::-1][:, :CODE].T
    if len(rows) < rows.shape[1]:
        components = components @ rows / np.sqrt(values[::-1][:CODE, None])
    return _projection(mean, components)


def _cosine(x):
    """Return a function that restores images by the cosines whose variance in x is largest."""
    wave = dct(np.eye(SIDE), axis=0, norm="ortho")  # [frequencies, pixels]
    pixels = x.reshape(-1, 3)
    colors = np.linalg.eigh(np.cov(pixels, rowvar=False))[1].T
    mean = x.mean(axis=0, dtype="float64")
    found = np.einsum("nijc,ui,vj,kc->nuvk", x - mean, wave, wave, colors, optimize=True)
    largest = np.argsort(-found.var(axis=0).ravel())[:CODE]
    places = zip(*np.unravel_index(largest, found.shape[1:]), strict=True)
    basis = [np.einsum("i,j,c->ijc", wave[u], wave[v], colors[k]).ravel() for u, v, k in places]
    return _projection(mean.ravel(), np.stack(basis))


def _projection(mean, basis):
    def restore(images):
        rows = images.reshape(len(images), -1) - mean
        return ((rows @ basis.T) @ basis + mean).reshape(images.shape).astype("float32")

    return restore


def _trained(x, held_out, at_pca, steps, verbose):
    """Return the function `reconstruct` of an autoencoder after so many steps on x."""
    keras.utils.set_random_seed(SEED)
    model = zoo.Autoencoder(
        x.shape[1:], CODE, network="resnet", likelihood="squared_error", seed=SEED
    )
    if at_pca:
        zoo.start_at_pca(model, x)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, alpha=0.02, warmup_target=RATE, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(rate))
    batches = np.random.default_rng(SEED)
    best = zoo.metrics.squared_error(model.reconstruct(held_out), held_out)
    weights = model.get_weights()
    for part in np.array_split(np.arange(steps), min(8, steps)):
        order = np.concatenate(
            [batches.permutation(len(x)) for _ in range(-(-len(part) * BATCH_SIZE // len(x)))]
        )
        some = x[order[: len(part) * BATCH_SIZE]]
        model.fit(some, batch_size=BATCH_SIZE, verbose=0)
        error = zoo.metrics.squared_error(model.reconstruct(held_out), held_out)
        if verbose:
            print(f"step {part[-1] + 1}: {error:.1f}", flush=True)
        if error < best:
            best, weights = error, model.get_weights()
    model.set_weights(weights)
    return model.reconstruct
