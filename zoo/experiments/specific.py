"""Autoencoders are specific to their data: each of two is good only at its own kind of image."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.metrics.card_metrics import rounded
from zoo.metrics.reconstruction import psnr
from zoo.models.compressive import CompressiveAutoencoder
from zoo.plots.images import rows_of_images
from zoo.plots.picture import Picture

EPOCHS = 6
SIDE = 32
TRAINED, TESTED = 20_000, 768
SHOWN = 8
CODE = 32
SETS = {"digits": "mnist", "clothes": "fashion_mnist"}
QUALITIES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50)  # of JPEG
BITS = (16, 8, 4)  # a code number
QUICK = {"TRAINED": 100, "TESTED": 32, "QUALITIES": (1, 50)}


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


@experiment(minutes=2)
def specific_and_lossy(epochs: int = 10, verbose: int | str = 2) -> Table:
    """Restore digits and clothes by the autoencoder of each, and by JPEG files of equal size."""
    sets = {name: [x for x, _ in data.load(source)] for name, source in SETS.items()}
    sets = {name: (x[:TRAINED], x_test[:TESTED]) for name, (x, x_test) in sets.items()}
    models = {}
    for name, (x, _) in sets.items():
        models[name] = zoo.Autoencoder(x.shape[1:], CODE, seed=SEED)
        fit(models[name], x, epochs, 1e-3, verbose)
    rows: list[list] = []
    pictures, curves = {}, {}
    for name, (x_train, x) in sets.items():
        found = {"mean of the training images": [(0.0, np.broadcast_to(x_train.mean(0), x.shape))]}
        for of, model in models.items():
            z, known = model.encode(x), model.encode(sets[of][0])
            found[f"autoencoder of {of}"] = [
                (CODE * bits / 8, model.decode(quantized(z, known, bits))) for bits in BITS
            ]
        found["JPEG"] = [by_jpeg(x, quality) for quality in QUALITIES]
        for method, points in found.items():
            fair = CODE if method != "mean of the training images" else 0
            size, restored = min(points, key=lambda point: abs(point[0] - fair))
            value = rounded(metrics.squared_error(restored, x))
            rows.append([f"{name}, {method}", round(size, 1), value, round(psnr(restored, x), 2)])
            pictures[name, method] = restored[:SHOWN]
            curves[name, method] = [(size, psnr(some, x)) for size, some in points]
        pictures[name, "original"] = x[:SHOWN]
    header = len(jpeg(np.zeros((28, 28, 1)), 1)[0])
    return Table(
        "Autoencoders are specific and lossy",
        f"The first {TESTED:,} test images of MNIST and of Fashion-MNIST. Two equal autoencoders "
        f"(784-512-256-{CODE}) were trained on the first {TRAINED:,} training images of one of the "
        f"sets for {epochs} epochs, seed {SEED}. Bytes an image: a code is {CODE} numbers, each "
        "rounded to 8 bits on a scale from its smallest to its largest value among the training "
        "images of its model, and values beyond it are moved to its end. The scale belongs to the "
        "decoder and is not counted. JPEG (Pillow): the mean number of bytes after the headers, "
        f"as the {header} bytes of headers and tables are nearly the same in all files, at that "
        f"quality of {', '.join(map(str, QUALITIES))} whose size is nearest to {CODE} bytes. "
        "Error: squared, summed over pixels, mean of the images; PSNR: mean of the images.",
        ("images, restored by", "bytes", "error", "PSNR"),
        rows,
        _pairs(pictures, curves, rows),
    )


def quantized(z: np.ndarray, known: np.ndarray, bits: int) -> np.ndarray:
    """Round codes [n, d] to 2^bits values between the extremes of known codes, for each number."""
    low, high = known.min(axis=0), known.max(axis=0)
    step = np.maximum(high - low, 1e-12) / (2**bits - 1)
    levels = np.clip(np.round((z - low) / step), 0, 2**bits - 1)
    return (low + step * levels).astype("float32")


def by_jpeg(x: np.ndarray, quality: int) -> tuple[float, np.ndarray]:
    """Return the mean bytes of the compressed data of images, and the images of the files."""
    from PIL import Image

    files = [b"".join(jpeg(image, quality)) for image in x]
    size = np.mean([len(jpeg(image, quality)[1]) for image in x])
    restored = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    return float(size), np.stack(restored)[..., None].astype("float32") / 255


def jpeg(image: np.ndarray, quality: int) -> tuple[bytes, bytes, bytes]:
    """Return a JPEG file of an image [height, width, 1]: headers, compressed data, end mark."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.round(255 * image[..., 0]).astype("uint8")
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    file = buffer.getvalue()
    scan = file.index(b"\xff\xda")  # "start of scan", followed by the length of its header
    scan += 2 + int.from_bytes(file[scan + 2 : scan + 4], "big")
    return file[:scan], file[scan:-2], file[-2:]


def _pairs(pictures: dict, curves: dict, rows: Iterable[list]) -> Any:
    """Draw images and reconstructions, and PSNR by bytes."""
    figure = Picture(figsize=(12.8, 8), dpi=100, layout="constrained")
    found = {row[0]: row[1:3] for row in rows}
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
    methods = ("original", *(f"autoencoder of {of}" for of in SETS), "JPEG")
    for i, name in enumerate(SETS):
        axes = figure.add_subplot(grid[i, 0])
        shown = np.concatenate([pictures[name, method] for method in methods])
        axes.imshow(zoo.plots.tile(shown, SHOWN)[..., 0], cmap="gray_r", vmin=0, vmax=1)
        labels = [method.replace(" of ", "\nof ") for method in methods]
        for k, method in enumerate(methods[1:], 1):
            size, error = found[f"{name}, {method}"]
            labels[k] += f"\n{size:.0f} bytes, error {error:.1f}"
        axes.set_yticks(29 * np.arange(len(methods)) + 14, labels, fontsize=13)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(name, fontsize=14)
        axes = figure.add_subplot(grid[i, 1])
        for method, marker in zip(methods[1:], "osx", strict=True):
            axes.plot(*np.array(curves[name, method]).T, f"{marker}-", markersize=8, label=method)
        axes.axvline(CODE, color="gray", linestyle=":")
        axes.set_xlabel("bytes an image, without headers", fontsize=13)
        axes.set_ylabel("PSNR in dB", fontsize=13)
        axes.set_xlim(0, 150)
        axes.tick_params(labelsize=12)
        axes.set_title(name, fontsize=14)
        if i == 0:
            axes.legend(fontsize=13, loc="lower right", bbox_to_anchor=(1, 0.12))
    figure.suptitle("Each autoencoder restores only the kind of image that it knows", fontsize=16)
    return figure
