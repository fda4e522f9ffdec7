"""Objects that are saved in the configuration of a model."""

from __future__ import annotations

import reprlib
from typing import Any

import keras

from zoo.json_file import shortened
from zoo.own_classes import OwnClassError

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 4
_SHORT.maxstring = _SHORT.maxother = 80


class Configured:
    """Base class of objects that the arguments of their constructor describe.

    Register subclasses with `keras.saving.register_keras_serializable`, so that they can be saved.

    Examples:
        >>> zoo.Masking(0.25)  # a corruption, which is one
        Masking(level=0.25)
        >>> zoo.Masking.from_config(zoo.Masking(0.25).get_config()).level
        0.25
    """

    def get_config(self) -> dict:
        """Return the constructor's arguments, in a form for JSON."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Configured:
        return cls(**config)

    def shown(self) -> dict:
        """Return the arguments that `repr` shows: those that are not None."""
        return {name: value for name, value in self.get_config().items() if value is not None}

    def __repr__(self):
        arguments = ", ".join(f"{k}={_SHORT.repr(v)}" for k, v in self.shown().items())
        return f"{type(self).__name__}({arguments})"


def made_of(description: dict, kinds: Any, argument: str) -> Any:
    """Return the object that a serialized description describes.

    Args:
        description: from `keras.saving.serialize_keras_object`.
        kinds: the class that the object must have, or a tuple of classes.
        argument: the name of the argument, for errors.

    Raises:
        ValueError: it describes no object. TypeError: it describes an object of another class.
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
