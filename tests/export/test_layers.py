"""Layers that users' own encoders and decoders are made of: each is exported and proved equal."""

import keras
import numpy as np
import onnx
import pytest
from keras import layers

import export
from zoo.inference.parts import Part, TensorInfo

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)

IMAGE = (14, 14, 1)
ROWS = (14, 14)  # as a sequence of 14 steps of 14 values
VOLUME = (6, 6, 6, 1)
HEAD = [layers.Flatten, lambda: layers.Dense(3)]

LAYERS = {
    "BatchNormalization": (IMAGE, lambda: [layers.Conv2D(4, 3), layers.BatchNormalization()]),
    "LayerNormalization": (IMAGE, lambda: [layers.Conv2D(4, 3), layers.LayerNormalization()]),
    "LayerNormalization, dense": (IMAGE, lambda: [layers.Flatten(), layers.LayerNormalization()]),
    "RMSNormalization": (IMAGE, lambda: [layers.Flatten(), layers.RMSNormalization()]),
    "GroupNormalization": (IMAGE, lambda: [layers.Conv2D(4, 3), layers.GroupNormalization(2)]),
    "exact GELU": (IMAGE, lambda: [layers.Dense(8, activation="gelu")]),
    "approximate GELU": (
        IMAGE,
        lambda: [layers.Dense(8, activation=lambda x: keras.ops.gelu(x, approximate=True))],
    ),
    "SiLU, ELU, SELU, softplus, mish": (
        IMAGE,
        lambda: [
            layers.Dense(8, activation=name) for name in ("silu", "elu", "selu", "softplus", "mish")
        ],
    ),
    "PReLU and LeakyReLU": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.PReLU(), layers.LeakyReLU()],
    ),
    "LSTM": (ROWS, lambda: [layers.LSTM(5)]),
    "LSTM, sequences": (ROWS, lambda: [layers.LSTM(5, return_sequences=True), layers.LSTM(4)]),
    "GRU": (ROWS, lambda: [layers.GRU(5)]),
    "SimpleRNN": (ROWS, lambda: [layers.SimpleRNN(5)]),
    "Bidirectional": (ROWS, lambda: [layers.Bidirectional(layers.GRU(4))]),
    "Conv1D": (ROWS, lambda: [layers.Conv1D(4, 3, strides=2, padding="same")]),
    "Conv1D, causal, dilated": (
        ROWS,
        lambda: [layers.Conv1D(4, 3, dilation_rate=2, padding="causal")],
    ),
    "Conv2D": (IMAGE, lambda: [layers.Conv2D(4, 3, strides=2, padding="same")]),
    "Conv3D": (VOLUME, lambda: [layers.Conv3D(4, 3, strides=2, padding="same")]),
    "Conv1DTranspose": (ROWS, lambda: [layers.Conv1DTranspose(4, 3, strides=2, padding="same")]),
    "Conv2DTranspose": (IMAGE, lambda: [layers.Conv2DTranspose(4, 3, strides=2, padding="same")]),
    "Conv2DTranspose, valid": (IMAGE, lambda: [layers.Conv2DTranspose(4, 5, strides=3)]),
    "Conv3DTranspose": (VOLUME, lambda: [layers.Conv3DTranspose(2, 3, strides=2, padding="same")]),
    "DepthwiseConv2D": (IMAGE, lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2)]),
    "SeparableConv2D": (IMAGE, lambda: [layers.SeparableConv2D(4, 3, padding="same")]),
    "UpSampling1D": (ROWS, lambda: [layers.UpSampling1D(2)]),
    "UpSampling2D, nearest": (IMAGE, lambda: [layers.UpSampling2D(2)]),
    "UpSampling2D, bilinear": (IMAGE, lambda: [layers.UpSampling2D(2, interpolation="bilinear")]),
    "UpSampling3D": (VOLUME, lambda: [layers.UpSampling3D(2)]),
    "MaxPooling2D": (IMAGE, lambda: [layers.MaxPooling2D(2, padding="same")]),
    "AveragePooling2D": (IMAGE, lambda: [layers.AveragePooling2D(3, 2, padding="same")]),
    "GlobalAveragePooling2D": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()],
    ),
    "ZeroPadding2D and Cropping2D": (
        IMAGE,
        lambda: [layers.ZeroPadding2D((1, 2)), layers.Cropping2D(((2, 0), (1, 1)))],
    ),
    "Permute and RepeatVector": (
        ROWS,
        lambda: [layers.Permute((2, 1)), layers.Flatten(), layers.RepeatVector(2)],
    ),
    "Dropout and GaussianNoise": (IMAGE, lambda: [layers.Dropout(0.5), layers.GaussianNoise(0.3)]),
}


# The others' operations are in these, or alike; .ci/run exports them all.
OFTEN = {
    *("BatchNormalization", "exact GELU", "LSTM", "Conv2D", "Conv2DTranspose"),
    *("MaxPooling2D", "MultiHeadAttention"),
}


