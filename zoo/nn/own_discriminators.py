"""A user's own discriminators, which must give logits."""

from __future__ import annotations

import keras

from zoo.nn.own_networks import (
    UNBOUNDED,
    activation_of,
    functional,
    is_functional,
    last_operation,
    single,
)
from zoo.nn.saved_configs import SAVED


def discriminator(
    network: keras.Layer, name: str, shape: tuple[int, ...] | None, labeled: bool = False
) -> keras.Model:
    """Return a user's discriminator as a functional model from the input `name` to a logit.

    Args: the same as for `functional`.

    Raises:
        ValueError: it has several outputs, or its last activation is bounded, such as a sigmoid.
    """
    network = single(functional(network, "discriminator", name, shape, labeled), "discriminator")
    return _giving_logits(network)


def pair_discriminator(network: keras.Layer) -> keras.Model:
    """Return a user's functional discriminator, whose input is a dict of `x` and `y`."""
    inputs = network.input if is_functional(network) else None
    if not isinstance(inputs, dict) or inputs.keys() != {"x", "y"}:
        raise ValueError(
            "The discriminator must be a functional Keras model of a dict of x and y to logits "
            '[batch, ..., 1]: with x, y = keras.Input(..., name="x"), keras.Input(..., name="y"), '
            'such as keras.Model({"x": x, "y": y}, logits).'
        )
    network = single(network, "discriminator")
    if network.output.shape[-1] != 1:
        raise ValueError(f"The discriminator gives {network.output.shape}; give [batch, ..., 1].")
    return _giving_logits(network)


def _giving_logits(network):
    activation = activation_of(last_operation(network))
    if activation in vars(keras.activations) and activation not in UNBOUNDED and not SAVED.get():
        raise ValueError(
            f"The discriminator ends in the activation {activation!r}; it must give a logit, a "
            "number of any size, to which the loss applies a sigmoid: leave that activation out."
        )
    return network
