"""The classes of models that a preset may hold. A class is registered where it is defined."""

from __future__ import annotations

from typing import TypeVar

import keras

CLASSES: dict[str, type] = {}
"""The zoo's classes by name; `zoo.load` makes only these. `zoo.models` imports all of them."""

ModelClass = TypeVar("ModelClass", bound=type)


def register(cls: ModelClass) -> ModelClass:
    """Register a class of the zoo, also with Keras; use it as a decorator.

    Register your own class with Keras only:
    `@keras.saving.register_keras_serializable(package="mine")`.
    """
    CLASSES[cls.__name__] = cls
    return keras.saving.register_keras_serializable(package="zoo")(cls)
