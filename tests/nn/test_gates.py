"""Gated dense layers, activation="glu": by hand, saved, exported, and refused where none can be."""

import keras
import numpy as np
import pytest
from scipy.special import expit
from support.each_class import SHAPE, every_class, make

import export
import zoo
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.nn import networks

WITH_ACTIVATION = [name for name, cls in CLASSES.items() if "activation" in arguments_of(cls)]
X = np.random.default_rng(0).random((6, *SHAPE)).astype("float32")


def gated(x, kernel, bias):
    value, gate = np.split(x @ kernel + bias, 2, axis=1)
    return value * expit(gate)


@pytest.mark.backend
def test_each_unit_is_multiplied_by_the_sigmoid_of_its_gate():
    model = zoo.VAE(SHAPE, 2, hidden_units=(5, 3), activation="glu", seed=1)
    heads = {model.encoder: ("z_mean", "z_log_var"), model.decoder: ("pixels",)}
    for (network, names), x in zip(heads.items(), (X, X[:, 0, :2, 0]), strict=True):
        network.set_weights([weight + 0.1 for weight in network.get_weights()])
        dense = [network.get_layer(f"dense_{i}").get_weights() for i in (0, 1)]
        hidden = gated(gated(x.reshape(6, -1), *dense[0]), *dense[1])
        found = network.predict(x, verbose=0)
        for name in names:
            kernel, bias = network.get_layer(name).get_weights()
            output = found[name] if isinstance(found, dict) else found.reshape(6, -1)
            np.testing.assert_allclose(output, hidden @ kernel + bias, rtol=1e-4, atol=1e-5)
    widths = [layer.kernel.shape[-1] for layer in model.encoder.layers if "dense" in layer.name]
    assert widths == [10, 6]


@pytest.mark.parametrize("name", every_class(WITH_ACTIVATION))
def test_every_class_has_gates_or_says_that_it_cannot(name):
    plain = make(name)
    if getattr(plain, "filters", ()) or getattr(plain, "tie_weights", False):
        with pytest.raises(ValueError, match="^activation is 'glu', which gives each unit of a"):
            make(name, activation="glu")
        return
    model = make(name, activation="glu")
    assert model.get_config()["activation"] == "glu"
    again = type(model).from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    if getattr(model, "hidden_units", ()):
        assert model.count_params() > plain.count_params()


@pytest.mark.parametrize(
    "options",
    [{"filters": (4,)}, {"network": "resnet"}, {"tie_weights": True}, {"code_activation": "glu"}],
)
def test_where_units_have_no_gates_they_are_refused(options):
    with pytest.raises(ValueError, match="'glu', which gives each unit of a hidden dense layer"):
        zoo.Autoencoder(SHAPE, 2, **{"activation": "glu", **options})


def test_layers_are_not_pretrained_with_gates():
    deep = zoo.Autoencoder(SHAPE, 2, hidden_units=(4,), activation="glu")
    with pytest.raises(ValueError, match="code_activation is 'glu'"):
        zoo.pretrain(deep, X, zoo.Autoencoder, epochs=1, verbose=0)


def test_the_function_of_keras_gives_gates_as_its_name_does():
    model = zoo.VAE(SHAPE, 2, hidden_units=(5,), activation=keras.activations.glu)
    assert model.activation == "glu"
    assert model.reconstruct(X).shape == X.shape


def test_beside_a_linear_path_units_have_gates():
    model = zoo.VAE(SHAPE, 2, network="dense_resnet", hidden_units=(4,), activation="glu", seed=1)
    layer = model.encoder.get_layer
    model.encoder.set_weights([weight + 0.1 for weight in model.encoder.get_weights()])
    flat = X.reshape(6, -1)
    kernel, bias = layer("linear").get_weights()
    hidden = gated(flat, *layer("dense_0").get_weights())
    expected = flat @ kernel + bias + hidden @ layer("correction").get_weights()[0]
    np.testing.assert_allclose(model.encode(X), expected, rtol=1e-4, atol=1e-5)


def test_batch_normalization_comes_before_the_gates():
    trunk = networks.trunk(SHAPE, hidden_units=(3,), activation="glu", normalize=True)
    norm = trunk.get_layer("dense_0_norm")
    mean, variance = np.arange(6.0), np.arange(1.0, 7.0)
    norm.moving_mean.assign(mean)
    norm.moving_variance.assign(variance)
    [kernel] = trunk.get_layer("dense_0").get_weights()
    normal = (X.reshape(6, -1) @ kernel - mean) / np.sqrt(variance + norm.epsilon)
    found = trunk.predict(X, verbose=0)
    np.testing.assert_allclose(found, gated(normal, np.eye(6), 0.0), rtol=1e-4, atol=1e-5)


def test_a_gated_model_is_trained_saved_and_exported(tmp_path):
    model = zoo.VAE(SHAPE, 2, hidden_units=(5,), activation="glu", seed=1)
    model.compile("adam")
    model.fit(X, epochs=1, verbose=0)
    zoo.save(model, tmp_path / "gated")
    again = zoo.load(tmp_path / "gated")
    np.testing.assert_array_equal(again.encode(X), model.encode(X))
    export.export_model(again, tmp_path / "out", formats=("onnx",))
    session = export.load(tmp_path / "out" / "encoder")
    np.testing.assert_allclose(session(x=X)["z_mean"], model.encode(X), rtol=1e-4, atol=1e-5)
