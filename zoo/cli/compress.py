"""The commands `zoo compress`, `zoo decompress`, and `zoo card` of a compressed file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import zoo
from zoo.checks.words import printable
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_file, publish_file
from zoo.runtime.compressed_file import SUFFIX, CompressedImage, parse, read_compressed

DEFAULT = "codec_photographs"


def add_compress(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo compress`."""
    sub.add_argument("image", help="a PNG, JPEG or WebP file of any size")
    sub.add_argument("out", help=f"the compressed file to write, such as photo{SUFFIX}")
    sub.add_argument("--rate", type=int, help="from 1, the smallest files [the best images]")
    _add_model(sub)


def add_decompress(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo decompress`."""
    sub.add_argument("file", help="a file that `zoo compress` wrote")
    sub.add_argument("out", help="the image to write: .png or .webp, both without loss")
    _add_model(sub)


def _add_model(sub):
    sub.add_argument(
        "--model",
        default=DEFAULT,
        help="a preset's name or folder, hf://user/name, or a folder that `zoo export` wrote and "
        f"that needs no Keras [{DEFAULT}]",
    )


def compress(options: argparse.Namespace) -> None:
    """Run `zoo compress`."""
    if Path(options.out).suffix.lower() != SUFFIX:
        raise ValueError(
            f"{options.out} is the compressed file to write: end its name in {SUFFIX}."
        )
    check_file(options.out, options.overwrite)
    _check_other(options.image, options.out)
    from zoo.data.whole_images import read_image
    from zoo.runtime.entropy_tables import entropy_coder

    image = read_image(options.image)  # shows mistakes before a backend starts
    entropy_coder()
    codec = _codec(options.model)
    if codec.tile[2] != image.pixels.shape[2]:
        image = read_image(options.image, codec.tile[2])
    for change in image.changes:
        print(f"{printable(options.image)}: {change}", flush=True)
    data = codec.compress(image.pixels, options.rate)
    restored = codec.decompress(data)
    with publish_file(options.out, options.overwrite) as scratch:
        scratch.write_bytes(data)
    held = parse(data)
    print(
        f"{printable(options.out)}: {len(data):,} bytes, {held.bits_per_pixel:.3f} bits a pixel, "
        f"rate {held.rate} of {codec.rates}, PSNR {_psnr(image.pixels, restored):.2f} dB"
    )


def decompress(options: argparse.Namespace) -> None:
    """Run `zoo decompress`."""
    from zoo.data.whole_images import check_lossless, write_image
    from zoo.runtime.entropy_tables import entropy_coder

    check_lossless(options.out)
    check_file(options.out, options.overwrite)
    _check_other(options.file, options.out)
    data = read_compressed(options.file)
    held = parse(data, options.file)  # shows mistakes before a backend starts
    check_lossless(options.out, (held.height, held.width))
    entropy_coder()
    image = _codec(options.model).decompress(data, options.file)
    with publish_file(options.out, options.overwrite) as scratch:
        write_image(scratch, image, Path(options.out).suffix)
    print(f"{printable(options.out)}: {image.shape[1]} x {image.shape[0]} pixels")


def is_compressed(name: str) -> bool:
    """Return whether the argument of `zoo card` is a compressed file."""
    return Path(name).suffix.lower() == SUFFIX and not Path(name).is_dir()


def card(path: str) -> str:
    """Return what a compressed file says about itself, as text."""
    data = read_compressed(path)
    held: CompressedImage = parse(data, path)
    gray = " of gray" if held.channels == 1 else ""
    return printable(
        f"{path}: an image of {held.width} x {held.height} pixels{gray}, unharmed\n"
        f"bytes: {len(data):,}, of which {len(held.payload):,} for coefficients\n"
        f"bits a pixel: {held.bits_per_pixel:.3f}\n"
        f"rate: {held.rate}\n"
        f"made by: {held.name}, version {held.identity.hex()}"
    )


def _codec(name: str) -> Any:
    from zoo.data.decoding import most_pixels
    from zoo.runtime.signature_file import SIGNATURE_FILE

    if (Path(name) / "decoder" / SIGNATURE_FILE).is_file():
        from zoo.runtime.codec import load_codec

        return load_codec(name, max_pixels=most_pixels())
    zoo.card(name)
    with quiet():
        from zoo.compression.codec import Codec

        load = zoo.load
    return Codec(load(name), max_pixels=most_pixels())


def _check_other(read, written):
    if os.path.realpath(read) == os.path.realpath(written):
        raise ValueError(f"{written} is the file that is read: name another one to write.")


def _psnr(image, restored) -> float:
    import numpy as np

    error = np.mean(np.square(image.astype("float64") - restored))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
