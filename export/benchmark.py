"""Benchmarks of the variants of a part: bytes, milliseconds, reconstruction error."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import parity, part_files, test_inputs

if TYPE_CHECKING:
    from zoo.inference.parts import Part

BATCHES = (1, 64, 1024)
IMAGES = 1000
RUNS = 15  # calls of a variant
FEWEST = 3  # calls, if they take longer than LONG
LONG = 1.0  # seconds
PAIR = ("encoder", "decoder")


def add(
    report: dict[str, dict[str, Any]],
    parts: dict[str, Part],
    folder: Path,
    formats: Iterable[str],
    variants: tuple[str, ...],
    images: Mapping[str, np.ndarray],
) -> None:
    """Add an entry `variants` to the report of every part.

    For float32 and each variant the entry holds `bytes` and, by batch size, `milliseconds`: the
    median of 15 calls, or of at least 3 if they take more than a second. An encoder and a decoder
    that fit together also have the `reconstruction_error` of both: the squared error, summed over
    pixels, averaged over 1,000 images. It is None without the caller's images (and labels, if the
    parts take them). The names of entries of formats other than ONNX begin with the format, as in
    "litert int8".
    """
    for form in formats:
        for variant in (None, *variants):
            name = variant or "float32"
            name = name if form == "onnx" else f"{form} {name}"
            files = part_files.files_of(form, variant)
            runners = {p: part_files.runner_of(folder / p, form, variant) for p in parts}
            error = _reconstruction_error(parts, runners, images)
            for p, part in parts.items():
                inputs = next(iter(test_inputs.make_cases(part, images).values()))
                report[p].setdefault("variants", {})[name] = {
                    "bytes": sum((folder / p / file).stat().st_size for file in files),
                    "milliseconds": {
                        str(rows): _milliseconds(runners[p], inputs, rows) for rows in BATCHES
                    },
                    "reconstruction_error": error if p in PAIR else None,
                }


def _reconstruction_error(parts, runners, images) -> float | None:
    """Return the error of images after both parts; None without images, or if parts do not fit."""
    if not set(PAIR) <= parts.keys():
        return None
    encoder, decoder = (parts[name] for name in PAIR)
    code, seen = encoder.outputs[0], {info.name: info.shape for info in encoder.inputs}
    takes, gives = ({i.name: i.shape for i in infos} for infos in (decoder.inputs, decoder.outputs))
    if takes.get("z") != code.shape or gives.get("x", ()) != seen.get("x"):
        return None
    needed = {info.name: info for info in (*decoder.inputs, *encoder.inputs) if info.name != "z"}
    if not needed.keys() <= images.keys():
        return None
    inputs = {
        name: test_inputs.rows_of(info, IMAGES, images[name]) for name, info in needed.items()
    }
    fed = {info.name: inputs[info.name] for info in encoder.inputs}
    inputs["z"] = runners["encoder"](fed)[code.name]
    made = runners["decoder"]({name: inputs[name] for name in takes})["x"]
    squared = (made.astype("float64") - inputs["x"]) ** 2
    return float(f"{squared.sum() / len(squared):.4g}")


def _milliseconds(run: parity.Runner, inputs: parity.Arrays, rows: int) -> float:
    fed = {name: np.resize(array, (rows, *array.shape[1:])) for name, array in inputs.items()}
    times: list[float] = []
    while len(times) < RUNS and (len(times) < FEWEST or sum(times) < LONG):
        start = time.perf_counter()
        run(fed)
        times.append(time.perf_counter() - start)
    return float(f"{1000 * np.median(times):.3g}")
