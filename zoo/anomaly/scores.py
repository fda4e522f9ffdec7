"""How unusual an item is to a model: the scores, each higher for what is more unusual.

    reconstruction  sum_i (x_i - x'_i)^2, x' the mean image of the code of x
    elbo_at_mean    -log p(x | m) + KL(q(z | x) || p(z)), m the mean of q(z | x)
    elbo            the negative ELBO, E_q(z|x)[-log p(x | z)] + KL(q(z | x) || p(z)), over draws
    log_likelihood  -log p(x), by importance sampling from q(z | x)
    prior           -log p(m), m the code of x, or its mean
    energy          F(x) = -ln sum_h exp(-E(x, h)), the free energy, up to a constant
    discriminator   -l(m), l the discriminator's logit, above 0 for prior samples

Where the KL divergence has no closed form, it is log q(z | x) - log p(z) at the codes of the score.

Source: An and Cho 2015, Variational autoencoder based anomaly detection using reconstruction
probability (SNU Data Mining Center), for the scores of variational models.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from zoo.models.aae import AAE
from zoo.models.rbm import RBM
from zoo.models.vae import VAE
from zoo.suggestions import UnknownNameError


def squared_errors(model: Any, x: Any) -> Any:
    """Return (x - x')^2 of every value, x' the reconstruction, tensors of the shape of x.

    Columns of a table in their own units count in standard deviations.
    """
    restored = ops.cast(model.image(model.code(x)), "float32")
    units = model.likelihood
    return ops.square(units.standardized(x) - units.standardized(restored))


def _reconstruction(model, x):
    return ops.sum(squared_errors(model, x), axis=tuple(range(1, len(x.shape))))


def _elbo_at_mean(model, x):
    kl_and_log_prob = model.bound_of(x, model.posterior(x).mean)  # [batch, 2]
    return kl_and_log_prob[:, 0] - kl_and_log_prob[:, 1]


def _prior(model, x):
    return -model.prior.log_prob(model.code(x))


def _energy(model, x):
    return model.free_energy(x)


def _discriminator(model, x):
    return -model.logits(model.code(x), None, False)


# Functions of a model and a tensor x [batch, *input_shape], to [batch].
DETERMINISTIC = {
    "reconstruction": _reconstruction,
    "elbo_at_mean": _elbo_at_mean,
    "prior": _prior,
    "energy": _energy,
    "discriminator": _discriminator,
}


def _elbo(model, x, samples, seed):
    # The same noise for all items: the score of one does not depend on those beside it.
    noise = np.random.default_rng(seed).standard_normal((samples, model.latent_dim), np.float32)
    total = np.zeros(len(x))
    for row in noise:
        repeated = np.broadcast_to(row, (len(x), model.latent_dim))
        z = model.run_in_batches("code_from_noise", (x, repeated), None, 1024)
        kl_and_log_prob = model.run_in_batches("bound_of", (x, z), None, 1024)  # [n, 2]
        total += kl_and_log_prob[:, 0] - kl_and_log_prob[:, 1]
    return total / samples


def _log_likelihood(model, x, samples, seed):
    return -model.log_likelihood(x, samples=samples, seed=seed).value


# Functions of a model, an array x, the number of draws and their seed, to [n].
SAMPLED = {"elbo": _elbo, "log_likelihood": _log_likelihood}

SCORES = {**DETERMINISTIC, **SAMPLED}
FORMULAS = {
    "reconstruction": "squared error of the reconstruction, summed over values",
    "elbo_at_mean": "-log p(x | m) + KL(q(z | x) || p(z)), m the mean of q(z | x)",
    "elbo": "negative ELBO, averaged over draws from q(z | x)",
    "log_likelihood": "-log p(x), by importance sampling",
    "prior": "-log p(z) of the mean code",
    "energy": "free energy, up to a constant",
    "discriminator": "negative logit of the discriminator on the code",
}
# By kind of model, beside "reconstruction"; the first is the default.
_OF_KIND = {
    VAE: ("elbo_at_mean", "elbo", "log_likelihood", "prior"),
    AAE: ("reconstruction", "prior", "discriminator"),
    RBM: ("energy",),
}


def of_class(model_class: type) -> list[str]:
    """Return the names of the scores that a class of models can have, the default first."""
    names = next((n for kind, n in _OF_KIND.items() if issubclass(model_class, kind)), ())
    return list(dict.fromkeys((*names, "reconstruction")))


def chosen(model_class: type, name: str | None) -> str:
    """Return the name of a score, or the default of the class where it is None.

    Raises:
        ValueError: an unknown name, or one that is not for this class.
    """
    names = of_class(model_class)
    if name is None:
        return names[0]
    if name not in SCORES:
        raise UnknownNameError("score", name, names)
    if name not in names:
        raise ValueError(
            f"score={name!r} is not for a {model_class.__name__}, whose scores are "
            f"{', '.join(names)}."
        )
    return name


def check(model: Any, name: str) -> None:
    """Refuse a score that this very model does not have.

    Raises:
        ValueError: no density, or a discriminator that sees labels.
    """
    others = [n for n in of_class(type(model)) if n != name]
    if name == "prior" and not _has_density(model):
        raise ValueError(
            f"score='prior' needs log p(z) of all codes, and {model.prior!r} has no density, or "
            f"none outside of a region. Choose one of {', '.join(others)}."
        )
    if name == "discriminator" and model.discriminator_classes:
        raise ValueError(
            f"The discriminator of this {type(model).__name__} sees the label, which is not known "
            f"of new items. Choose one of {', '.join(others)}."
        )


def _has_density(model) -> bool:
    far = np.full((1, model.latent_dim), 100.0, "float32")
    try:
        return math.isfinite(float(ops.convert_to_numpy(model.prior.log_prob(far))[0]))
    except NotImplementedError:
        return False
