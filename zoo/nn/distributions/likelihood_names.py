"""Likelihoods by name, for `likelihood=`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from zoo.checks.names import suggestion
from zoo.nn.configured import made_of
from zoo.nn.distributions.counts import NegativeBinomial, Poisson
from zoo.nn.distributions.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    LearnedGaussian,
    Likelihood,
    SquaredError,
)
from zoo.nn.distributions.structural import ALPHA, StructuralSimilarity
from zoo.nn.distributions.word_counts import Multinomial

_NAMED: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "learned_gaussian": LearnedGaussian,
    "categorical": Categorical,
    "squared_error": SquaredError,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
    "multinomial": Multinomial,
    "ssim": StructuralSimilarity,
    "l1_ssim": partial(StructuralSimilarity, ALPHA),
}
_LOSSES_OF_KERAS = {  # names that a user may try
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "bce": "bernoulli",
    "binary_crossentropy": "bernoulli",
    "categorical_crossentropy": "categorical",
}
COUNTS = ("poisson", "negative_binomial", "multinomial")


def of_unit_variance(identifier: Any) -> Likelihood:
    """Return a likelihood as `get` does, with standard deviation 1 where it would be calibrated."""
    return get(identifier).of_unit_variance()


def get(identifier: Any) -> Likelihood:
    """Return a likelihood, given a name, a serialized likelihood, or a likelihood.

    Raises:
        ValueError: the name is unknown. TypeError: it is none of these.
    """
    if isinstance(identifier, Likelihood):
        return identifier
    if isinstance(identifier, dict):
        return made_of(identifier, Likelihood, "likelihood")
    if isinstance(identifier, str):
        if identifier not in _NAMED:
            meant = _LOSSES_OF_KERAS.get(identifier.casefold(), identifier)
            near = suggestion(meant, _NAMED)
            raise ValueError(
                f"likelihood={identifier!r} is unknown{near or '.'} There are: {', '.join(_NAMED)}."
            )
        return _NAMED[identifier]()
    raise TypeError(
        f"likelihood must be one of {', '.join(_NAMED)} or a Likelihood, not {identifier!r}."
    )


def checked_binarization(
    binarize: Any, likelihood: Likelihood, choices: tuple[str, ...] = ("dynamic", "threshold")
) -> Any:
    """Return how pixels become 0 or 1, one of the choices or None.

    Raises:
        ValueError: it is another, or the likelihood is not that of pixels of 0 and 1.
    """
    if binarize not in (None, *choices):
        named = ", ".join(map(repr, choices))
        raise ValueError(f"binarize is {binarize!r}; choose {named} or None.")
    if binarize and not isinstance(likelihood, Bernoulli):
        raise ValueError(
            f"binarize={binarize!r} makes pixels 0 or 1, for a Bernoulli likelihood only; the "
            f"likelihood is {type(likelihood).__name__}."
        )
    return binarize
