"""Objects that a model takes, and that its configuration brings back."""

import reprlib

import keras

from zoo.json_file import shortened

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 4
_SHORT.maxstring = _SHORT.maxother = 80


class Configured:
    """Base class of what is described by its constructor's arguments.

    Subclasses that are saved are registered with `keras.saving.register_keras_serializable`.
    """

    def get_config(self) -> dict:
        """Return the constructor's arguments, as JSON can hold them."""
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def shown(self) -> dict:
        """Return the arguments that `repr` shows: those that were chosen."""
        return {name: value for name, value in self.get_config().items() if value is not None}

    def __repr__(self):
        arguments = ", ".join(f"{k}={_SHORT.repr(v)}" for k, v in self.shown().items())
        return f"{type(self).__name__}({arguments})"


def made_of(description: dict, kinds, argument: str):
    """Return the object that a serialized description stands for.

    Args:
        description: as `keras.saving.serialize_keras_object` writes it.
        kinds: the class that it must be of, or several.
        argument: which argument it was given as, for errors.

    Raises:
        ValueError: it stands for nothing. TypeError: it stands for something else.
    """
    try:
        found = keras.saving.deserialize_keras_object(description)
    except Exception as error:  # Keras fails in many ways
        raise ValueError(
            f"{argument} is {shortened(description)}, of which nothing can be made: {error}"
        ) from error
    if not isinstance(found, kinds):
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        raise TypeError(
            f"{argument} is {shortened(description)}, and a description of a "
            f"{' or a '.join(kind.__name__ for kind in kinds)} is expected."
        )
    return found
