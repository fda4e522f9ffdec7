"""Drawn defects: scratches, blobs and pasted pieces in images, with masks, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.checks.arguments import number, whole
from zoo.checks.arrays import as_array
from zoo.checks.names import UnknownNameError

_LEAST = 8  # pixels of the shorter side
_TRIES = 20  # a piece that looks like what it covers is cut again
_FINE = 4  # strokes and outlines are drawn at so many times the size, then averaged
_SEEN = 0.1  # share of a pixel that a stroke or blob must cover so that it is marked


class DrawnDefects(NamedTuple):
    """Images with defects.

    Attributes:
        x: the images, float32 [n, height, width, channels].
        masks: where the defects are, bool [n, height, width].
        kinds: the kind of each image's defect, a list of n names.
    """

    x: np.ndarray
    masks: np.ndarray
    kinds: list[str]


def drawn_defects(
    x: Any,
    kinds: Sequence[str] = ("scratch", "blob", "cut_paste"),
    *,
    seed: int = 0,
    size: float = 0.15,
    strength: float = 0.3,
) -> DrawnDefects:
    """Draw one defect into each image: to compare and to choose detectors where no masks exist.

        scratch    a bent line, three times as long as `size` and 1/32 of the shorter side wide
        blob       a spot with a wavy outline, about `size` wide
        cut_paste  a rectangle of the same image, pasted elsewhere; `size` is the square root of its
                   area

    A scratch or a blob is brighter or darker by `strength` in one channel, and by a half of it or
    more in the others. If more than half of its values would leave [0, 1], the
    sign of the change is reversed. Kinds take turns; sizes vary by a third.

    Args:
        x: images [n, height, width, channels] in [0, 1], 8 pixels a side or more.
        kinds: which kinds to draw.
        seed: seed of all draws.
        size: of a defect, as a share of the shorter side, in (0, 0.5].
        strength: change of brightness, in (0, 1]. At least one value of a pasted piece should
            change by this much; after 20 tries the piece with the largest change is used.

    Raises:
        ValueError: no images in [0, 1], an unknown kind, or a number out of range.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> drawn = zoo.data.drawn_defects(x[:3], seed=1)
        >>> drawn.x.shape, drawn.masks.shape, drawn.kinds
        ((3, 8, 8, 1), (3, 8, 8), ['scratch', 'blob', 'cut_paste'])
        >>> np.array_equal(drawn.x[~drawn.masks], x[:3][~drawn.masks])  # others are as they were
        True

    Source: Li et al. 2021 (arXiv 2104.04015), for pasted pieces, there for training.
    """
    x = np.array(as_array(x), "float32")
    if x.ndim != 4 or not len(x) or min(x.shape[1:3]) < _LEAST:
        raise ValueError(
            f"x has shape {x.shape}; images [n, height, width, channels] of {_LEAST} pixels a side "
            "or more are expected."
        )
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(f"x has values from {x.min():g} to {x.max():g}; [0, 1] is expected.")
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    for kind in kinds or ("",):
        if kind not in _DRAWN:
            raise UnknownNameError("kind of defect", kind, _DRAWN)
    size = number("size", size, above=0, most=0.5)
    strength = number("strength", strength, above=0, most=1)
    generator = np.random.default_rng(whole("seed", seed))
    named = [kinds[i % len(kinds)] for i in range(len(x))]
    masks = np.zeros(x.shape[:3], bool)
    for image, mask, kind in zip(x, masks, named, strict=True):
        length = size * min(image.shape[:2]) * generator.uniform(2 / 3, 4 / 3)
        mask[...] = _DRAWN[kind](image, length, strength, generator)
    return DrawnDefects(x, masks, named)


def _scratch(image, length, strength, generator) -> np.ndarray:
    """Draw a scratch into an image in place; return its mask."""
    height, width = image.shape[:2]
    angle, bend = generator.uniform(0, np.pi), generator.uniform(-0.15, 0.15)
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([along[1], -along[0]])
    t = np.linspace(-1, 1, 200)[:, None]
    line = 1.5 * length * (t * along + bend * (1 - t**2) * across)  # a parabola
    line += _place(line, (height, width), generator)
    half = max(1.0, min(height, width) / 32) / 2
    rows, columns = _grid(height, width)
    squared = np.full(rows.shape, np.inf)
    for row, column in line:
        squared = np.minimum(squared, (rows - row) ** 2 + (columns - column) ** 2)
    return _lay(image, squared <= half**2, strength, generator)


def _blob(image, length, strength, generator) -> np.ndarray:
    """Draw a blob into an image in place; return its mask."""
    height, width = image.shape[:2]
    waves = generator.normal(0, 0.12, (2, 3))
    turns = np.arange(2, 5)
    angles = np.linspace(0, 2 * np.pi, 100)[:, None]
    radius = 1 + np.sum(waves[0] * np.cos(turns * angles) + waves[1] * np.sin(turns * angles), 1)
    radius = length / 2 * np.maximum(radius, 0.3)
    outline = radius[:, None] * np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    row, column = _place(outline, (height, width), generator)
    rows, columns = _grid(height, width)
    around = np.arctan2(rows - row, columns - column) % (2 * np.pi)
    reach = np.interp(around, angles[:, 0], radius)
    return _lay(image, np.hypot(rows - row, columns - column) <= reach, strength, generator)


def _cut_paste(image, length, strength, generator) -> np.ndarray:
    """Paste a rectangle of an image elsewhere in it, in place; return its mask."""
    height, width = image.shape[:2]
    best, cut, pasted = -1.0, (slice(0), slice(0)), (slice(0), slice(0))
    for _ in range(_TRIES):
        longer = generator.uniform(1, 1.6)  # sides differ, the area does not
        sides = np.array([longer, 1 / longer])[:: generator.choice([-1, 1])] * length
        tall, wide = np.clip(np.round(sides), 2, [height // 2, width // 2]).astype(int)
        tops = generator.integers(height - tall + 1, size=2)
        lefts = generator.integers(width - wide + 1, size=2)
        source, target = (
            (slice(top, top + tall), slice(left, left + wide))
            for top, left in zip(tops, lefts, strict=True)
        )
        change = float(np.abs(image[source] - image[target]).max())
        if change > best:
            best, cut, pasted = change, source, target
        if best >= strength:
            break
    mask = np.zeros((height, width), bool)
    mask[pasted] = True
    image[pasted] = image[cut].copy()
    return mask


_DRAWN = {"scratch": _scratch, "blob": _blob, "cut_paste": _cut_paste}


def _place(points, shape, generator) -> np.ndarray:
    """Return a random row and column for the origin, so that points [k, 2] lie in the image."""
    low, high = -points.min(axis=0), np.array(shape) - points.max(axis=0)
    middle = (low + high) / 2  # if the points do not fit in
    return generator.uniform(np.minimum(low, middle), np.maximum(high, middle))


def _grid(height, width) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the middles of finer pixels, in pixels."""
    rows, columns = ((np.arange(_FINE * side) + 0.5) / _FINE for side in (height, width))
    return np.meshgrid(rows, columns, indexing="ij")


def _lay(image, inside, strength, generator) -> np.ndarray:
    """Change the brightness of an image, in place, where finer pixels are inside; return the mask.

    Args:
        image: [height, width, channels]. inside: bool, at `_FINE` times this size.
    """
    height, width, channels = image.shape
    share = inside.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    mask = share >= _SEEN
    if not mask.any():  # smaller than a pixel
        mask = share == share.max()
    sign, shares = generator.choice([-1.0, 1.0]), generator.uniform(0.5, 1, channels)
    change = sign * strength * shares / shares.max()
    covered = np.where(mask, share, 0)[..., None]
    changed = image + covered * change
    beyond = np.mean((changed < 0) | (changed > 1), where=mask[..., None])
    if beyond > 0.5:
        changed = image - covered * change
    image[...] = np.clip(changed, 0, 1)
    return mask
