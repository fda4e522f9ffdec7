"""Scores of how unusual an item is to a model; a higher score means more unusual.

    reconstruction  sum_i (x_i - x'_i)^2, x' the mean image of the code of x
    largest_error   max_w mean_(i in w) (x_i - x'_i)^2, over the windows w of 5x5 pixels of an
                    image, or of 5 steps of a signal, with all their channels
    calibrated_error  the largest mean over 5x5 pixels, relative to the one that normal images have
                    at the same place: `zoo.anomaly.calibration`
    elbo_at_mean    -log p(x | m) + KL(q(z | x) || p(z)), m the mean of q(z | x)
    elbo            the negative ELBO, E_q(z|x)[-log p(x | z)] + KL(q(z | x) || p(z)), over draws
    log_likelihood  -log p(x), by importance sampling from q(z | x)
    prior           -log p(m), m the code of x, or its mean
    energy          F(x) = -ln sum_h exp(-E(x, h)), the free energy, up to a constant
    discriminator   -l(m), l the discriminator's logit, above 0 for prior samples
    joined          the larger of one of these and of the distance to a few rows of the training
                    data, each scaled by its spread: `zoo.anomaly.joined`

The scores reconstruction and elbo_at_mean of a sequence are divided by its number of steps.
In a row with missing values (a likelihood with missing="learn"), reconstruction is the mean over
the seen values, times the number of columns; for a value that was not seen, -log p(x_i | m) is
replaced by its expectation, the entropy of p(x_i | m), m the mean code, so that rows with and
without missing values can be compared.
If the KL divergence has no closed form, it is log q(z | x) - log p(z) at the codes of the score.

Source: An and Cho 2015, Variational autoencoder based anomaly detection using reconstruction
probability (SNU Data Mining Center), for the scores of variational models.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from zoo.checks.names import UnknownNameError
from zoo.inference.compiled import run_in_batches
from zoo.inference.importance_sampling import log_mean_weights
from zoo.models.aae import AAE
from zoo.models.rbm import RBM
from zoo.models.vae import VAE
from zoo.nn.distributions.likelihoods import (
    Bernoulli,
    Gaussian,
    LearnedGaussian,
    SquaredError,
)
from zoo.nn.distributions.mixed_columns import MixedColumns
from zoo.nn.distributions.sequences import SequenceLikelihood


def squared_errors(model: Any, x: Any) -> Any:
    """Return (x - x')^2 of every value, x' the reconstruction, tensors of the shape of x.

    Columns of a table that are not standardized count in standard deviations.
    """
    restored = ops.cast(model.image(model.code(x)), "float32")
    return model.likelihood.squared_errors(x, restored)


def _of_a_step(model, x, total):
    """Return sums over the steps of sequences [batch] as means, as sequences differ in length."""
    if not isinstance(model.likelihood, SequenceLikelihood):
        return total
    steps = ops.sum(ops.cast(model.likelihood.present(x), "float32"), axis=1)
    return total / steps


def _reconstruction(model, x):
    total = ops.sum(squared_errors(model, x), axis=tuple(range(1, len(x.shape))))
    if model.likelihood.takes_missing:
        seen = model.likelihood.seen_values(x)
        return total * x.shape[-1] / ops.maximum(seen, 1.0)
    return _of_a_step(model, x, total)


def _largest_error(model, x):
    errors = ops.mean(squared_errors(model, x), axis=-1, keepdims=True)
    windows = tuple(min(WINDOW, side) for side in errors.shape[1:-1])
    means = ops.average_pool(errors, windows, strides=1, padding="valid")
    if isinstance(model.likelihood, SequenceLikelihood):  # the mean over the steps of a window
        there = ops.cast(model.likelihood.present(x), "float32")[..., None]
        there = ops.average_pool(there, windows, strides=1, padding="valid")
        means = means / ops.maximum(there, 1.0 / WINDOW)
    return ops.max(means, axis=tuple(range(1, len(means.shape))))


def _elbo_at_mean(model, x):
    kl_and_log_prob = model.bound_of(x, model.posterior(x).mean)  # [batch, 2]
    total = kl_and_log_prob[:, 0] - kl_and_log_prob[:, 1]
    if model.likelihood.takes_missing:
        total = total + model.unseen_entropy(x)
    return _of_a_step(model, x, total)


def _prior(model, x):
    return -model.prior.log_prob(model.code(x))


def _energy(model, x):
    return model.free_energy(x)


def _discriminator(model, x):
    return -model.logits(model.code(x), None, False)


WINDOW, LEAST_SIDE = 5, 16  # pixels: side of the windows of "largest_error"; of images it suits

# Functions of a model and a tensor x [batch, *input_shape], to [batch].
DETERMINISTIC = {
    "reconstruction": _reconstruction,
    "largest_error": _largest_error,
    "elbo_at_mean": _elbo_at_mean,
    "prior": _prior,
    "energy": _energy,
    "discriminator": _discriminator,
}


def _elbo(model, x, samples, seed):
    # The same noise for all items: the score of an item does not depend on the other items.
    noise = np.random.default_rng(seed).standard_normal((samples, model.latent_dim), np.float32)
    total = np.zeros(len(x))
    for row in noise:
        repeated = np.broadcast_to(row, (len(x), model.latent_dim))
        both = run_in_batches(model.bound_of_noise, (x, repeated), batch_size=1024)  # [n, 2]
        total += both[:, 0] - both[:, 1]  # the KL divergence, and log p(x | z)
    return total / samples + _of_unseen(model, x)


def _log_likelihood(model, x, samples, seed):
    estimate = log_mean_weights(model, model.prepared(x, seed), None, samples, seed)
    return _of_unseen(model, x) - estimate.value


def _of_unseen(model, x):
    if not model.likelihood.takes_missing:
        return 0.0
    return run_in_batches(model.unseen_entropy, x, batch_size=1024)


# Functions of a model, an array x, the number of draws and their seed, to [n].
SAMPLED = {"elbo": _elbo, "log_likelihood": _log_likelihood}

_OF_NUMBERS = (Gaussian, LearnedGaussian, SquaredError)
JOINED = "joined"  # needs training rows of the detector besides the model
CALIBRATED = "calibrated_error"  # needs usual errors of the detector besides the model
SCORES = (*DETERMINISTIC, *SAMPLED, JOINED, CALIBRATED)
FORMULAS = {
    "reconstruction": "squared error of the reconstruction, summed over values; for sequences, "
    "divided by the number of steps",
    "largest_error": "largest mean of the squared error over a window of 5 pixels a side",
    CALIBRATED: "largest mean of the squared error over a window of 5 pixels a side, divided by "
    "what is usual at the same place",
    "elbo_at_mean": "-log p(x | m) + KL(q(z | x) || p(z)), m the mean of q(z | x); for sequences, "
    "divided by the number of steps",
    "elbo": "negative ELBO, averaged over draws from q(z | x)",
    "log_likelihood": "-log p(x), by importance sampling",
    "prior": "-log p(z) of the mean code",
    "energy": "free energy, up to a constant",
    "discriminator": "negative logit of the discriminator on the code",
    JOINED: "larger of two scaled values: the model's score, and the distance to a few rows",
}
# Further scores by kind of model, besides those of `_OF_ALL`.
_OF_KIND = {
    VAE: ("elbo_at_mean", "elbo", "log_likelihood", "prior"),
    AAE: ("prior", "discriminator"),
    RBM: ("energy",),
}
_OF_ALL = ("reconstruction", "largest_error", CALIBRATED, JOINED)


def of_class(model_class: type) -> list[str]:
    """Return the names of the scores that a class of models can have."""
    own = next((n for kind, n in _OF_KIND.items() if issubclass(model_class, kind)), ())
    return [*own, *_OF_ALL]


def default_of(model: Any, of_files: bool = False) -> str:
    """Return the name of the default score of a model.

    Args:
        model: the model. of_files: whether it is made for the images of a folder. These mostly show
            the same thing again and again, so that errors have something usual to be compared with:
            "calibrated_error" in place of "largest_error".

    For rows of numbers it is "joined", because a network that has also learned from anomalies gives
    them low scores. Otherwise it is the score of `own_of`, also for categories, because distances
    between them say little, and for an RBM, which has its free energy.
    """
    own = own_of(model)
    if own == "largest_error" and of_files and len(model.image_shape) == 3:
        return CALIBRATED
    return JOINED if of_numbers(model) and not isinstance(model, RBM) else own


def of_numbers(model: Any) -> bool:
    """Return whether a model takes rows of numbers, between which distances are meaningful."""
    numbers = isinstance(model.likelihood, _OF_NUMBERS)
    return (
        numbers and not isinstance(model.likelihood, MixedColumns) and len(model.image_shape) == 1
    )


def own_of(model: Any) -> str:
    """Return the name of the model's own score that is used by default.

    For images of 16 pixels a side or more it is "largest_error", because a defect is a small part
    of an image, and its error is small compared with the sum of all others. The ELBO weighs pixels
    by their likelihood, which says little if it is a cross-entropy of gray pixels.
    """
    if isinstance(model, RBM):
        return "energy"
    if len(model.image_shape) == 3 and min(model.image_shape[:2]) >= LEAST_SIDE:
        return "largest_error"
    likelihood = getattr(model.likelihood, "step", model.likelihood)  # of a step of a signal
    if isinstance(model, VAE) and not isinstance(likelihood, Bernoulli):
        return "elbo_at_mean"
    return "reconstruction"


def check_name(model_class: type, name: str) -> None:
    """Refuse an unknown score, or one that does not fit a class of models.

    Raises:
        ValueError: with the names of the available scores.
    """
    names = of_class(model_class)
    if name not in SCORES:
        raise UnknownNameError("score", name, names)
    if name not in names:
        raise ValueError(
            f"score={name!r} is not for a {model_class.__name__}, whose scores are "
            f"{', '.join(names)}."
        )


def check(model: Any, name: str) -> None:
    """Refuse a score that this particular model does not have.

    Raises:
        ValueError: a prior without density, a discriminator with labels, or neither image nor
            signal.
    """
    others = [n for n in of_class(type(model)) if n != name]
    if name == "largest_error" and len(model.image_shape) == 1:
        raise ValueError(
            "score='largest_error' is for images and signals, which have neighboring values, but "
            f"the model takes rows of {model.image_shape[0]}. Choose one of {', '.join(others)}."
        )
    if name == CALIBRATED and len(model.image_shape) != 3:
        raise ValueError(
            "score='calibrated_error' is for images, which are compared place by place, but the "
            f"model takes {model.image_shape}. Choose one of {', '.join(others)}."
        )
    if name == JOINED and len(model.image_shape) != 1:
        raise ValueError(
            "score='joined' is for rows, whose columns can be compared one by one, but the model "
            f"takes {model.image_shape}. Choose one of {', '.join(others)}."
        )
    if name == "prior" and not _has_density(model):
        raise ValueError(
            f"score='prior' needs log p(z) of all codes, but {model.prior!r} has no density, or "
            f"none outside of a region. Choose one of {', '.join(others)}."
        )
    if name == "discriminator" and model.discriminator_classes:
        raise ValueError(
            f"The discriminator of this {type(model).__name__} needs the label, which is unknown "
            f"for new items. Choose one of {', '.join(others)}."
        )


def _has_density(model) -> bool:
    far = np.full((1, model.latent_dim), 100.0, "float32")
    try:
        return math.isfinite(float(ops.convert_to_numpy(model.prior.log_prob(far))[0]))
    except NotImplementedError:
        return False
