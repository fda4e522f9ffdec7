"""Compression of photographs beside JPEG and others, and of binary digits by bits back."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import zoo
from zoo import data, recipes
from zoo.checks.arguments import number
from zoo.compression import BitsBack, Codec
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit_recipe
from zoo.metrics.likelihood import negative_elbo
from zoo.metrics.reconstruction import ms_ssim
from zoo.models.compressive import CompressiveAutoencoder
from zoo.plots.picture import Picture

EPOCHS = 100
RECIPE, SHIPPED = "codec_bsds500", "codec_photographs"
JPEG, WEBP, JPEG_2000 = "JPEG", "WebP", "JPEG 2000"
SETTINGS: dict[str, tuple[int, ...]] = {
    JPEG: (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 88, 93),
    WEBP: (0, 2, 5, 10, 20, 35, 50, 65, 78, 86, 92),
    JPEG_2000: (240, 160, 110, 80, 60, 45, 34, 26, 20, 15, 11, 8),
}
SAVED: dict[str, dict[str, Any]] = {
    JPEG: {"format": "JPEG", "optimize": True, "subsampling": "4:2:0"},
    WEBP: {"format": "WEBP", "method": 6},
    # Pillow leaves the color transform out unless it is asked for, which costs 3 to 4 dB.
    JPEG_2000: {"format": "JPEG2000", "quality_mode": "rates", "irreversible": True, "mct": 1},
}
REPORTED = {  # bits a pixel and PSNR on Kodak, of CompressAI
    "JPEG": (0.508, 29.04),
    "JPEG 2000": (0.479, 31.07),
    "WebP": (0.513, 31.44),
    "factorized prior": (0.440, 31.28),
    "hyperprior": (0.478, 32.84),
}
CROPS = ((0, 150, 200), (14, 60, 260), (22, 60, 180))  # photograph, top, left
CROPPED = 160  # pixels
PHOTOGRAPHS, MOST_PIXELS = 24, 768  # of Kodak, and on a side of each
QUICK = {
    "SETTINGS": {JPEG: (20, 60), WEBP: (20, 65), JPEG_2000: (45, 20)},
    "PHOTOGRAPHS": 1,
    "MOST_PIXELS": 176,  # MS-SSIM needs more than 160
    "CROPS": ((0, 10, 10),),
}


class Point(NamedTuple):
    """A setting of a codec: means over the photographs, and the photographs as restored."""

    bits: float
    psnr: float
    ms_ssim: float
    encoded: float
    decoded: float
    restored: list[np.ndarray]


@experiment(minutes=40)
def compression(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Compress the photographs of Kodak with a trained and the shipped codec, and with others."""
    photographs = [one[:MOST_PIXELS, :MOST_PIXELS] for one in kodak()[:PHOTOGRAPHS]]
    (x, _), _ = data.load(recipes.get(RECIPE).data)
    model = fit_recipe(recipes.get(RECIPE), x, None, epochs, verbose)
    curves = {name: _of_pillow(name, photographs) for name in SETTINGS}
    ours = {"trained on BSDS": _of(model, photographs, verbose)}
    ours["codec_photographs"] = _of(zoo.load(SHIPPED), photographs, verbose)
    rows = []
    for name, points in ours.items():
        for rate, point in enumerate(points, 1):
            others = [_at(curves[other], point.bits) for other in (JPEG, WEBP, JPEG_2000)]
            rows.append(
                [
                    f"{name}, rate {rate}",
                    round(point.bits, 3),
                    *(round(value, 2) for value in (point.psnr, *(psnr for psnr, _ in others))),
                    *(round(value, 4) for value in (point.ms_ssim, *(s for _, s in others))),
                    *(_two_digits(speed) for speed in (point.encoded, point.decoded)),
                ]
            )
    reported = "; ".join(f"{k} {psnr} at {bits}" for k, (bits, psnr) in REPORTED.items())
    return Table(
        "Photographs compressed, beside JPEG, WebP and JPEG 2000 of the same size",
        f"Kodak, {len(photographs)} photographs: bits a pixel of whole files, PSNR in dB of RGB, "
        "MS-SSIM, each averaged over the photographs; megapixels a second on two cores, without "
        f"reading and writing of files. Trained on {len(x):,} squares of BSDS500's training "
        f"photographs for {epochs} epochs; the shipped preset on squares of free photographs. The "
        "other codecs are Pillow's: JPEG optimized, 4:2:0; WebP with method 6; JPEG 2000 with the "
        "irreversible transform of colors and wavelets; their values are interpolated between "
        f"qualities to the same bits a pixel. Reported by CompressAI: {reported}.",
        (
            *("codec", "bits per pixel", "PSNR", "PSNR of JPEG", "of WebP", "of JPEG 2000"),
            *("MS-SSIM", "MS-SSIM of JPEG", "that of WebP", "that of JPEG 2000"),
            *("encoded MP/s", "decoded MP/s"),
        ),
        rows,
        _picture(photographs, ours, curves),
    )


