"""Gated dense layers, activation="glu": by hand, saved, exported, and refused where none can be."""

import numpy as np
import pytest
from scipy.special import expit
from support.each_class import SHAPE, every_class, make

import export
import zoo
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES

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


@pytest.mark.parametrize("name", every_class())
def test_every_class_has_gates_or_says_that_it_cannot(name):
    taken = arguments_of(CLASSES[name])
    if "activation" not in taken:
        pytest.skip(f"{name} has no setting for activations")
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


def test_a_linear_path_and_normalized_clusters_may_have_gates():
    linear = zoo.VAE(SHAPE, 2, network="dense_resnet", hidden_units=(4,), activation="glu")
    assert linear.reconstruct(X).shape == X.shape
    clusters = make("ClusteringAAE", activation="glu")
    assert clusters.reconstruct(X).shape == X.shape


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
