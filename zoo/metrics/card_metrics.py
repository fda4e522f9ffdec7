"""The metrics of a card: their names, protocols, and conditions.

A model class names its metrics in `card_metrics`; `CARD_METRICS` has all metrics by name, in the
order of a card. Some metrics depend on a model's settings or on the data (binary pixels, labels, a
reference classifier): the function `applies` of a metric checks this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import data
from zoo.metrics import classification, generation, likelihood, reconstruction, representation
from zoo.metrics.evaluation import Evaluation
from zoo.nn.corruption import GaussianNoise, Masking, SaltAndPepper, has_gaussian_noise
from zoo.nn.distributions.likelihoods import Bernoulli, Categorical
from zoo.nn.network_properties import activation_of_code
from zoo.presets.reference_classifier import REFERENCE_CLASSIFIERS, load_reference_classifier

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder

Measured = tuple[float, dict[str, Any]]
"""A value, and the values for the names in braces in the unit and the protocol of a metric."""


def always(evaluation: Evaluation) -> bool:
    """Return True: the metric can be measured for every model that names it."""
    del evaluation
    return True


@dataclass(frozen=True)
class CardMetric:
    """A metric on cards.

    Attributes:
        name: the name on cards and in the `card_metrics` of model classes.
        unit: the unit of the value, such as "nats"; "" if it has none.
        protocol: how the metric is measured, in words. Names in braces are filled in, here and in
            the unit.
        function: takes an `Evaluation`, and returns the value and the values of the names.
        applies: takes an `Evaluation`, and returns whether the metric can be measured for a model
            with these settings on this data set.

    Example: your own metric. It is on cards if it is in `zoo.metrics.CARD_METRICS` and a model
    class names it.

        >>> def brightness(evaluation):
        ...     images = evaluation.model.generate(100, seed=0)
        ...     return round(float(images.mean()), 1), {"n": len(images)}
        >>> metric = zoo.metrics.CardMetric("brightness", "", "mean of {n} images", brightness)
        >>> digits = zoo.data.load("digits")
        >>> evaluation = zoo.metrics.Evaluation(zoo.load("vae_digits"), "digits", *digits)
        >>> metric.measure(evaluation)["value"]
        0.3
    """

    name: str
    unit: str
    protocol: str
    function: Callable[[Evaluation], Measured]
    applies: Callable[[Evaluation], bool] = always

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        """Return the metric as an entry of a card: name, value, unit and protocol."""
        value, details = self.function(evaluation)
        items = f"{len(evaluation.x):,} test {evaluation.kind} of {evaluation.data_name}"
        return {
            "name": self.name,
            "value": value,
            "unit": self.unit.format(**details),
            "protocol": f"{self.protocol.format(**details)} ({items}, none left out)",
        }


def evaluate(
    model: BaseAutoencoder,
    data_name: str,
    *,
    arrays: tuple | None = None,
    command: str = "zoo.metrics.evaluate",
    report: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Measure all metrics of a model on the whole test set.

    Args:
        model: a model of the zoo. Its class names the metrics in `card_metrics`.
        data_name: a name in `zoo.data.SOURCES`; with `arrays`, a description of them for cards.
        arrays: `(x_train, y_train), (x_test, y_test)`, images and labels or None, instead of a data
            set of the zoo. Metrics that need training images are skipped if there are none.
        command: recorded as the command that measures the metrics again.
        report: called with each metric as soon as it is measured.

    Returns:
        a dict for each metric, in the order of `zoo.metrics.CARD_METRICS`: name, value, unit,
        protocol and command.

    Raises:
        ValueError: an unknown data set, images that do not fit the model, or a class with a metric
            that is not in `zoo.metrics.CARD_METRICS`.
        OSError: the data are not found and cannot be downloaded.

    Examples:
        >>> metrics = zoo.metrics.evaluate(zoo.load("vae_digits"), "digits")
        >>> [metric["name"] for metric in metrics]
        ['reconstruction error', 'negative ELBO', 'KL divergence', 'active units',
         'nearest-neighbor accuracy']
        >>> metrics[3]["value"], metrics[3]["unit"]
        (4, 'of 4')
    """
    if unknown := [name for name in model.card_metrics if name not in CARD_METRICS]:
        raise ValueError(
            f"{type(model).__name__}.card_metrics names {unknown[0]!r}, which is not in "
            f"zoo.metrics.CARD_METRICS; there are: {', '.join(CARD_METRICS)}."
        )
    evaluation = Evaluation(model, data_name, *(arrays or data.load(data_name)))
    measured = []
    for name, metric in CARD_METRICS.items():
        if name in model.card_metrics and metric.applies(evaluation):
            measured.append({**metric.measure(evaluation), "command": command})
            if report:
                report(measured[-1])
    return measured


