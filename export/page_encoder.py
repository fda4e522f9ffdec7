"""The encoder of a page: codes of the examples, and what the browser needs to run the encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.runtime.session import ONNX_FILE, Session, load
from zoo.runtime.tensors import TensorSpec, check_array

EXAMPLES = 20
_CODES = 256
_SEARCHED = 2000  # images with codes of bits


class PageEncoder(NamedTuple):
    """An exported encoder that fits the decoder of a page.

    Attributes:
        session: the encoder, from pictures `x`, and the class if it takes one, to codes.
        x: the input for pictures.
        label: the input for the class, or None if the encoder takes no class.
        code: the first output, in the shape of the code that the decoder takes.
    """

    session: Session
    x: TensorSpec
    label: TensorSpec | None
    code: TensorSpec


def fitting_encoder(
    exported: Path, code: TensorSpec, label: TensorSpec | None, picture: TensorSpec
) -> PageEncoder | None:
    """Return the encoder of an export, or None if no encoder fits the decoder.

    Args:
        exported: a folder from `export_model`.
        code, label, picture: the decoder's tensors; `label` is None if it takes no class.
    """
    if not (exported / "encoder" / ONNX_FILE).is_file():
        return None
    session = load(exported / "encoder")
    takes = {tensor.name: tensor for tensor in session.inputs}
    seen = [t for t in session.inputs if t.dtype == "float32" and t.shape == picture.shape]
    if not seen or not takes.keys() <= {seen[0].name, label.name if label else None}:
        return None
    if session.outputs[0].shape != code.shape or seen[0].layout != picture.layout:
        return None
    classes = takes.get(label.name) if label else None
    return PageEncoder(session, seen[0], classes, session.outputs[0])


def encoded_examples(
    encoder: PageEncoder,
    exported: Path,
    label: TensorSpec | None,
    images: Any,
    labels: Any,
    most: int = _CODES,
) -> dict[str, Any]:
    """Return the first images, 256 by default, with their classes and codes.

    Args:
        encoder: from `fitting_encoder`.
        exported: the folder of the export. If `labels` is None, its classifier predicts them.
        label: the class that the decoder takes, or None.
        images: [n, height, width, channels] in the encoder's range.
        labels: integers [n], or None.
        most: how many of the images.

    Returns:
        `"pictures"`: float32 in the order of the encoder's values; `"codes"`: float32; `"labels"`:
        a list of integers.

    Raises:
        ValueError: images or labels do not fit.
    """
    x = encoder.x
    moved = x.layout == "channels_first" and np.ndim(images) == 4
    pictures = check_array(x, np.moveaxis(images, -1, 1) if moved else images)[:most]
    if label is None:
        classes = np.zeros(len(pictures), np.int32)
    elif labels is None:
        classes = _guessed(exported, label, x.name, pictures)
    else:
        classes = check_array(label, labels)[:most]
    if len(classes) != len(pictures):
        raise ValueError(f"There are {len(pictures)} images, but {len(classes)} labels.")
    inputs = {x.name: pictures} | ({encoder.label.name: classes} if encoder.label else {})
    codes = encoder.session(**inputs)[encoder.code.name]
    return {"pictures": pictures, "codes": codes, "labels": classes.tolist()}


def searched_images(
    encoder: PageEncoder,
    exported: Path,
    label: TensorSpec | None,
    images: Any,
    labels: Any,
    searched: int | None,
) -> dict[str, Any] | None:
    """Return the images that visitors search, with their codes, or None.

    Args:
        encoder, exported, label, images, labels: as for `encoded_examples`.
        searched: how many; None for 2,000 if the codes are bits, else none.

    Raises:
        ValueError: a negative number.
    """
    if searched is None:
        some = encoded_examples(encoder, exported, label, images, labels)
        searched = _SEARCHED if _are_bits(some["codes"]) else 0
    if searched < 0:
        raise ValueError(f"searched is {searched}; give 0 or more.")
    if not searched:
        return None
    return encoded_examples(encoder, exported, label, images, labels, searched)


def described_searched(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the browser needs to search: how many images there are, and the metric."""
    metric = "hamming" if _are_bits(found["codes"]) else "cosine"
    return {"count": len(found["pictures"]), "metric": metric}


def _are_bits(codes: np.ndarray) -> bool:
    return bool(np.isin(codes, (0, 1)).all())


def described_encoder(encoder: PageEncoder, examples: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the browser needs to encode a visitor's picture.

    Args:
        encoder: from `fitting_encoder`.
        examples: from `encoded_examples`, or None.

    Returns:
        A dict for JSON. `low` is black and `high` is white: the encoder's range; without one, 0 to
        1, or the wider range of the examples. `background` is "dark" or "light" if most gray
        examples have such a border, else null: the page inverts images with the opposite border.
        `centered` says whether the center of mass of gray examples is in the middle, as in MNIST:
        the page then moves a visitor's image there.
    """
    low, high = encoder.x.low, encoder.x.high
    if low is None or high is None:
        pictures = examples["pictures"] if examples else np.zeros(1)
        low, high = min(0.0, float(pictures.min())), max(1.0, float(pictures.max()))
    return {
        "picture": encoder.x.name,
        "shape": encoder.x.shape,
        "low": low,
        "high": high,
        "takes_label": encoder.label is not None,
        "code": encoder.code.name,
        **_habits(encoder.x, examples, low, high),
    }


def _habits(
    x: TensorSpec, examples: dict[str, Any] | None, low: float, high: float
) -> dict[str, Any]:
    """Return what gray examples have in common: their background, and whether they are centered."""
    first = x.layout == "channels_first"
    if examples is None or x.shape[0 if first else -1] != 1:
        return {"background": None, "centered": False}
    height, width = x.shape[1:] if first else x.shape[:-1]
    shares = (examples["pictures"].reshape(-1, height, width) - low) / (high - low)
    border = np.ones((height, width), bool)
    border[1:-1, 1:-1] = False
    level = float(np.median(shares[:, border].mean(axis=1)))
    background = "dark" if level < 1 / 3 else "light" if level > 2 / 3 else None
    ink = 1 - shares if background == "light" else shares
    middle = np.reshape([height - 1, width - 1], (2, 1, 1)) / 2
    mass = np.maximum(ink.sum(axis=(1, 2)), 1e-6)
    off = [np.abs((ink * d).sum(axis=(1, 2)) / mass) for d in np.indices((height, width)) - middle]
    # MNIST was centered in this way: within one of 28 pixels for nearly all images.
    most = float(np.quantile(np.maximum(*off), 0.95)) / max(height, width)
    centered = background is not None and most <= 1 / 28
    return {"background": background, "centered": centered}


def _guessed(exported: Path, label: TensorSpec, name: str, pictures: np.ndarray) -> np.ndarray:
    """Return the classes that the model's classifier predicts; without one, all classes in turn."""
    low, classes = label.labels[0], len(label.labels)
    if (exported / "classifier" / ONNX_FILE).is_file():
        classifier = load(exported / "classifier")
        (output,) = classifier.outputs
        if output.shape == (classes,):
            return low + classifier(**{name: pictures})[output.name].argmax(axis=1)
    return low + np.arange(len(pictures)) % classes