def attention():
    x = keras.Input(ROWS)
    attended = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Add()([x, attended]))))


def dot_product_attention():
    x = keras.Input(ROWS)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Attention()([x, x]))))


def skip_connections():
    x = keras.Input(IMAGE)
    h = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    h = layers.Concatenate()([h, layers.Conv2D(4, 1)(h)])
    h = layers.Multiply()([h, layers.Conv2D(8, 1, activation="sigmoid")(h)])
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(h)))


NETWORKS = {
    "MultiHeadAttention": attention,
    "Attention": dot_product_attention,
    "skip connections": skip_connections,
}


def undone(first, second):
    """Whether two Transposes leave everything where it was."""
    if first is None:
        return False
    order = list(first.attribute[0].ints)
    return [order[axis] for axis in second.attribute[0].ints] == sorted(order)


def exported(make, network, tmp_path):
    """Export a network as an encoder, which proves it equal, and run the file."""
    make.randomize(network)
    x = make.image(*network.input_shape[1:])
    z = TensorInfo("z", "float32", tuple(network.output_shape[1:]))
    part = Part("encoder", lambda d: {"z": network(d["x"])}, (x,), (z,), (network,))
    report = export.export_model(make.Model(part), tmp_path / "out")
    assert report["encoder"]["passed"]
    nodes = onnx.load(tmp_path / "out" / "encoder" / "model.onnx").graph.node
    turns = {node.output[0]: node for node in nodes if node.op_type == "Transpose"}
    assert not [node for node in nodes if node.op_type == "Identity"]
    assert not [node for node in turns.values() if undone(turns.get(node.input[0]), node)]
    images = np.random.default_rng(0).random((3, *x.shape)).astype("float32")
    got = export.load(tmp_path / "out" / "encoder")(x=images)["z"]
    assert got.std() > 1e-3  # what is all the same would be equal to anything
    np.testing.assert_allclose(got, network(images), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in OFTEN else pytest.mark.slow) for n in LAYERS]
)
def test_a_layer_is_exported_and_proved_equal(name, make, tmp_path):
    shape, build = LAYERS[name]
    body = [*build(), *(layer() for layer in HEAD)]
    exported(make, keras.Sequential([keras.Input(shape), *body]), tmp_path)


@pytest.mark.slow
def test_recurrent_layers_are_written_without_loops_and_stay_as_they_are(make, tmp_path):
    """Also inside of a wrapper; an exported file has no graph inside of a node."""
    network = keras.Sequential([keras.Input((2, 4)), layers.Bidirectional(layers.GRU(3))])
    make.randomize(network)
    x, z = make.image(2, 4), TensorInfo("z", "float32", (6,))
    part = Part("encoder", lambda d: {"z": network(d["x"])}, (x,), (z,), (network,))
    export.export_onnx(part, tmp_path / "encoder.onnx")
    nodes = onnx.load(tmp_path / "encoder.onnx").graph.node
    assert not [held for node in nodes for held in node.attribute if held.HasField("g")]
    assert not any(layer.unroll for layer in network._flatten_layers() if hasattr(layer, "unroll"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in OFTEN else pytest.mark.slow) for n in NETWORKS]
)
def test_a_network_is_exported_and_proved_equal(name, make, tmp_path):
    exported(make, NETWORKS[name](), tmp_path)


def test_an_embedding_of_the_label_is_exported(make, tmp_path):
    z, label = keras.Input((3,)), keras.Input((), dtype="int32")
    h = layers.Concatenate()([z, layers.Embedding(10, 4)(label)])
    network = make.randomize(keras.Model([z, label], layers.Dense(16, activation="sigmoid")(h)))
    part = Part(
        "decoder",
        lambda d: {"x": network([d["z"], d["label"]])},
        (make.Z, make.LABEL),
        (make.image(16),),
        (network,),
    )
    export.export_model(make.Model(part), tmp_path / "out")
    codes, labels = np.ones((10, 3), "float32"), np.arange(10, dtype="int32")
    got = export.load(tmp_path / "out" / "decoder")(z=codes, label=labels)["x"]
    np.testing.assert_allclose(got, network([codes, labels]), atol=1e-5)
    assert len(np.unique(got.round(4), axis=0)) == 10


def test_a_network_of_named_inputs_is_exported(make, tmp_path):
    inputs = {
        "z": keras.Input((3,), name="z"),
        "label": keras.Input((), name="label", dtype="int32"),
    }
    one_hot = layers.CategoryEncoding(10, output_mode="one_hot")(inputs["label"][:, None])
    h = layers.Concatenate()([inputs["z"], one_hot])
    network = make.randomize(keras.Model(inputs, layers.Dense(16, activation="sigmoid")(h)))
    part = Part(
        "decoder",
        lambda d: {"x": network(d)},
        (make.Z, make.LABEL),
        (make.image(16),),
        (network,),
    )
    assert export.export_model(make.Model(part), tmp_path / "out")["decoder"]["passed"]
