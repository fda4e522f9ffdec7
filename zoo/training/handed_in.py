"""Variables and layers in objects that a model gets, such as a likelihood or a prior."""

from __future__ import annotations

from typing import Any

import keras

from zoo.nn.configured import Configured, state_in


class HandedIn(keras.Layer):
    """The variables, layers and seeds in one object, so that Keras tracks and saves them."""

    def __init__(self, state: list, **kwargs):
        super().__init__(**kwargs)
        self.state = state
        self.built = True


def track(model: Any, name: str, owner: Configured) -> None:
    """Track the untracked variables and layers of an object, as the attribute `<name>_state`.

    Args:
        model: the model that has the object as an attribute.
        name: the name of the attribute. owner: the object, such as a likelihood or a prior.
    """
    known = {id(layer) for layer in model._flatten_layers()} | {id(v) for v in model.variables}
    if state := [held for held in state_in(owner) if id(held) not in known]:
        setattr(model, f"{name}_state", HandedIn(state, name=f"{name}_state"))


def layers_of(model: Any) -> list[HandedIn]:
    """Return the layers that hold the state of objects given to a model, for its exported parts."""
    return [layer for layer in model.layers if isinstance(layer, HandedIn)]


def check_trained(model: Any) -> None:
    """Refuse trainable variables in an object that no update of the model trains.

    Raises:
        ValueError: names the setting and the remedy.
    """
    for name, owner in vars(model).items():
        trained = name not in model.untrained
        if model.updates:
            trained = any(name in trains for trains in model.updates.values())
        if isinstance(owner, Configured) and not trained and owner.trainable_variables:
            raise ValueError(
                f"{name} is {owner!r}, which holds variables to train, but no update of "
                f"{type(model).__name__} trains its {name}. Give them trainable=False, or use a "
                "class whose loss depends on them, such as zoo.VAE."
            )
