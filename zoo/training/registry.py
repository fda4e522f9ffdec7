"""The classes of models that a preset may hold. A class is registered where it is written."""

from __future__ import annotations

from typing import TypeVar

import keras

CLASSES: dict[str, type] = {}
"""Classes of the zoo by name: `zoo.load` makes no others. `zoo.models` imports all of them."""

ModelClass = TypeVar("ModelClass", bound=type)


def register(cls: ModelClass) -> ModelClass:
    """Register a class of the zoo, with Keras as well; to be used as a decorator.

    A class of your own is registered with Keras alone:
    `@keras.saving.register_keras_serializable(package="mine")`.
    """
    CLASSES[cls.__name__] = cls
    return keras.saving.register_keras_serializable(package="zoo")(cls)
