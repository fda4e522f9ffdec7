"""The figures of a card: which a model gets, how each was measured."""

from __future__ import annotations

import numpy as np

from zoo import data
from zoo.evaluation import judge as judges
from zoo.evaluation import measures
from zoo.evaluation.measures import rounded
from zoo.models.autoencoder import Autoencoder
from zoo.models.clustering_aae import ClusteringAAE
from zoo.models.m1m2 import M1M2
from zoo.models.vaegan import VAEGAN
from zoo.nn import networks
from zoo.nn.corruption import Masking, SaltAndPepper
from zoo.nn.distributions.likelihoods import Bernoulli, Categorical


def evaluate(model, data_name: str, *, command: str = "zoo.evaluation.evaluate", report=None):
    """Measure every figure that fits a model, on the whole test set.

    Args:
        model: a model of the zoo.
        data_name: a name of `zoo.data.SOURCES`.
        command: what to record as the way to measure again.
        report: called with each figure as soon as there is one.

    Returns:
        a list of dicts with name, value, unit, protocol and command.
    """
    train, (x, y) = data.load(data_name)
    figures = []
    for name, value, unit, protocol in _measure(model, data_name, train, (x, y)):
        figure = {
            "name": name,
            "value": value,
            "unit": unit,
            "protocol": f"{protocol} ({len(x):,} test images of {data_name}, none left out)",
            "command": command,
        }
        figures.append(figure)
        if report:
            report(figure)
    return figures


def _measure(model, data_name, train, test):
    x, y = test
    labels = y if model.conditional and model.learns_labels else None
    yield (
        "reconstruction error",
        rounded(measures.reconstruction_error(model, x, labels)),
        "",
        "squared error summed over pixels, per image, pixels in [0, 1], deterministic code",
    )
    if hasattr(model, "refine"):
        refined = measures.squared_error(model.decode(model.refine(x)), x)
        yield (
            "reconstruction error of refined codes",
            rounded(refined),
            "",
            f"the same after {model.iterations} steps of descent from the encoder's code",
        )
    if isinstance(model, ClusteringAAE) and not model.learns_labels:
        yield (
            "clustering error",
            round(measures.clustering_error(model, x, y), 2),
            "%",
            f"images whose cluster, of {model.num_classes}, stands for another label than theirs: "
            "for that of the test image of which the model is surest",
        )
    elif hasattr(model, "predict_labels"):
        yield (
            "classification error",
            round(measures.classification_error(model, x, y), 2),
            "%",
            "images whose most probable label is another one than theirs",
        )
    if hasattr(model, "posterior_moments") and not isinstance(model, M1M2):
        bound, kl = measures.negative_bound(model, x, labels)
        pixels = _pixels(model, x)
        yield (
            "negative bound",
            rounded(bound),
            "nats" if model.likelihood.unit == "nats" else "",
            f"one draw an image, seed 0, beta 1; {pixels}",
        )
        yield "divergence", rounded(kl), "nats", "KL from posterior to prior, part of the bound"
        yield (
            "active units",
            measures.active_units(model, x, labels),
            f"of {model.latent_dim}",
            "latent dimensions whose posterior mean varies by more than 0.01",
        )
        if pixels.startswith(("binary", "grey levels")):
            yield from _measure_likelihood(model, x, labels, pixels)
    if model.prior is not None and not hasattr(model, "posterior_moments"):
        codes = measures.flat_codes(model, x)
        distance = measures.sliced_wasserstein(codes, model.prior.sample(len(x), seed=0))
        floor = measures.sliced_wasserstein(
            model.prior.sample(len(x), seed=1), model.prior.sample(len(x), seed=0)
        )
        yield (
            "distance of codes to prior",
            rounded(distance),
            "",
            "sliced 2-Wasserstein, 200 directions, seed 0; two samples of the prior are "
            f"{rounded(floor)} apart",
        )
    if isinstance(model, VAEGAN) and data_name in judges.JUDGES:
        judge = judges.load_judge(data_name)
        drawn = model.generate(len(x), seed=0)
        yield (
            "Fréchet distance",
            rounded(measures.frechet_distance(drawn, x, judge)),
            "",
            f"of {len(x):,} images generated with seed 0 to the test images, squared, by what the "
            f"last hidden layer of an independently trained classifier gives",
        )
    if model.conditional and model.learns_labels and data_name in judges.JUDGES:
        judge = judges.load_judge(data_name)
        yield (
            "generated class accuracy",
            round(measures.generated_class_accuracy(model, judge), 2),
            "%",
            "10,000 images generated with seed 0, classes in turn, judged by an independently "
            f"trained classifier that is right on "
            f"{judges.JUDGES[data_name]['test_accuracy']:.2f} % of the test images",
        )
    if model.restores:
        yield from _measure_restoration(model, x, labels)
    if not model.conditional and y is not None:
        yield from _measure_representation(model, train, test)


