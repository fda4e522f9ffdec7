"""Likelihoods p(x | z) of images, given the outputs of a decoder.

The decoder's outputs are the parameters of a likelihood, which gives a log-probability for training
and a mean image. The zoo's decoders never end in a sigmoid; from a user's decoder a last sigmoid is
removed, see `zoo.nn.own_networks`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.checks.arguments import number, whole
from zoo.checks.array_types import Tensor
from zoo.nn.configured import Configured
from zoo.nn.distributions.normal import LOG_TWO_PI, log_normal

LEAST_VARIANCE = 1e-6  # of a pixel
CALIBRATION_RATE = 0.1  # the weight of a batch in the moving average of a calibrated variance


class Observation(NamedTuple):
    """p(x | z) of a batch: a likelihood with its parameters.

    Attributes:
        likelihood: a likelihood of images. parameters: the decoder's outputs, [batch, ...].
    """

    likelihood: Likelihood
    parameters: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x | z) of images [batch, *image_shape], in nats, [batch]."""
        return self.likelihood.log_prob(x, self.parameters)

    @property
    def mean(self) -> Any:
        """The mean image, [batch, *image_shape]."""
        return self.likelihood.mean(self.parameters)


class Likelihood(Configured):
    """Base class of p(x | z), which determines the loss and the meaning of the decoder's outputs.

    Attributes:
        low, high: the ends of the range of images, which belong to it; None for no end.
        unit: of `-log_prob`.
        values: how many numbers the decoder gives for every channel of a pixel. Its output has the
            shape of an image, except for the last axis, which is `values` times as long.
        reads: the name of these numbers if they are unbounded, so that the decoder must not end in
            a bounded activation; None if they are the values of pixels.
        calibrated: whether each training step must call `calibrate`.
        applies: the Keras activation that `mean` applies to these numbers, or None.
        in_own_units: whether data are raw rows or counts, which the likelihood standardizes.
        standardizes_to: the units of `standardized`, where data are in their own units.
        whole: whether values are counts, so that arrays of integers are accepted too.
        padded: whether NaN stands for the steps after the end of a signal.
        takes_missing: whether NaN stands for a value of a row that was not seen.
        adds_inputs: whether `normalization` gives a network more values than a row has.
        may_be_bytes: whether whole numbers up to 255 are taken for pixels, and refused.
        check: None, or a method from an array [n, ...], and its name and the number of its first
            row, for errors, to an array whose values must be finite and in the range; it may raise
            a ValueError.

    Examples: to use your own loss, define a likelihood.
        >>> @keras.saving.register_keras_serializable(package="mine")
        ... class AbsoluteError(zoo.nn.distributions.Likelihood):
        ...     unit = "absolute error"
        ...     def log_prob(self, x, parameters):
        ...         distances = keras.ops.abs(x - parameters)
        ...         return -keras.ops.sum(distances, axis=tuple(range(1, len(x.shape))))
        ...     def mean(self, parameters):
        ...         return parameters
        >>> model = zoo.VAE((4, 4, 1), 2, hidden_units=(8,), likelihood=AbsoluteError())
        >>> model.compile("adam", run_eagerly=True)
        >>> history = model.fit(np.zeros((8, 4, 4, 1), "float32"), verbose=0)
        >>> zoo.VAE.from_config(model.get_config()).likelihood
        AbsoluteError()
    """

    low: float | None = None
    high: float | None = None
    unit = "nats"
    values = 1
    reads: str | None = None
    applies: str | None = None
    calibrated = False
    in_own_units = False
    standardizes_to = "standard deviations"
    whole = False
    padded = False
    takes_missing = False
    adds_inputs = False
    may_be_bytes = True
    check: Any = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of the range, infinite where there is none."""
        return (
            -math.inf if self.low is None else self.low,
            math.inf if self.high is None else self.high,
        )

    @property
    def bounded(self) -> bool:
        """Whether the range has an end on at least one side."""
        return self.low is not None or self.high is not None

    def described_range(self) -> str:
        """Return the range in words: "[0, 1]", "[0, inf)", or "any"."""
        low = "(-inf" if self.low is None else f"[{self.low:g}"
        high = "inf)" if self.high is None else f"{self.high:g}]"
        return f"{low}, {high}" if self.bounded else "any"

    def of_unit_variance(self) -> Likelihood:
        """Return a likelihood with standard deviation 1 instead of a calibrated one."""
        return self

    def of_model(self, model: Any) -> Likelihood:
        """Return a likelihood for this model: `self`, unless it has weights."""
        del model
        return self

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        """Return the shape of a decoder's output for a shape of images, both without the batch."""
        return (*image_shape[:-1], image_shape[-1] * self.values)

    def __call__(self, parameters) -> Observation:
        """Return p(x | z) for the outputs of a decoder, [batch, ...]."""
        return Observation(self, parameters)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return the log-probability, [batch], of images for decoder outputs, both [batch, ...]."""
        raise NotImplementedError

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the mean images for decoder outputs, [batch, *image_shape]."""
        raise NotImplementedError

    def calibrate(self, log_prob: Tensor, share: Tensor = 1.0) -> None:
        """Update the calibrated weights after a batch of training; see `Gaussian.calibrate`."""
        raise NotImplementedError

    def seen_values(self, x: Tensor) -> Tensor:
        """Return how many values of each row were seen, float32 [batch], if NaN is missing."""
        raise NotImplementedError

    def unseen_entropy(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return the sum of E[-log p(x_j | z)] over the values that were not seen, [batch]."""
        raise NotImplementedError

    def log_units(self, x: Tensor) -> Tensor:
        """Return log p of standardized minus log p of raw data: [batch], or 0 if both are equal."""
        del x
        return 0.0

    def standardized(self, x: Tensor) -> Tensor:
        """Return data in the units of errors and noise; only rows and counts change."""
        return x

    def squared_errors(self, x: Tensor, restored: Tensor) -> Tensor:
        """Return the squared error of each value in these units, tensors of the shape of x."""
        return ops.square(self.standardized(x) - self.standardized(restored))

    def raw(self, standardized: Tensor) -> Tensor:
        """Return data in their original units; the inverse of `standardized`."""
        return standardized

    def normalization(self) -> keras.Layer | None:
        """Return a layer that computes `standardized`, or None if that changes nothing."""
        return None

    def describe_rows(self) -> dict | None:
        """Return a distribution for synthetic data if images have no range, or None."""
        return None

    def corrupted(self, x: Tensor, corruption: Any, seed_generator: Any) -> Tensor:
        """Return corrupted images; the noise is in the units of `standardized`."""
        return self.raw(corruption.draw(self.standardized(x), seed_generator))


@keras.saving.register_keras_serializable(package="zoo")
class Bernoulli(Likelihood):
    """Every pixel is 0 or 1, with logit l: log p(x) = sum(x l - ln(1 + exp(l))).

    Pixels lie in [0, 1]. It is a log-likelihood for binary pixels only; for gray pixels it is a
    cross-entropy. It is computed from logits, and so is finite for every finite l.

    Examples:
        >>> log_prob = zoo.Bernoulli().log_prob(np.ones((1, 2)), np.zeros((1, 2)))
        >>> float(log_prob[0])  # two pixels, 1 with probability 1/2
        -1.386...
    """

    low, high = 0.0, 1.0
    reads, applies = "logits", "sigmoid"

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        row = (-1, math.prod(parameters.shape[1:]))  # XLA sums rows faster than images on CPUs
        x, logits = ops.reshape(x, row), ops.reshape(parameters, row)
        return ops.sum(x * logits - ops.softplus(logits), axis=1)

    def mean(self, parameters: Tensor) -> Tensor:
        return ops.sigmoid(parameters)


@keras.saving.register_keras_serializable(package="zoo")
class Gaussian(Likelihood):
    """Every pixel is normal, with the decoder's output as its mean, and one s for all pixels.

    log p(x) = -1/2 sum(ln(2 pi s^2) + (x - mean)^2 / s^2).

    Here s is the standard deviation. If it is too large, a variational model ignores its codes,
    because errors then cost less than codes. So s is calibrated unless it is given: s^2 is the mean
    squared error of the latest training batches, which maximizes their likelihood. It is a weight
    of the model, starts at 1, and is at least 0.001.

    Args:
        stddev: s, above 0, in units of a pixel; None calibrates it.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,), likelihood="gaussian")
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.likelihood.spread < 1.0
        True
        >>> model = zoo.VAE((8, 8, 1), 4, likelihood=zoo.Gaussian(0.1))  # fixed

    Source: Rybkin, Daniilidis and Levine 2021 (arXiv 2006.13202), the optimal sigma-VAE.
    """

    def __init__(self, stddev: float | None = None):
        self.stddev = None if stddev is None else number("stddev", stddev, above=0)
        self.log_var: Any = 0.0 if self.stddev is None else 2.0 * math.log(self.stddev)

    def of_unit_variance(self) -> Likelihood:
        return self if self.stddev is not None else type(self)(1.0)

    def of_model(self, model: Any) -> Likelihood:
        if self.stddev is not None:
            return self
        own = type(self).from_config(self.get_config())
        own.log_var = model.add_weight(
            (), "zeros", dtype="float32", trainable=False, autocast=False, name="pixel_log_var"
        )
        return own

    @property
    def spread(self) -> float:
        """The current standard deviation s, in units of a pixel."""
        return math.exp(0.5 * float(ops.convert_to_numpy(self.log_var)))

    @property
    def calibrated(self) -> bool:
        return self.stddev is None

    def start_at(self, variance: float) -> None:
        """Set s^2 before training, unless it was given as `stddev`."""
        if self.calibrated and not isinstance(self.log_var, float):
            self.log_var.assign(math.log(max(variance, LEAST_VARIANCE)))

    def calibrate(self, log_prob: Tensor, share: Tensor = 1.0) -> None:
        """Update the standard deviation after a batch of training.

        Args:
            log_prob: the log-probability of a pixel, averaged over pixels and the batch, a scalar
                tensor.
            share: 0 to ignore the batch, else 1.
        """
        # log p(x) = -1/2 (ln 2 pi + ln s^2 + squared error / s^2), solved for the squared error.
        log_var = ops.convert_to_tensor(self.log_var)
        squared_error = ops.exp(log_var) * (-2.0 * log_prob - LOG_TWO_PI - log_var)
        target = ops.log(ops.maximum(squared_error, LEAST_VARIANCE))
        self.log_var.assign(log_var + CALIBRATION_RATE * share * (target - log_var))

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        errors = ops.sum(ops.square(x - parameters), axis=tuple(range(1, len(x.shape))))
        log_var = ops.cast(self.log_var, "float32")
        constant = math.prod(parameters.shape[1:]) * (LOG_TWO_PI + log_var)
        return -0.5 * (constant + errors * ops.exp(-log_var))

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters

    def get_config(self) -> dict:
        return {"stddev": self.stddev}


@keras.saving.register_keras_serializable(package="zoo")
class LearnedGaussian(Likelihood):
    """Every pixel is normal, with a mean and a variance from the decoder.

    The last axis of the decoder's output holds the means of all channels, then equally many numbers
    r with ln s^2 = ln m^2 + softplus(r - ln m^2): close to r if r is large, never below ln m^2.
    Without this bound, the density of a pixel that is always black would grow without limit.

    Args:
        least_stddev: m, above 0, in units of a pixel.

    Examples:
        >>> zoo.LearnedGaussian().parameter_shape((8, 8, 1))  # mean and log-variance
        (8, 8, 2)

    Source: Kingma and Welling 2013 (arXiv 1312.6114), appendix C.2.
    """

    values = 2
    reads = "means and logarithms of variances"

    def __init__(self, least_stddev: float = 0.05):
        self.least_stddev = number("least_stddev", least_stddev, above=0)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        row = (-1, math.prod(parameters.shape[1:]) // 2)  # XLA sums rows faster on CPUs
        mean, free = (ops.reshape(half, row) for half in ops.split(parameters, 2, axis=-1))
        return log_normal(ops.reshape(x, row), mean, self._log_var(free))

    def moments(self, parameters: Tensor) -> Any:
        """Return mean and log-variance of every pixel, both of the images' shape."""
        mean, free = ops.split(parameters, 2, axis=-1)
        return mean, self._log_var(free)

    def _log_var(self, free):
        least = 2.0 * math.log(self.least_stddev)
        return least + ops.softplus(free - least)

    def mean(self, parameters: Tensor) -> Tensor:
        return self.moments(parameters)[0]

    def get_config(self) -> dict:
        return {"least_stddev": self.least_stddev}


