"""The layouts of TensorFlow Serving and Triton, field by field."""

import json
import re
import shutil

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from support.tampering import resign

import export
from export import serving

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)

# Parsed once by text_format into inference.ModelConfig of Triton's client 2.x, and as it is there:
# dims without the batch, as max_batch_size is above 0; a tensor of no dimensions is reshaped.
CONFIG = """\
name: "small_decoder"
backend: "onnxruntime"
max_batch_size: 64
input [
  {
    name: "z"
    data_type: TYPE_FP32
    dims: [ 3 ]
  },
  {
    name: "label"
    data_type: TYPE_INT32
    dims: [ 1 ]
    reshape: { shape: [ ] }
  }
]
output [
  {
    name: "x"
    data_type: TYPE_FP32
    dims: [ 14, 14, 1 ]
  }
]
dynamic_batching { }
"""


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file()}


def test_triton_finds_a_config_and_a_version(exported, tmp_path):
    names = export.write_serving(exported[0], tmp_path / "repository", "triton")
    assert names == ["small_decoder", "small_encoder"]
    assert files(tmp_path / "repository") == {
        f"{name}/{file}" for name in names for file in ("config.pbtxt", "1/model.onnx")
    }
    folder = tmp_path / "repository" / "small_decoder"
    assert (folder / "config.pbtxt").read_text() == CONFIG
    z, label = np.ones((2, 3), "float32"), np.array([1, 2], "int32")
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx")
    (got,) = session.run(["x"], {"z": z, "label": label})
    np.testing.assert_array_equal(got, export.load(exported[0] / "decoder")(z=z, label=label)["x"])


def test_the_config_agrees_with_what_onnxruntime_reads_of_the_file(exported, tmp_path):
    export.write_serving(exported[0], tmp_path / "out", "triton", max_batch=8, version=3)
    for part in ("encoder", "decoder"):
        folder = tmp_path / "out" / f"small_{part}"
        config = (folder / "config.pbtxt").read_text()
        session = onnxruntime.InferenceSession(folder / "3" / "model.onnx")
        assert "max_batch_size: 8\n" in config
        nodes = [*session.get_inputs(), *session.get_outputs()]
        assert re.findall(r'^    name: "(\w+)"', config, re.M) == [node.name for node in nodes]
        kinds = {"tensor(float)": "TYPE_FP32", "tensor(int32)": "TYPE_INT32"}
        assert re.findall(r"TYPE_\w+", config) == [kinds[node.type] for node in nodes]
        dims = [
            [int(size) for size in found.split(",")]
            for found in re.findall(r"dims: \[ (.*) \]", config)
        ]
        assert dims == [node.shape[1:] or [1] for node in nodes]


def test_tensorflow_serving_finds_a_saved_model_by_name_and_version(exported, tmp_path):
    import tensorflow as tf

    names = export.write_serving(
        exported[0], tmp_path / "models", "tensorflow_serving", name="digits", version=2
    )
    assert names == ["digits_decoder", "digits_encoder"]
    folder = tmp_path / "models" / "digits_decoder" / "2"
    assert files(folder) == files(exported[0] / "decoder" / "saved_model")
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    z, label = np.ones((2, 3), "float32"), np.array([1, 2], "int32")
    got = serve(z=tf.constant(z), label=tf.constant(label))["x"]
    expected = export.load(exported[0] / "decoder")(z=z, label=label)["x"]
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("layout", ["triton", "tensorflow_serving"])
def test_a_repository_is_replaced_when_asked_and_other_folders_never(
    exported, make, tmp_path, layout
):
    export.write_serving(exported[0], tmp_path / "a", layout)
    with pytest.raises(FileExistsError, match="exists already"):
        export.write_serving(exported[0], tmp_path / "a", layout)
    export.write_serving(exported[0], tmp_path / "a", layout, overwrite=True, version=2)
    assert {file.split("/")[1] for file in files(tmp_path / "a")} - {"config.pbtxt"} == {"2"}
    with pytest.raises(FileExistsError, match="also holds small_encoder"):
        export.write_serving(exported[0] / "decoder", tmp_path / "a", layout, overwrite=True)
    (tmp_path / "a" / "others_model" / "1").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="exists already and also holds others_model"):
        export.write_serving(exported[0], tmp_path / "a", layout, overwrite=True)
    assert (tmp_path / "a" / "others_model" / "1").is_dir()
    with pytest.raises(FileExistsError, match="not written by the zoo: others_model"):
        export.export_model(make.Model(make.dense_decoder()), tmp_path / "a", overwrite=True)
    (tmp_path / "b" / "mine").mkdir(parents=True)
    (tmp_path / "b" / "mine" / "notes.txt").write_text("kept")
    with pytest.raises(FileExistsError):
        export.write_serving(exported[0], tmp_path / "b", layout, overwrite=True)
    assert files(tmp_path / "b") == {"mine/notes.txt"}


