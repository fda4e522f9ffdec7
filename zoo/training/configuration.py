"""The configuration of a model: the constructor's arguments, from which it can be made again.

These functions are methods of `zoo.models.base.BaseModel` under the same names.
"""

from __future__ import annotations

from typing import Any

import keras

from zoo.checks.constructors import arguments_of
from zoo.nn.saved_configs import as_saved
from zoo.training import settings
from zoo.training.configs_of_0_2 import renewed


def get_config(model: Any) -> dict:
    """Return the arguments of the constructor as values that JSON can hold."""
    config = {
        "name": model.name,
        "dtype": keras.saving.serialize_keras_object(model.dtype_policy),
    }
    described = ("network", "filters", "code_activation", "tie_weights")
    left_out = described if model.custom_networks else ("encoder", "decoder")
    for name in arguments_of(type(model)):
        if name not in (*config, *left_out):
            config[name] = settings.plain(model.setting(name))
    frozen = [name for name, layer in _freezable(model).items() if not layer.trainable]
    return {**config, "frozen": frozen} if frozen else config


def setting(model: Any, name: str) -> Any:
    """Return the value of a constructor argument: the attribute of the same name."""
    if name == "input_shape":
        return model.image_shape
    if name == "latent_dim" and len(model.code_shape) > 1:
        return model.code_shape
    if not hasattr(model, name):
        raise TypeError(
            f"{type(model).__name__} takes {name}=, but has no attribute of that name, as its "
            f"config needs: set self.{name} = {name}, or override setting()."
        )
    return getattr(model, name)


def from_config(cls: type, config: dict, custom_objects: dict | None = None) -> Any:
    """Return a model made with the arguments of a configuration."""
    with as_saved():  # loads nothing that the configuration names
        config = settings.deserialize(renewed(cls, config), custom_objects)
        frozen = config.pop("frozen", ())
        model = cls(**config)
    for name, layer in _freezable(model).items():
        if name in frozen:
            layer.trainable = False
    return model


def _freezable(model):
    """Return the networks and their layers by name, such as `encoder/dense_0`."""
    found = {}
    for name in model.network_names:
        network = getattr(model, name)
        found[name] = network
        found |= {f"{name}/{layer.name}": layer for layer in network.layers}
    return found
