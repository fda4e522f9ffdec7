"""What a decoder's output says about an image: p(x | z).

A likelihood turns the decoder network's raw output (its parameters) into a log-probability for
training and into an image for looking at. The network never applies a sigmoid itself.
"""

import math

import keras
from keras import ops

from zoo.nn.configured import Configured
from zoo.nn.divergences import gaussian_log_prob


class Likelihood(Configured):
    """Base class.

    Attributes:
        low, high: the closed range in which images must lie, or None where any value will do.
        unit: what `-log_prob` is measured in.
    """

    low: float | None = None
    high: float | None = None
    unit = "nats"

    def log_prob(self, x, parameters):
        """Log-probability of images under decoder outputs, both [batch, ...], as [batch]."""
        raise NotImplementedError

    def mean(self, parameters):
        """Mean image for decoder outputs, of the same shape."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="zoo")
class Bernoulli(Likelihood):
    """Every pixel is a coin with logit l: log p(x) = sum(x l - ln(1 + exp(l))).

    Pixels lie in [0, 1]. For grey pixels this is a cross-entropy, and the figures made with it
    are no likelihoods; for binary ones they are. Computed from logits, so that it is finite for
    every finite l.
    """

    low, high = 0.0, 1.0

    def log_prob(self, x, parameters):
        return ops.sum(
            x * parameters - ops.softplus(parameters), axis=tuple(range(1, len(x.shape)))
        )

    def mean(self, parameters):
        return ops.sigmoid(parameters)


@keras.saving.register_keras_serializable(package="zoo")
class Gaussian(Likelihood):
    """Every pixel is normal with the decoder's output as its mean and one fixed spread.

    log p(x) = -1/2 sum(ln(2 pi s^2) + (x - mean)^2 / s^2).

    Args:
        stddev: the standard deviation s, above 0, in units of a pixel.
    """

    def __init__(self, stddev: float = 1.0):
        if not stddev > 0:
            raise ValueError(f"stddev is {stddev}; a Gaussian likelihood needs it above 0.")
        self.stddev = float(stddev)

    def log_prob(self, x, parameters):
        return gaussian_log_prob(x, parameters, 2.0 * math.log(self.stddev))

    def mean(self, parameters):
        return parameters

    def get_config(self):
        return {"stddev": self.stddev}


@keras.saving.register_keras_serializable(package="zoo")
class SquaredError(Likelihood):
    """-log_prob is the squared error, summed over pixels.

    A Gaussian of variance 1/2 without its constant: the same training, and a number that can be
    set beside PCA's.
    """

    unit = "squared error"

    def log_prob(self, x, parameters):
        return -ops.sum(ops.square(x - parameters), axis=tuple(range(1, len(x.shape))))

    def mean(self, parameters):
        return parameters


_NAMED = {"bernoulli": Bernoulli, "gaussian": Gaussian, "squared_error": SquaredError}


def get(identifier) -> Likelihood:
    """Return a likelihood for a name, a serialized likelihood, or one that is made already.

    Raises:
        ValueError: an unknown name. TypeError: anything else.
    """
    if isinstance(identifier, Likelihood):
        return identifier
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
        return get(identifier)
    if isinstance(identifier, str):
        if identifier not in _NAMED:
            raise ValueError(
                f"likelihood={identifier!r} is unknown; the names are {', '.join(_NAMED)}."
            )
        return _NAMED[identifier]()
    raise TypeError(
        f"likelihood must be one of {', '.join(_NAMED)} or a Likelihood, not {identifier!r}."
    )
