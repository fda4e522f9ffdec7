"""Priors by name, for recipes."""

from __future__ import annotations

import math
from typing import Any

from zoo.nn.configured import made_of
from zoo.nn.distributions.mixtures import GaussianMixture, SwissRoll
from zoo.nn.distributions.priors import Normal, Prior, Uniform

NAMED = {
    "normal": Normal,
    "uniform": Uniform,
    "petals": GaussianMixture.petals,
    "swiss_roll": SwissRoll,
}


def get(prior: Any, shape: int | tuple[int, ...], kinds: Any = Prior) -> Prior:
    """Return a prior after a check that it fits codes of a shape.

    Args:
        prior: None for the standard normal; a prior; or a dict such as `{"swiss_roll": {}}`, as in
            recipes, of a name in `NAMED` and its arguments.
        shape: of a code without the batch, or its length; the prior is one of the flat codes.
        kinds: the class of priors that the model can take, or a tuple of classes.

    Raises:
        TypeError: not a prior of these classes. ValueError: an unknown name, another number of
            dimensions, or a prior of vectors for codes that are not vectors.
    """
    shape = shape if isinstance(shape, tuple) else (shape,)
    latent_dim = math.prod(shape)
    if prior is None:
        return Normal(latent_dim)
    if isinstance(prior, dict):
        prior = _made(prior, latent_dim)
    if not isinstance(prior, kinds):
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        taken = " or a ".join(f"zoo.{kind.__name__}" for kind in kinds)
        raise TypeError(f"prior is {prior!r}; this model takes a {taken}.")
    if prior.latent_dim != latent_dim:
        raise ValueError(
            f"The prior has {prior.latent_dim} dimensions, but the codes have {latent_dim}; they "
            "must agree."
        )
    if len(shape) > 1 and not isinstance(prior, Normal | Uniform):
        raise ValueError(
            f"A {type(prior).__name__} gives vectors, but the codes have the shape {shape}: let "
            "the encoder end in a Flatten and the decoder begin with a Reshape, or use a "
            "zoo.Normal or a zoo.Uniform."
        )
    return prior


def _made(description, latent_dim):
    if "class_name" in description:
        return made_of(description, Prior, "prior")
    name, options = next(iter(description.items()), (None, None))
    if len(description) != 1 or name not in NAMED or not isinstance(options, dict):
        raise ValueError(
            f"prior is {description!r}; give a prior, or one of {', '.join(NAMED)} with its "
            'arguments, such as {"normal": {"scale": 5.0}}.'
        )
    size = {"latent_dim": latent_dim} if name in ("normal", "uniform") else {}
    return NAMED[name](**size, **options)
