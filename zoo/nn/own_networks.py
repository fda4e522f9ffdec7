"""A user's own networks, converted into the form that the models need.

Models need functional networks, whose inputs and outputs are a tensor or a dict of tensors. Such a
network is used unchanged; other Keras models and layers are wrapped into a functional model, which
shares their weights. Codes that are not vectors are flattened, and a last sigmoid is removed if the
likelihood takes logits.
"""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.nn.layers import WithoutActivation
from zoo.nn.saved_configs import SAVED

# Operations that only rearrange values; they may follow the last activation.
_ARRANGING = {
    *("Reshape", "Flatten", "Permute", "Transpose", "Identity", "Squeeze", "ExpandDims"),
    *("Cropping1D", "Cropping2D", "Cropping3D"),
}
# Keras activations that are unbounded both above and below.
UNBOUNDED = {"linear", "leaky_relu", "tanh_shrink", "soft_shrink", "hard_shrink"}
_LAYERS_THAT_ACTIVATE = {"ReLU": "relu", "ELU": "elu", "Softmax": "softmax"}


def taken(
    encoder: keras.Layer | None,
    decoder: keras.Layer,
    *,
    encoder_outputs: tuple[str, ...],
    label_inputs: tuple[str, ...],
    likelihood: Any,
    input_shape: tuple[int, ...] | None,
    latent_dim: int | tuple[int, ...] | None,
) -> tuple[keras.Model | None, keras.Model, tuple[int, ...]]:
    """Return an encoder and a decoder as functional models with flat codes.

    Args:
        encoder, decoder: Keras models or layers, which may be functional, sequential or subclassed;
            None for no encoder.
        encoder_outputs: names of the encoder's outputs; if there are several, it must give a dict.
        label_inputs: "x" if the encoder takes a label, "z" if the decoder takes one.
        likelihood: the likelihood whose parameters the decoder gives.
        input_shape: the shape of an image, or None if the encoder states it.
        latent_dim: the length of a code, or its shape, or None if the decoder states it.

    Returns:
        the encoder, which gives codes [batch, values]; the decoder, which takes them; and the shape
        of a code in the given networks.

    Raises:
        TypeError: a network is not a Keras model or layer. ValueError: a network cannot be wrapped,
            its codes have unknown sizes, or its last activation does not fit the likelihood.
    """
    shape: Any = None
    flat, codes = None, ()
    if encoder is not None:
        network = functional(encoder, "encoder", "x", input_shape, "x" in label_inputs)
        network = _with_named_outputs(network, encoder_outputs)
        shape, codes = _code_shape(network), network.outputs
        flat = _with_flat_outputs(network)
    given = latent_dim if latent_dim is None or isinstance(latent_dim, tuple) else (latent_dim,)
    opaque = not _is_transparent(decoder)
    decoder = functional(decoder, "decoder", "z", shape or given, "z" in label_inputs)
    decoder = single(decoder, "decoder")
    if not SAVED.get():
        decoder = _without_sigmoid(decoder, likelihood)
        if opaque:
            _warn_of_hidden_activation(decoder, likelihood)
    z = decoder.input["z"] if "z" in label_inputs else decoder.input
    if encoder is None:
        shape = _shape_of_noise(decoder)
    sizes = {tuple(code.shape[1:]) for code in [*codes, *keras.tree.flatten(z)]}
    if len(sizes) != 1:
        raise ValueError(
            "The encoder's outputs and the decoder's input must have one shape; without the batch "
            f"they have {' and '.join(map(str, sorted(sizes)))}."
        )
    decoder = _with_flat_input(decoder)
    if shape and given and len(shape) == 1 and math.prod(given) == shape[0]:
        shape = given  # a file holds flattened networks, and the shape of a code separately
    return flat, decoder, shape


