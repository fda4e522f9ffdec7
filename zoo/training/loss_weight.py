"""Weights of the terms of a loss, which may be changed during training."""

from __future__ import annotations

from typing import Any

import keras

from zoo.checks.arguments import number


class LossWeight(float):
    """The weight of a term of the loss: a number that may be changed at any time.

    It is a float; training steps read its `value`, a variable. So with `model.beta = 4.0` the new
    number takes effect from the next step on, and nothing is traced again. If a weight was 0 when
    the model was made, and its term was therefore left out of the loss, it cannot be changed.

    Args:
        name: the name of the setting, for errors.
        weight: the number.
        least, above: the closed or open lower end of its range. most: its closed upper end.
        left_out: whether the term is left out of the loss if the weight is 0 at the beginning.

    Attributes:
        value: a scalar float32 variable, which is neither trained nor saved: the configuration
            holds the number.

    Examples:
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,), beta=1.0)
        >>> model.beta = 4.0
        >>> model.beta, float(model.beta.value), model.get_config()["beta"]
        (4.0, 4.0, 4.0)
    """

    name: str
    bounds: dict[str, float | None]
    is_left_out: bool
    value: keras.Variable

    def __new__(
        cls,
        name: str,
        weight: Any,
        *,
        least: float | None = None,
        above: float | None = None,
        most: float | None = None,
        left_out: bool = False,
    ):
        self = super().__new__(cls, number(name, weight, least=least, above=above, most=most))
        self.name, self.bounds = name, {"least": least, "above": above, "most": most}
        self.is_left_out = left_out and not self
        self.value = keras.Variable(self, dtype="float32", trainable=False, autocast=False)
        return self

    def changed_to(self, weight: Any) -> LossWeight:
        """Return the weight with another number, and assign this number to the variable.

        Raises:
            TypeError: it is not a number. ValueError: it is out of range, or the loss has no such
                term.
        """
        new = super().__new__(type(self), number(self.name, weight, **self.bounds))
        if self.is_left_out:
            if not new:
                return self
            raise ValueError(
                f"{self.name} was 0 when the model was made, so that its loss has no such term. "
                f"Make a new model with {self.name}= above 0; it may be set to 0 afterwards."
            )
        vars(new).update(vars(self))
        self.value.assign(new)
        return new

    def __reduce__(self):
        """Copy and pickle it as a plain number."""
        return float, (float(self),)
