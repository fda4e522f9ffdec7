"""How well maps of anomalies show where defects are: measured pixel by pixel, with masks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zoo.checks.arguments import number
from zoo.checks.arrays import as_array

LIMIT = 0.3  # the largest false positive rate of the area under the PRO curve
_TOUCHING = np.ones((3, 3))  # pixels that touch at a side or a corner belong to one region


class Localization(NamedTuple):
    """How well maps show defects.

    Attributes:
        pixel_auroc: area under the ROC curve of all pixels, in [0, 1].
        aupro: normalized area under the per-region overlap, in [0, 1].
        threshold: pixels above it are marked as defects, with the largest F1 score.
        f1: this F1 score, in [0, 1].

    Example:
        >>> zoo.metrics.localization([[[0.1, 0.2], [0.3, 0.9]]], [[[0, 0], [0, 1]]]).pixel_auroc
        1.0
    """

    pixel_auroc: float
    aupro: float
    threshold: float
    f1: float


def localization(maps: Any, masks: Any, *, limit: float = LIMIT) -> Localization:
    """Measure how well maps show where defects are: `pixel_auroc`, `aupro` and `best_threshold`.

    Args:
        maps: [n, height, width], higher where a defect is likelier; or [n, height, width, channels]
            such as from `Detector.explain`, of which the mean over channels is used.
        masks: [n, height, width], with or without a last axis of 1: 1 or True where a defect is.
        limit: the false positive rate up to which `aupro` is computed.

    Raises:
        ValueError: other shapes, masks with other values, without defects or without normal pixels.

    Examples:
        >>> masks = np.zeros((2, 8, 8), bool)
        >>> masks[0, 2:4, 2:4] = True
        >>> zoo.metrics.localization(masks.astype("float32"), masks)
        Localization(pixel_auroc=1.0, aupro=1.0, threshold=0.5, f1=1.0)
    """
    maps, masks = _checked(maps, masks)
    threshold, f1 = best_threshold(maps, masks)
    return Localization(pixel_auroc(maps, masks), aupro(maps, masks, limit=limit), threshold, f1)


def pixel_auroc(maps: Any, masks: Any) -> float:
    """Area under the ROC curve of all pixels of all images.

    It is the probability that a random pixel of a defect has a higher value than a random normal
    pixel. Large defects count more than small ones, and where nearly all pixels are normal, even
    many false alarms hardly lower it: see `aupro`.

    Args:
        maps, masks: as for `localization`.

    Returns:
        the area, in [0, 1].

    Examples:
        >>> zoo.metrics.pixel_auroc([[[0.1, 0.2], [0.3, 0.9]]], [[[0, 0], [0, 1]]])
        1.0
    """
    from sklearn.metrics import roc_auc_score

    maps, masks = _checked(maps, masks)
    return float(roc_auc_score(masks.ravel(), maps.ravel()))


def aupro(maps: Any, masks: Any, *, limit: float = LIMIT) -> float:
    """Area under the per-region overlap (PRO), in which small defects count as much as large ones.

    For a threshold t, the overlap of a region is the share of its pixels above t, and PRO(t) is the
    mean over all regions, the connected components of the masks (pixels that touch at a side or a
    corner). The false positive rate is the share of normal pixels above t. The area under PRO as a
    function of this rate, from 0 to `limit`, is divided by `limit`.

    Args:
        maps, masks: as for `localization`.
        limit: the largest false positive rate, in (0, 1].

    Returns:
        the area, in [0, 1]; `limit` / 2 for maps of random values.

    Examples:
        >>> zoo.metrics.aupro([[[0.1, 0.2], [0.3, 0.9]]], [[[0, 0], [0, 1]]])
        1.0

    Source: Bergmann et al. 2020 (arXiv 1911.02357), section 4, for the overlap; Bergmann et al.
    2021 (doi 10.1007/s11263-020-01400-4), section 5, for the area up to 0.3.
    """
    limit = number("limit", limit, above=0, most=1)
    rate, overlap = pro_curve(maps, masks)
    end = np.interp(limit, rate, overlap)
    inside = rate <= limit
    rate, overlap = np.append(rate[inside], limit), np.append(overlap[inside], end)
    return float(np.sum(np.diff(rate) * (overlap[1:] + overlap[:-1])) / 2 / limit)


def pro_curve(maps: Any, masks: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve of `aupro`: false positive rates from 0 to 1, and the overlaps, [k] each.

    Args:
        maps, masks: as for `localization`.

    Examples:
        >>> rate, overlap = zoo.metrics.pro_curve([[[0.1, 0.2], [0.3, 0.9]]], [[[0, 0], [0, 1]]])
        >>> float(rate[1]), float(overlap[1])  # the highest value is that of the defect
        (0.0, 1.0)
    """
    from scipy.ndimage import label

    maps, masks = _checked(maps, masks)
    weights = np.zeros(masks.shape)  # what a pixel adds to the sum of the overlaps
    regions = 0
    for i, mask in enumerate(masks):
        numbers, count = label(mask, structure=_TOUCHING)
        sizes = np.bincount(numbers.ravel())
        weights[i, mask] = 1.0 / sizes[numbers[mask]]
        regions += count
    order = np.argsort(-maps, axis=None, kind="stable")
    values = maps.ravel()[order]
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)  # of equal values
    rate = np.cumsum(~masks.ravel()[order])[last] / np.sum(~masks)
    overlap = np.minimum(np.cumsum(weights.ravel()[order])[last] / regions, 1.0)
    return np.append(0.0, rate), np.append(0.0, overlap)


