"""Functional Keras models built from a few settings: encoders, decoders, discriminators, ..."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

from zoo.nn.layers import Dropout, TiedDense
from zoo.nn.residual_networks import doubled, halved
from zoo.nn.seeds import KERAS_OWN, Seeds

RESIDUAL = ("resnet", "conv1d")
LINEAR_PATH = "dense_resnet"
GATED = "glu"


def encoder(
    input_shape: tuple[int, ...],
    outputs: dict[str, int],
    *,
    network: str = "conv",
    filters: tuple[int, ...] = (),
    hidden_units: tuple[int, ...] = (512, 256),
    activation: str = "relu",
    code_activation: str | None = None,
    num_classes: int | None = None,
    label_shape: tuple[int, ...] = (),
    noise_dim: int | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    seed: int = 0,
    normalization: keras.Layer | None = None,
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from images to codes.

    Args:
        input_shape: (height, width, channels), (time, channels), or (features,) for vectors.
        outputs: names and sizes of the outputs, such as {"z_mean": 16, "z_log_var": 16}.
        network: "conv" for 3x3 convolutions, or "resnet" or "conv1d" for residual blocks; see
            `zoo.nn.residual_networks`. "dense_resnet": the first output is a linear function of the
            input of the dense layers, plus the output of the dense layers, which is 0 at the start.
        filters: widths of the convolutions with stride 2, which are applied first; () for a dense
            network.
        hidden_units: widths of the dense layers after them; may be empty.
        activation: the activation of every hidden layer; "glu", for dense layers alone, multiplies
            each unit by the sigmoid of a further one.
        code_activation: the activation of the outputs.
        num_classes: if given, the network also takes a label, which is joined to the flat features.
        label_shape: if given, the network also takes a label that is an array of this shape. It is
            flattened and joined in the same way. With `num_classes` it is a row of word numbers,
            which first pass through an embedding and two convolutions.
        noise_dim: if given, the network also takes `noise` [batch, noise_dim], joined in the same
            way.
        dropout: the fraction of each dense hidden layer's values that training sets to 0.
        input_dropout: the same for the input of the first dense layer.
        seed: the seed of the dropout.
        seeds: the seeds of the initial weights.
        normalization: a layer that is applied first, to standardize raw rows of a table.
        dtype: a Keras dtype policy; the outputs are always float32.

    Returns:
        A model from `x`, or `{"x", "label"}`, to a dict of outputs, or to a plain tensor if there
        is only one output.
    """
    x = keras.Input(input_shape, name="x")
    seen = _normalized(x, normalization)
    inputs, features = x, _flat_features(seen, filters, activation, seeds, dtype, network)
    if num_classes or label_shape:
        label = _label_input(label_shape, num_classes)
        inputs = {"x": x, "label": label}
        features = _join(features, label, num_classes, seeds, dtype)
    if noise_dim:
        noise = keras.Input((noise_dim,), name="noise")
        inputs = {"x": x, "noise": noise}
        features = layers.Concatenate(name="with_noise", dtype=dtype)([features, noise])
    if input_dropout:
        drop = Dropout(
            input_dropout, seed=seed + len(hidden_units), name="dropout_of_inputs", dtype=dtype
        )
        features = drop(features)
    flat = features
    features = _dense_stack(
        features, hidden_units, activation, seeds, dtype, dropout=dropout, seed=seed
    )
    codes = {}
    for name, size in outputs.items():
        if network == LINEAR_PATH and not codes:
            code = _beside_a_linear_path(flat, features, size, bool(hidden_units), seeds)
            codes[name] = layers.Activation(code_activation, name=name, dtype="float32")(code)
            continue
        head = seeds.layer(
            layers.Dense, size, activation=code_activation, name=name, dtype="float32"
        )
        codes[name] = head(features)
    if len(codes) == 1:
        (codes,) = codes.values()
    return keras.Model(inputs, codes, name="encoder")


def without_noise(noisy: keras.Model) -> keras.Model:
    """Return an encoder that calls `noisy` with zero noise, and shares its weights."""
    x, noise = noisy.input["x"], noisy.input["noise"]
    zeros = ops.zeros_like(ops.reshape(x, (-1, math.prod(x.shape[1:])))[:, :1])
    zeros = ops.tile(ops.cast(zeros, "float32"), (1, noise.shape[1]))
    return keras.Model(x, noisy({"x": x, "noise": zeros}), name="encoder")


