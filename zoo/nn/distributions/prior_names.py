"""Priors by name, for recipes."""

from __future__ import annotations

import inspect
import math
from typing import Any

from zoo.nn.configured import made_of
from zoo.nn.distributions.mixtures import GaussianMixture, SwissRoll
from zoo.nn.distributions.priors import Normal, Prior, Uniform
from zoo.nn.distributions.requirements import check_prior
from zoo.nn.distributions.vamp import VampPrior

NAMED = {
    "normal": Normal,
    "uniform": Uniform,
    "petals": GaussianMixture.petals,
    "swiss_roll": SwissRoll,
    "vamp": VampPrior,
}


def get(
    prior: Any, shape: int | tuple[int, ...], model: Any = None, with_density: bool = False
) -> Prior:
    """Return a prior, after checking that it fits codes of a shape.

    Args:
        prior: None for the standard normal; a prior; a name in `NAMED`, such as "vamp"; or, as in
            recipes, a dict of a name and its arguments, such as `{"vamp": {"components": 100}}`.
        shape: the shape of a code without the batch, or its length; the prior is a distribution of
            flattened codes.
        model: the model that gets it, for priors that use its networks.
        with_density: whether the model needs the density of codes, `log_prob`.

    Raises:
        TypeError: it is not a prior, or has no density although the model needs one. ValueError:
            the name is unknown, the number of dimensions differs, or the prior is for vectors but
            the codes are not vectors.
    """
    shape = shape if isinstance(shape, tuple) else (shape,)
    latent_dim = math.prod(shape)
    if prior is None:
        return Normal(latent_dim)
    if isinstance(prior, str) and prior in NAMED:
        prior = {prior: {}}
    if isinstance(prior, dict):
        prior = _made(prior, latent_dim)
    if not isinstance(prior, Prior):
        raise TypeError(
            f"prior is {prior!r}; give a prior such as zoo.Normal({latent_dim}), a name "
            f"({', '.join(NAMED)}), or an instance of your own subclass of "
            "zoo.nn.distributions.Prior."
        )
    if model is not None:
        prior = prior.of_model(model)
    check_prior(prior, latent_dim, with_density)
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
    takes_size = "latent_dim" in inspect.signature(NAMED[name]).parameters
    size = {"latent_dim": latent_dim} if takes_size else {}
    return NAMED[name](**size, **options)