def best_threshold(maps: Any, masks: Any) -> tuple[float, float]:
    """Return the threshold with the largest F1 score of pixels, and this score.

    Pixels above the threshold are marked. F1 is the harmonic mean of precision (the share of marked
    pixels that are defects) and recall (the share of the defects' pixels that are marked). Choose
    the threshold on other images than those on which you report F1.

    Args:
        maps, masks: as for `localization`.

    Examples:
        >>> zoo.metrics.best_threshold([[[1.0, 2.0], [3.0, 9.0]]], [[[0, 0], [0, 1]]])
        (6.0, 1.0)
    """
    maps, masks = _checked(maps, masks)
    values, where = np.unique(maps, return_inverse=True)
    found = np.bincount(where.ravel(), masks.ravel(), len(values))[::-1].cumsum()
    marked = np.bincount(where.ravel(), minlength=len(values))[::-1].cumsum()
    f1 = 2 * found / (marked + masks.sum())
    best = int(f1.argmax())
    lowest = len(values) - 1 - best  # the lowest value that is marked
    below = values[lowest - 1] if lowest else values[0] - 1.0
    middle = float(below + values[lowest]) / 2
    if np.float32(middle) >= np.float32(values[lowest]):  # maps of float32 have nothing in between
        middle = float(below)
    return middle, float(f1[best])


def _checked(maps, masks) -> tuple[np.ndarray, np.ndarray]:
    """Return maps as float64 [n, height, width], and masks as bool of the same shape."""
    maps, masks = as_array(maps, "maps"), as_array(masks, "masks")
    if masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if maps.ndim not in (3, 4) or maps.shape[:3] != masks.shape or not maps.size:
        raise ValueError(
            f"maps has shape {maps.shape} and masks {masks.shape}; maps (n, height, width), with "
            "or without channels, and masks (n, height, width) of the same size are expected."
        )
    maps = np.asarray(maps, "float64")
    maps = maps.mean(axis=-1) if maps.ndim == 4 else maps
    if not np.isfinite(maps).all():
        raise ValueError("maps holds NaN or infinite values; leave these images out.")
    known = masks.dtype.kind == "b" or np.isin(masks, (0, 1)).all()
    if not known:
        raise ValueError(
            f"masks has values from {masks.min()} to {masks.max()}; 1 stands for defects and 0 for "
            "normal pixels. For bytes: masks > 127."
        )
    masks = masks.astype(bool)
    if masks.all() or not masks.any():
        what = "only defects" if masks.all() else "no defect"
        raise ValueError(f"masks marks {what}; pixels of both kinds are needed.")
    return maps, masks
