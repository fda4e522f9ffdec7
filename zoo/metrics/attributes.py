"""Whether generated images follow the requested level of an attribute, and keep their class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.checks.arrays import as_array
from zoo.data.variants import rotated
from zoo.metrics.card_metrics import register, rounded
from zoo.metrics.evaluation import Evaluation
from zoo.presets.reference_classifier import load_reference_classifier

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder


def stroke_thickness(images: np.ndarray) -> np.ndarray:
    """Return the mean stroke thickness of images, measured by morphology.

    It is twice the distance to the background, averaged over the ridges of the strokes: the pixels
    whose distance is the largest among their neighbors. Images are first enlarged twofold; pixels
    above half of an image's maximum are strokes.

    Args:
        images: bright strokes on black, float [n, height, width, 1] or [n, height, width].

    Returns:
        float64 [n], in pixels; 0 for empty images.

    Raises:
        ValueError: images with several channels.

    Examples:
        >>> image = np.zeros((1, 28, 28))
        >>> image[:, 5:25, 10:14] = 1.0  # a stroke four pixels wide
        >>> round(float(zoo.metrics.stroke_thickness(image)[0]), 1)
        4.0
    """
    from scipy import ndimage

    x = np.asarray(as_array(images, "images"), "float32")
    if x.ndim not in (3, 4) or x.shape[3:] not in ((), (1,)):
        raise ValueError(
            f"The images have the shape {x.shape}; give gray ones, [n, height, width, 1]."
        )
    x = x.reshape(x.shape[:3])
    if not len(x):
        return np.zeros(0)
    found = []
    for part in np.array_split(x, -(-len(x) // 500)):
        part = np.pad(part, ((0, 0), (1, 1), (1, 1)))  # so that every image has a background
        large = ndimage.zoom(part, (1, 2, 2), order=1, mode="grid-constant", grid_mode=True)
        strokes = large > 0.5 * np.maximum(large.max((1, 2), keepdims=True), 1e-6)
        # Images are far apart along the first axis, so that each has separate distances.
        distance = ndimage.distance_transform_edt(strokes, sampling=(1e6, 1, 1))
        ridge = strokes & (distance >= ndimage.maximum_filter(distance, (1, 3, 3)))
        total = np.where(ridge, distance, 0.0).sum((1, 2))
        found.append(total / np.maximum(ridge.sum((1, 2)), 1))  # 2 / 2, because of the enlargement
    return np.concatenate(found)


def rotation(images: np.ndarray, originals: np.ndarray, angles: Any) -> np.ndarray:
    """Return the angle by which each upright original must be rotated to match its image best.

    Args:
        images: float [n, height, width, 1].
        originals: the same images upright.
        angles: the angles to try, in degrees, [m].

    Returns:
        [n], in degrees: the angle for which the rotated original correlates most with the image.

    Examples:
        >>> upright = np.zeros((1, 28, 28, 1))
        >>> upright[:, 4:24, 12:16] = 1.0  # a bar
        >>> lying = upright.transpose(0, 2, 1, 3)
        >>> zoo.metrics.rotation(lying, upright, range(0, 180, 30))
        array([90])
    """
    images, originals = as_array(images, "images"), as_array(originals, "originals")
    shape = originals.shape[:3]
    images, originals = (np.asarray(a, "float32").reshape(shape) for a in (images, originals))
    found = [_correlation(images, rotated(originals, angle)) for angle in angles]
    return np.asarray(angles)[np.argmax(found, axis=0)]


def _correlation(a, b):
    a, b = (v.reshape(len(v), -1) - v.mean((1, 2))[:, None] for v in (a, b))
    scale = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return (a * b).sum(1) / np.maximum(scale, 1e-12)


def through_all_levels(model: BaseAutoencoder, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return images decoded at every level of an attribute.

    Args:
        model: a conditional model, such as `zoo.CAAE`.
        x: images, float32 [n, *input_shape]. labels: the levels of these images, [n].

    Returns:
        float32 [num_classes, n, *input_shape].

    Examples:
        >>> x, y = zoo.data.load("digits")[1]
        >>> model = zoo.CAAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> zoo.metrics.through_all_levels(model, x, y).shape
        (10, 360, 8, 8, 1)
    """
    z = model.encode(x, labels)
    levels = (np.full(len(z), level) for level in range(model.num_classes))
    return np.stack([model.decode(z, at) for at in levels])


def rank_correlation(measured: np.ndarray) -> float:
    """Return Spearman's rank correlation between levels and a measured attribute, mean over images.

    Args:
        measured: values of the attribute [levels, n] at levels 0, 1, ...

    Returns:
        from -1 to 1; 1 if the attribute rises from each level to the next one in every image.

    Examples:
        >>> zoo.metrics.rank_correlation(np.array([[1.0, 5.0], [2.0, 4.0], [4.0, 6.0]]))
        0.75
    """
    from scipy.stats import rankdata

    ranks = rankdata(measured, axis=0)
    ranks = ranks - ranks.mean(axis=0)
    levels = np.arange(len(ranks)) - (len(ranks) - 1) / 2
    lengths = np.sqrt((ranks**2).sum(axis=0) * (levels**2).sum())
    correlations = levels @ ranks / np.maximum(lengths, 1e-12)  # 0 if all values are equal
    return float(correlations.mean())


# On cards

_THICKNESS = "mnist_thickness"


def is_of_thickness(evaluation: Evaluation) -> bool:
    """Whether the labels of the data set are levels of stroke thickness."""
    return evaluation.data_name == _THICKNESS


@register(
    "rank correlation of the attribute",
    "",
    "Spearman's, of the {levels} levels at which an image is decoded and of the thickness of its "
    "strokes there, measured by morphology; averaged over images",
    is_of_thickness,
)
def _rank_correlation(e):
    decoded = through_all_levels(e.model, e.x, e.labels)
    value = rank_correlation(np.stack([stroke_thickness(images) for images in decoded]))
    return rounded(value), {"levels": len(decoded)}


@register(
    "class kept",
    "%",
    "of the images that each image gives at {levels} levels, those whose class is the original's, "
    "both according to the reference classifier",
    is_of_thickness,
)
def _class_kept(e):
    classifier = load_reference_classifier("mnist")

    def read(images):
        return classifier.predict(images, batch_size=500, verbose=0).argmax(axis=1)

    decoded, classes = through_all_levels(e.model, e.x, e.labels), read(e.x)
    kept = np.mean([read(images) == classes for images in decoded])
    return round(100 * float(kept), 2), {"levels": len(decoded)}
