"""LiteRT and OpenVINO files: proved equal, with any number of rows, and what they refuse."""

import importlib.util
import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from export import parity, part_files
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


FILES = {
    "litert": ("model.tflite", "model.float16.tflite", "model.int8.tflite"),
    "openvino": ("model.bin", "model.float16.bin", "model.int8.bin"),
}


@pytest.fixture(scope="module")
def in_variants(make, tmp_path_factory):
    """A model, and its exports with all variants, made once for each format."""
    model, made = make.wide_model(), {}
    images = np.random.default_rng(0).random((100, 14, 14, 1), np.float32)

    def of(name):
        if name not in made:
            out = tmp_path_factory.mktemp(name) / "out"
            options = {"variants": ("float16", "int8"), "images": images}
            made[name] = out, export.export_model(model, out, formats=name, **options)
        return model, *made[name]

    return of


@needs_tensorflow
@both
def test_variants_are_proved_and_smaller(in_variants, name):
    model, out, report = in_variants(name)
    for kind, part in report.items():
        sizes = [(out / kind / file).stat().st_size for file in FILES[name]]
        assert sizes[1] < 0.65 * sizes[0]
        assert sizes[2] < 0.45 * sizes[0]
        bounds = {r["setting"]: r["bound"] for r in part["results"] if r["measure"] == "rms"}
        assert bounds == {"float16": 5e-3, "int8": 0.1 if kind == "decoder" else 0.15}
        errors = {r["setting"]: r["error"] for r in part["results"]}
        assert 0 < errors["float16"] < errors["int8"]
        assert part == json.loads((out / kind / "parity.json").read_text())
        keys = [f"{name} {variant}" for variant in ("float32", "float16", "int8")]
        assert list(part["variants"]) == keys
        for key, size in zip(keys, sizes, strict=True):
            about = part["variants"][key]
            assert size <= about["bytes"] <= size + 60_000  # OpenVINO describes its graph beside
            assert about["reconstruction_error"] > 0
    settings = {r["setting"] for r in export.verify(out, model)["decoder"]["results"]}
    assert settings > {"float16", "int8"}


@needs_tensorflow
@both
def test_a_variant_beyond_its_bound_is_refused(in_variants, monkeypatch, tmp_path, name):
    monkeypatch.setitem(parity.VARIANT_BOUNDS, "int8", (1e-6, 1e-6))
    with pytest.raises(export.ParityError, match=rf"as {name} \(int8\) is off by .* \(rms\)"):
        export.export_model(in_variants(name)[0], tmp_path / "out", formats=name, variants="int8")
    assert list(tmp_path.iterdir()) == []


@needs_tensorflow
@both
def test_a_part_of_small_matrices_has_no_int8(make, tmp_path, name):
    said = "The decoder has no .*constant matrices of 1,024 values or more"
    with pytest.raises(export.ConversionError, match=said):
        model = make.Model(make.dense_decoder())
        export.export_model(model, tmp_path / "out", formats=name, variants="int8")
    assert list(tmp_path.iterdir()) == []


@needs_tensorflow
@both
def test_kernels_of_convolutions_have_eight_bits_in_litert_alone(make, tmp_path, name):
    body = [layers.Conv2D(16, 3, strides=2), layers.Conv2D(32, 3), layers.Flatten()]
    model = make.Model(make.encoder_part(body))
    options = {"formats": name, "variants": "int8"}
    if name == "openvino":
        with pytest.raises(export.ConversionError, match="no products with constant matrices"):
            export.export_model(model, tmp_path / "out", **options)
        return
    export.export_model(model, tmp_path / "out", **options)
    full, small = (
        (tmp_path / "out" / "encoder" / file).stat().st_size
        for file in ("model.tflite", "model.int8.tflite")
    )
    assert full - small > 0.7 * 3 * 9 * 16 * 32  # bytes saved of the larger kernel, beside scales


@openvino
@needs_tensorflow
def test_openvino_stores_rounded_matrices_with_scales_of_their_columns(in_variants):
    from openvino import Core

    model, out, _ = in_variants("openvino")
    weights = model.parts()["encoder"].networks[0].weights
    wanted = next(w for w in weights if tuple(w.shape) == (196, 64))
    wanted = ops.convert_to_numpy(wanted)
    held = Core().read_model(out / "encoder" / "model.int8.xml").get_ordered_ops()
    constants = [node.data for node in held if node.get_type_name() == "Constant"]
    (rounded,) = [data for data in constants if data.dtype == np.int8]
    rounded = rounded if rounded.shape == wanted.shape else rounded.T
    scales = np.abs(wanted).max(axis=0) / 127
    np.testing.assert_array_equal(np.abs(rounded).max(axis=0), 127)
    assert np.abs(rounded * scales - wanted).max() <= 0.501 * scales.max()
