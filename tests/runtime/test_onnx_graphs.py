"""A file from a stranger holds nothing that runs without end, and tensors of known sizes alone."""

import onnx
import pytest
from onnx import TensorProto, helper
from support.onnx_files import ADD, INPUTS, OUTPUTS, VALUES, another, check, model_of, plain, tensor
from support.protobuf import field, with_graph

from zoo.runtime import onnx_bytes, onnx_format


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
