"""A file from a stranger reads nothing but itself, and holds nothing that runs without end."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from support.protobuf import EIGHT_BYTES, GROUP, GROUP_END, field, varint, with_graph

import export
from export import parity
from zoo.runtime import devices, onnx_bytes, onnx_format
from zoo.runtime.tensors import TensorSpec

VALUES = 4096  # onnxruntime reads smaller tensors in another way
SECRET = np.arange(VALUES, dtype="float32")
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", VALUES])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", VALUES])
INPUTS, OUTPUTS = ([TensorSpec(name, "float32", (VALUES,))] for name in "xy")


def tensor(name="w", location=None):
    """A tensor of floats: in the file, or at a location outside of it."""
    made = helper.make_tensor(name, TensorProto.FLOAT, [VALUES], SECRET.tobytes(), raw=True)
    if location:
        made.ClearField("raw_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value=location)
    return made


def graph(nodes, initializer=(), sparse=()):
    return helper.make_graph(
        list(nodes), "g", [X], [Y], list(initializer), sparse_initializer=list(sparse)
    )


def model_of(nodes, initializer=(), **options):
    imports = [helper.make_opsetid("", 18)]
    made = graph(nodes, initializer)
    return helper.make_model(made, opset_imports=imports, ir_version=8, **options)


ADD = helper.make_node("Add", ["x", "w"], ["y"])


def plain(location=None):
    return model_of([ADD], [tensor("w", location)])


def check(data):
    return onnx_bytes.check_model(data, "model.onnx")


def test_a_file_as_export_writes_it_is_accepted():
    declared = check(plain().SerializeToString())
    assert declared.inputs == [("x", "tensor(float)", ["batch", VALUES])]
    onnx_bytes.check_interface(declared, INPUTS, OUTPUTS)


# The first wall: weights in other files


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


# The first wall: bytes that two readers would read differently

OUTER = tensor("w", "secret.bin").SerializeToString()
DATA = plain().SerializeToString()
WITHOUT = model_of([ADD])  # of the weights, which an aliased field brings

BYTES = {
    "a tag above 2^32": (with_graph(WITHOUT, field(5, OUTER, above=2**32)), "holds the field"),
    "a tag above 2^35": (with_graph(WITHOUT, field(5, OUTER, above=2**35)), "holds the field"),
    "a longer tag": (with_graph(WITHOUT, field(5, OUTER, extra=1)), "more bytes than it needs"),
    "a tag of ten bytes": (
        with_graph(WITHOUT, field(5, OUTER, extra=9)),
        "an integer (has no end|is written in more bytes)",
    ),
    "a longer length": (DATA + varint(2 << 3 | 2) + varint(1, 1) + b"a", "more bytes than it"),
    "a longer integer": (DATA + varint(5 << 3) + varint(1, 3), "more bytes than it needs"),
    "an integer above 2^64": (DATA + varint(5 << 3) + b"\xff" * 9 + b"\x02", "more bytes than"),
    "an integer without an end": (DATA + varint(5 << 3) + b"\xff" * 11, "has no end"),
    "a group": (
        with_graph(WITHOUT, varint(5 << 3 | GROUP) + OUTER + varint(5 << 3 | GROUP_END)),
        "wire type 3",
    ),
    "the end of a group": (DATA + varint(1 << 3 | GROUP_END), "wire type 4"),
    "a wire type of none": (DATA + varint(1 << 3 | 6), "wire type 6"),
    "eight bytes": (DATA + varint(5 << 3 | EIGHT_BYTES) + bytes(8), "wire type 1"),
    "another wire type": (DATA + field(5, b"1"), "ModelProto.model_version has the wire type 2"),
    "bytes as an integer": (DATA + field(2, 3), "producer_name has the wire type 0"),
    "an unknown field": (DATA + field(99, b"x"), "the field 99 of ModelProto"),
    "a field of zero": (DATA + field(0, b"x"), "the field 0 of ModelProto"),
    "a version twice": (DATA + field(1, 8), "ir_version appears more than once"),
    "a second graph": (DATA + field(7, b""), "ModelProto.graph appears more than once"),
    "a field longer than the file": (DATA + varint(7 << 3 | 2) + varint(2**40), "is longer than"),
    "packed sizes": (with_graph(plain(), field(5, field(1, varint(4)))), "dims has the wire type"),
    "two domains": (DATA + field(8, b""), "needs operators of"),
    "the same weight twice": (
        with_graph(plain(), field(5, tensor().SerializeToString())),
        "two of its weights have the same name",
    ),
    "no graph": (b"", "needs operators of"),
    "names that are not text": (DATA + field(2, b"\xe2a"), "names that are not UTF-8"),
}


@pytest.mark.parametrize("way", BYTES)
def test_bytes_that_readers_may_understand_differently_are_refused(way):
    data, said = BYTES[way]
    with pytest.raises(ValueError, match=f"model.onnx is not an ONNX file as export .*{said}"):
        check(data)


def test_onnxruntimes_own_format_is_refused():
    with pytest.raises(ValueError, match="model.onnx has onnxruntime's own format"):
        check(b"\x18\x00\x00\x00ORTM")


def test_a_file_of_countless_fields_is_refused(monkeypatch):
    """A reader in Python takes a hundred times their size."""
    monkeypatch.setattr(onnx_bytes, "MOST_FIELDS", 10)
    with pytest.raises(ValueError, match="holds more than 10 fields"):
        check(DATA)


# The first wall: what runs without end, or is not a tensor


def loop():
    """A graph that runs 2^62 times, in some hundred bytes."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["going"]),
            helper.make_node("Identity", ["v"], ["v_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_out", TensorProto.FLOAT, None),
        ],
    )
    times = helper.make_tensor("times", TensorProto.INT64, [], [2**62])
    return model_of([helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)], [times])


