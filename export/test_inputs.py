"""The inputs for the parity check."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.runtime.draws import draw_prior
from zoo.runtime.tensors import TensorSpec, check_array

if TYPE_CHECKING:
    from zoo.inference.parts import Part, TensorInfo

ROWS = 64
_MOST_LABELS = 1024
_MOST_IMAGES = 256

Variant = tuple[str, np.ndarray]


def assign_images(parts: Iterable[Part], images: Any) -> dict[str, np.ndarray]:
    """Return a caller's images by input name.

    Args:
        parts: the parts to be exported.
        images: None, an array [n, ...] for all float inputs of its shape, or a dict of arrays by
            input name, which may include labels.

    Returns:
        Arrays by input name.

    Raises:
        ValueError: no input takes such images, or their values are out of the input's range.
    """
    if images is None:
        return {}
    inputs = {info.name: info for part in parts for info in part.inputs}
    floats = {name: info for name, info in inputs.items() if info.dtype == "float32"}
    described = "; ".join(str(_tensor(info)) for info in floats.values())
    if isinstance(images, Mapping):
        if not images.keys() <= inputs.keys():
            raise ValueError(f"images has the names {list(images)}; the inputs are {described}.")
        wanted = dict(images)
    else:
        shape = np.shape(images)[1:]
        wanted = {name: images for name, info in floats.items() if info.shape == shape}
    if not wanted or not all(len(array) for array in wanted.values()):
        came: list[Any] = [*wanted.values()] or [images]
        shapes = " and ".join(str(np.shape(array)) for array in came)
        raise ValueError(
            f"images has shape {shapes}; give one row or more for one of: {described}."
        )
    return {name: check_array(_tensor(inputs[name]), array) for name, array in wanted.items()}


def make_cases(part: Part, images: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Return test cases for a part, by title: inputs of at least 64 rows.

    Images are real ones, or random corners of their range. Codes are samples of the prior, or
    points with all coordinates at 4 standard deviations. Labels are all valid ones in turn.
    """
    rng = np.random.default_rng(0)
    rows = max(ROWS, *(_rows_for(info, images) for info in part.inputs))
    variants = {
        info.name: _variants(info, rows, images.get(info.name), rng) for info in part.inputs
    }
    cases = {}
    for index in range(max(len(found) for found in variants.values())):
        chosen = {name: found[index % len(found)] for name, found in variants.items()}
        title = ", ".join(dict.fromkeys(title for title, _ in chosen.values()))
        cases[title] = {name: array for name, (_, array) in chosen.items()}
    return cases


def rows_of(info: TensorInfo, rows: int, given: np.ndarray | None) -> np.ndarray:
    """Return rows for one input: the given images, else digits, samples, or all labels in turn."""
    _, array = _variants(info, rows, given, np.random.default_rng(0))[0]
    return array


def _rows_for(info: TensorInfo, images: Mapping[str, np.ndarray]) -> int:
    if info.dtype == "int32":
        low, high = _label_range(info)
        values = math.ceil((high - low + 1) / math.prod(info.shape))
        return min(values, _MOST_LABELS)
    return min(len(images.get(info.name, ())), _MOST_IMAGES)


def _variants(
    info: TensorInfo, rows: int, given: np.ndarray | None, rng: np.random.Generator
) -> list[Variant]:
    found = _whole_variants(info, rows, given, rng)
    if info.missing:
        return [*found, ("rows with missing values", _with_missing_values(info, found[0][1], rng))]
    if not info.padded:
        return found
    return [*found, ("signals that end early", _ended(info, found[0][1]))]