def translator(network: keras.Layer, shape: tuple[int, ...], likelihood: Any) -> keras.Model:
    """Return a user's network from images to images as a functional model.

    Args: shape: the shape of its input without the batch. likelihood: the likelihood whose
        parameters it gives.
    """
    opaque = not _is_transparent(network)
    network = single(functional(network, "generator", "x", shape), "generator")
    if not SAVED.get():
        network = _without_sigmoid(network, likelihood, "generator")
        if opaque:
            _warn_of_hidden_activation(network, likelihood, "generator")
    return network


def functional(
    network: keras.Layer, role: str, name: str, shape: tuple[int, ...] | None, labeled: bool = False
) -> keras.Model:
    """Return a network as a functional model; unchanged if it is one and its sizes are known.

    Args:
        network: a Keras model or layer.
        role: the network's role, such as "encoder"; for errors, and as the model's name.
        name: the name of its input. shape: the shape of the input without the batch, or None if the
            network states it.
        labeled: whether it takes a dict of `name` and `label`.
    """
    if not isinstance(network, keras.Layer):
        raise TypeError(
            f"{role}= is {network!r}; give a Keras model or layer. "
            f"{_wrapping(network, role, name, shape, labeled)}"
        )
    if is_functional(network):
        if labeled and set(getattr(network.input, "keys", tuple)()) != {name, "label"}:
            raise ValueError(
                f"The {role} of a conditional model takes a dict of {name} and label; this one "
                f"takes {network.input}. {_wrapping(network, role, name, shape, labeled)}"
            )
        known = all(None not in tensor.shape[1:] for tensor in network.inputs)
        if known or shape is None or labeled:
            return _with_plain_input(network)
    shape = _shape_of_input(network) or shape
    if shape is None or None in shape:
        needed = "input_shape=" if name == "x" else "latent_dim="
        raise ValueError(
            f"The {role}, a {type(network).__name__}, does not state the shape of its input. Give "
            f"{needed}, or start it with a keras.Input. "
            f"{_wrapping(network, role, name, None, labeled)}"
        )
    value = keras.Input(tuple(shape), name=name)
    inputs = value
    if labeled:
        inputs = {name: value, "label": keras.Input((), name="label", dtype="int32")}
    try:
        outputs = _called(network, inputs)
    except Exception as error:
        raise ValueError(
            f"The {role}, a {type(network).__name__}, cannot be called on {name} of shape "
            f"{(None, *shape)}{', with label in a dict' if labeled else ''}: {error}\n"
            f"{_wrapping(network, role, name, shape, labeled)}"
        ) from error
    return keras.Model(inputs, outputs, name=role)


def _called(network, inputs):
    if not isinstance(network, keras.Sequential):
        return network(inputs)
    for layer in network.layers:  # one by one, so that the functional model has all of them
        inputs = layer(inputs)
    return inputs


def is_functional(network: Any) -> bool:
    """Return whether a network is a functional Keras model."""
    return isinstance(network, keras.Model) and hasattr(network, "operations")


def _is_transparent(network) -> bool:
    return is_functional(network) or isinstance(network, keras.Sequential)


def _shape_of_input(network):
    """Return the input shape of a sequential model without the batch; None if it is unknown."""
    try:
        return tuple(network.input_shape[1:]) if isinstance(network, keras.Sequential) else None
    except AttributeError:
        return None


def _with_plain_input(network):
    """Return a network with a plain tensor as input, instead of a list of one tensor."""
    if not isinstance(network.input, list | tuple) or len(network.inputs) > 1:
        return network
    return keras.Model(network.inputs[0], network.output, name=network.name)


def _shape_of_noise(generator):
    """Return the shape of a generator's single input; its sizes must be known."""
    shapes = [tuple(tensor.shape[1:]) for tensor in (*generator.inputs, *generator.outputs)]
    if len(shapes) != 2 or any(None in shape for shape in shapes):
        raise ValueError(
            "The generator must take one input z and give one image, of known sizes; without the "
            f"batch it takes {shapes[:-1]} and gives {shapes[-1]}."
        )
    return shapes[0]