def decoder(
    output_shape: tuple[int, ...],
    latent_dim: int,
    *,
    network: str = "conv",
    filters: tuple[int, ...] = (),
    hidden_units: tuple[int, ...] = (512, 256),
    activation: str = "relu",
    tied_to: keras.Model | None = None,
    num_classes: int | None = None,
    label_shape: tuple[int, ...] = (),
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from codes to a likelihood's parameters, the reverse of an encoder.

    Args: the same as for `encoder`; `filters` and `hidden_units` are given in the encoder's order
        and used in reverse.
        tied_to: a dense encoder, whose transposed kernels are used instead of new ones.

    Returns:
        A model from `z`, or `{"z", "label"}`, to float32 [batch, *output_shape].
    """
    z = keras.Input((latent_dim,), name="z")
    inputs, features = z, z
    if num_classes or label_shape:
        label = _label_input(label_shape, num_classes)
        inputs = {"z": z, "label": label}
        features = _join(features, label, num_classes, seeds, dtype)
    if tied_to is not None:
        outputs = _tied_stack(features, tied_to, activation, dtype, output_shape)
        return keras.Model(inputs, outputs, name="decoder")
    code = features
    features = _dense_stack(features, hidden_units[::-1], activation, seeds, dtype)
    if filters and network in RESIDUAL:
        shape = (*output_shape, 1) if len(output_shape) == 1 else output_shape
        outputs = doubled(features, shape, filters, activation, seeds, dtype)
        outputs = ops.reshape(outputs, (-1, *output_shape))
    elif filters:
        outputs = _transposed_convolutions(
            features, output_shape, filters, activation, seeds, dtype
        )
    else:
        size = math.prod(output_shape)
        if network == LINEAR_PATH:
            flat = _beside_a_linear_path(code, features, size, bool(hidden_units), seeds)
        else:
            flat = seeds.layer(layers.Dense, size, name="pixels", dtype="float32")(features)
        outputs = ops.reshape(flat, (-1, *output_shape))
    return keras.Model(inputs, outputs, name="decoder")


def discriminator(
    latent_dim: int,
    *,
    hidden_units: tuple[int, ...] = (512, 256),
    activation: str = "relu",
    num_classes: int | None = None,
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a discriminator of codes, from `z` [batch, latent_dim] to one logit [batch, 1].

    Args:
        num_classes: if given, the network takes a dict of `z` and `label`.
    """
    z = keras.Input((latent_dim,), name="z")
    inputs, features = z, z
    if num_classes:
        label = keras.Input((), name="label", dtype="int32")
        inputs = {"z": z, "label": label}
        features = _join(z, label, num_classes, seeds, dtype)
    features = _dense_stack(features, hidden_units, activation, seeds, dtype)
    logit = seeds.layer(layers.Dense, 1, name="logit", dtype="float32")(features)
    return keras.Model(inputs, logit, name="discriminator")


def image_discriminator(
    input_shape: tuple[int, ...],
    *,
    network: str = "conv",
    filters: tuple[int, ...] = (),
    hidden_units: tuple[int, ...] = (512,),
    activation: str = "leaky_relu",
    normalization: keras.Layer | None = None,
    num_classes: int | None = None,
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a discriminator of images, from `x` to a dict of `logit` [batch, 1] and `features`.

    Args: the same as for `encoder`. With `num_classes` the network takes a dict of `x` and `label`;
        the label is joined to the flat features of the convolutions.

    Returns:
        a model; `features` [batch, d] is the output of the last convolution, or of the last hidden
        layer if there is no convolution.

    Raises:
        ValueError: there are filters, but the data are not images.
    """
    if filters and network not in RESIDUAL and len(input_shape) != 3:
        raise ValueError(
            f"The discriminator has filters={tuple(filters)}, which need images, (height, width, "
            f"channels); input_shape is {tuple(input_shape)}: leave out "
            "discriminator_filters=, and give discriminator_hidden_units=."
        )
    x = keras.Input(input_shape, name="x")
    seen = _normalized(x, normalization)
    flat = _flat_features(seen, filters, activation, seeds, dtype, network)
    inputs, joined = x, flat
    if num_classes:
        label = keras.Input((), name="label", dtype="int32")
        inputs, joined = {"x": x, "label": label}, _join(flat, label, num_classes, seeds, dtype)
    last = _dense_stack(joined, hidden_units, activation, seeds, dtype)
    logit = seeds.layer(layers.Dense, 1, name="logit", dtype="float32")(last)
    seen = layers.Identity(name="features", dtype="float32")(flat if filters else last)
    return keras.Model(inputs, {"logit": logit, "features": seen}, name="discriminator")


def trunk(
    input_shape: tuple[int, ...],
    *,
    network: str = "conv",
    filters: tuple[int, ...] = (),
    hidden_units: tuple[int, ...] = (512,),
    kernel_size: int = 3,
    activation: str = "relu",
    normalize: bool = False,
    normalization: keras.Layer | None = None,
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build the shared first layers of several networks, from `x` to flat features [batch, units].

    Args:
        kernel_size: the side of a convolution's kernel, for "conv".
        normalize: whether each layer has batch normalization; residual blocks have their own.
        Others: as for `encoder`.
    """
    x = keras.Input(input_shape, name="x")
    seen = _normalized(x, normalization)
    features = _flat_features(
        seen, filters, activation, seeds, dtype, network, normalize, kernel_size
    )
    features = _dense_stack(features, hidden_units, activation, seeds, dtype, normalize)
    return keras.Model(x, features, name="trunk")


def latent_head(
    units: int,
    outputs: Mapping[str, Any],
    num_classes: int,
    *,
    hidden_units: tuple[int, ...] = (),
    activation: str = "relu",
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build an encoder's head, from `features` [batch, units] and `label` to a dict of codes."""
    inputs = {
        "features": keras.Input((units,), name="features"),
        "label": keras.Input((), name="label", dtype="int32"),
    }
    joined = _join(inputs["features"], inputs["label"], num_classes, seeds, dtype)
    features = _dense_stack(joined, hidden_units, activation, seeds, dtype)
    codes = {
        name: seeds.layer(layers.Dense, size, name=name, dtype="float32")(features)
        for name, size in outputs.items()
    }
    return keras.Model(inputs, codes, name="heads")


def label_prior(num_classes: int, latent_dim: int, seeds: Seeds = KERAS_OWN) -> keras.Model:
    """Build p(z | label), from `label` [batch] to a dict of `z_mean` and `z_log_var`.

    It is one linear layer on the one-hot label, with a row for each class; more layers would not
    make it more general.
    """
    label = keras.Input((), name="label", dtype="int32")
    one_hot = ops.one_hot(label, num_classes, dtype="float32")
    moments = {
        name: seeds.layer(layers.Dense, latent_dim, use_bias=False, name=name, dtype="float32")(
            one_hot
        )
        for name in ("z_mean", "z_log_var")
    }
    return keras.Model(label, moments, name="prior_network")


def _label_input(label_shape, num_classes):
    dtype = "float32" if num_classes is None else "int32"
    return keras.Input(label_shape, name="label", dtype=dtype)


def _words(label, number, seeds, dtype):
    """Return the features of captions [batch, words] of word numbers, [batch, words, 64]."""
    start = keras.initializers.RandomUniform(seed=seeds.next())
    words = layers.Embedding(number, 32, embeddings_initializer=start, name="words", dtype=dtype)
    features = words(label)
    for i in range(2):
        convolution = seeds.layer(
            layers.Conv1D, 64, 3, padding="same", name=f"phrases_{i}", dtype=dtype
        )
        features = _activated(features, convolution, "relu", False)
    return features


def _join(features, label, num_classes, seeds, dtype):
    """Join a label to flat features: an integer as a one-hot row, an array flattened."""
    if len(label.shape) > 1:
        if num_classes:
            label = _words(label, num_classes, seeds, dtype)
        flat = ops.reshape(label, (-1, math.prod(label.shape[1:])))
        return layers.Concatenate(name="join", dtype=dtype)([features, flat])
    one_hot = ops.one_hot(label, num_classes, dtype=keras.dtype_policies.get(dtype).compute_dtype)
    return layers.Concatenate(name="join", dtype=dtype)([features, one_hot])


def _normalized(x, normalization):
    return x if normalization is None else normalization(x)


def _flat_features(
    features, filters, activation, seeds, dtype, network, normalize=False, kernel_size=3
):
    """Apply convolutions of stride 2, if any, and flatten."""
    if filters and network in RESIDUAL:
        if len(features.shape) == 2:  # a vector is a signal of one channel
            features = ops.reshape(features, (-1, features.shape[1], 1))
        features, filters = halved(features, filters, activation, seeds, dtype), ()
    for i, width in enumerate(filters):
        layer = seeds.layer(
            layers.Conv2D, width, kernel_size, 2, "same", name=f"conv_{i}", dtype=dtype
        )
        features = _activated(features, layer, activation, normalize)
    return ops.reshape(features, (-1, math.prod(features.shape[1:])))


def _dense_stack(features, widths, activation, seeds, dtype, normalize=False, dropout=0.0, seed=0):
    for i, width in enumerate(widths):
        units = 2 * width if activation == GATED else width  # each with a gate
        layer = seeds.layer(layers.Dense, units, name=f"dense_{i}", dtype=dtype)
        features = _activated(features, layer, activation, normalize)
        if dropout:
            features = Dropout(dropout, seed=seed + i, name=f"dropout_{i}", dtype=dtype)(features)
    return features


def _beside_a_linear_path(inputs, features, size, hidden, seeds):
    """Return a linear function of the inputs plus a linear function of the features, 0 at first."""
    linear = seeds.layer(layers.Dense, size, name="linear", dtype="float32")(inputs)
    if not hidden:
        return linear
    correction = layers.Dense(
        size, use_bias=False, kernel_initializer="zeros", name="correction", dtype="float32"
    )
    return layers.Add(name="sum", dtype="float32")([linear, correction(features)])


def _activated(features, layer, activation, normalize):
    """Apply a layer and its activation, with batch normalization between them if asked for."""
    if normalize:
        layer.use_bias = False
        between = layers.BatchNormalization(name=f"{layer.name}_norm", dtype=layer.dtype_policy)
        features = between(layer(features))
        if activation == GATED:
            return keras.activations.glu(features)
        return layers.Activation(activation, name=f"{layer.name}_{activation}")(features)
    if activation == GATED:  # as the layer's own, its output would have another shape than stated
        return keras.activations.glu(layer(features))
    layer.activation = keras.activations.get(activation)
    return layer(features)


def _tied_stack(features, encoder, activation, dtype, output_shape):
    """Apply an encoder's dense layers, transposed, from the last to the first."""
    dense = [layer for layer in encoder.layers if isinstance(layer, layers.Dense)]
    for i, layer in enumerate(dense[:0:-1]):
        features = TiedDense(layer, activation=activation, name=f"dense_{i}", dtype=dtype)(features)
    flat = TiedDense(dense[0], name="pixels", dtype="float32")(features)
    return ops.reshape(flat, (-1, *output_shape))


def _transposed_convolutions(features, output_shape, filters, activation, seeds, dtype):
    """Double the sides once for every filter, and crop them where a side is odd."""
    height, width, channels = output_shape
    sides = [(height, width)]
    for _ in filters:
        sides.append((math.ceil(sides[-1][0] / 2), math.ceil(sides[-1][1] / 2)))
    small = (*sides[-1], filters[-1])
    features = seeds.layer(
        layers.Dense, math.prod(small), activation=activation, name="grid", dtype=dtype
    )(features)
    features = ops.reshape(features, (-1, *small))
    widths = [*filters[-2::-1], channels]
    for i, (size, side) in enumerate(zip(widths, sides[-2::-1], strict=True)):
        last = i == len(widths) - 1
        features = seeds.layer(
            layers.Conv2DTranspose,
            size,
            3,
            2,
            "same",
            activation=None if last else activation,
            name="pixels" if last else f"deconv_{i}",
            dtype="float32" if last else dtype,
        )(features)
        excess = (features.shape[1] - side[0], features.shape[2] - side[1])
        if any(excess):
            features = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name=f"crop_{i}")(
                features
            )
    return features
