"""The settings of models: the arguments of their constructors, which are also attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from zoo.backend import backend
from zoo.checks.constructors import arguments_of
from zoo.checks.names import suggestion
from zoo.nn.configured import Configured
from zoo.training.loss_weight import LossWeight

_OF_KERAS = ("name", "dtype")  # Keras handles these
_PLAIN = (bool, int, float, str, tuple)
# Attributes whose arguments have another name.
_RENAMED = ("image_shape", "code_shape", "posterior_kind")


def attributes_of(cls: type) -> frozenset[str]:
    """Return the attributes that hold the constructor's arguments."""
    return frozenset({*arguments_of(cls), *_RENAMED} - {*_OF_KERAS})


def changed(model: Any, name: str, value: Any) -> Any:
    """Return the new value for a setting of a finished model, if the setting can be changed.

    Raises:
        AttributeError: the setting cannot be changed.
        TypeError, ValueError: the new weight of the loss is not a number, or is out of range.
    """
    now = getattr(model, name, None)
    if callable(getattr(type(model), name, None)) and f"{name}_kind" not in _RENAMED:
        raise AttributeError(
            f"{name}() is a method of {type(model).__name__}, so that {name}= cannot be an "
            "attribute: give the argument another name."
        )
    if isinstance(now, LossWeight):
        backend.before_assignment(model)
        return now.changed_to(value)
    if isinstance(now, tuple) and any(isinstance(weight, LossWeight) for weight in now):
        if not isinstance(value, list | tuple) or len(value) != len(now):
            raise ValueError(f"{name} is {value!r}; give {len(now)} numbers, as before.")
        backend.before_assignment(model)
        return tuple(weight.changed_to(new) for weight, new in zip(now, value, strict=True))
    if value is now or (isinstance(now, _PLAIN) and type(value) is type(now) and value == now):
        return value
    numbers = [key for key, weight in vars(model).items() if isinstance(weight, LossWeight)]
    more = f" Only weights of the loss can be changed: {', '.join(numbers)}." if numbers else ""
    raise AttributeError(
        f"{name} of a {type(model).__name__} cannot be changed, as it was used to make the model. "
        f"Make a new model, zoo.{type(model).__name__}(..., {name}=...).{more}"
    )


def check_class(cls: type) -> None:
    """Refuse a class whose attributes would be ignored, or could not be set.

    Raises:
        TypeError: the class overrides `further_losses`, which its base class does not use, or its
            `updates` are not a dict.
    """
    if not isinstance(cls.updates, dict):
        raise TypeError(
            f"{cls.__name__}.updates is a {type(cls.updates).__name__}; give a dict, for each "
            "update the attributes that it trains."
        )
    if "further_losses" in vars(cls) and not cls.takes_further_losses:
        base = cls.__mro__[1].__name__
        raise TypeError(
            f"{cls.__name__} defines further_losses, but the loss of {base} does "
            "not have these terms: override losses, or the method of an update."
        )


def check_names(cls: type, names: Iterable[str]) -> None:
    """Refuse unknown settings of a class.

    Raises:
        TypeError: suggests the nearest known names.
    """
    if wrong := [name for name in names if name not in arguments_of(cls)]:
        raise unknown(cls, wrong)


def unknown(cls: type, names: Iterable[str]) -> TypeError:
    """Return the error for unknown settings of a class, with the nearest known names."""
    known = list(arguments_of(cls))
    wrong = " and ".join(f"{name}={suggestion(name, known)}" for name in names)
    stop = "" if wrong.endswith("?") else "."
    return TypeError(f"{cls.__name__} takes no {wrong}{stop} It takes {', '.join(known)}.")


def plain(value: Any) -> Any:
    """Return a setting as a value that JSON can hold; Keras serializes objects and functions."""
    if isinstance(value, LossWeight):
        return float(value)
    if isinstance(value, tuple):
        return tuple(plain(part) if isinstance(part, LossWeight) else part for part in value)
    if isinstance(value, keras.Layer | Configured) or hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def deserialize(config: dict, custom_objects: dict | None = None) -> dict:
    """Return a configuration with its serialized objects turned back into objects."""
    return {
        key: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        if isinstance(value, dict) and "class_name" in value
        else value
        for key, value in config.items()
    }