def single(network: keras.Model, role: str) -> keras.Model:
    """Return a network with a plain tensor as output, instead of a list or dict of one tensor."""
    if len(network.outputs) > 1:
        first = next(iter(network.output)) if isinstance(network.output, dict) else 0
        raise ValueError(
            f"The {role} must give one output; it gives {len(network.outputs)}: {network.output}. "
            f"To use the first one:\n\n    {_inputs_of(network)}\n"
            f"    {role} = keras.Model(inputs, {role}(inputs)[{first!r}])\n"
        )
    if network.output is network.outputs[0]:
        return network
    return keras.Model(network.input, network.outputs[0], name=network.name)


def _with_named_outputs(encoder, names):
    if len(names) == 1:
        return single(encoder, "encoder")
    if isinstance(encoder.output, dict) and set(encoder.output) == set(names):
        return encoder
    raise ValueError(
        f"This model's encoder must return a dict of {', '.join(names)}; the given one returns "
        f"{encoder.output}. If these two come first in a list:\n\n    {_inputs_of(encoder)}\n"
        f"    encoder = keras.Model(inputs, dict(zip({names}, encoder(inputs))))\n"
    )


def _inputs_of(network) -> str:
    """Return a line of code that makes the inputs of a network."""
    made = {
        name: f'keras.Input({tuple(tensor.shape[1:])}, name="{name}", dtype="{tensor.dtype}")'
        for name, tensor in (network.input if isinstance(network.input, dict) else {}).items()
    }
    if made:
        return "inputs = {" + ", ".join(f'"{name}": {line}' for name, line in made.items()) + "}"
    return f"inputs = keras.Input({tuple(network.inputs[0].shape[1:])})"


def _code_shape(encoder):
    """Return the shape of an encoder's outputs, or None if they differ."""
    shapes = {tuple(code.shape[1:]) for code in encoder.outputs}
    shape = next(iter(shapes)) if len(shapes) == 1 else None
    if shape is not None and None in shape:
        raise ValueError(
            f"The encoder gives codes of shape {(None, *shape)}, with sizes that depend on the "
            "image. Give input_shape=, or a keras.Input of known sizes."
        )
    return shape


def _with_flat_outputs(encoder):
    if all(len(code.shape) == 2 for code in encoder.outputs):
        return encoder
    return keras.Model(
        encoder.input,
        keras.tree.map_structure(
            lambda code: layers.Flatten(dtype="float32")(code), encoder.output
        ),
        name=encoder.name,
    )


def _with_flat_input(decoder):
    labeled = isinstance(decoder.input, dict)
    z = decoder.input.get("z") if labeled else decoder.input
    if not hasattr(z, "shape") or len(z.shape) == 2 or None in z.shape[1:]:
        return decoder
    flat = keras.Input((math.prod(z.shape[1:]),), name="z")
    shaped = layers.Reshape(z.shape[1:], dtype="float32")(flat)
    if not labeled:
        return keras.Model(flat, decoder(shaped), name="decoder")
    given = decoder.input["label"]
    label = keras.Input(given.shape[1:], name="label", dtype=given.dtype)
    outputs = decoder({"z": shaped, "label": label})
    return keras.Model({"z": flat, "label": label}, outputs, name="decoder")


def _wrapping(network, role, name, shape, labeled) -> str:
    """Return two lines of code that wrap a network into a functional model."""
    shape = {"x": "(28, 28, 1)", "z": "(16,)"}[name] if shape is None else tuple(shape)
    first, takes, call = f'{name} = keras.Input({shape}, name="{name}")', name, name
    if labeled:
        label = 'keras.Input((), name="label", dtype="int32")'
        first = f'{name}, label = keras.Input({shape}, name="{name}"), {label}'
        takes = f'{{"{name}": {name}, "label": label}}'
        call = f"[{name}, label]"
        if not is_functional(network):
            call = f"keras.ops.concatenate([{name}, keras.ops.one_hot(label, 10)], axis=-1)"
    second = f"{role} = keras.Model({takes}, {role}({call}))"
    return f"Wrap it, if it can be called on tensors:\n\n    {first}\n    {second}\n"


