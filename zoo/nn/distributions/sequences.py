"""Likelihoods of sequences of different lengths: signals that end early, and drawings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import Tensor
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.normal import LOG_TWO_PI

LARGEST_OFFSET = 1000.0
LEAST_STDDEV = 0.05  # of an offset; drawings have a side of 8


class SequenceLikelihood(Likelihood):
    """The base class of p(x | z) of sequences: the product over the steps that are there.

    log p(x | z) = sum over the steps t that are there of log p(x_t | z, x_1 ... x_t-1).

    Attributes:
        channels: how many channels sequences have, or None for any number.

    A subclass defines `present`, `step_log_prob`, `start` and `mean`. Parameters are [batch, time,
    values].

    Examples:
        >>> x = zoo.data.padded([[1.0, 2.0], [3.0]])
        >>> np.asarray(zoo.Padded().present(x))
        array([[ True,  True],
               [ True, False]])
    """

    channels: int | None = None

    def present(self, x: Tensor) -> Tensor:
        """Return which steps are there, bool [batch, time], of sequences [batch, time, ...]."""
        raise NotImplementedError

    def filled(self, x: Tensor) -> Tensor:
        """Return sequences with finite values where there are no steps."""
        return x

    def step_log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return the log-probability of each step, [batch, time], for finite values."""
        raise NotImplementedError

    def squared_errors(self, x: Tensor, restored: Tensor) -> Tensor:
        """Return the squared error of each value, 0 where there are no steps."""
        errors = ops.square(self.filled(x) - restored)
        return ops.where(self.present(x)[..., None], errors, ops.zeros_like(errors))

    def start(self, x: Tensor) -> Tensor:
        """Return what stands before the first step, [batch, channels], for x [batch, ...]."""
        raise NotImplementedError

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        by_step = self.step_log_prob(self.filled(x), parameters)
        return ops.sum(ops.where(self.present(x), by_step, 0.0), axis=1)


@keras.saving.register_keras_serializable(package="zoo")
class Padded(SequenceLikelihood):
    """A likelihood for each step of signals [time, channels] that may end early.

    After the end of a signal all values are NaN, as `zoo.data.padded` writes them, and count for
    nothing.

    Args:
        step: the likelihood of a step, or its name; for values in units of their own, standardize
            the signals first.

    Examples:
        >>> x = zoo.data.padded([[[1.0], [1.0]], [[1.0]]])
        >>> log_prob = zoo.Padded("squared_error").log_prob(x, np.zeros((2, 2, 1), "float32"))
        >>> [float(value) for value in log_prob]
        [-2.0, -1.0]
    """

    padded = True

    def __init__(self, step: Any = "gaussian"):
        self.step = likelihood_names.get(step)
        if self.step.in_own_units or isinstance(self.step, SequenceLikelihood):
            raise ValueError(
                f"step is {self.step!r}; a likelihood of single values is expected, such as "
                '"gaussian".'
            )
        for name in ("low", "high", "unit", "values", "reads", "applies"):
            setattr(self, name, getattr(self.step, name))

    @property
    def calibrated(self) -> bool:
        return self.step.calibrated

    def of_unit_variance(self) -> Likelihood:
        return type(self)(self.step.of_unit_variance())

    def of_model(self, model: Any) -> Likelihood:
        return type(self)(self.step.of_model(model))

    def calibrate(self, log_prob: Tensor, share: Tensor = 1.0) -> None:
        self.step.calibrate(log_prob, share)

    def present(self, x: Tensor) -> Tensor:
        return ops.logical_not(ops.any(ops.isnan(x), axis=-1))

    def filled(self, x: Tensor) -> Tensor:
        return ops.where(ops.isnan(x), ops.zeros_like(x), x)

    def start(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[:, 0])

    def step_log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        steps, values = (ops.reshape(a, (-1, a.shape[-1])) for a in (x, parameters))
        return ops.reshape(self.step.log_prob(steps, values), (-1, parameters.shape[1]))

    def mean(self, parameters: Tensor) -> Tensor:
        return self.step.mean(parameters)

    def get_config(self) -> dict:
        return {"step": keras.saving.serialize_keras_object(self.step)}

    def check(self, x: np.ndarray, name: str, first: int = 0) -> np.ndarray:
        """Return arrays [n, time, channels] with 0 in place of NaN, for the check of their values.

        Raises:
            ValueError: a signal has no steps, or NaN before its end.
        """
        lost: Any = np.isnan(x)
        there: Any = ~lost.any(axis=2)
        if (lost.any(axis=2) & ~lost.all(axis=2)).any() or (there[:, 1:] > there[:, :-1]).any():
            raise ValueError(
                f"{name} holds NaN before the end of a signal, or in some of its channels; NaN "
                "stands for the steps after the end. Fill the gaps first."
            )
        if not there.any(axis=1).all():
            which = first + int(np.argmin(there.any(axis=1)))
            raise ValueError(f"signal {which} of {name} has no steps.")
        return np.where(lost, 0.0, x)


