"""Benchmarks of the variants of a part: bytes, milliseconds, reconstruction error."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.runtime.session import onnx_file

from . import parity, test_inputs

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
    variants: tuple[str, ...],
    images: Mapping[str, np.ndarray],
) -> None:
    """Add an entry `variants` to the report of every part.

    For float32 and each variant the entry holds `bytes` and, by batch size, `milliseconds`: the
    median of 15 calls, or of at least 3 if they take more than a second. An encoder and a decoder
    that fit together also have the `reconstruction_error` of both: the squared error, summed over
    pixels, averaged over 1,000 images. It is None without the caller's images (and labels, if the
    parts take them).
    """
    names = (None, *variants)
    runners = {
        (name, variant): parity.onnx_runner(
            (folder / name / onnx_file(variant)).read_bytes(), optimize=True
        )
        for name in parts
        for variant in names
    }
    errors = {v: _reconstruction_error(parts, runners, v, images) for v in names}
    for name, part in parts.items():
        cases = test_inputs.make_cases(part, images)
        inputs = next(iter(cases.values()))
        report[name]["variants"] = {
            variant or "float32": {
                "bytes": (folder / name / onnx_file(variant)).stat().st_size,
                "milliseconds": {
                    str(rows): _milliseconds(runners[name, variant], inputs, rows)
                    for rows in BATCHES
                },
                "reconstruction_error": errors[variant] if name in PAIR else None,
            }
            for variant in names
        }


def _reconstruction_error(parts, runners, variant, images) -> float | None:
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
    inputs["z"] = runners["encoder", variant](fed)[code.name]
    made = runners["decoder", variant]({name: inputs[name] for name in takes})["x"]
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
