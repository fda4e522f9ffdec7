"""The VampPrior: the mean of the posteriors of learned inputs."""

from __future__ import annotations

import math
import random
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.nn.distributions.normal import DiagonalNormal, log_normal_of_each
from zoo.nn.distributions.priors import MOST_COMPONENTS, Prior

START = 1.0  # standard deviation of pseudo-inputs before training, as logits
MARGIN, NOISE = 0.05, 0.1  # of those that training starts with


@keras.saving.register_keras_serializable(package="zoo")
class VampPrior(Prior):
    """p(z) = 1/K sum_k q(z | u_k): a mixture of the posteriors of K learned pseudo-inputs u_k.

    The prior that makes the evidence lower bound largest is the mean of the posteriors of all
    training images. The VampPrior ("variational mixture of posteriors") replaces the images by a
    few pseudo-inputs, which training changes together with the networks. Its components cost no
    weights of their own besides these inputs, as the model's encoder gives their means and
    variances. Training starts with pseudo-inputs that are some of its images; they
    stay random where the first training gets single batches, or a stream that is read only once.

    Use it for a better likelihood than with a standard normal prior, in a `zoo.VAE`, a `zoo.IWAE`
    or another class with posteriors q(z | x) of images or signals. A density compares each code
    with all components, which takes memory for components * latent_dim numbers a code. An encoder
    whose layers behave otherwise in training, such as dropout, encodes pseudo-inputs as in use.

    Args:
        latent_dim: the number of dimensions of the codes.
        components: K, the number of pseudo-inputs.

    Examples:
        >>> (x, _), _ = zoo.data.load("digits")
        >>> model = zoo.VAE(
        ...     (8, 8, 1), 4, hidden_units=(32,), prior=zoo.VampPrior(4, components=20)
        ... )
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.prior.inputs().shape
        (20, 8, 8, 1)
        >>> model.generate(3, seed=0).shape
        (3, 8, 8, 1)

    Source: Tomczak and Welling 2018 (arXiv 1705.07120), equation 9. There pseudo-inputs are limited
    to [0, 1] by cutting; here a sigmoid does this, so that gradients never vanish.
    """

    starts_at_images = True
    encoder: Any = None  # that of the model, after `of_model`
    values: Any = None
    started: Any = None
    seed_of_start: int | None = None
    low: Any = None  # ends of the range of the pseudo-inputs
    high: Any = None

    def __init__(self, latent_dim: int, components: int = 500):
        self.latent_dim = whole("latent_dim", latent_dim, least=1)
        self.components = whole("components", components, least=1, most=MOST_COMPONENTS)

    def of_model(self, model: Any) -> Self:
        """Return this prior for a model: it has pseudo-inputs, and uses the model's encoder.

        Raises:
            TypeError: the model has no posterior q(z | x) of one array. ValueError: its inputs are
                rows of a table, counts or sequences of different lengths.
        """
        outputs = getattr(model, "encoder_outputs", ())
        if set(outputs) != {"z_mean", "z_log_var"} or "x" in model.label_inputs:
            raise TypeError(
                f"A VampPrior is a mixture of posteriors q(z | x), which {type(model).__name__} "
                "does not have: use it in a zoo.VAE or a zoo.IWAE."
            )
        low, high = model.likelihood.low, model.likelihood.high
        if (low is None) != (high is None) or model.likelihood.in_own_units:
            raise ValueError(
                f"A VampPrior learns inputs, and does not know the units of {model.likelihood!r}: "
                "use another prior, or a Bernoulli or Gaussian likelihood."
            )
        own = type(self)(**self.get_config())
        own.encoder, own.low, own.high = model.encoder, low, high
        start = keras.initializers.RandomNormal(stddev=START, seed=model.seeds.next())
        own.values = keras.Variable(start, (self.components, *model.image_shape), name="inputs")
        own.started = keras.Variable(0.0, trainable=False, name="started")
        own.seed_of_start = model.seeds.next() or random.randint(1, 10**9)  # Keras seeds `random`
        return own

    @property
    def trainable_variables(self) -> list:
        """The pseudo-inputs; the encoder's weights are the model's."""
        return [] if self.values is None else [self.values]

    def start_at(self, x: ArrayLike | None) -> None:
        """Let pseudo-inputs begin as random ones of some images, if training never began before.

        Some noise is added, so that pseudo-inputs from the same image become different.

        Args:
            x: images [n, *input_shape]; or None, if there are none: pseudo-inputs stay random.
        """
        if float(ops.convert_to_numpy(self.started)):
            return
        self.started.assign(1.0)
        if x is None:
            return
        generator = np.random.default_rng(self.seed_of_start)
        chosen = np.concatenate(
            [generator.permutation(len(x)) for _ in range(-(-self.components // len(x)))]
        )
        values = np.stack([np.asarray(x[i], "float32") for i in chosen[: self.components]])
        if self.low is not None:
            share = np.clip((values - self.low) / (self.high - self.low), MARGIN, 1 - MARGIN)
            values = np.log(share / (1 - share))
        self.values.assign(values + NOISE * generator.standard_normal(values.shape))

    def _inputs(self):
        if self.values is None:
            raise TypeError(
                "This VampPrior belongs to no model yet: give it to one, zoo.VAE(..., prior=prior),"
                " and use model.prior."
            )
        values = ops.convert_to_tensor(self.values)
        if self.low is None:
            return values
        return self.low + (self.high - self.low) * ops.sigmoid(values)

    def inputs(self) -> np.ndarray:
        """Return the pseudo-inputs u_k, float32 [components, *input_shape]."""
        return ops.convert_to_numpy(self._inputs())

    def mixture(self) -> DiagonalNormal:
        """Return q(z | u_k) for all pseudo-inputs, a `DiagonalNormal` of [components, n]."""
        return DiagonalNormal(**self.encoder(self._inputs(), training=False))

    def log_prob(self, z: Tensor) -> Tensor:
        q = self.mixture()
        mean, log_var = (ops.cast(table, "float32") for table in (q.mean, q.log_var))
        logs = log_normal_of_each(ops.convert_to_tensor(z, "float32"), mean, log_var)
        return ops.logsumexp(logs, axis=-1) - math.log(self.components)

    def transform(self, noise: Tensor, uniform: Tensor, label: Tensor) -> Tensor:
        q = self.mixture()
        drawn = ops.cast(uniform[:, 0] * self.components, "int32")
        drawn = ops.minimum(drawn, self.components - 1)  # 0.9999999 * K may be rounded up to K
        mean, log_var = (ops.take(table, drawn, axis=0) for table in (q.mean, q.log_var))
        return mean + ops.exp(0.5 * log_var) * noise

    @property
    def extent(self) -> float:
        """How far pictures extend along each axis: two standard deviations beyond the means."""
        if self.values is None:
            return super().extent
        q = self.mixture()
        ends = ops.abs(q.mean) + 2.0 * ops.exp(0.5 * q.log_var)
        return float(ops.convert_to_numpy(ops.max(ends)))

    def describe(self) -> dict:
        q = self.mixture()
        scales = ops.exp(0.5 * q.log_var)
        means, scales = (
            ops.convert_to_numpy(table).astype("float64") for table in (q.mean, scales)
        )
        return {"kind": "mixture", "means": means.tolist(), "scales": scales.tolist()}

    def get_config(self) -> dict:
        return {"latent_dim": self.latent_dim, "components": self.components}
