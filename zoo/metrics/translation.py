"""Quality of images that a model translates from other images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.checks.data import check_label_arrays, count_rows
from zoo.metrics.card_metrics import register, rounded
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.generation import frechet_distance
from zoo.metrics.reconstruction import psnr
from zoo.presets.reference_classifier import REFERENCE_CLASSIFIERS, load_reference_classifier

if TYPE_CHECKING:
    from zoo.models.pix2pix import Pix2Pix
    from zoo.models.tdae import TDAE


def absolute_error(model: Pix2Pix | TDAE, x: np.ndarray, y: np.ndarray) -> float:
    """Return the absolute error of translated images, averaged over pixels.

    Args:
        model: a `zoo.Pix2Pix` or `zoo.TDAE`.
        x: images, float32 [n, *input_shape]. y: the true translations, [n, *target_shape].

    Examples:
        >>> y = zoo.data.load("digits")[1][0]
        >>> model = zoo.Pix2Pix((8, 8, 1), filters=(8, 16))
        >>> 0.0 < zoo.metrics.absolute_error(model, np.round(y), y) < 1.0
        True
    """
    y = check_label_arrays(y, count_rows(x), model)
    return float(np.mean(np.abs(np.subtract(model.translate(x), y, dtype="float64"))))


def same_class(images: np.ndarray, others: np.ndarray, classifier: Any) -> float:
    """Return the percentage of images that a classifier assigns to the same class as the other one.

    Args:
        images, others: float32 [n, height, width, channels], compared pairwise.
        classifier: a Keras model that returns class scores, from `load_reference_classifier`.

    Examples:
        >>> classifier = zoo.metrics.load_reference_classifier("mnist")
        >>> sevens = zoo.load("cvae_mnist").generate(labels=[7] * 8, seed=0)
        >>> zoo.metrics.same_class(sevens, sevens[::-1], classifier)
        100.0
    """
    a, b = (
        classifier.predict(each, batch_size=500, verbose=0).argmax(axis=1)
        for each in (images, others)
    )
    return 100.0 * float(np.mean(a == b))


# On cards

_CLASSIFIERS = {"fashion_silhouettes": "fashion_mnist"}


def is_of_clothes(evaluation: Evaluation) -> bool:
    """Whether there is a reference classifier for the true translations."""
    return evaluation.data_name in _CLASSIFIERS


@register("absolute error", "", "of a translated image, averaged over pixels in [0, 1]")
def _absolute_error(e):
    return rounded(absolute_error(e.model, e.x, e.y)), {}


def is_between_0_and_1(evaluation: Evaluation) -> bool:
    """Whether pixels are in [0, 1], because the PSNR assumes a peak of 1."""
    return (evaluation.model.likelihood.low, evaluation.model.likelihood.high) == (0.0, 1.0)


@register(
    "PSNR",
    "dB",
    "peak signal-to-noise ratio of translated images, pixels in [0, 1], averaged over images",
    is_between_0_and_1,
)
def _psnr(e):
    return round(psnr(e.model.translate(e.x), e.y), 2), {}


@register(
    "Fréchet distance of translations",
    "",
    "of the translated images to the true ones, squared, by what the last hidden layer of an "
    "independently trained reference classifier gives",
    is_of_clothes,
)
def _frechet_distance_of_translations(e):
    classifier = load_reference_classifier(_CLASSIFIERS[e.data_name])
    return rounded(frechet_distance(e.model.translate(e.x), e.y, classifier)), {}


@register(
    "class of translations",
    "%",
    "translated images whose class is that of the true image, both according to a reference "
    "classifier, which is right on {accuracy:.2f} % of the true ones",
    is_of_clothes,
)
def _class_of_translations(e):
    name = _CLASSIFIERS[e.data_name]
    value = same_class(e.model.translate(e.x), e.y, load_reference_classifier(name))
    return round(value, 2), {"accuracy": REFERENCE_CLASSIFIERS[name]["test_accuracy"]}
