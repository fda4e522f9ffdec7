"""What export refuses, and that it leaves nothing behind."""

import errno
import logging
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.own_networks import Noisy

import export
from export import backends, onnx_graph, parity, saved_model
from export.backends import tensorflow
from zoo.inference.parts import TensorInfo

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


class LogGamma(layers.Layer):
    def call(self, inputs):
        import tensorflow as tf

        return tf.math.lgamma(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.fixture
def model(make):
    return make.Model(make.dense_decoder())


def refuse(model, tmp_path, error, said, **options):
    with pytest.raises(error, match=said):
        export.export_model(model, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", ["onnx", "saved_model"])
def test_random_operations_are_refused_by_layer(make, tmp_path, formats):
    part = make.encoder_part([layers.Flatten(), layers.Dense(3), Noisy(name="noisy")])
    said = "draws random numbers.*layer 'noisy' of the encoder.*let the application sample"
    refuse(make.Model(part), tmp_path, export.ConversionError, said, formats=formats)


def test_stateless_random_operations_are_refused_too(make, tmp_path):
    plain = make.dense_decoder()

    def decode(inputs):
        x = plain.function(inputs)["x"]
        return {"x": x + keras.random.uniform((16,), seed=1)}

    part = replace(plain, function=decode)
    refuse(make.Model(part), tmp_path, export.ConversionError, "draws random numbers")


def test_networks_of_mixed_precision_are_refused(make, tmp_path):
    dense = layers.Dense(3, dtype="mixed_bfloat16", name="half")
    part = make.encoder_part([layers.Flatten(), dense])
    said = "'half' of the encoder computes in bfloat16.*float32"
    refuse(make.Model(part), tmp_path, export.ConversionError, said)


def test_training_mode_is_refused(make, tmp_path):
    plain = make.encoder_part([layers.Flatten(), layers.BatchNormalization()])
    network = plain.networks[0]
    part = replace(plain, function=lambda d: {"z": network(d["x"], training=True)})
    said = "layer 'batch_normalization.*training=False"
    refuse(make.Model(part), tmp_path, export.ConversionError, said)


def test_an_operation_without_a_counterpart_is_named_with_its_layer(make, tmp_path):
    part = make.encoder_part([layers.Flatten(), layers.Dense(3), LogGamma(name="log_gamma")])
    said = "Lgamma.*layer 'log_gamma' of the encoder.*saved_model"
    refuse(make.Model(part), tmp_path, export.ConversionError, said)


def endless(x):
    """Halve until all values are small: nobody knows how often."""
    (y,) = ops.while_loop(lambda y: ops.max(y) > 0.1, lambda y: (y / 2.0,), (x,))
    return y


def branching(x):
    return ops.cond(ops.max(x) > 0.5, lambda: x / 2.0, lambda: x * 2.0)


@pytest.mark.parametrize(("function", "operation"), [(endless, "Loop"), (branching, "If")])
def test_a_loop_or_a_branch_is_refused_with_its_layer(make, tmp_path, function, operation):
    """Whoever loads a file refuses these, so they are not written."""
    part = make.encoder_part(
        [layers.Flatten(), layers.Lambda(function, (196,), name="odd"), layers.Dense(3)]
    )
    said = f"encoder has a loop or a branch: {operation} .* in layer 'odd'.*write the steps out"
    for variants in ((), ("int8",)):
        with pytest.raises(export.ConversionError, match=said):
            export.export_model(make.Model(part), tmp_path / "out", variants=variants)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(export.ConversionError, match=said):
        export.export_onnx(part, tmp_path / "encoder.onnx")
    assert list(tmp_path.iterdir()) == []
    export.export_saved_model(part, tmp_path / "saved")  # which only TensorFlow runs


def test_a_file_that_the_runtime_would_refuse_is_not_written(model, tmp_path, monkeypatch):
    convert = tensorflow.convert

    def converted(part, opset):
        made = convert(part, opset)
        made.graph.quantization_annotation.add(tensor_name="a")
        return made

    monkeypatch.setattr(tensorflow, "convert", converted)
    with pytest.raises(export.ConversionError, match="holds the field 14 of GraphProto"):
        export.export_model(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_tf2onnx_logs_as_an_error_is_a_failure(model, tmp_path, monkeypatch):
    converter = tensorflow._converter()
    convert = converter.convert.from_function

    def grumble(*args, **kwargs):
        logging.getLogger("tf2onnx.tfonnx").error("rewriter %s: exception %s", "r", "e")
        return convert(*args, **kwargs)

    monkeypatch.setattr(converter.convert, "from_function", grumble)
    refuse(model, tmp_path, export.ConversionError, "rewriter r: exception e")


def test_an_operation_outside_the_standard_is_a_failure(model, tmp_path, monkeypatch):
    converter = tensorflow._converter()
    convert = converter.convert.from_function

    def rename(*args, **kwargs):
        proto, storage = convert(*args, **kwargs)
        proto.graph.node[0].op_type = "Erfc"
        return proto, storage

    monkeypatch.setattr(converter.convert, "from_function", rename)
    refuse(model, tmp_path, export.ConversionError, "Erfc .* not in ONNX opset 18")


def test_a_part_that_does_not_match_its_description_is_refused(make, tmp_path):
    plain = make.dense_decoder()
    wrong = {
        "returns": replace(plain, outputs=(TensorInfo("pixels", "float32", (16,)),)),
        "TensorInfo": replace(plain, outputs=(make.image(17),)),
        "networks": replace(plain, networks=()),
        "float64": replace(plain, outputs=(TensorInfo("x", "float64", (16,)),)),
    }
    for said, part in wrong.items():
        refuse(make.Model(part), tmp_path, export.ConversionError, said)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
@pytest.mark.parametrize("where", ["convert", "saved_model", "prove"])
def test_an_interruption_or_a_full_disk_leaves_nothing(make, tmp_path, monkeypatch, error, where):
    def fail(*args, **kwargs):
        raise error

    module, name = {
        "convert": (onnx_graph, "convert"),
        "saved_model": (saved_model, "write"),
        "prove": (parity, "prove"),
    }[where]
    model = make.Model(make.dense_decoder())
    monkeypatch.setattr(module, name, fail)
    with pytest.raises(type(error)):
        export.export_model(model, tmp_path / "out")
    if where != "saved_model":
        with pytest.raises(type(error)):
            export.export_onnx(model, tmp_path / "decoder.onnx")
    if where != "convert":
        with pytest.raises(type(error)):
            export.export_saved_model(model, tmp_path / "decoder")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_replacement_keeps_the_old_export(model, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export.export_model(model, out, formats="onnx")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(parity, "prove", fail)
    with pytest.raises(KeyboardInterrupt):
        export.export_model(model, out, overwrite=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.slow
def test_an_existing_target_is_refused_and_replaced_when_asked(model, tmp_path):
    out, file, folder = tmp_path / "out", tmp_path / "decoder.onnx", tmp_path / "decoder"
    file.write_text("mine")
    tasks = {
        out: lambda **o: export.export_model(model, out, formats="onnx", **o),
        file: lambda **o: export.export_onnx(model, file, **o),
        folder: lambda **o: export.export_saved_model(model, folder, **o),
    }
    tasks[out]()
    tasks[folder]()
    for task in tasks.values():
        with pytest.raises(FileExistsError, match="overwrite=True"):
            task()
    assert file.read_text() == "mine"
    for task in tasks.values():
        task(overwrite=True)
    assert file.stat().st_size > 100
    (out / "decoder" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not written by the zoo: decoder/mine.txt"):
        tasks[out](overwrite=True)
    assert (out / "decoder" / "mine.txt").read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == sorted([out, file, folder])


def test_overwrite_never_deletes_the_current_folder(model, tmp_path, monkeypatch):
    here = tmp_path / "project" / "notebooks"
    here.mkdir(parents=True)
    (here / "mine.txt").write_text("mine")
    monkeypatch.chdir(here)
    for target in (".", here, here.parent, Path.home()):
        with pytest.raises(FileExistsError, match="is your current or home folder"):
            export.export_model(model, target, overwrite=True)
    assert (here / "mine.txt").exists()


@pytest.mark.parametrize("formats", ["onnx", "saved_model"])
def test_a_file_that_differs_from_keras_is_never_published(model, tmp_path, monkeypatch, formats):
    def spoiled(make_runner):
        def made(*args, **kwargs):
            run = make_runner(*args, **kwargs)
            return lambda inputs: {name: array + 0.01 for name, array in run(inputs).items()}

        return made

    monkeypatch.setattr(parity, "onnx_runner", spoiled(parity.onnx_runner))
    monkeypatch.setattr(saved_model, "runner", spoiled(saved_model.runner))
    with pytest.raises(export.ParityError, match=f"output 'x' as {formats}.*bound 1e-05") as caught:
        export.export_model(model, tmp_path / "out", formats=formats)
    assert list(tmp_path.iterdir()) == []
    failed = [r for r in caught.value.report["results"] if not r["passed"]]
    assert failed[0]["error"] == pytest.approx(0.01, rel=1e-3)
    assert "FAILED" in export.format_report({"decoder": caught.value.report})


def test_a_row_that_depends_on_its_batch_is_a_failure(make, tmp_path):
    plain = make.dense_decoder()
    network = plain.networks[0]

    def decode(inputs):
        z = inputs["z"]
        return {"x": network(z - ops.mean(z, axis=0, keepdims=True))}

    with pytest.raises(export.ParityError) as caught:
        export.export_onnx(replace(plain, function=decode), tmp_path / "decoder.onnx")
    result = caught.value.report["results"][0]
    assert result["error"] < 1e-5 < result["row_alone_error"]
    assert list(tmp_path.iterdir()) == []


def test_nan_in_keras_is_refused(make, tmp_path):
    part = make.dense_decoder()
    part.networks[0].layers[-1].bias.assign(np.full(16, np.nan))
    refuse(make.Model(part), tmp_path, export.ParityError, "NaN or infinite for prior draws")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"opset": 14}, "opset is 14; give 15 to 2[0-9], the last one that"),
        ({"opset": 99}, "opset is 99; give 15 to 2[0-9], the last one that"),
        ({"layout": "NCHW"}, "layout is 'NCHW'; give one of .*channels_first"),
        ({"formats": ["onnx", "tflite"]}, "tflite"),
        ({"formats": []}, "formats"),
        ({"parts": ["encoder"]}, r"the model has \['decoder'\]"),
    ],
)
def test_the_error_for_wrong_arguments_has_the_right_ones(model, tmp_path, options, said):
    refuse(model, tmp_path, ValueError, said, **options)


def test_other_objects_than_models_are_refused(make, tmp_path):
    refuse(keras.Sequential([keras.Input((3,))]), tmp_path, TypeError, r"parts\(\)")
    sneaky = make.Model(replace(make.dense_decoder(), name="../decoder"))
    refuse(sneaky, tmp_path, ValueError, "cannot be a folder's name")
    labels = replace(make.dense_decoder(), inputs=(make.Z, replace(make.LABEL, high=None)))
    refuse(make.Model(labels), tmp_path, ValueError, "no low and high", formats="saved_model")


def test_a_model_of_several_parts_asks_which(conditional, tmp_path):
    with pytest.raises(ValueError, match="choose one with part="):
        export.export_onnx(conditional, tmp_path / "part.onnx")


def test_all_documented_formats_are_published():
    assert backends.FORMATS == ("onnx", "saved_model", "litert", "openvino")
    assert backends.current().usual == ("onnx", "saved_model")