def _with_missing_values(info: TensorInfo, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows with NaN in place of half of the values; categories are missing as a whole."""
    lost = rng.uniform(size=x.shape) < 0.5
    for category in info.categories or ():
        first, stop = category["first"], category["first"] + len(category["values"])
        lost[:, first:stop] = lost[:, first : first + 1]
    return np.where(lost, np.float32(np.nan), x)


def _ended(info: TensorInfo, signals: np.ndarray) -> np.ndarray:
    """Return signals that end after 1, 2, ... steps, in turn, with NaN after their ends."""
    first = info.layout == "channels_first"
    signals = np.moveaxis(signals, 1, -1) if first else signals
    lengths = 1 + np.arange(len(signals)) % signals.shape[1]
    gone = np.arange(signals.shape[1]) >= lengths[:, None]
    ended = np.where(gone[..., None], np.float32(np.nan), signals)
    return np.moveaxis(ended, -1, 1) if first else ended


def _whole_variants(
    info: TensorInfo, rows: int, given: np.ndarray | None, rng: np.random.Generator
) -> list[Variant]:
    known = [] if given is None else [("given images", given[np.arange(rows) % len(given)])]
    if info.dtype == "int32":
        return [*known, _labels(info, rows)]
    if known:
        return [*known, *_generic(info, rows, rng)]
    # Images of a Gaussian likelihood have no range; codes have a prior, or one dimension.
    if info.prior is None and (_range(info) or len(info.shape) > 1):
        return [("real images", _digits(info, rows)), *_generic(info, rows, rng)]
    return _generic(info, rows, rng)


def _range(info: TensorInfo) -> tuple[float, float] | None:
    return None if info.low is None or info.high is None else (info.low, info.high)


def _generic(info: TensorInfo, rows: int, rng: np.random.Generator) -> list[Variant]:
    size = (rows, *info.shape)
    if info.prior is None and (ends := _range(info)):
        corners = np.where(rng.uniform(size=size) < 0.5, *ends)
        return [("corners of the range", corners.astype(np.float32))]
    name = "prior draws" if info.prior else "standard normal draws"
    prior = info.prior or {"kind": "normal"}
    try:
        draws = draw_prior(prior, rows, info.shape, rng)
    except ValueError:
        name = f"standard normal draws (cannot draw from {prior.get('kind')!r})"
        prior = {"kind": "normal"}
        draws = draw_prior(prior, rows, info.shape, rng)
    far = _four_sigma(prior, info, rows, rng)
    return [(name, clipped(info, draws)), ("points at 4 sigma", clipped(info, far))]


def _four_sigma(
    prior: dict[str, Any], info: TensorInfo, rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Return points with every coordinate 4 standard deviations from the center."""
    if prior["kind"] == "normal":
        center, sigma = np.asarray(prior.get("mean", 0)), np.asarray(prior.get("scale", 1))
    else:
        many = draw_prior(prior, 4096, info.shape, rng)
        center, sigma = many.mean(axis=0), many.std(axis=0)
    return center + 4 * sigma * rng.choice((-1, 1), (rows, *info.shape))


def clipped(info: TensorInfo, values: np.ndarray) -> np.ndarray:
    """Return values clipped to the range of an input, as float32."""
    low = -np.inf if info.low is None else info.low
    high = np.inf if info.high is None else info.high
    return np.clip(values, low, high).astype(np.float32)


def _labels(info: TensorInfo, rows: int) -> Variant:
    low, high = _label_range(info)
    size = (rows, *info.shape)
    count = high - low + 1
    values = low + np.arange(math.prod(size)) % count
    covered = "every label" if math.prod(size) >= count else f"{math.prod(size)} of {count} labels"
    return covered, values.reshape(size).astype(np.int32)


def _label_range(info: TensorInfo) -> tuple[int, int]:
    if info.low is None or info.high is None:
        raise ValueError(
            f"Input {info.name!r} takes integers, but its TensorInfo has no low and high: give the "
            "range of the labels."
        )
    return int(info.low), int(info.high)


def _digits(info: TensorInfo, rows: int) -> np.ndarray:
    """Return scikit-learn's digits in an input's shape and range, by nearest neighbor."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise RuntimeError(
            "The parity check needs real images, by default scikit-learn's digits: install "
            "scikit-learn, or pass images=."
        ) from error
    digits = load_digits().images / 16
    digits = digits[np.arange(rows) % len(digits)]
    first = info.layout == "channels_first"
    shape = (*info.shape[1:], info.shape[0]) if first else info.shape
    height, width, *channels = _as_image(shape)
    digits = digits[:, np.arange(height) * 8 // height][:, :, np.arange(width) * 8 // width]
    if channels:
        digits = np.repeat(digits[..., None], channels[0], axis=-1)
    low, high = _range(info) or (0, 1)
    scaled = low + (high - low) * digits
    scaled = scaled.reshape(rows, *shape).astype(np.float32)
    return np.moveaxis(scaled, -1, 1) if first else scaled


def _as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) in (2, 3):
        return shape
    size = math.prod(shape)
    # A flattened image is square if its size allows it, else one long row of pixels.
    side = math.isqrt(size)
    return (side, side) if side * side == size else (1, size)


def _tensor(info: TensorInfo) -> TensorSpec:
    return TensorSpec(
        info.name,
        info.dtype,
        tuple(info.shape),
        info.low,
        info.high,
        info.prior,
        padded=info.padded,
        missing=info.missing,
    )
