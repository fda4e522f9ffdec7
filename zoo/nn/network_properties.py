"""Properties of networks: whether their shapes fit, their activations and their convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.nn.own_networks import activation_of, last_operation


def fitting_shapes(
    encoder: keras.Model | None,
    decoder: keras.Model,
    label_inputs: tuple[str, ...],
    likelihood: Any,
) -> tuple[tuple[int, ...], int]:
    """Check that the shapes of an encoder, a decoder and a likelihood fit.

    Args:
        encoder, decoder: functional models, built from settings or a user's own; None for no
            encoder.
        label_inputs: "x" if the encoder takes a label, "z" if the decoder takes one.
        likelihood: the likelihood whose parameters the decoder gives.

    Returns:
        the shape of an image, and the number of latent dimensions.

    Raises:
        ValueError: the shapes do not fit.
    """
    if encoder is None:
        return tuple(decoder.output.shape[1:]), decoder.input.shape[-1]
    x = encoder.input["x"] if "x" in label_inputs else encoder.input
    z = decoder.input["z"] if "z" in label_inputs else decoder.input
    given, expected = decoder.output.shape[1:], likelihood.parameter_shape(x.shape[1:])
    if tuple(given) != tuple(expected):
        raise ValueError(
            f"The decoder gives values of shape {given}. The encoder takes images of shape "
            f"{x.shape[1:]}, and for these the likelihood {type(likelihood).__name__} needs "
            f"{tuple(expected)}."
        )
    return tuple(x.shape[1:]), z.shape[-1]


def check_shapes(network: keras.Model, role: str, takes: Any, gives: Any, what: str = "") -> None:
    """Check the shapes of a network's input and output; all shapes are without the batch.

    Args:
        network: a functional model. role: the network's role, such as "discriminator".
        takes, gives: a shape, or shapes by name for a dict; None is any.
        what: the meaning of the output, for the end of the error message, such as ", a logit".

    Raises:
        ValueError: the shapes differ from these.
    """
    found = _shapes(network.input), _shapes(network.output)
    if isinstance(takes, tuple) and isinstance(found[0], dict | list) and len(found[0]) == 1:
        (only,) = found[0].values() if isinstance(found[0], dict) else found[0]
        found = only, found[1]  # Keras passes a tensor to the only input, whatever its name
    if all(want is None or want == came for want, came in zip((takes, gives), found, strict=True)):
        return
    wanted = f"take {takes}" if gives is None else f"take {takes} and give {gives}"
    raise ValueError(
        f"The {role} takes {found[0]} and gives {found[1]} without the batch; it must "
        f"{wanted}{what}."
    )


def _shapes(tensors):
    if isinstance(tensors, dict):
        return {name: tuple(tensor.shape[1:]) for name, tensor in tensors.items()}
    if isinstance(tensors, list | tuple):
        return [tuple(tensor.shape[1:]) for tensor in tensors]
    return tuple(tensors.shape[1:])


def activation_of_code(encoder: keras.Model) -> str | None:
    """Return the name of the activation of an encoder's last layer; None if it has none."""
    return activation_of(last_operation(encoder))


SMOOTH = {
    *("linear", "sigmoid", "tanh", "softplus", "softsign", "gelu", "silu", "mish", "log_sigmoid"),
    *("exponential", "softmax", "elu", "tanh_shrink"),
}
"""Activations of Keras that are differentiable everywhere (ELU with its default alpha)."""


def check_smooth(network: keras.Model) -> None:
    """Refuse a network with an activation of Keras that is not differentiable everywhere.

    Raises:
        ValueError: names the layer and its activation.
    """
    for layer in network.layers:
        name = _activation_name(layer)
        if name in vars(keras.activations) and name not in SMOOTH:
            raise ValueError(
                f"The layer {layer.name} has the activation {name!r}, which is not differentiable "
                "everywhere; a penalty on the Jacobian needs a smooth one, such as 'sigmoid', "
                "'tanh' or 'softplus'."
            )


def _activation_name(layer) -> str | None:
    if isinstance(layer, layers.ReLU | layers.LeakyReLU | layers.PReLU):
        return "relu"
    return getattr(getattr(layer, "activation", None), "__name__", None)


def is_convolutional(*networks) -> bool:
    """Return whether any of the networks has a convolution, at any depth."""
    return any(
        "conv" in type(layer).__name__.lower() or is_convolutional(*_inside(layer))
        for network in networks
        for layer in getattr(network, "layers", [network])
    )


def _inside(layer):
    """Return the layers inside a layer, or the layer that it wraps."""
    wrapped = [layer.layer] if isinstance(getattr(layer, "layer", None), keras.Layer) else []
    return getattr(layer, "layers", wrapped)