@keras.saving.register_keras_serializable(package="zoo")
class SketchMixture(SequenceLikelihood):
    """Each step of a drawing: an offset from a mixture of Gaussians, and the state of the pen.

    p(dx, dy) = sum_j Pi_j N(dx, dy | mu_x, mu_y, sigma_x, sigma_y, rho_xy)_j, and the pen's state
    (p1, p2, p3) is categorical. Sequences are stroke-5 [time, 5], see `zoo.data.strokes`. The step
    of the end, p3 = 1, counts with its pen alone, and what comes after it for nothing.

    The parameters of a step are the 3 logits of the pen, then for all Gaussians the logits of Pi,
    mu_x, mu_y, and unbounded numbers for sigma_x, sigma_y and rho: sigma = 0.05 + exp(v), and
    rho = 0.99 tanh(v).

    Args:
        mixtures: M, how many Gaussians, at least 1.

    Examples:
        >>> zoo.SketchMixture(20).parameter_shape((50, 5))
        (50, 123)

    Source: Ha and Eck 2017 (arXiv 1704.03477), equations 3 to 9; there sigma = exp(v) and rho =
    tanh(v), and the pen also counts after the end in training.
    """

    channels = 5
    may_be_bytes = False
    reads = "logits, means, logarithms of deviations and correlations of a mixture"

    def __init__(self, mixtures: int = 20):
        self.mixtures = whole("mixtures", mixtures, least=1)

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        return image_shape[0], 3 + 6 * self.mixtures

    def present(self, x: Tensor) -> Tensor:
        ended = ops.cumsum(x[..., 4], axis=1) - x[..., 4]  # how many ends were before
        return ended < 0.5

    def start(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x[:, 0]) + ops.convert_to_tensor([0.0, 0.0, 1.0, 0.0, 0.0])

    def split(self, parameters: Tensor) -> tuple:
        """Return the logits of the pen [..., 3], and log Pi, mu_x, mu_y, sigma_x, sigma_y, rho."""
        m = self.mixtures
        pen, rest = parameters[..., :3], parameters[..., 3:]
        weight, x, y, log_x, log_y, rho = (rest[..., k * m : (k + 1) * m] for k in range(6))
        deviations = (LEAST_STDDEV + ops.exp(ops.minimum(v, 10.0)) for v in (log_x, log_y))
        return pen, ops.log_softmax(weight), x, y, *deviations, 0.99 * ops.tanh(rho)

    def step_log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        pen, log_weight, mu_x, mu_y, s_x, s_y, rho = self.split(parameters)
        u, v = (x[..., 0:1] - mu_x) / s_x, (x[..., 1:2] - mu_y) / s_y
        rest = 1.0 - ops.square(rho)
        square = (ops.square(u) + ops.square(v) - 2.0 * rho * u * v) / rest
        log_normal = -0.5 * square - ops.log(s_x * s_y) - 0.5 * ops.log(rest) - LOG_TWO_PI
        log_offset = ops.logsumexp(log_weight + log_normal, axis=-1)
        log_pen = ops.sum(x[..., 2:] * ops.log_softmax(pen), axis=-1)
        return (1.0 - x[..., 4]) * log_offset + log_pen

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the most probable pen, and the mean of the most probable Gaussian, [..., 5]."""
        pen, log_weight, mu_x, mu_y, *_ = self.split(parameters)
        chosen = _most_probable(log_weight)
        offset = ops.stack([ops.sum(chosen * mu_x, -1), ops.sum(chosen * mu_y, -1)], axis=-1)
        return _without_offset_at_the_end(offset, _most_probable(pen))

    def after(self, previous: Tensor, step: Tensor) -> Tensor:
        """Return a step [n, 5] after the previous one; after the end comes the end again."""
        ended = previous[:, 4:]
        end = ops.convert_to_tensor([0.0, 0.0, 0.0, 0.0, 1.0])
        return ended * end + (1.0 - ended) * step

    def draw(self, parameters: Tensor, noise: Tensor, temperature: Tensor) -> Tensor:
        """Return a step drawn for each row of parameters [n, values], [n, 5].

        Args:
            noise: [n, 4], two uniform numbers in [0, 1) and two standard normal ones.
            temperature: [n, 1], above 0; it divides logits and multiplies variances, so that below
                1 steps are more probable.
        """
        pen, log_weight, mu_x, mu_y, s_x, s_y, rho = self.split(parameters)
        chosen = _drawn(log_weight / temperature, noise[:, 0:1])
        root = ops.sqrt(temperature)[:, 0]
        mu_x, mu_y, s_x, s_y, rho = (ops.sum(chosen * v, -1) for v in (mu_x, mu_y, s_x, s_y, rho))
        first, second = noise[:, 2], noise[:, 3]
        correlated = rho * first + ops.sqrt(1.0 - ops.square(rho)) * second
        offset = ops.stack([mu_x + root * s_x * first, mu_y + root * s_y * correlated], axis=-1)
        return _without_offset_at_the_end(offset, _drawn(pen / temperature, noise[:, 1:2]))

    def get_config(self) -> dict:
        return {"mixtures": self.mixtures}

    def check(self, x: np.ndarray, name: str, first: int = 0) -> np.ndarray:
        """Return stroke-5 sequences [n, time, 5] after a check of their pens.

        Raises:
            ValueError: a pen has no single state, or a drawing is empty.
        """
        pens = x[..., 2:]
        if not (np.isin(pens, (0.0, 1.0)).all() and (pens.sum(axis=-1) == 1.0).all()):
            raise ValueError(
                f"{name} is no array of stroke-5 sequences: the last three of its 5 columns, the "
                "pen's states, must hold a single 1 and otherwise 0. Make it by "
                "zoo.data.strokes.to_stroke5(drawings, length)."
            )
        if (pens[:, 0, 2] == 1.0).any():
            which = first + int(np.argmax(pens[:, 0, 2]))
            raise ValueError(f"drawing {which} of {name} is empty: it ends at once.")
        if (np.abs(x[..., :2]) > LARGEST_OFFSET).any():
            raise ValueError(
                f"{name} has offsets above {LARGEST_OFFSET:g}; networks learn "
                "from numbers near 1: fit the drawings, zoo.data.strokes.fitted(drawing)."
            )
        return x


def _without_offset_at_the_end(offset, pen):
    return ops.concatenate([offset * (1.0 - pen[..., 2:]), pen], axis=-1)


def _most_probable(logits):
    """Return a one-hot vector for each row of logits; tf2onnx cannot convert Keras's `argmax`."""
    index = ops.top_k(logits, 1)[1][..., 0]
    return ops.one_hot(index, logits.shape[-1])


def _drawn(logits, uniform):
    """Return a one-hot vector for each row of logits [n, k], given uniform numbers [n, 1]."""
    below = ops.cumsum(ops.softmax(logits), axis=-1) <= uniform
    k = logits.shape[-1]
    index = ops.minimum(ops.sum(ops.cast(below, "int32"), axis=-1), k - 1)
    return ops.one_hot(index, k)