def kodak() -> list[np.ndarray]:
    """Return the photographs of Kodak in the folder that `ZOO_DATA` names, uint8.

    Raises:
        FileNotFoundError: they are not there.
    """
    folder = Path(os.environ.get("ZOO_DATA") or ".", "kodak")
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no PNG files: put Kodak's photographs there.")
    found = []
    for path in paths:
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB")))
    return found


def _of(model: CompressiveAutoencoder, photographs, verbose) -> list[Point]:
    codec = Codec(model)
    codec.decompress(codec.compress(photographs[0]))  # compiles
    points = []
    for rate in range(1, codec.rates + 1):
        files, encoded = _timed(lambda image, rate=rate: codec.compress(image, rate), photographs)
        restored, decoded = _timed(codec.decompress, files)
        points.append(_point(photographs, files, restored, encoded, decoded))
        if verbose:
            print(f"rate {rate}", *(f"{value:.4g}" for value in points[-1][:5]), flush=True)
    return points


def _of_pillow(name, photographs) -> list[Point]:
    points = []
    for setting in SETTINGS[name]:

        def encode(image, setting=setting):
            how: dict[str, Any] = dict(SAVED[name])
            how |= {"quality_layers": [setting]} if name == JPEG_2000 else {"quality": setting}
            written = io.BytesIO()
            Image.fromarray(image).save(written, **how)
            return written.getvalue()

        files, encoded = _timed(encode, photographs)
        restored, decoded = _timed(_read, files)
        points.append(_point(photographs, files, restored, encoded, decoded))
    return points


def _read(content) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _timed(function, items) -> tuple[list, float]:
    """Return the results, and the seconds that they took."""
    start = time.perf_counter()
    return [function(item) for item in items], time.perf_counter() - start


def _point(photographs, files, restored, encoded, decoded) -> Point:
    pixels = [image.shape[0] * image.shape[1] for image in photographs]
    bits = [8 * len(file) / n for file, n in zip(files, pixels, strict=True)]
    psnr = [_psnr(a, b) for a, b in zip(restored, photographs, strict=True)]
    similar = [
        ms_ssim(a[None] / 255.0, b[None] / 255.0)
        for a, b in zip(restored, photographs, strict=True)
    ]
    bits, psnr, similar = (float(np.mean(values)) for values in (bits, psnr, similar))
    megapixels = sum(pixels) / 1e6
    return Point(bits, psnr, similar, megapixels / encoded, megapixels / decoded, restored)


def _psnr(a, b) -> float:
    return 10 * np.log10(255**2 / np.mean(np.square(a.astype("float64") - b)))


def _at(points: list[Point], bits: float) -> tuple[float, float]:
    """Return PSNR and MS-SSIM at a number of bits, between the settings of a codec."""
    ordered = sorted(points, key=lambda point: point.bits)
    known = [point.bits for point in ordered]
    psnr, similar = (
        float(np.interp(bits, known, [getattr(point, name) for point in ordered]))
        for name in ("psnr", "ms_ssim")
    )
    return psnr, similar


def _two_digits(value) -> float:
    return float(f"{number('speed', value):.2g}")