@keras.saving.register_keras_serializable(package="zoo")
class Categorical(Likelihood):
    """Every pixel has one of a few gray levels, k / (levels - 1), each with its own logit.

    Images in [0, 1] are rounded to the nearest level. The decoder's last axis holds `levels` logits
    for each channel, channel by channel.

    Args:
        levels: how many gray levels, at least 2.

    Examples:
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,), likelihood=zoo.Categorical(4))
        >>> model.decoder.output_shape
        (None, 8, 8, 4)
    """

    low, high = 0.0, 1.0
    reads = "logits"

    def __init__(self, levels: int = 8):
        self.levels = self.values = whole("levels", levels, least=2)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        level = ops.cast(ops.round(x * (self.levels - 1)), "int32")
        log_probs = ops.log_softmax(self._by_channel(parameters), axis=-1)
        chosen = ops.sum(ops.one_hot(level, self.levels) * log_probs, axis=-1)
        return ops.sum(chosen, axis=tuple(range(1, len(x.shape))))

    def mean(self, parameters: Tensor) -> Tensor:
        gray = ops.arange(self.levels, dtype="float32") / (self.levels - 1)
        return ops.sum(ops.softmax(self._by_channel(parameters), axis=-1) * gray, axis=-1)

    def _by_channel(self, parameters):
        shape = parameters.shape[1:]
        return ops.reshape(parameters, (-1, *shape[:-1], shape[-1] // self.levels, self.levels))

    def get_config(self) -> dict:
        return {"levels": self.levels}


@keras.saving.register_keras_serializable(package="zoo")
class SquaredError(Likelihood):
    """-log_prob is the squared error, summed over pixels.

    It is a Gaussian of variance 1/2 without its constant, so that the loss can be compared with the
    error of PCA.

    This variance is large for images in [0, 1]. A variational model may then keep its codes close
    to the prior, and its decoder may learn the brightness of images from the noise in the codes:
    samples of the posterior decode well, but its mean, which has no noise, decodes to an image that
    is too dark. `Gaussian()`, which calibrates the variance, avoids this.

    Examples:
        >>> error = -zoo.SquaredError().log_prob(np.ones((1, 3)), np.zeros((1, 3)))
        >>> float(error[0])
        3.0
    """

    unit = "squared error"

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        return -ops.sum(ops.square(x - parameters), axis=tuple(range(1, len(x.shape))))

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters


def bernoulli_kl(p: float, q: Any) -> Any:
    """Return the KL divergence between Bernoulli distributions, in nats, of the shape of q.

    p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)).

    Args:
        p: a number between 0 and 1. q: a tensor of values in [0, 1], clipped to
            [1e-6, 1 - 1e-6] so that the KL divergence is finite.
    """
    q = ops.clip(q, 1e-6, 1.0 - 1e-6)
    return p * (math.log(p) - ops.log(q)) + (1.0 - p) * (math.log(1.0 - p) - ops.log(1.0 - q))
