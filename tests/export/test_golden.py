"""What an export holds beside its graph: golden files, metadata, the licence."""

import json

import keras
import numpy as np
import onnxruntime
import pytest

import export
import zoo

pytestmark = [
    pytest.mark.lowest,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]


def read_raw(folder, entry):
    """Read a raw file by what the index says of it, as another language would."""
    array = np.frombuffer((folder / entry["file"]).read_bytes(), entry["dtype"])
    return array.reshape(entry["shape"])


def test_raw_files_and_npz_hold_the_same_and_onnxruntime_reproduces_it(exported):
    for name in ("encoder", "decoder"):
        folder = exported[0] / name / "golden"
        index = json.loads((folder / "index.json").read_text())
        assert index["part"] == name
        arrays = np.load(folder / "golden.npz")
        raw = {}
        for kind in ("input", "output"):
            for entry in index[f"{kind}s"]:
                raw[entry["name"]] = read_raw(folder, entry)
                np.testing.assert_array_equal(
                    raw[entry["name"]], arrays[f"{kind}.{entry['name']}"], strict=True
                )
        session = onnxruntime.InferenceSession(folder.parent / "model.onnx")
        names = [entry["name"] for entry in index["outputs"]]
        feed = {entry["name"]: raw[entry["name"]] for entry in index["inputs"]}
        for entry, got in zip(index["outputs"], session.run(names, feed), strict=True):
            wanted = raw[entry["name"]]
            assert (abs(got - wanted) <= entry["atol"] + entry["rtol"] * abs(wanted)).all()
            assert len(wanted) == 16  # eight rows of each case


def test_outputs_are_those_of_keras(exported, conditional):
    arrays = np.load(exported[0] / "decoder" / "golden" / "golden.npz")
    inputs = {"z": arrays["input.z"], "label": arrays["input.label"]}
    outputs = conditional.parts()["decoder"].function(inputs)
    np.testing.assert_allclose(arrays["output.x"], outputs["x"], atol=1e-6)
    assert len(set(inputs["label"])) == 8
    assert abs(inputs["z"][:8]).max() < 4 <= abs(inputs["z"][8:]).min() + 1e-6


def test_tolerances_are_the_bounds_of_parity(exported):
    for name, output in (("decoder", "x"), ("encoder", "z_mean")):
        folder = exported[0] / name / "golden"
        entry = json.loads((folder / "index.json").read_text())["outputs"][0]
        if name == "decoder":  # x in [0, 1]
            assert (entry["atol"], entry["rtol"]) == (1e-5, 0.0)
        else:
            values = np.load(folder / "golden.npz")[f"output.{output}"].astype(float)
            assert entry["rtol"] == 1e-4
            assert entry["atol"] == pytest.approx(1e-4 * np.sqrt(np.mean(values**2)))


def test_an_onnx_file_says_what_it_is(exported, conditional):
    session = onnxruntime.InferenceSession(exported[0] / "decoder" / "model.onnx")
    about = session.get_modelmeta()
    described = export.load(exported[0] / "decoder").signature
    assert about.producer_name == "autoencoder-zoo"
    assert about.custom_metadata_map == {
        "autoencoder-zoo": zoo.__version__,
        "name": "small",
        "class": "Model",
        "part": "decoder",
        "licence": "not stated",
        "artefact_sha256": described["artefact_sha256"],
        "inputs": json.dumps(described["inputs"]),
        "outputs": json.dumps(described["outputs"]),
    }


def test_the_licence_of_a_preset_is_exported(tmp_path):
    export.export_onnx(zoo.load("vae_digits"), tmp_path / "decoder.onnx", part="decoder")
    about = onnxruntime.InferenceSession(tmp_path / "decoder.onnx").get_modelmeta()
    assert about.custom_metadata_map["licence"] == "Apache-2.0"
    assert about.custom_metadata_map["name"] == "vae_digits"


def test_weights_that_were_trained_on_do_not_have_the_presets_licence(few_digits, tmp_path):
    model = zoo.load("vae_digits")
    model.fit(few_digits[0][:32], verbose=0)
    export.export_model(model, tmp_path / "out", parts=["decoder"], formats=["onnx"])
    session = export.load(tmp_path / "out" / "decoder")
    assert session.signature["licence"] is None
    about = onnxruntime.InferenceSession(tmp_path / "out" / "decoder" / "model.onnx")
    assert about.get_modelmeta().custom_metadata_map["licence"] == "not stated"