def rounded(value: float) -> float:
    """Round to four significant digits, because further digits differ between machines."""
    return float(f"{value:.4g}")


# When a metric can be measured


def has_labels(evaluation: Evaluation) -> bool:
    """Whether the data set has labels."""
    return evaluation.y is not None


def codes_need_no_labels(evaluation: Evaluation) -> bool:
    """Whether all images have class labels, and the codes do not depend on them."""
    labels = evaluation.train[1], evaluation.y
    given = evaluation.model.conditional
    return not given and all(y is not None and y.ndim == 1 and min(y) >= 0 for y in labels)


def has_reference_classifier(evaluation: Evaluation) -> bool:
    """Whether the data set has a reference classifier, and the model's labels are not arrays."""
    return evaluation.data_name in REFERENCE_CLASSIFIERS and not evaluation.model.label_shape


def has_log_likelihood(evaluation: Evaluation) -> bool:
    """Whether p(x | z) is a probability of discrete pixels, so that log p(x) can be compared."""
    kind = evaluation.model.likelihood
    binary = isinstance(kind, Bernoulli) and evaluation.has_binary_pixels
    return binary or kind.whole or isinstance(kind, Categorical)


def is_compared_by_log_likelihood(evaluation: Evaluation) -> bool:
    """Whether log p(x) is also measured with many samples: not for models that classify."""
    classifies = "classification error" in evaluation.model.card_metrics
    return has_log_likelihood(evaluation) and not classifies


def restores(evaluation: Evaluation) -> bool:
    """Whether the model is trained to restore clean images in [0, 1] from corrupted ones."""
    return evaluation.model.restores and not evaluation.model.likelihood.in_own_units


def restores_from_gaussian_noise(evaluation: Evaluation) -> bool:
    """Whether Gaussian noise is part of the corruption that the model is trained with."""
    return restores(evaluation) and has_gaussian_noise(evaluation.model.corruption)


def is_linear(evaluation: Evaluation) -> bool:
    """Whether the encoder is one layer without activation, and there are training images."""
    model = evaluation.model
    if not len(evaluation.train[0]):
        return False
    return model.has_one_layer and activation_of_code(model.encoder) == "linear"


def has_bounded_units(evaluation: Evaluation) -> bool:
    """Whether the code has an activation that saturates."""
    return activation_of_code(evaluation.model.encoder) in ("sigmoid", "tanh")


# The metrics, in the order of a card

CARD_METRICS: dict[str, CardMetric] = {}
"""The metrics of cards by name, in the order of a card."""


def register(name: str, unit: str, protocol: str, applies: Callable = always) -> Callable:
    """Return a decorator that registers a function as the `CardMetric` of this name."""

    def make(function):
        CARD_METRICS[name] = CardMetric(name, unit, protocol, function, applies)
        return function

    return make


@register(
    "reconstruction error",
    "",
    "squared error summed over {values}, deterministic code",
)
def _reconstruction_error(e):
    error = reconstruction.reconstruction_error(e.model, e.x, e.labels)
    values = "pixels, per image, pixels in [0, 1]"
    if e.model.likelihood.in_own_units:
        values = f"columns, per row, in {e.model.likelihood.standardizes_to}"
    return rounded(error), {"values": values}


