"""A weight of the KL divergence that rises in training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.checks.arguments import number


@keras.saving.register_keras_serializable(package="zoo")
class Annealing(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule for `beta` that rises: end (1 - (1 - start) rate^step).

    Args:
        end: the last value, at least 0.
        start: the first value as a fraction of `end`, from 0 to 1.
        rate: the factor by which the distance to `end` shrinks at each step, from 0 to 1; near 1,
            the distance is halved in about 0.69 / (1 - rate) steps, 1,386 by default.

    Examples:
        >>> schedule = zoo.Annealing(2.0, start=0.0, rate=0.5)
        >>> [float(schedule(step)) for step in range(3)]
        [0.0, 1.0, 1.5]

    Source: Ha and Eck 2017 (arXiv 1704.03477), equation 11.
    """

    def __init__(self, end: float = 1.0, start: float = 0.01, rate: float = 0.9995):
        self.end = number("end", end, least=0)
        self.start = number("start", start, least=0, most=1)
        self.rate = number("rate", rate, least=0, most=1)

    def __call__(self, step: Any) -> Any:
        left = ops.power(self.rate, ops.cast(step, "float32"))
        return self.end * (1.0 - (1.0 - self.start) * left)

    def get_config(self) -> dict:
        return {"end": self.end, "start": self.start, "rate": self.rate}
