"""Requirements on a user's own prior, likelihood or corruption.

Each is a subclass of a base class. When a model gets it, it is tried once, on two rows. It needs:

- a prior, a subclass of `zoo.nn.distributions.Prior`: the attribute `latent_dim`; either
  `transform(noise, uniform, label)`, which `sample` and `draw` use, or own `sample` and `draw`;
  and, for models whose loss has a KL divergence, `log_prob(z)`, finite for all codes;
- a likelihood, a subclass of `zoo.nn.distributions.Likelihood`: `log_prob(x, parameters)`, [batch],
  and `mean(parameters)`, with the shape of x; `low` and `high`, numbers or None, if x has a range;
- a corruption, a subclass of `zoo.nn.corruption.Corruption`: `apply(x, noise)`, with the shape of
  x; `noise`, "uniform" or "normal"; and `noise_shape(x)` if the noise does not have the shape of x.

To be saved, each also needs `get_config` if its constructor has arguments, and must be registered
with Keras (`keras.saving.register_keras_serializable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.corruption import Corruption
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.priors import Prior

ROWS = 2
MOST_VALUES = 2**24  # of an item and of its parameters, as a model tries two items
FAR = 100.0  # in each dimension: a code that a posterior may give


def check_prior(prior: Prior, latent_dim: int, with_density: bool) -> None:
    """Try a prior on two codes.

    Args:
        prior: any prior. latent_dim: the length of the model's codes.
        with_density: whether the model needs the density of codes.

    Raises:
        TypeError: a method is missing. ValueError: a shape is wrong, or values are not finite.
    """
    what = f"The prior {prior!r}"
    _check_dimensions(what, getattr(prior, "latent_dim", None), latent_dim)
    z = _tried(what, "sample", lambda: prior.sample(ROWS, seed=0))
    _check_values(what, "sample(2)", z, (ROWS, latent_dim))
    if not with_density:
        drawn = _tried(what, "draw", lambda: prior.draw(ROWS, keras.random.SeedGenerator(0)))
        _check_values(what, "draw(2, seed_generator)", drawn, (ROWS, latent_dim))
        return
    if prior.discrete:
        raise TypeError(f"{what} gives single points, but this model needs a density of codes.")
    z = np.concatenate([z, [[FAR] * latent_dim]]).astype("float32")
    log_prob = _tried(what, "log_prob", lambda: prior.log_prob(ops.convert_to_tensor(z)))
    found = _check_values(what, "log_prob(z)", log_prob, (len(z),), finite=False)
    if not np.isfinite(found).all():
        raise ValueError(
            f"{what} has the log-density {found[-1]} at the code of {FAR:g} in each dimension, and "
            f"{found[0]} at one of its samples; it must be finite for all codes, or the KL "
            "divergence of a Gaussian posterior is infinite. Use a zoo.Normal or a "
            "zoo.GaussianMixture, or zoo.AAE, which needs no density."
        )


def check_likelihood(likelihood: Likelihood, shape: tuple, parameter_shape: tuple) -> None:
    """Try a likelihood on two inputs, which also builds the layers in it.

    Args:
        likelihood: any likelihood. shape: the shape of an input. parameter_shape: the shape of the
            decoder's output for it.

    Raises:
        TypeError: a method is missing. ValueError: a shape or a range is wrong, or an item is too
            large to be tried.
    """
    what = f"The likelihood {likelihood!r}"
    values = max(math.prod(shape), math.prod(parameter_shape))
    if values > MOST_VALUES:  # sizes of images and sequences that no weight depends on
        raise ValueError(
            f"An item of the shape {shape} takes {values:,} values; a model takes at most "
            f"{MOST_VALUES:,}. Cut images into tiles, and sequences into windows."
        )
    for name in ("low", "high"):
        end = getattr(likelihood, name)
        if end is not None and not (isinstance(end, Real) and math.isfinite(end)):
            raise ValueError(f"{what} has {name}={end!r}; give a number, or None for no end.")
    low, high = likelihood.low, likelihood.high
    if low is not None and high is not None and not low < high:
        raise ValueError(f"{what} has low={low} and high={high}; low must be below high.")
    some = next((float(end) for end in (low, high) if end is not None), 0.0)
    x, parameters = ops.full((ROWS, *shape), some), ops.zeros((ROWS, *parameter_shape))
    log_prob = _tried(what, "log_prob", lambda: likelihood.log_prob(x, parameters))
    _check_values(what, "log_prob(x, parameters)", log_prob, (ROWS,), finite=False)
    mean = _tried(what, "mean", lambda: likelihood.mean(parameters))
    _check_values(what, "mean(parameters)", mean, (ROWS, *shape), finite=False)


def check_corruption(corruption: Corruption, likelihood: Likelihood, shape: tuple) -> None:
    """Try a corruption on two inputs of a shape, which also builds the layers in it.

    Raises:
        TypeError: a method is missing. ValueError: the kind of noise is unknown, or a shape is
            wrong.
    """
    what = f"The corruption {corruption!r}"
    if corruption.noise not in ("uniform", "normal"):
        raise ValueError(f"{what} has noise={corruption.noise!r}; it is 'uniform' or 'normal'.")
    steps = getattr(corruption, "steps", [corruption])
    if any(getattr(step, "missing", False) for step in steps) and not likelihood.takes_missing:
        raise ValueError(
            f"{what} makes values missing (NaN), which {type(likelihood).__name__} does not take: "
            'leave missing=True out, or give a likelihood of columns with missing="learn".'
        )
    x, seed = ops.zeros((ROWS, *shape)), keras.random.SeedGenerator(0)
    made = _tried(what, "apply", lambda: likelihood.corrupted(x, corruption, seed))
    _check_values(what, "apply(x, noise)", made, (ROWS, *shape), finite=False)


def _tried(what: str, method: str, call: Callable) -> Any:
    try:
        return call()
    except (NotImplementedError, AttributeError) as error:
        raise TypeError(f"{what} lacks something that {method}() needs: {error}") from error
    except Exception as error:  # the code is a user's
        raise ValueError(f"{what} fails in {method}(), tried on {ROWS} rows: {error}") from error


def _check_dimensions(what, found, latent_dim):
    if found != latent_dim:
        said = "has no latent_dim" if found is None else f"has {found} dimensions"
        raise ValueError(f"{what} {said}, but the codes have {latent_dim}; they must agree.")


def _check_values(what, call, values, shape, finite=True):
    values = ops.convert_to_numpy(values)
    if values.shape != shape or (finite and not np.isfinite(values).all()):
        said = f"shape {values.shape}" if values.shape != shape else "NaN or infinite values"
        raise ValueError(f"{what} gives {said} for {call}; expected are finite values of {shape}.")
    return values