def _bits_per_pixel(e, rate_of):
    rate = rate_of(e.model)
    return rounded(e.model.bits_per_pixel(e.x, rate=rate)), {"rate": rate, "rates": e.model.rates}


def _psnr_of_rate(e, rate_of):
    rate = rate_of(e.model)
    x = np.clip(e.model.reconstruct(e.x, rate=rate), 0, 1)
    return round(reconstruction.psnr(x, e.x), 2), {"rate": rate, "rates": e.model.rates}


for _which, _rate_of in (("first", lambda model: 1), ("last", lambda model: model.rates)):
    register(
        f"bits per pixel, {_which} rate",
        "",
        "of the coefficients, by the tables of the entropy coder; files have a header of 50 to 60 "
        "bytes besides; rate {rate} of {rates}",
    )(partial(_bits_per_pixel, rate_of=_rate_of))
    register(
        f"PSNR, {_which} rate",
        "dB",
        "peak signal-to-noise ratio after compression, averaged over images; rate {rate} of "
        "{rates}",
    )(partial(_psnr_of_rate, rate_of=_rate_of))


@register(
    "reconstruction error of refined codes",
    "",
    "the same after {iterations} steps of descent from the encoder's code",
)
def _refined_reconstruction_error(e):
    images, units = e.model.decode(e.model.refine(e.x)), e.model.likelihood
    error = reconstruction.squared_error(units.standardized(images), units.standardized(e.x))
    return rounded(error), {"iterations": e.model.iterations}


@register(
    "clustering error",
    "%",
    "images whose cluster, of {clusters}, stands for another label than theirs: for that of the "
    "test image of which the model is surest",
    has_labels,
)
def _clustering_error(e):
    error = classification.clustering_error(e.model, e.x, e.y)
    return round(error, 2), {"clusters": e.model.num_classes}


@register(
    "clustering accuracy",
    "%",
    "images whose cluster, of {clusters}, stands for their label, where each cluster stands for "
    "one label at most: the assignment with the highest accuracy on the test images",
    has_labels,
)
def _clustering_accuracy(e):
    accuracy = classification.clustering_accuracy(e.model, e.x, e.y)
    return round(accuracy, 2), {"clusters": e.model.num_classes}


@register(
    "classification error",
    "%",
    "images whose most probable label is another one than theirs",
    has_labels,
)
def _classification_error(e):
    return round(classification.classification_error(e.model, e.x, e.y), 2), {}


@register("negative ELBO", "{unit}", "one draw an image, seed 0, beta 1; {pixels}")
def _negative_elbo(e):
    unit = "nats" if e.model.likelihood.unit == "nats" else ""
    return rounded(e.elbo_and_kl[0]), {"unit": unit, "pixels": e.pixels}


@register("KL divergence", "nats", "KL from posterior to prior, part of the negative ELBO")
def _kl_divergence(e):
    return rounded(e.elbo_and_kl[1]), {}


@register(
    "active units",
    "of {latent_dim}",
    "latent dimensions whose posterior mean varies by more than 0.01",
)
def _active_units(e):
    units = representation.active_units(e.model, e.x, e.labels)
    return units, {"latent_dim": e.model.latent_dim}


def _negative_log_likelihood(e, samples):
    value, error = likelihood.negative_log_likelihood(e.model, e.x, e.labels, samples=samples)
    return round(value, 2), {"error": error, "pixels": e.pixels}


for _samples, _applies in ((200, has_log_likelihood), (5000, is_compared_by_log_likelihood)):
    register(
        f"negative log-likelihood, {_samples} samples",
        "nats",
        "importance sampling from q(z | x), seed 0, standard error {error:.2f}; {pixels}",
        _applies,
    )(partial(_negative_log_likelihood, samples=_samples))


