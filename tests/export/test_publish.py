"""What export writes, and that it equals Keras."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers
from support.parts import dims

import export
from export import onnx_graph, test_inputs
from zoo.inference.parts import Part, TensorInfo

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)

COLUMNS = ("part", "format", "setting", "output", "measure", "error", "largest", "bound")


def graph_names(values):
    return [value.name for value in values]


def test_every_part_becomes_a_folder_of_five_artifacts(exported):
    out, _ = exported
    assert sorted(path.name for path in out.iterdir()) == [".written.json", "decoder", "encoder"]
    for part in ("decoder", "encoder"):
        assert sorted(path.name for path in (out / part).iterdir()) == [
            "golden",
            "model.onnx",
            "parity.json",
            "saved_model",
            "signature.json",
        ]


def test_the_report_holds_every_format_and_stays_within_the_bounds(exported):
    out, report = exported
    for name, part in report.items():
        assert part == json.loads((out / name / "parity.json").read_text())
        assert part["passed"]
        assert part["compared"]["batches"] == [1, 2, 7, 64]
        assert {(r["format"], r["setting"]) for r in part["results"]} == {
            ("onnx", "optimizations off"),
            ("onnx", "optimizations all"),
            ("onnx", "export.load"),
            ("saved_model", "serving_default"),
        }
        for result in part["results"]:
            bound = {"absolute": 1e-5, "relative": 1e-4}[result["measure"]]
            assert result["bound"] == bound
            assert max(result["error"], result["row_alone_error"]) <= bound
    assert {r["measure"] for r in report["decoder"]["results"]} == {"absolute"}
    assert {r["measure"] for r in report["encoder"]["results"]} == {"relative"}
    assert list(report["decoder"]["compared"]["inputs"]) == [
        "prior draws, every label",
        "points at 4 sigma, every label",
    ]


def test_the_report_prints_as_a_table(exported):
    _, report = exported
    lines = export.format_report(report).splitlines()
    assert lines[0].split() == list(COLUMNS)
    assert len(lines) == 1 + 2 * 4 + 4
    assert all(line.endswith("ok") for line in lines[1:])


def test_the_signature_describes_the_part(exported):
    out, _ = exported
    signature = json.loads((out / "decoder" / "signature.json").read_text())
    assert signature["format_version"] == 1
    assert signature["model"] == {"name": "small", "class": "Model"}
    assert (signature["part"], signature["opset"], signature["ir"]) == ("decoder", 18, 8)
    assert signature["inputs"] == [
        {
            "name": "z",
            "dtype": "float32",
            "shape": ["batch", 3],
            "range": None,
            "prior": {"kind": "normal", "scale": 1.0},
        },
        {"name": "label", "dtype": "int32", "shape": ["batch"], "range": [0, 9]},
    ]
    assert signature["outputs"][0]["shape"] == ["batch", 14, 14, 1]
    size = (out / "decoder" / "model.onnx").stat().st_size
    assert signature["files"]["model.onnx"]["bytes"] == size
    assert "saved_model/saved_model.pb" in signature["files"]


@pytest.mark.parametrize("opset", [15, 16, 17, 18])
def test_the_graph_has_the_documented_names_order_and_domain(conditional, tmp_path, opset):
    path = tmp_path / "encoder.onnx"
    export.export_onnx(conditional, path, part="encoder", opset=opset)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert graph_names(model.graph.input) == ["x"]
    assert graph_names(model.graph.output) == ["z_mean", "z_log_var"]  # not in alphabetical order
    assert dims(model.graph.input[0]) == ["batch", 14, 14, 1]
    assert dims(model.graph.output[0]) == ["batch", 3]
    assert {node.domain for node in model.graph.node} == {""}
    assert not [node for node in model.graph.node if "Random" in node.op_type]


def test_a_dense_decoder_computes_its_closed_form(make, tmp_path):
    part = make.dense_decoder()
    export.export_model(make.Model(part), tmp_path / "out", formats="onnx")
    first, b, second, c = (weight.numpy().astype(float) for weight in part.networks[0].weights)
    z = np.random.default_rng(1).normal(size=(5, 3))
    expected = 1 / (1 + np.exp(-(np.tanh(z @ first + b) @ second + c)))
    x = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(x, expected, atol=1e-6)


def test_exact_gelu_converts_without_a_custom_operation(make, tmp_path):
    part = make.encoder_part([layers.Flatten(), layers.Dense(8, activation="gelu")])
    export.export_onnx(part, tmp_path / "encoder.onnx")
    operations = {node.op_type for node in onnx.load(tmp_path / "encoder.onnx").graph.node}
    assert "Erf" in operations
    assert "Erfc" not in operations


def test_an_input_without_effect_is_still_an_input(make, tmp_path):
    plain = make.dense_decoder()
    part = replace(plain, inputs=(make.Z, make.LABEL))
    export.export_model(make.Model(part), tmp_path / "out")
    session = export.load(tmp_path / "out" / "decoder")
    z = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(session(z=z, label=[1, 2])["x"], session(z=z, label=[3, 4])["x"])


def test_codes_come_out_as_integers(make, tmp_path):
    part = make.encoder_part([layers.Conv2D(5, 2, strides=2)])
    network = part.networks[0]
    part = Part(
        "encoder",
        lambda d: {"code": keras.ops.top_k(network(d["x"]), 1)[1][..., 0]},
        part.inputs,
        (TensorInfo("code", "int32", (7, 7), 0, 4),),
        (network,),
    )
    report = export.export_onnx(part, tmp_path / "encoder.onnx")
    assert {r["measure"] for r in report["encoder"]["results"]} == {"mismatched"}


def test_a_saved_model_takes_and_gives_tensors_by_name(conditional, tmp_path):
    import tensorflow as tf

    folder = tmp_path / "decoder"
    report = export.export_saved_model(conditional, folder, part="decoder")
    assert [r["format"] for r in report["decoder"]["results"]] == ["saved_model"]
    loaded = tf.saved_model.load(str(folder))
    inputs = {"z": tf.ones((2, 3)), "label": tf.constant([1, 2])}
    served = loaded.signatures["serving_default"](**inputs)
    assert list(served) == ["x"]
    np.testing.assert_array_equal(served["x"], loaded.serve(inputs)["x"])


def test_formats_parts_and_progress_are_the_callers_choice(conditional, tmp_path):
    lines = []
    report = export.export_model(
        conditional, tmp_path / "out", formats=["onnx"], parts=["encoder"], progress=lines.append
    )
    assert list(report) == ["encoder"]
    assert [path.name for path in (tmp_path / "out").glob("[!.]*")] == ["encoder"]
    assert not (tmp_path / "out" / "encoder" / "saved_model").exists()
    assert lines == ["encoder: ONNX", "encoder: comparing with Keras"]


def test_the_artifact_is_known_by_weights_config_and_signature(make, tmp_path):
    def identity(model, name, **options):
        out = tmp_path / name
        export.export_model(model, out, formats="onnx", **options)
        return json.loads((out / "decoder" / "signature.json").read_text())["artefact_sha256"]

    first = identity(make.Model(make.dense_decoder()), "a")
    assert identity(make.Model(make.dense_decoder()), "b") == first
    assert identity(make.Model(make.dense_decoder(seed=1)), "c") != first
    assert identity(make.Model(make.dense_decoder(), config={"beta": 4}), "d") != first
    assert identity(make.Model(make.dense_decoder()), "e", opset=17) != first


@pytest.mark.slow
def test_parity_is_proved_on_the_callers_images(conditional, tmp_path):
    images = np.random.default_rng(0).uniform(size=(100, 14, 14, 1))
    report = export.export_model(conditional, tmp_path / "out", formats="onnx", images=images)
    assert report["encoder"]["compared"]["inputs"] == {
        "given images": 100,
        "corners of the range": 100,
    }


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((4, 9, 9)), "x: float32"),
        (np.full((4, 14, 14, 1), 200.0), "divide by 255"),
        (np.full((4, 14, 14, 1), 200), "takes floats, got int64.*divide by 255"),
        ({"pixels": np.zeros((4, 14, 14, 1))}, "pixels"),
        (np.zeros((0, 14, 14, 1)), "one row or more"),
    ],
)
def test_images_that_fit_no_input_are_refused(conditional, tmp_path, images, said):
    with pytest.raises((TypeError, ValueError), match=said):
        export.export_model(conditional, tmp_path / "out", images=images)
    assert not (tmp_path / "out").exists()


def test_the_inputs_of_the_proof_have_every_label_and_four_sigma(make):
    many = replace(make.LABEL, high=149)
    part = replace(make.dense_decoder(), inputs=(make.Z, many))
    cases = test_inputs.make_cases(part, {})
    assert set(cases["prior draws, every label"]["label"]) == set(range(150))
    assert set(np.abs(cases["points at 4 sigma, every label"]["z"]).ravel()) == {4.0}


def test_the_inputs_of_the_proof_are_real_images_in_the_inputs_shape(make):
    part = make.encoder_part([layers.Flatten()], shape=(20, 16, 3))
    images = test_inputs.make_cases(part, {})["real images"]["x"]
    assert images.shape == (64, 20, 16, 3)
    assert (images.min(), images.max()) == (0, 1)
    assert len(np.unique(images.reshape(64, -1), axis=0)) == 64


def test_images_without_a_range_are_probed_with_real_ones_too(make):
    part = make.encoder_part([layers.Flatten()])
    free = replace(part, inputs=(TensorInfo("x", "float32", (14, 14, 1)),))
    cases = test_inputs.make_cases(free, {})
    assert list(cases) == ["real images", "standard normal draws", "points at 4 sigma"]


def test_verify_proves_an_export_again(exported, conditional):
    out, _ = exported
    assert list(export.verify(out, conditional)) == ["decoder", "encoder"]
    report = export.verify(out / "decoder", conditional)
    assert list(report) == ["decoder"]
    assert report["decoder"]["passed"]
    assert report["decoder"]["same_artefact"]


def test_verify_refuses_another_models_weights(make, tmp_path):
    export.export_model(make.Model(make.dense_decoder()), tmp_path / "out")
    with pytest.raises(export.ParityError, match="output 'x' as onnx"):
        export.verify(tmp_path / "out", make.Model(make.dense_decoder(seed=1)))


def test_verify_refuses_another_interface_a_changed_file_and_a_missing_one(
    exported, conditional, make, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(exported[0], out)
    with pytest.raises(ValueError, match="exported from another model"):
        export.verify(out / "decoder", make.Model(make.dense_decoder()))
    with (out / "encoder" / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="not the file that was exported"):
        export.verify(out, conditional)
    (out / "encoder" / "saved_model" / "saved_model.pb").unlink()
    with pytest.raises(FileNotFoundError, match="missing"):
        export.verify(out, conditional)
    with pytest.raises(FileNotFoundError, match="no part"):
        export.verify(tmp_path, conditional)


def test_verify_reads_no_file_outside_the_folder(exported, conditional, tmp_path):
    shutil.copytree(exported[0], tmp_path / "out")
    path = tmp_path / "out" / "decoder" / "signature.json"
    signature = json.loads(path.read_text())
    signature["files"]["../../secret"] = {"sha256": "0", "bytes": 0}
    path.write_text(json.dumps(signature))
    with pytest.raises(ValueError, match="outside"):
        export.verify(tmp_path / "out", conditional)


BETWEEN = [pytest.param(opset, marks=pytest.mark.slow) for opset in (19, 21)]


@pytest.mark.slow
@pytest.mark.parametrize("opset", [*BETWEEN, onnx_graph.newest_opset()])
def test_later_opsets_are_proved_too(conditional, tmp_path, opset):
    report = export.export_model(
        conditional, tmp_path / "out", formats=("onnx",), opset=opset, variants=("float16", "int8")
    )
    for name, part in report.items():
        assert part["passed"]
        for file in ("model.onnx", "model.float16.onnx", "model.int8.onnx"):
            model = onnx.load(tmp_path / "out" / name / file)
            onnx.checker.check_model(model, full_check=True)
            assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
            assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import)
            assert dims(model.graph.output[0])[0] == "batch"
    signature = json.loads((tmp_path / "out" / "encoder" / "signature.json").read_text())
    assert (signature["opset"], signature["ir"]) == (opset, model.ir_version)
    assert export.verify(tmp_path / "out", conditional)["encoder"]["same_artefact"]


def test_the_newest_opset_is_one_that_the_runtime_runs():
    """And the next is one that it refuses, or that onnx cannot write."""
    newest = onnx_graph.newest_opset()
    assert 21 <= newest <= onnx.defs.onnx_opset_version()
    if newest < onnx.defs.onnx_opset_version():
        value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
        node = onnx.helper.make_node("Relu", ["x"], ["x2"])
        result = onnx.helper.make_tensor_value_info("x2", onnx.TensorProto.FLOAT, [1])
        graph = onnx.helper.make_graph([node], "g", [value], [result])
        imports = [onnx.helper.make_opsetid("", newest + 1)]
        model = onnx.helper.make_model(graph, opset_imports=imports)
        with pytest.raises(Exception, match=r"[Oo]pset|IR version"):
            onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
