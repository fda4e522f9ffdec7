"""A static page on which an exported `SketchRNN` draws, stroke by stroke."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.files.atomic_writes import publish_folder
from zoo.runtime.session import ONNX_FILE, load, read_model
from zoo.runtime.signature_file import read_signature

from . import onnxruntime_web, signature

PARTS = ("encoder", "initial_state", "step")
_OUTPUTS = ("pen", "log_weight", "mean", "stddev", "correlation", "next_state")
_FILES = ("index.html", "style.css", "page.js", "sketch.js", "paper.js")
_SIDE = 8.0  # of a drawing, in the units of the data sets of strokes


def draws(exported: str | os.PathLike) -> bool:
    """Return whether a folder from `export_model` holds a model that draws step by step."""
    if not (Path(exported) / "step" / ONNX_FILE).is_file():
        return False
    found = {tensor.name for tensor in load(Path(exported) / "step").outputs}
    return found == {*_OUTPUTS}


def write(
    exported: Path,
    folder: str | os.PathLike,
    described: dict[str, Any],
    images: Any,
    archive: str | os.PathLike | None,
    overwrite: bool,
) -> Path:
    """Write the page of `export.write_page` for a model that draws.

    Args:
        described: version, name, title, description and licence.
        images: drawings, stroke-5 sequences [n, time, 5], which say how large drawings are; or
            None.
        Others: see `write_page`.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: the prior is not a normal distribution around 0.
    """
    sessions = {part: load(exported / part) for part in PARTS}
    code, x = sessions["initial_state"].inputs[0], sessions["encoder"].inputs[0]
    prior = code.prior or {}
    scale = np.unique(prior.get("scale", 1.0))
    if prior.get("kind") != "normal" or np.any(prior.get("mean", 0.0)) or len(scale) > 1:
        raise ValueError(
            f"The prior is {prior}; the page draws from normal priors around 0 with one deviation."
        )
    content = {
        **described,
        "length": x.shape[0],
        "latent": code.shape[0],
        "state": sessions["initial_state"].outputs[0].shape[0],
        "scale": float(scale[0]),
        "side": _SIDE if images is None else _usual_side(images),
    }
    bundle = onnxruntime_web.read(archive)
    with publish_folder(folder, overwrite) as scratch:
        for name in _FILES:
            source = Path(__file__).parent / "drawing_page_files" / name
            (scratch / name).write_bytes(source.read_bytes())
        (scratch / "onnxruntime-web").mkdir()
        for name, data in bundle.items():
            (scratch / "onnxruntime-web" / name).write_bytes(data)
        for part in PARTS:
            model = read_model(exported / part, ONNX_FILE, read_signature(exported / part))
            (scratch / f"{part}.onnx").write_bytes(model)
        signature.write_json(scratch / "page.json", content)
    return Path(folder) / "index.html"


def _usual_side(images) -> float:
    """Return the median of the longer sides of up to 256 drawings."""
    points = np.cumsum(np.asarray(images[:256], "float64")[..., :2], axis=1)
    points = np.concatenate([np.zeros_like(points[:, :1]), points], axis=1)
    return float(np.median(np.ptp(points, axis=1).max(axis=1)))
