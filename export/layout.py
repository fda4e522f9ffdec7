"""Parts with images in channels-first layout, as in PyTorch and most ONNX applications."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zoo.inference.parts import Part, TensorInfo

LAYOUTS = ("channels_last", "channels_first")


def check_layout(layout: str) -> None:
    """Raise a ValueError unless the layout is one of `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}; give one of {list(LAYOUTS)}.")


def arrange(
    parts: Mapping[str, Part], images: Mapping[str, np.ndarray], layout: str
) -> tuple[dict[str, Part], dict[str, np.ndarray]]:
    """Return parts by name and images by input name, both converted to a layout."""
    if layout == "channels_last":
        return dict(parts), dict(images)
    moved = {name for part in parts.values() for name in _names(part.inputs)}
    arranged = {name: channels_first(part) for name, part in parts.items()}
    return arranged, {k: np.moveaxis(v, -1, 1) if k in moved else v for k, v in images.items()}


def channels_first(part: Part) -> Part:
    """Return the same part with channels first: [channels, height, width] for images.

    This changes inputs and outputs that have three or four dimensions without the batch (images
    and volumes), but not codes and labels.
    """
    from keras import ops

    def function(inputs):
        moved = _names(part.inputs)
        inputs = {k: ops.moveaxis(v, 1, -1) if k in moved else v for k, v in inputs.items()}
        moved = _names(part.outputs)
        outputs = part.function(inputs)
        return {k: ops.moveaxis(v, -1, 1) if k in moved else v for k, v in outputs.items()}

    return dataclasses.replace(
        part,
        function=function,
        inputs=tuple(map(_moved, part.inputs)),
        outputs=tuple(map(_moved, part.outputs)),
    )


def layout_of(signature: dict[str, Any]) -> str:
    """Return the layout that the signature of an exported part states."""
    tensors = (*signature["inputs"], *signature["outputs"])
    first = any(entry.get("layout") == "channels_first" for entry in tensors)
    return "channels_first" if first else "channels_last"


def _names(infos: tuple[TensorInfo, ...]) -> set[str]:
    return {info.name for info in infos if _has_channels(info)}


def _has_channels(info: TensorInfo) -> bool:
    return len(info.shape) in (3, 4)


def _moved(info: TensorInfo) -> TensorInfo:
    if not _has_channels(info):
        return info
    *spatial, channels = info.shape
    prior = info.prior and {
        key: np.reshape(value, (channels, *(1 for _ in spatial))).tolist()
        if np.shape(value) == (channels,)
        else value
        for key, value in info.prior.items()
    }
    shape = (channels, *spatial)
    return dataclasses.replace(info, shape=shape, layout="channels_first", prior=prior)
