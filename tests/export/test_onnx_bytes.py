"""A file from a stranger reads nothing but itself."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import export
from export import onnx_bytes, parity

SECRET = np.arange(4, dtype="float32")


def tensor(name="w", location=None):
    """A tensor of four floats: in the file, or at a location outside of it."""
    made = helper.make_tensor(name, TensorProto.FLOAT, [4], SECRET.tobytes(), raw=True)
    if location:
        made.ClearField("raw_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value=location)
    return made


def graph(name, nodes=(), initializer=(), sparse=()):
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    return helper.make_graph(
        list(nodes), name, [], [output], list(initializer), sparse_initializer=list(sparse)
    )


def sparse(location):
    indices = helper.make_tensor("at", TensorProto.INT64, [4], range(4))
    return helper.make_sparse_tensor(tensor("w", location), indices, [9])


def branches(location):
    """A node whose branch, a graph of its own, holds the tensor."""
    inner = graph("inner", [helper.make_node("Identity", ["w"], ["y"])], [tensor("w", location)])
    return helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)


def models(location):
    """Models that hold a tensor of a location wherever one can lie, by the place."""
    identity = helper.make_node("Identity", ["w"], ["y"])
    constant = helper.make_node("Constant", [], ["y"], value=tensor("w", location))
    listed = helper.make_node("Constant", [], ["y"])
    listed.attribute.append(helper.make_attribute("many", [tensor("w", location)]))
    scattered = helper.make_node("Constant", [], ["y"], sparse_value=sparse(location))
    function = helper.make_function(
        "here", "f", [], ["y"], [constant], [helper.make_opsetid("", 18)]
    )
    trained = helper.make_model(graph("g"))
    trained.training_info.add().algorithm.CopyFrom(graph("g", [constant]))
    return {
        "an initializer": helper.make_model(graph("g", [identity], [tensor("w", location)])),
        "a sparse initializer": helper.make_model(graph("g", sparse=[sparse(location)])),
        "an attribute": helper.make_model(graph("g", [constant])),
        "an attribute of several": helper.make_model(graph("g", [listed])),
        "a sparse attribute": helper.make_model(graph("g", [scattered])),
        "a branch": helper.make_model(graph("g", [branches(location)])),
        "a function": helper.make_model(graph("g"), functions=[function]),
        "a training graph": trained,
    }


@pytest.mark.parametrize("place", models(None))
def test_weights_outside_of_a_file_are_found_wherever_they_are_named(place):
    inside, outside = (models(location)[place] for location in (None, "secret.bin"))
    assert onnx_bytes.external_tensors(inside.SerializeToString()) == []
    assert set(onnx_bytes.external_tensors(outside.SerializeToString())) == {"w"}


def test_a_tensor_without_a_location_is_refused_by_its_mark():
    model = models("secret.bin")["an initializer"]
    model.graph.initializer[0].ClearField("external_data")
    assert onnx_bytes.external_tensors(model.SerializeToString()) == ["w"]
    model.graph.initializer[0].ClearField("data_location")
    model.graph.initializer[0].external_data.add(key="location", value="secret.bin")
    assert onnx_bytes.external_tensors(model.SerializeToString()) == ["w"]


@pytest.mark.parametrize("place", ["secret.bin", "../decoder/secret.bin", "{folder}/secret.bin"])
def test_an_export_reads_nothing_outside_of_its_file(place, exported, tmp_path, monkeypatch):
    """onnxruntime takes a location in the current folder for one beside the file."""
    folder = shutil.copytree(exported[0] / "decoder", tmp_path / "decoder")
    monkeypatch.chdir(folder)
    model = onnx.load(folder / "model.onnx")
    held = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (folder / "secret.bin").write_bytes(held.raw_data)
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    for key, value in {"location": place.format(folder=folder), "offset": "0"}.items():
        held.external_data.add(key=key, value=value)
    written = model.SerializeToString()
    (folder / "model.onnx").write_bytes(written)
    opened = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args, **_: opened.append(args))
    with pytest.raises(ValueError, match="refers to weights outside of itself.*not opened"):
        export.load(folder, verify_checksum=False)
    with pytest.raises(ValueError, match="refers to weights outside of itself"):
        parity.onnx_runner(written, optimize=False)
    assert opened == []
    with pytest.raises(ValueError, match="not the file that was exported"):
        export.load(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x08", "is not an ONNX file"),
        (b"\x3a\xff\x01", "is not an ONNX file"),  # a graph longer than the file
        (b"\x0b\x0c", "is not an ONNX file"),  # a group, which no ONNX file has
        (b"\x08" + b"\xff" * 11, "is not an ONNX file"),
        (b"\x18\x00\x00\x00ORTM", "has onnxruntime's own format"),
    ],
)
def test_bytes_that_are_no_onnx_file_are_refused(content, said, tmp_path):
    with pytest.raises(ValueError, match=f"model.onnx {said}"):
        onnx_bytes.check_closed(content, tmp_path / "model.onnx")


def test_a_file_nested_without_end_is_refused():
    """Each level a subgraph of the one before; protobuf itself goes no deeper than 100."""
    data = b""
    for field in (*(6, 5, 1) * 40, 7):  # a graph of an attribute of a node of a graph
        length, size = len(data), b""
        while True:
            size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
            length >>= 7
            if not length:
                break
        data = bytes([field << 3 | 2]) + size + data
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        onnx_bytes.external_tensors(data)


def test_the_files_of_an_export_are_closed(exported):
    for part in ("encoder", "decoder"):
        path = exported[0] / part / "model.onnx"
        onnx_bytes.check_closed(path.read_bytes(), path)