def test_invalid_servings_are_refused_and_nothing_is_written(exported, make, tmp_path):
    target = tmp_path / "repository"
    for options, said in (
        ({"layout": "kserve"}, "give one of"),
        ({"layout": "triton", "version": 0}, "version is 0"),
        ({"layout": "triton", "max_batch": 2.5}, "max_batch is 2.5"),
        ({"layout": "triton", "name": "../up"}, "cannot be a model's name"),
    ):
        with pytest.raises(ValueError, match=said):
            export.write_serving(exported[0], target, **options)
    export.export_model(make.Model(make.dense_decoder()), tmp_path / "onnx", formats="onnx")
    with pytest.raises(FileNotFoundError, match="no SavedModel"):
        export.write_serving(tmp_path / "onnx", target, "tensorflow_serving")
    export.export_model(make.Model(make.dense_decoder()), tmp_path / "tf", formats="saved_model")
    with pytest.raises(FileNotFoundError, match="no ONNX file"):
        export.write_serving(tmp_path / "tf", target, "triton")
    with (tmp_path / "onnx" / "decoder" / "model.onnx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match="is not the file that was exported"):
        export.write_serving(tmp_path / "onnx", target, "triton")
    with pytest.raises(FileNotFoundError, match="holds no part"):
        export.write_serving(tmp_path, target, "triton")
    assert not target.exists()


@pytest.fixture
def spoiled(exported, tmp_path):
    """A copy of the export, to spoil."""
    return shutil.copytree(exported[0], tmp_path / "spoiled")


@pytest.mark.parametrize("layout", ["triton", "tensorflow_serving"])
def test_the_targets_of_links_are_not_served(spoiled, tmp_path, layout):
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    if layout == "triton":
        linked = spoiled / "decoder" / "model.onnx"
        linked.rename(secret)
    else:
        linked = spoiled / "decoder" / "saved_model" / "assets" / "secret"
    linked.symlink_to(secret)
    with pytest.raises(ValueError, match=f"{linked.name} is a link, but only files are served"):
        export.write_serving(spoiled, tmp_path / "out", layout)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_link_is_not_served(spoiled, tmp_path):
    folder = spoiled / "decoder" / "saved_model" / "assets"
    folder.rmdir()
    (tmp_path / "home").mkdir()
    folder.symlink_to(tmp_path / "home")
    with pytest.raises(ValueError, match="assets is a link"):
        export.write_serving(spoiled, tmp_path / "out", "tensorflow_serving")


def test_files_that_the_signature_does_not_list_are_not_served(spoiled, tmp_path):
    (spoiled / "decoder" / "saved_model" / "more.txt").write_text("more")
    with pytest.raises(ValueError, match=r"more\.txt is not listed in its signature"):
        export.write_serving(spoiled, tmp_path / "out", "tensorflow_serving")
    path = spoiled / "decoder" / "signature.json"
    described = json.loads(path.read_text())
    del described["files"]["model.onnx"]
    path.write_text(json.dumps(described))
    (spoiled / "decoder" / "saved_model" / "more.txt").unlink()
    with pytest.raises(ValueError, match=r"model\.onnx is not listed in its signature"):
        export.write_serving(spoiled, tmp_path / "out", "triton")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ('x" data_type: TYPE_STRING } ] parameters { key: "a', "cannot hold the tensor name"),
        ("x\\", "cannot hold the tensor name"),
        ('x"\n}\n', "is not a signature that export wrote: a tensor has the name"),
    ],
)
def test_names_of_tensors_write_no_settings(spoiled, tmp_path, name, said):
    path = spoiled / "decoder" / "signature.json"
    described = json.loads(path.read_text())
    described["outputs"][0]["name"] = name
    path.write_text(json.dumps(described))
    with pytest.raises(ValueError, match=said):
        export.write_serving(spoiled, tmp_path / "out", "triton")
    assert not (tmp_path / "out").exists()


def test_weights_outside_of_the_file_are_not_served(spoiled, tmp_path):
    path = spoiled / "decoder" / "model.onnx"
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(model.SerializeToString())
    resign(spoiled / "decoder", "model.onnx", "signature.json")
    with pytest.raises(ValueError, match="refers to weights outside of itself"):
        export.write_serving(spoiled, tmp_path / "out", "triton")


def test_two_parts_of_one_name_are_refused(spoiled, tmp_path):
    shutil.copytree(spoiled / "decoder", spoiled / "second")
    with pytest.raises(ValueError, match="has a part more than once: small_decoder, small_encoder"):
        export.write_serving(spoiled, tmp_path / "out", "triton")


def test_every_layout_is_documented():
    assert all(f'"{layout}"' in export.write_serving.__doc__ for layout in serving._LAYOUTS)