def _pixels(model, x):
    """Say what the pixels are that a bound is measured on."""
    if isinstance(model.likelihood, Categorical):
        return f"grey levels, {model.likelihood.levels} of them"
    if not isinstance(model.likelihood, Bernoulli):
        return "real-valued pixels"
    if model.binarize == "dynamic":
        return "binary pixels, drawn of the grey ones with seed 0"
    if model.binarize == "threshold":
        return "binary pixels, 1 above one half"
    binary = bool(np.isin(x, (0, 1)).all())
    return "binary pixels as in the data" if binary else "grey pixels, so no likelihood"


def _measure_likelihood(model, x, labels, pixels):
    """Measure with 200 samples and, where likelihoods are what matters, with 5000 as well."""
    for samples in (200,) if hasattr(model, "predict_labels") else (200, 5000):
        value, error = measures.negative_log_likelihood(model, x, labels, samples=samples)
        yield (
            f"negative log-likelihood, {samples} samples",
            round(value, 2),
            "nats",
            f"importance sampling from q(z | x), seed 0, standard error {error:.2f}; {pixels}",
        )


def _measure_representation(model, train, test):
    x, _ = test
    yield (
        "nearest-neighbour accuracy",
        round(measures.neighbour_accuracy(model, train, test), 2),
        "%",
        f"5 nearest of the {len(train[0]):,} training images' codes vote",
    )
    if not isinstance(model, Autoencoder):
        return
    yield (
        "linear probe accuracy",
        round(measures.linear_probe_accuracy(model, train, test), 2),
        "%",
        f"logistic regression on the {len(train[0]):,} training images' standardised codes",
    )
    activation = networks.code_activation(model.encoder)
    if model.has_one_layer and activation == "linear":
        yield (
            "angle to PCA",
            rounded(measures.angle_to_principal_subspace(model, train[0])),
            "rad",
            f"largest principal angle to the subspace of PCA of the {len(train[0]):,} training "
            "images",
        )
    if activation in ("sigmoid", "tanh"):
        yield (
            "mean activity",
            rounded(float(model.encode(x).mean())),
            "",
            "of a unit, averaged over units and images",
        )
        yield (
            "saturation",
            round(measures.saturation(model, x), 2),
            "%",
            "units below 0.05 or above 0.95, averaged over images",
        )
    yield (
        "Jacobian norm",
        rounded(measures.jacobian_norm(model, x)),
        "",
        "Frobenius norm of the encoder's Jacobian, averaged over images",
    )


def _measure_restoration(model, x, labels):
    for corruption, name in (
        (Masking(0.25), "25 % masked"),
        (Masking(0.5), "50 % masked"),
        (SaltAndPepper(0.1), "10 % salt and pepper"),
    ):
        damaged = corruption.sample(x, seed=0)
        yield (
            f"restored, {name}",
            round(measures.psnr(model.reconstruct(damaged, labels), x), 2),
            "dB",
            f"peak signal-to-noise ratio, averaged over images, noise of seed 0; the damaged images"
            f" have {measures.psnr(damaged, x):.2f} dB",
        )
