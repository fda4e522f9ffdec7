"""LiteRT and OpenVINO files: proved equal, with any number of rows, and what they refuse."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from export import part_files
from zoo.anomaly import FeatureDetector

TENSORFLOW = keras.backend.backend() == "tensorflow"
MODULES = {"litert": "ai_edge_litert", "openvino": "openvino"}
HERE = {name: importlib.util.find_spec(module) is not None for name, module in MODULES.items()}
needs_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="TensorFlow converts")
litert = pytest.mark.skipif(not HERE["litert"], reason="needs ai-edge-litert")
openvino = pytest.mark.skipif(not HERE["openvino"], reason="needs openvino")
both = pytest.mark.parametrize(
    "name", [pytest.param("litert", marks=litert), pytest.param("openvino", marks=openvino)]
)


@needs_tensorflow
@both
def test_a_file_is_proved_equal_and_checked_again(conditional, tmp_path, name):
    out = tmp_path / "out"
    report = export.export_model(conditional, out, formats=name)
    found = {(r["format"], r["setting"], r["output"]) for r in report["encoder"]["results"]}
    setting = {"litert": "serving_default", "openvino": "CPU, float32"}[name]
    assert found == {(name, setting, "z_mean"), (name, setting, "z_log_var")}
    assert MODULES[name].replace("_", "-") in report["encoder"]["versions"]
    assert export.verify(out, conditional)["decoder"]["same_artefact"]
    files = {path.name for path in (out / "decoder").iterdir()}
    expected = {"litert": {"model.tflite"}, "openvino": {"model.xml", "model.bin"}}[name]
    assert files == {*expected, "golden", "signature.json", "parity.json"}


@needs_tensorflow
@both
@pytest.mark.parametrize("where", ["weights", "file"])
def test_a_file_of_other_weights_is_found_out(make, tmp_path, name, where):
    model = make.Model(make.dense_decoder())
    export.export_model(model, tmp_path / "out", formats=name)
    if where == "weights":
        other = make.Model(make.dense_decoder(seed=1))
        with pytest.raises(export.ParityError, match=f"output 'x' as {name}"):
            export.verify(tmp_path / "out", other)
        return
    file = {"litert": "model.tflite", "openvino": "model.bin"}[name]
    path = tmp_path / "out" / "decoder" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=file):
        export.verify(tmp_path / "out", model)


@litert
@needs_tensorflow
def test_an_interpreter_takes_any_number_of_rows_by_name(make, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    part = make.encoder_part([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    export.export_model(make.Model(part), tmp_path / "out", formats="litert")
    interpreter = Interpreter(model_path=str(tmp_path / "out" / "encoder" / "model.tflite"))
    run = interpreter.get_signature_runner("serving_default")
    for rows in (1, 3, 2):
        x = np.random.default_rng(rows).random((rows, 14, 14, 1), np.float32)
        wanted = ops.convert_to_numpy(part.function({"x": ops.convert_to_tensor(x)})["z"])
        np.testing.assert_allclose(run(x=x)["z"], wanted, rtol=1e-4, atol=1e-5)


def singular_values(x):
    return ops.svd(x[:, None], compute_uv=False)


@litert
@needs_tensorflow
def test_a_file_that_takes_one_row_alone_is_refused(make, tmp_path):
    def gamma(x):
        import tensorflow as tf

        return tf.math.lgamma(x)

    body = [layers.Flatten(), layers.Dense(3), layers.Lambda(gamma, (3,), name="log_gamma")]
    part = make.encoder_part(body)
    with pytest.raises(export.ConversionError, match="LiteRT .* cannot run it with 3 rows"):
        export.export_model(make.Model(part), tmp_path / "out", formats="litert")
    assert list(tmp_path.iterdir()) == []


@litert
@needs_tensorflow
def test_an_operation_that_litert_lacks_is_refused_with_its_layer(make, tmp_path):
    body = [layers.Flatten(), layers.Lambda(singular_values, (1,), name="odd"), layers.Dense(3)]
    part = make.encoder_part(body)
    said = "LiteRT has no counterpart of tf.Svd, in layer 'odd' of the encoder"
    with pytest.raises(export.ConversionError, match=said):
        export.export_model(make.Model(part), tmp_path / "out", formats="litert")
    assert list(tmp_path.iterdir()) == []


@openvino
@pytest.mark.backend
def test_openvino_takes_what_any_backend_converts(make, tmp_path):
    needed = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}
    pytest.importorskip(needed[keras.backend.backend()])
    model = make.Model(make.dense_decoder())
    report = export.export_model(model, tmp_path / "out", formats=("onnx", "openvino"))
    assert report["decoder"]["passed"]
    assert {r["format"] for r in report["decoder"]["results"]} == {"onnx", "openvino"}


@needs_tensorflow
@pytest.mark.parametrize("name", MODULES)
def test_a_missing_package_is_named(make, tmp_path, monkeypatch, name):
    monkeypatch.setattr(part_files.importlib.util, "find_spec", lambda name: None)
    said = rf"format {name} needs the package {MODULES[name]}.*autoencoder-zoo\[{name}\]"
    with pytest.raises(ImportError, match=said):
        export.export_model(make.Model(make.dense_decoder()), tmp_path / "out", formats=name)
    assert list(tmp_path.iterdir()) == []


@needs_tensorflow
@both
@pytest.mark.filterwarnings("ignore:quantile=")
@pytest.mark.parametrize("method", ["gaussian", "neighbors"])
def test_a_detector_by_features_is_proved(name, method, tmp_path):
    x = np.random.default_rng(0).random((40, 16, 16, 1), np.float32)
    network = keras.Sequential([keras.Input((16, 16, 1)), layers.Conv2D(6, 3, strides=2)])
    detector = FeatureDetector(network, method=method, memory=20, quantile=0.8).fit(x)
    assert export.export_model(detector, tmp_path / "out", formats=name)["detector"]["passed"]