# The last activation


def last_operation(network: keras.Model) -> Any:
    """Return the last operation of a functional network that changes more than the shape."""
    tensor = keras.tree.flatten(network.output)[-1]
    while True:
        operation, node, _ = tensor._keras_history
        before = operation._inbound_nodes[node].input_tensors
        if not _arranges(operation) or len(before) != 1:
            return operation
        tensor = before[0]


def _arranges(operation) -> bool:
    """Return whether an operation only rearranges values."""
    kind = type(operation).__name__
    return kind in _ARRANGING or (
        kind == "Activation" and operation.activation.__name__ == "linear"
    )


def activation_of(operation: Any) -> str | None:
    """Return the name of the last activation of a layer or operation; None if it is unknown."""
    if is_functional(operation):
        return activation_of(last_operation(operation))
    if isinstance(operation, keras.Sequential):
        making = [layer for layer in operation.layers if not _arranges(layer)]
        return activation_of(making[-1]) if making else None
    kind = type(operation).__name__
    if kind in _LAYERS_THAT_ACTIVATE:
        return _LAYERS_THAT_ACTIVATE[kind]
    if type(operation).__module__.startswith("keras.src.ops."):  # such as keras.ops.sigmoid
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
        return name if name in vars(keras.activations) else None
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _without_sigmoid(decoder, likelihood, role="decoder"):
    """Remove the sigmoid that the likelihood applies itself; refuse other bounded activations."""
    name = activation_of(last_operation(decoder))
    if likelihood.reads is None or name not in vars(keras.activations) or name in UNBOUNDED:
        return decoder
    if name != likelihood.applies:
        raise ValueError(
            f"The {role} ends in the activation {name!r}, but the likelihood "
            f"{type(likelihood).__name__} takes {likelihood.reads}, which are unbounded: leave "
            "the activation out (activation=None). Or choose a likelihood that takes the values of "
            'pixels: likelihood="squared_error" or "gaussian".'
        )
    return _cut(decoder)


def _cut(network):
    """Return a functional network without its last activation, with the same weights."""
    last = last_operation(network)

    def same_but_the_last(operation):
        if operation is not last:
            return operation
        if isinstance(last, keras.Sequential):
            shape = tuple(last.input_shape[1:])
            return _cut(functional(last, last.name, "x", shape))
        if is_functional(last):
            return _cut(last)
        if not isinstance(last, keras.Layer):
            return layers.Identity()
        return WithoutActivation(last, name=last.name, dtype=last.dtype_policy)

    uncompiled = keras.Model(network.input, network.output, name=network.name)
    return keras.models.clone_model(uncompiled, clone_function=same_but_the_last)


def _warn_of_hidden_activation(decoder, likelihood, role="decoder"):
    """Warn if a network whose layers cannot be inspected gives no value below 0."""
    if likelihood.reads is None:
        return
    generator = np.random.default_rng(0)
    inputs = {
        tensor.name: np.zeros(16, "int32")
        if tensor.name == "label"
        else 3.0 * generator.standard_normal((16, *tensor.shape[1:]), np.float32)
        for tensor in decoder.inputs
    }
    values = decoder(inputs if isinstance(decoder.input, dict) else next(iter(inputs.values())))
    values = keras.ops.convert_to_numpy(keras.ops.stop_gradient(values))
    if values.min() >= 0.0 and values.max() > values.min():
        warnings.warn(
            f"The {role} gives no values below 0 for random inputs (they go from "
            f"{values.min():.3g} to {values.max():.3g}), as if it ended in a sigmoid or a ReLU. "
            f"The likelihood {type(likelihood).__name__} takes {likelihood.reads}: leave that "
            'activation out, or choose likelihood="squared_error" or "gaussian".',
            stacklevel=2,
        )
