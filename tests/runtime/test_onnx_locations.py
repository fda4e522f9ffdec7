"""A file from a stranger reads nothing but itself: weights in other files are refused."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from support.onnx_files import ADD, SECRET, VALUES, check, graph, model_of, plain, tensor
from support.protobuf import field, with_graph

import export
from export import parity
from zoo.runtime import devices

# The first wall, before a file is opened


def models(location):
    """Models that hold a tensor of a location wherever one can lie, by the place."""
    constant = helper.make_node("Constant", [], ["w"], value=tensor("w", location))
    listed = helper.make_node("Constant", [], ["w"])
    listed.attribute.append(helper.make_attribute("many", [tensor("w", location)]))
    indices = helper.make_tensor("at", TensorProto.INT64, [VALUES], range(VALUES))
    sparse = helper.make_sparse_tensor(tensor("w", location), indices, [2 * VALUES])
    inner = graph([helper.make_node("Identity", ["w"], ["y"])], [tensor("w", location)])
    branches = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    function = helper.make_function(
        "here", "f", [], ["w"], [constant], [helper.make_opsetid("", 18)]
    )
    trained = model_of([ADD], [tensor()])
    trained.training_info.add().algorithm.CopyFrom(graph([constant]))
    scattered = model_of([ADD], [tensor()])
    scattered.graph.sparse_initializer.append(sparse)
    return {
        "an initializer": plain(location),
        "an attribute": model_of([constant, ADD]),
        "an attribute of several": model_of([listed, ADD]),
        "a sparse attribute": model_of(
            [helper.make_node("Constant", [], ["w"], sparse_value=sparse), ADD]
        ),
        "a sparse initializer": scattered,
        "a branch": model_of([branches]),
        "a function": model_of([ADD], [tensor()], functions=[function]),
        "a training graph": trained,
    }


@pytest.mark.parametrize("place", models(None))
def test_weights_outside_of_a_file_are_refused_wherever_they_are_named(place):
    with pytest.raises(ValueError, match=r"model.onnx (refers to weights outside|.* it holds)"):
        check(models("secret.bin")[place].SerializeToString())


@pytest.mark.parametrize("part", ["external_data", "data_location"])
def test_a_tensor_is_outside_by_its_mark_or_by_its_location(part):
    model = plain("secret.bin")
    model.graph.initializer[0].ClearField(part)
    with pytest.raises(ValueError, match="refers to weights outside of itself"):
        check(model.SerializeToString())


def test_a_tensor_may_say_that_it_is_in_the_file():
    """onnxruntime's quantizer does."""
    model = plain()
    model.graph.initializer[0].data_location = TensorProto.DEFAULT
    check(model.SerializeToString())


# Both walls, and the second alone


def hide(folder, location, above=0):
    """Let the largest weight of a part name a file; with `above` in a tag of more than 32 bits."""
    model = onnx.load(folder / "model.onnx")
    held = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (folder / "secret.bin").write_bytes(held.raw_data)
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    held.external_data.add(key="location", value=location)
    outer = held.SerializeToString()
    if above:
        model.graph.initializer.remove(held)
    written = with_graph(model, field(5, outer, above)) if above else model.SerializeToString()
    (folder / "model.onnx").write_bytes(written)
    return written


@pytest.mark.parametrize(
    ("place", "above"),
    [
        ("secret.bin", 0),
        ("../decoder/secret.bin", 0),
        ("{folder}/secret.bin", 0),
        ("secret.bin", 2**32),
    ],
)
def test_an_export_reads_nothing_outside_of_its_file(place, above, exported, tmp_path, monkeypatch):
    """onnxruntime takes a location in the current folder for one beside the file."""
    folder = shutil.copytree(exported[0] / "decoder", tmp_path / "decoder")
    monkeypatch.chdir(folder)
    written = hide(folder, place.format(folder=folder), above)
    opened = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args, **_: opened.append(args))
    with pytest.raises(ValueError, match="not opened"):
        export.load(folder, verify_checksum=False)
    with pytest.raises(ValueError, match="not opened"):
        parity.onnx_runner(written, optimize=False)
    assert opened == []
    with pytest.raises(ValueError, match="not the file that was exported"):
        export.load(folder)


VERSION = tuple(int(number) for number in onnxruntime.__version__.split(".")[:2])
ABSOLUTE = pytest.param(
    "{folder}/secret.bin",
    marks=pytest.mark.skipif(VERSION < (1, 24), reason="older ones read absolute paths"),
)


@pytest.mark.lowest
@pytest.mark.parametrize(
    "place", ["secret.bin", "below/secret.bin", "../here/secret.bin", "../" * 40, ABSOLUTE]
)
@pytest.mark.parametrize("above", [0, 2**32])
def test_onnxruntime_alone_finds_no_other_file(place, above, tmp_path, monkeypatch):
    """The second wall, without the first."""
    folder = tmp_path / "here"
    (folder / "below").mkdir(parents=True)
    for path in (folder, folder / "below"):
        SECRET.tofile(path / "secret.bin")
    monkeypatch.chdir(folder)
    place = place.format(folder=folder)
    if place.endswith("../"):
        place += f"{folder}/secret.bin"[1:]
    outer = field(5, tensor("w", place).SerializeToString(), above)
    data = with_graph(model_of([ADD]), outer)
    if place == "secret.bin":  # by itself onnxruntime does read it
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {"x": np.zeros((1, VALUES), "float32")})
        np.testing.assert_array_equal(y[0], SECRET)
    with pytest.raises(RuntimeError, match="onnxruntime cannot open"):
        devices.open_session(data, folder / "model.onnx", "cpu", None, False)