@register(
    "sliced Wasserstein distance to the prior",
    "",
    "sliced 2-Wasserstein, 200 directions, seed 0; two samples of the prior are {floor} apart",
)
def _sliced_wasserstein(e):
    codes = representation.flat_codes(e.model, e.x)
    prior, again = (e.model.prior.sample(len(e.x), seed=seed) for seed in (0, 1))
    floor = rounded(representation.sliced_wasserstein(again, prior))
    return rounded(representation.sliced_wasserstein(codes, prior)), {"floor": floor}


@register(
    "Fréchet distance",
    "",
    "of {n:,} images generated with seed 0 to the test images, squared, by what the last hidden "
    "layer of an independently trained reference classifier gives",
    has_reference_classifier,
)
def _frechet_distance(e):
    classifier = load_reference_classifier(e.data_name)
    generated = e.model.generate(len(e.x), seed=0)
    return rounded(generation.frechet_distance(generated, e.x, classifier)), {"n": len(e.x)}


@register(
    "generated class accuracy",
    "%",
    "10,000 images generated with seed 0, classes in turn, classified by an independently trained "
    "reference classifier that is right on {accuracy:.2f} % of the test images",
    has_reference_classifier,
)
def _generated_class_accuracy(e):
    classifier = load_reference_classifier(e.data_name)
    value = generation.generated_class_accuracy(e.model, classifier)
    return round(value, 2), {"accuracy": REFERENCE_CLASSIFIERS[e.data_name]["test_accuracy"]}


def _psnr(e, corruption):
    kind, corrupted = e.model.likelihood, corruption.sample(e.x, seed=0)
    if kind.bounded:  # models of bounded pixels need clipped inputs
        corrupted = corrupted.clip(*kind.bounds)
    value = reconstruction.psnr(e.model.reconstruct(corrupted, e.labels), e.x)
    return round(value, 2), {"corrupted": reconstruction.psnr(corrupted, e.x)}


for _kind, _corruption, _applies in (
    ("25 % masking", Masking(0.25), restores),
    ("50 % masking", Masking(0.5), restores),
    ("10 % salt and pepper", SaltAndPepper(0.1), restores),
    ("Gaussian noise of 0.2", GaussianNoise(0.2), restores_from_gaussian_noise),
):
    register(
        f"PSNR at {_kind}",
        "dB",
        "peak signal-to-noise ratio, averaged over images, noise of seed 0; the damaged images "
        "have {corrupted:.2f} dB",
        _applies,
    )(partial(_psnr, corruption=_corruption))


@register(
    "nearest-neighbor accuracy",
    "%",
    "5 nearest of the {n:,} training images' codes vote",
    codes_need_no_labels,
)
def _nearest_neighbor_accuracy(e):
    value = representation.nearest_neighbor_accuracy(e.model, e.train, e.test)
    return round(value, 2), {"n": len(e.train[0])}


@register(
    "linear probe accuracy",
    "%",
    "logistic regression on the {n:,} training images' standardised codes",
    codes_need_no_labels,
)
def _linear_probe_accuracy(e):
    value = representation.linear_probe_accuracy(e.model, e.train, e.test)
    return round(value, 2), {"n": len(e.train[0])}


@register(
    "angle to PCA",
    "rad",
    "largest principal angle to the subspace of PCA of the {n:,} training images",
    is_linear,
)
def _angle_to_pca(e):
    x, _ = e.train
    return rounded(representation.angle_to_principal_subspace(e.model, x)), {"n": len(x)}


@register("mean activity", "", "of a unit, averaged over units and images", has_bounded_units)
def _mean_activity(e):
    return rounded(representation.mean_activity(e.model, e.x)), {}


@register(
    "saturation",
    "%",
    "units below 0.05 or above 0.95, averaged over images",
    has_bounded_units,
)
def _saturation(e):
    return round(representation.saturation(e.model, e.x), 2), {}


@register("Jacobian norm", "", "Frobenius norm of the encoder's Jacobian, averaged over images")
def _jacobian_norm(e):
    return rounded(representation.jacobian_norm(e.model, e.x)), {}
