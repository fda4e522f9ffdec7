"""Small models with parts, made for the tests of export."""

import keras
import numpy as np
from keras import layers

from zoo.inference.parts import Part, TensorInfo

NORMAL = {"kind": "normal", "scale": 1.0}
Z = TensorInfo("z", "float32", (3,), prior=NORMAL)
LABEL = TensorInfo("label", "int32", (), 0, 9)


class Model:
    """All that export knows of a model: parts, a name and a configuration."""

    def __init__(self, *parts, config=None):
        self.name = "small"
        self.config = config or {"latent_dim": 3}
        self._parts = {part.name: part for part in parts}

    def parts(self):
        return self._parts

    def get_config(self):
        return self.config


def randomize(network, seed=0):
    """Give every weight a random value: zero biases would be folded away."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        values = rng.normal(size=weight.shape) / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        if "variance" in weight.path:
            values = rng.uniform(0.5, 2.0, weight.shape)
        if weight.dtype == "float32":
            weight.assign(values.astype("float32"))
    return network


def image(*shape):
    return TensorInfo("x", "float32", shape, 0.0, 1.0)


def encoder_part(body, shape=(14, 14, 1), name="encoder"):
    """An encoder of one output `z` whose layers are `body`."""
    network = randomize(keras.Sequential([keras.Input(shape), *body]))
    z = TensorInfo("z", "float32", tuple(network.output_shape[1:]))
    return Part(name, lambda d: {"z": network(d["x"])}, (image(*shape),), (z,), (network,))


def dense_decoder(seed=0):
    network = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(8, activation="tanh"),
            layers.Dense(16, activation="sigmoid"),
        ]
    )
    randomize(network, seed)
    return Part("decoder", lambda d: {"x": network(d["z"])}, (Z,), (image(16),), (network,))


def gaussian_encoder():
    x = keras.Input((14, 14, 1))
    h = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.BatchNormalization()(h)
    h = layers.Dropout(0.5)(h)
    h = layers.Reshape((-1,))(h)
    network = randomize(keras.Model(x, [layers.Dense(3)(h), layers.Dense(3)(h)]))

    def encode(inputs):
        z_mean, z_log_var = network(inputs["x"])
        return {"z_mean": z_mean, "z_log_var": z_log_var}

    outputs = (TensorInfo("z_mean", "float32", (3,)), TensorInfo("z_log_var", "float32", (3,)))
    return Part("encoder", encode, (image(14, 14, 1),), outputs, (network,))


def conditional_decoder():
    z, label = keras.Input((3,)), keras.Input((), dtype="int32")
    h = layers.Concatenate()([z, keras.ops.one_hot(label, 10)])
    h = layers.Dense(7 * 7 * 4, activation="relu")(h)
    h = layers.Reshape((7, 7, 4))(h)
    h = layers.BatchNormalization()(h)
    h = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(h)
    network = randomize(keras.Model([z, label], h))

    def decode(inputs):
        return {"x": network([inputs["z"], inputs["label"]])}

    return Part("decoder", decode, (Z, LABEL), (image(14, 14, 1),), (network,))


def wide_model():
    """An encoder and a decoder that are large enough to be smaller in other formats."""
    encoder = encoder_part(
        [layers.Reshape((196,)), layers.Dense(64, activation="relu"), layers.Dense(3)]
    )
    network = keras.Sequential(
        [keras.Input((3,)), layers.Dense(64, activation="relu"), layers.Dense(196, "sigmoid")]
    )
    network.add(layers.Reshape((14, 14, 1)))
    randomize(network)
    x = image(14, 14, 1)
    decoder = Part("decoder", lambda d: {"x": network(d["z"])}, (Z,), (x,), (network,))
    return Model(encoder, decoder)


def dims(value):
    """Return the sizes of an input or output of an ONNX graph: numbers, or names."""
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
