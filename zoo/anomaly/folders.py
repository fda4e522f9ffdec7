"""Folders of images for detectors: images for `fit`, and pictures and links for reports."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from zoo.anomaly import training
from zoo.data.decoding import printable_name
from zoo.data.folders import ImageFolder, from_folder

_SHOWN = 20  # names of broken files in a message
_SIDE = 128  # pixels of the longer side of a picture on the page


def is_folder(x: Any) -> bool:
    """Return whether data are the images of a folder, as from `zoo.data.from_folder`."""
    return isinstance(x, ImageFolder)


def images_of(x: Any) -> Any:
    """Return all images of an `ImageFolder`, in the order of its files, or other data unchanged."""
    return x.images if isinstance(x, ImageFolder) else x


def for_fit(
    detector: Any, x: Any, validation_data: Any, share: float | None, train: bool | None
) -> tuple[Any, Any]:
    """Return the training data, and the data for the threshold, or None to use the same.

    The validation images of an `ImageFolder` set the threshold if a model is trained here and the
    rule of the threshold needs held-out normal data. Otherwise all images are used for training.

    Args:
        x, validation_data, train: as in `Detector.fit`. share: its `validation_split`.
    """
    validation_data = images_of(validation_data)
    if not isinstance(x, ImageFolder):
        return x, validation_data
    (some, _), (kept, _) = x
    if train is None:
        train = detector.model is None or not training.is_trained(detector.model)
    asked = validation_data is not None or share is not None
    if train and not asked and detector.rule != "contamination" and len(kept) > 1:
        return some, kept
    return x.images, validation_data


def read_folder(path: Any, model: Any, labels: str | None = None, cache: Any = None) -> ImageFolder:
    """Return all images of a folder at the input size of a model.

    Args:
        path, labels, cache: as in `zoo.data.from_folder`. model: the model of the detector.

    Raises:
        OSError, ValueError: not a folder of images, or not a model of images.
    """
    shape = tuple(model.image_shape)
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"{path} is a folder, but the model takes items of shape {shape}: folders hold images "
            "in gray or color. Give an .npy file or a table."
        )
    return from_folder(
        path, shape[:2], channels=shape[-1], labels=labels, validation=0, cache=cache
    )


def names_of(folder: ImageFolder) -> tuple[str, ...]:
    """Return the names of the files inside the folder, as printable text."""
    return tuple(map(printable_name, folder.files))


def links(folder: ImageFolder, numbers: Iterable[int], report: Any) -> list[str | None]:
    """Return addresses of files relative to the folder of a report; None on another drive.

    Args:
        numbers: the numbers of the files. report: the folder of the page.
    """
    found: list[str | None] = []
    for i in numbers:
        try:
            path = os.path.relpath(folder.folder / folder.files[i], report)
        except ValueError:  # no relative path leads to another drive
            found.append(None)
        else:  # escapes colons and quotes, so that a name starts no scheme and no tag
            found.append(quote(os.fsencode(Path(path).as_posix())))
    return found


def pictures_of(detector: Any, items: np.ndarray, addresses: Sequence[str | None]) -> list[str]:
    """Return HTML for each image: the image, its reconstruction if there is one, and its map.

    Args:
        items: [k, height, width, channels]. addresses: of the files; the images link to them.
    """
    errors = not mapped(detector)
    maps = detector.explain(items).mean(axis=-1) if errors else detector.maps(items)
    restored = detector.reconstruct(items) if reconstructs(detector) else [None] * len(items)
    low, high = float(items.min()), max(float(items.max()), float(items.min()) + 1e-6)
    found = []
    for item, other, values, address in zip(items, restored, maps, addresses, strict=True):
        shown = [("image", _scaled(item, low, high))]
        shown += [] if other is None else [("reconstruction", _scaled(other, low, high))]
        shown.append(("map", _heat(values / max(float(values.max()), 1e-12))))
        tags = [_tag(name, pixels) for name, pixels in shown]
        if address is not None:
            tags[0] = f'<a href="{html.escape(address)}">{tags[0]}</a>'
        found.append(" ".join(tags))
    return found


def reconstructs(detector: Any) -> bool:
    """Return whether a detector has reconstructions, and does not compare features."""
    return hasattr(detector, "reconstruct")


def mapped(detector: Any) -> bool:
    """Return whether a detector has maps that are not the errors of its reconstructions."""
    return not reconstructs(detector) or detector.normal_map is not None


def told_broken(folder: ImageFolder) -> str:
    """Return a sentence that names the files that cannot be read and have no score, or ""."""
    if not folder.broken:
        return ""
    names = list(folder.broken)
    some = ", ".join(map(printable_name, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"Files without a score, because they cannot be read: {some}{more}."


def _scaled(values, low, high) -> np.ndarray:
    """Return values as bytes, [height, width, channels]."""
    return np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype("uint8")


def _heat(values) -> np.ndarray:
    """Return values [height, width] in [0, 1] as colors, bytes [height, width, 3]."""
    from matplotlib import colormaps

    return colormaps["inferno"](values, bytes=True)[..., :3]


def _tag(name, pixels) -> str:
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="png")
    height, width = pixels.shape[:2]
    factor = _SIDE / max(height, width)
    size = f'width="{max(1, round(factor * width))}" height="{max(1, round(factor * height))}"'
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{name}" {size} src="data:image/png;base64,{data}">'