def _picture(photographs, ours, curves) -> Picture:
    """Draw both curves, and crops of the second rate beside the others at the same size."""
    figure = Picture(figsize=(13, 12), dpi=100, layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    upper, lower = parts
    for axes, name in zip(upper.subplots(1, 2), ("psnr", "ms_ssim"), strict=True):
        for codec, points in (ours | curves).items():
            near = sorted(point for point in points if point.bits < 1.4)
            values = [getattr(point, name) for point in near]
            style = "o-" if codec in ours else "--"
            axes.plot([point.bits for point in near], values, style, label=codec)
        if name == "psnr":
            for marker, (codec, (bits, psnr)) in zip("x+1^s", REPORTED.items(), strict=True):
                axes.plot(bits, psnr, f"k{marker}", label=f"{codec}, reported")
        axes.set(xlabel="bits per pixel", ylabel={"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM"}[name])
        axes.legend(fontsize=8)
    (name, points), *_ = ours.items()
    point = points[min(1, len(points) - 1)]
    shown = {"photograph": photographs, f"{name}, {point.bits:.2f} bits": point.restored}
    for other, settings in curves.items():
        nearest = min(settings, key=lambda p: abs(p.bits - point.bits))
        shown[f"{other}, {nearest.bits:.2f} bits"] = nearest.restored
    grid = lower.subplots(len(CROPS), len(shown), squeeze=False)
    for row, (which, top, left) in zip(grid, CROPS, strict=True):
        for axes, (title, images) in zip(row, shown.items(), strict=True):
            image = images[which % len(images)]
            axes.imshow(image[top : top + CROPPED, left : left + CROPPED])
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=8)
    return figure


LOSSLESS = {"vae_mnist_binarized": "mnist_binarized", "vae_mnist_conv": "mnist"}


@experiment(minutes=5)
def lossless(verbose: int | str = 2) -> Table:
    """Compress binary digits without loss by bits back, beside general compressors."""
    rows = []
    for preset, name in LOSSLESS.items():
        x = data.load(name)[1][0]
        digits = "fixed binary digits"
        if name == "mnist":
            digits = "digits, 1 with the probability of their gray"
            x = (np.random.default_rng(SEED).random(x.shape) < x).astype("float32")
        coder = BitsBack(zoo.load(preset))
        compressed = coder.compress(x)
        if not np.array_equal(coder.decompress(compressed.data), x):
            raise RuntimeError(f"{preset} did not restore every digit.")
        bound = negative_elbo(coder.model, x)[0] / np.log(2) / x[0].size
        lengths = {
            f"{preset}, bits back": compressed.bits,
            f"{preset}, the whole file": 8 * len(compressed.data),
            **_general(x),
        }
        rows.append([f"{digits}: negative ELBO of {preset}", round(bound, 4), None])
        for how, bits in lengths.items():
            each = bits / x.size
            over = round(100 * (each / bound - 1), 1)
            rows.append([f"{digits}: {how}", round(each, 4), over])
            if verbose:
                print(*rows[-1], flush=True)
    return Table(
        "Binary digits compressed without loss",
        "The 10,000 test images, all in one stream, 784 pixels each, by the presets as they "
        "are. Bits back: of the stream, less the 4,096 spare bits that are got back at its end; "
        "the whole file counts these and the header, too. All images were restored bit by bit. "
        "gzip, bz2: of all images as packed bits; PNG and WebP, lossless, with one bit a pixel "
        "where the format has it: of all images in one picture, and of one file for each image. "
        "Reported by Townsend et al. 2019 for binary digits and a smaller VAE: 0.19, which is also "
        "its negative ELBO.",
        ("pixels and compressor", "bits per pixel", "above the negative ELBO, %"),
        rows,
    )


def _general(x) -> dict[str, int]:
    """Return the bits that general compressors need for binary images [n, height, width, 1]."""
    packed = np.packbits(x.astype("uint8").reshape(len(x), -1), axis=1).tobytes()
    pictures = (x[..., 0] > 0.5).reshape(len(x), *x.shape[1:3])
    columns = 100  # of one large picture, as WebP allows at most 16,383 pixels a side
    whole = -(-len(pictures) // columns)
    sheet = np.zeros((whole * columns, *pictures.shape[1:]), bool)
    sheet[: len(pictures)] = pictures
    height, width = pictures.shape[1:]
    sheet = sheet.reshape(whole, columns, height, width).swapaxes(1, 2)
    sheet = sheet.reshape(whole * height, columns * width)
    return {
        "gzip": 8 * len(gzip.compress(packed, 9)),
        "bz2": 8 * len(bz2.compress(packed, 9)),
        "PNG, one picture": 8 * len(_saved(sheet, "PNG")),
        "PNG, a file each": 8 * sum(len(_saved(one, "PNG")) for one in pictures),
        "WebP, one picture": 8 * len(_saved(sheet, "WEBP")),
        "WebP, a file each": 8 * sum(len(_saved(one, "WEBP")) for one in pictures),
    }


def _saved(bits, kind) -> bytes:
    image, written = Image.fromarray(bits), io.BytesIO()
    if kind == "WEBP":
        image.convert("RGB").save(written, kind, lossless=True, quality=100, method=6)
    else:
        image.save(written, kind, optimize=True)
    return written.getvalue()
