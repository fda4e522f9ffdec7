"""Objects that a model takes, and that its configuration brings back."""

import keras


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


def revived(config: dict, custom_objects=None) -> dict:
    """Return a configuration whose serialized objects are objects again."""
    return {
        key: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        if isinstance(value, dict) and "class_name" in value
        else value
        for key, value in config.items()
    }
