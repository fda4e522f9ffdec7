"""Objects that are handed to a model, and saved in its configuration."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Iterator
from typing import Any, Self

import keras

from zoo.checks.own_classes import OwnClassError
from zoo.runtime.json_file import shortened

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 4
_SHORT.maxstring = _SHORT.maxother = 80


class Configured:
    """Base class of objects that are fully described by their constructor's arguments.

    Register subclasses with `keras.saving.register_keras_serializable`, so that they can be saved.
    The arguments cannot be changed afterwards, because compiled steps would ignore the change. The
    object may hold variables and layers, as attributes or in lists: the model that gets the object
    trains, saves and exports them like its own. Models that get the same object share its variables
    and layers.

    Examples:
        >>> zoo.Masking(0.25)  # a corruption, which is one
        Masking(level=0.25)
        >>> zoo.Masking.from_config(zoo.Masking(0.25).get_config()).level
        0.25
    """

    def __setattr__(self, name: str, value: Any) -> None:
        settings = inspect.signature(type(self)).parameters
        if name in settings and name in vars(self) and vars(self)[name] is not value:
            raise AttributeError(
                f"{name} of a {type(self).__name__} cannot be changed, as models that were made "
                f"with it would not see it. Make a new one, {type(self).__name__}({name}=...), and "
                "a new model with it."
            )
        super().__setattr__(name, value)

    @property
    def trainable_variables(self) -> list:
        """The variables that training changes, in this object and in its layers."""
        found: list = []
        for held in state_in(self):
            if isinstance(held, keras.Layer):
                found += held.trainable_variables
            elif isinstance(held, keras.Variable) and held.trainable:
                found.append(held)
        return found

    def get_config(self) -> dict:
        """Return the constructor's arguments as values that JSON can hold."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Self:
        return cls(**config)

    def shown(self) -> dict:
        """Return the arguments that `repr` shows: those that are not None."""
        return {name: value for name, value in self.get_config().items() if value is not None}

    def __repr__(self):
        arguments = ", ".join(f"{k}={_SHORT.repr(v)}" for k, v in self.shown().items())
        return f"{type(self).__name__}({arguments})"


def state_in(value: Any) -> Iterator[Any]:
    """Yield the variables, layers and seeds in an object, and in lists and objects within it."""
    if isinstance(value, keras.Variable | keras.Layer | keras.random.SeedGenerator):
        yield value
        return
    if isinstance(value, Configured):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from state_in(part)


def made_of(description: dict, kinds: Any, argument: str) -> Any:
    """Return the object that a serialized description stands for.

    Args:
        description: from `keras.saving.serialize_keras_object`.
        kinds: the class that the object must have, or a tuple of classes.
        argument: the name of the argument, for errors.

    Raises:
        ValueError: no object can be made from the description. TypeError: the object has another
            class.
    """
    try:
        found = keras.saving.deserialize_keras_object(description)
    except OwnClassError:
        raise
    except Exception as error:  # Keras fails in many ways
        raise ValueError(
            f"{argument} is {shortened(description)}, from which no object can be made: {error}"
        ) from error
    if not isinstance(found, kinds):
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        raise TypeError(
            f"{argument} is {shortened(description)}; give a description of a "
            f"{' or a '.join(kind.__name__ for kind in kinds)}."
        )
    return found