def doubling():
    """Functions of which each calls the one before twice: 2^22 calls in the end."""
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("here", 1)]
    functions = [
        helper.make_function(
            "here", "f0", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], imports
        )
    ]
    for level in range(1, 23):
        calls = [
            helper.make_node(f"f{level - 1}", [a], [b], domain="here")
            for a, b in (("a", "m"), ("m", "b"))
        ]
        functions.append(helper.make_function("here", f"f{level}", ["a"], ["b"], calls, imports))
    made = model_of([helper.make_node("f22", ["x"], ["y"], domain="here")], functions=functions)
    return made


def another(change):
    model = plain()
    change(model)
    return model


TWO_VALUES = helper.make_node("Neg", ["x"], ["y"], axis=1)
TWO_VALUES.attribute[0].f = 1.0

GRAPHS = {
    "a loop of 2^62 steps": (loop(), "a graph inside of a node, such as a loop"),
    "functions of 2^22 calls": (doubling(), "functions of its own"),
    "a foreign operator": (
        model_of([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")]),
        "'com.microsoft.Gelu', which exports do not use",
    ),
    "random numbers": (
        model_of([helper.make_node("RandomNormalLike", ["x"], ["y"])]),
        "'RandomNormalLike', which exports do not use",
    ),
    "another set of operators": (
        another(lambda m: m.opset_import.add(domain="ai.onnx.ml", version=3)),
        r"needs operators of \['', 'ai.onnx.ml'\]",
    ),
    "texts": (
        model_of([ADD], [helper.make_tensor("w", TensorProto.STRING, [1], [b"a"])]),
        "texts as values",
    ),
    "an attribute of two values": (
        model_of([TWO_VALUES]),
        "an attribute of Neg has the type 2",
    ),
    "a sequence": (
        another(
            lambda m: setattr(
                m.graph.output[0].type.sequence_type.elem_type.tensor_type, "elem_type", 1
            )
        ),
        "a sequence",
    ),
    "an output without a type": (
        another(lambda m: m.graph.output[0].ClearField("type")),
        "'y' is not a tensor",
    ),
    "more values than it has": (
        another(lambda m: m.graph.initializer[0].dims.append(2**40)),
        "holds 4096 values for the shape",
    ),
    "fewer values than it has": (
        another(lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234")),
        "holds 1 values for the shape",
    ),
    "values in two places": (
        another(lambda m: m.graph.initializer[0].float_data.append(1.0)),
        "holds 4096 values",
    ),
    "a type without a size": (
        another(lambda m: setattr(m.graph.initializer[0], "data_type", 14)),
        "has the data type 14",
    ),
}


@pytest.mark.parametrize("what", GRAPHS)
def test_what_no_export_holds_is_refused(what):
    model, said = GRAPHS[what]
    with pytest.raises(ValueError, match=f"model.onnx is not an ONNX file as export .*{said}"):
        check(model.SerializeToString())


def test_values_may_be_written_by_type():
    for kind, values in {
        TensorProto.FLOAT: [0.5, 1.0],
        TensorProto.INT64: [-1, 300],
        TensorProto.INT32: [-1, 300],
        TensorProto.BOOL: [True, False],
        TensorProto.DOUBLE: [0.5, 1e300],
        TensorProto.UINT64: [1, 2**63],
    }.items():
        held = helper.make_tensor("more", kind, [2], values)
        check(model_of([ADD], [tensor(), held]).SerializeToString())
        held.dims[0] = 3
        with pytest.raises(ValueError, match="holds 2 values for the shape"):
            check(model_of([ADD], [tensor(), held]).SerializeToString())


def test_the_listed_operators_compute_tensors_from_tensors():
    schemas = {s.name: s for s in onnx.defs.get_all_schemas() if s.domain == ""}
    assert len(onnx_format.OPERATORS & schemas.keys()) > 140
    for name in onnx_format.OPERATORS & schemas.keys():
        schema = schemas[name]
        kinds = {str(attribute.type).rpartition(".")[2] for attribute in schema.attributes.values()}
        assert not kinds & {"GRAPH", "GRAPHS"}, name
        for output in schema.outputs:
            assert any(kind.startswith("tensor(") for kind in output.types), name
            assert output.types != {"tensor(string)"}, name
        assert not schema.deprecated, name
    control = {"If", "Loop", "Scan", "SequenceMap", "Optional", "SplitToSequence", "SequenceAt"}
    random = {"RandomNormal", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"}
    texts = {"StringConcat", "RegexFullMatch", "TfIdfVectorizer", "StringNormalizer", "StringSplit"}
    assert not onnx_format.OPERATORS & (control | random | texts | {"ImageDecoder"})


# Sizes


def sized(which, *dims):
    value = helper.make_tensor_value_info(which, TensorProto.FLOAT, dims)
    return another(lambda m: (m.graph.input if which == "x" else m.graph.output)[0].CopyFrom(value))


@pytest.mark.parametrize(
    "model",
    [
        sized("y", "batch", None),
        sized("y", "batch", "any"),
        sized("y", "batch", str(VALUES)),
        sized("y", None, VALUES),
        sized("y", "n", VALUES),
        sized("y", 3, VALUES),
        sized("x", "batch", None),
        sized("x", 3, VALUES),
        another(lambda m: m.graph.output[0].type.tensor_type.ClearField("shape")),
        another(lambda m: setattr(m.graph.output[0], "name", "z")),
        another(lambda m: m.graph.output.add().CopyFrom(m.graph.output[0])),
    ],
)
def test_inputs_and_outputs_are_those_of_the_signature_with_all_their_sizes(model):
    declared = check(model.SerializeToString())
    with pytest.raises(ValueError, match="but its signature lists"):
        onnx_bytes.check_interface(declared, INPUTS, OUTPUTS)


def test_a_size_is_a_number_or_a_name():
    """protobuf takes the last of two; other readers may not."""
    number = field(1, field(1, VALUES) + field(2, b"any"))
    written = field(1, b"z") + field(2, field(1, field(1, 1) + field(2, number)))
    with pytest.raises(ValueError, match="a size of 'z' has a number and a name"):
        check(with_graph(plain(), field(12, written)))


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
    data = with_graph(WITHOUT, outer)
    if place == "secret.bin":  # by itself onnxruntime does read it
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {"x": np.zeros((1, VALUES), "float32")})
        np.testing.assert_array_equal(y[0], SECRET)
    with pytest.raises(RuntimeError, match="onnxruntime cannot open"):
        devices.open_session(data, folder / "model.onnx", "cpu", None, False)


def test_the_files_of_an_export_are_as_export_writes_them(exported):
    for part in ("encoder", "decoder"):
        path = exported[0] / part / "model.onnx"
        onnx_bytes.check_model(path.read_bytes(), path)
