"""Export on each of Keras's backends: the same files, the same proof, the same refusals."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers, ops
from support.own_networks import Noisy

import export
import zoo
from export import onnx_graph
from zoo.anomaly import Detector, FeatureDetector
from zoo.inference.parts import OwnWeights, TensorInfo

BACKEND = keras.backend.backend()
NEEDS = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}[BACKEND]
CONVERTS = importlib.util.find_spec(NEEDS) is not None

pytestmark = [pytest.mark.backend]
needs_converter = pytest.mark.skipif(not CONVERTS, reason=f"{NEEDS} is not installed")
without_converter = pytest.mark.skipif(CONVERTS, reason=f"{NEEDS} is installed")


class Counting(layers.Layer):
    def build(self, input_shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.count.assign(self.count + 1.0)
        return inputs + self.count


def refused(part, tmp_path, said):
    with pytest.raises(export.ConversionError, match=said):
        export.export_onnx(part, tmp_path / "part.onnx")
    assert list(tmp_path.iterdir()) == []


@needs_converter
def test_a_model_is_exported_and_proved_equal(conditional, tmp_path):
    out = tmp_path / "out"
    report = export.export_model(conditional, out)
    assert report["decoder"]["versions"].keys() >= {"keras", BACKEND, NEEDS}
    encoder, decoder = (export.load(out / name) for name in ("encoder", "decoder"))
    x = np.random.default_rng(0).random((5, 14, 14, 1), np.float32)
    wanted = conditional.parts()["encoder"].function({"x": ops.convert_to_tensor(x)})
    wanted = {name: ops.convert_to_numpy(value) for name, value in wanted.items()}
    codes = encoder(x=x)
    assert list(codes) == ["z_mean", "z_log_var"]
    for name, value in codes.items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-3, atol=1e-5)
    assert decoder(z=codes["z_mean"], label=np.arange(5))["x"].std() > 0.01
    export.self_test(out / "decoder")
    assert export.verify(out, conditional)["encoder"]["same_artefact"]
    for name in ("encoder", "decoder"):
        made = onnx.load(out / name / "model.onnx")
        assert (made.ir_version, made.opset_import[0].version) == (8, 18)
        sizes = [value.type.tensor_type.shape.dim[0] for value in made.graph.input]
        assert {size.dim_param for size in sizes} == {"batch"}
        read = {name for node in made.graph.node for name in node.input}
        assert {weight.name for weight in made.graph.initializer} <= read


@needs_converter
def test_variants_a_later_opset_and_channels_first(make, tmp_path):
    part = make.encoder_part([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    options = {"variants": ("float16", "int8"), "opset": 20, "layout": "channels_first"}
    report = export.export_model(make.Model(part), tmp_path / "out", formats="onnx", **options)
    assert report["encoder"]["passed"]
    session = export.load(tmp_path / "out" / "encoder", variant="int8")
    assert session.inputs[0].shape == (1, 14, 14)
    assert onnx.load(tmp_path / "out/encoder/model.onnx").opset_import[0].version == 20


@pytest.mark.slow
@needs_converter
def test_recurrent_layers_become_steps(make, tmp_path):
    body = [layers.Bidirectional(layers.GRU(3, return_sequences=True)), layers.LSTM(3)]
    part = make.encoder_part(body, (4, 5))
    export.export_onnx(part, tmp_path / "encoder.onnx")
    nodes = onnx.load(tmp_path / "encoder.onnx").graph.node
    assert not [held for node in nodes for held in node.attribute if held.HasField("g")]
    assert not any(
        layer.unroll for layer in part.networks[0]._flatten_layers() if hasattr(layer, "unroll")
    )


@needs_converter
def test_weights_of_no_network_are_exported(make, tmp_path):
    scale = keras.Variable(np.arange(1.0, 4.0, dtype="float32"), name="scale")
    part = make.encoder_part([layers.Flatten(), layers.Dense(3)])
    network = part.networks[0]
    own = replace(
        part,
        function=lambda d: {"z": network(d["x"]) * scale},
        networks=(network, OwnWeights([scale])),
    )
    export.export_onnx(own, tmp_path / "encoder.onnx")
    refused(replace(own, networks=(network,)), tmp_path / "none", "scale.*none of its `networks`")


@needs_converter
def test_random_numbers_are_refused_with_their_layer(make, tmp_path):
    part = make.encoder_part([layers.Flatten(), layers.Dense(3), Noisy(name="noisy")])
    refused(part, tmp_path, "draws random numbers.*layer 'noisy' of the encoder.*let the appl")
    plain = make.dense_decoder()

    def decode(inputs):
        return {"x": plain.function(inputs)["x"] + keras.random.uniform((16,), seed=1)}

    refused(replace(plain, function=decode), tmp_path, "draws random numbers")


@needs_converter
def test_a_variable_that_changes_is_refused_with_its_layer(make, tmp_path):
    part = make.encoder_part([layers.Flatten(), layers.Dense(3), Counting(name="counting")])
    refused(part, tmp_path, "changes a variable.*layer 'counting' of the encoder")


def endless(x):
    """Halve until all values are small: nobody knows how often."""
    (y,) = ops.while_loop(lambda y: ops.max(y) > 0.1, lambda y: (y / 2.0,), (x,))
    return y


def branching(x):
    return ops.cond(ops.max(x) > 0.5, lambda: x / 2.0, lambda: x * 2.0)


@needs_converter
@pytest.mark.parametrize("function", [endless, branching])
def test_a_loop_or_a_branch_is_refused_with_its_layer(make, tmp_path, function):
    body = [layers.Flatten(), layers.Lambda(function, (196,), name="odd"), layers.Dense(3)]
    said = "encoder has a loop or a branch: .* in layer 'odd'.*write the steps out"
    refused(make.encoder_part(body), tmp_path, said)


@needs_converter
def test_an_operation_without_a_counterpart_is_refused_with_its_layer(make, tmp_path):
    def singular_values(x):
        return ops.svd(x[:, None], compute_uv=False)

    body = [layers.Flatten(), layers.Lambda(singular_values, (1,), name="odd"), layers.Dense(3)]
    refused(make.encoder_part(body), tmp_path, "layer 'odd' of the encoder.*Replace the layer by")


@needs_converter
def test_a_part_that_does_not_match_its_description_is_refused(make, tmp_path):
    plain = make.dense_decoder()
    named = replace(plain, outputs=(TensorInfo("pixels", "float32", (16,)),))
    refused(named, tmp_path, r"returns \['x'\], but the part lists \['pixels'\]")
    refused(replace(plain, outputs=(make.image(17),)), tmp_path, "TensorInfo")
    refused(replace(plain, networks=()), tmp_path, "networks")


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow writes them")
def test_what_a_backend_cannot_write_is_refused(conditional, tmp_path):
    for formats in ("saved_model", ["onnx", "saved_model"]):
        with pytest.raises(RuntimeError, match=f"saved_model cannot .* on {BACKEND}, but onnx and"):
            export.export_model(conditional, tmp_path / "out", formats=formats)
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        export.export_saved_model(conditional, tmp_path / "out", part="decoder")
    with pytest.raises(ValueError, match="opset is 15; give 18 to .*KERAS_BACKEND=tensorflow"):
        onnx_graph.check_opset(15)
    assert list(tmp_path.iterdir()) == []


@without_converter
def test_a_missing_package_is_named(conditional, tmp_path):
    with pytest.raises(ImportError, match=f"needs {NEEDS}.*export-{BACKEND}"):
        export.export_model(conditional, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_another_backend_of_keras_is_refused(conditional, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(RuntimeError, match="runs on openvino here.*KERAS_BACKEND=tensorflow"):
        export.export_model(conditional, tmp_path / "out")


VERIFY = """
import sys
import zoo
from zoo import export
print(export.verify(sys.argv[1], zoo.load("vae_digits"))["decoder"]["same_artefact"])
"""


@needs_converter
@pytest.mark.skipif(BACKEND == "tensorflow", reason="verified on TensorFlow")
def test_an_export_is_verified_on_another_backend(tmp_path):
    export.export_model(zoo.load("vae_digits"), tmp_path / "out", parts=["decoder"])
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(tmp_path / "out")],
        cwd=Path(export.__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"


def detector_of(score):
    """Return a fitted detector of images, or of rows for "joined", on little data."""
    x = np.random.default_rng(0).random((60, 16, 16, 1), np.float32)
    if score in ("gaussian", "neighbors"):
        network = keras.Sequential(
            [keras.Input((16, 16, 1)), layers.Conv2D(6, 3, strides=2, name="half")]
        )
        method = {"method": score, "projected": 4, "memory": 20}
        return x, FeatureDetector(network, layers="half", quantile=0.8, **method).fit(x)
    if score in ("joined", "standardized"):
        x = x[:, :5, 0, 0]
    standardize = score == "standardized"
    options = {"score": "joined" if standardize else score, "standardize": standardize}
    detector = Detector("Autoencoder", latent_dim=2, hidden_units=(4,), quantile=0.8, **options)
    return x, detector.fit(x, epochs=1, verbose=0)


@pytest.mark.slow
@needs_converter
@pytest.mark.filterwarnings("ignore:quantile=")
@pytest.mark.parametrize(
    "score", ["joined", "standardized", "calibrated_error", "gaussian", "neighbors"]
)
def test_a_detector_is_exported_and_takes_a_threshold(score, tmp_path):
    x, detector = detector_of(score)
    assert export.export_model(detector, tmp_path / "out", formats="onnx")["detector"]["passed"]
    session = export.load(tmp_path / "out" / "detector")
    found = session(x=x)
    np.testing.assert_allclose(found["score"], detector.scores(x), rtol=1e-3, atol=1e-5)
    middle = float(np.median(found["score"]))
    flags = session(x=x, threshold=middle)["is_anomaly"]
    np.testing.assert_array_equal(flags == 1, found["score"] > np.float32(middle))
