"""Changes to the structure of ONNX files, by a seeded generator."""

import os
import random

import numpy as np
import onnx

from support.protobuf import BYTES, EIGHT_BYTES, GROUP, GROUP_END, field, varint, with_graph


def changed_onnx(data: bytes, rng: random.Random, mark: str) -> tuple[bytes, str]:
    """Return an ONNX file with one thing changed, and what was done."""
    model = onnx.load_from_string(data)
    graph = model.graph
    way = rng.choice([*_ONNX, *_ONNX_BYTES])
    node, weight, size = map(rng.choice, (graph.node, graph.initializer, _SIZES))
    if way in _ONNX_BYTES:
        return _ONNX_BYTES[way](model, weight, size, os.path.basename(mark)), way
    _ONNX[way](model, graph, node, weight, size, mark)
    return model.SerializeToString(), way


_SIZES = (0, -1, 1, 2, 7, 2**31, 2**40, 2**62)


def _size_of_weight(model, graph, node, weight, size, mark):
    if weight.dims:
        weight.dims[-1] = size
    else:
        weight.dims.append(size)


def _type_of_weight(model, graph, node, weight, size, mark):
    weight.data_type = size % 25


def _cut_weight(model, graph, node, weight, size, mark):
    weight.raw_data = weight.raw_data[: len(weight.raw_data) // 2]


def _no_weight(model, graph, node, weight, size, mark):
    graph.initializer.remove(weight)


def _weight_outside(model, graph, node, weight, size, mark):
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=mark)


def _weight_in_this_folder(model, graph, node, weight, size, mark):
    _weight_outside(model, graph, node, weight, size, os.path.basename(mark))


def _size_of_input(model, graph, node, weight, size, mark):
    graph.input[0].type.tensor_type.shape.dim[-1].dim_value = size


def _size_of_output(model, graph, node, weight, size, mark):
    graph.output[0].type.tensor_type.shape.dim[-1].dim_value = size


def _type_of_output(model, graph, node, weight, size, mark):
    graph.output[0].type.tensor_type.elem_type = size % 25


def _operation(model, graph, node, weight, size, mark):
    node.op_type = ("Exp", "Log", "If", "Loop", "Reshape", "Nothing", "")[size % 7]


def _foreign_operation(model, graph, node, weight, size, mark):
    node.domain = ("com.microsoft", "somebody.else", "ai.onnx.ml")[size % 3]


def _loop(model, graph, node, weight, size, mark):
    node.input[0] = node.output[0]


def _no_input(model, graph, node, weight, size, mark):
    del node.input[:]


def _node_twice(model, graph, node, weight, size, mark):
    graph.node.add().CopyFrom(node)


def _node_less(model, graph, node, weight, size, mark):
    graph.node.remove(node)


def _attribute(model, graph, node, weight, size, mark):
    node.attribute.append(onnx.helper.make_attribute("axis", size))


def _not_finite(model, graph, node, weight, size, mark):
    if weight.data_type == onnx.TensorProto.FLOAT:
        weight.raw_data = np.full(len(weight.raw_data) // 4, np.nan, "float32").tobytes()


def _huge_constant(model, graph, node, weight, size, mark):
    shape = onnx.numpy_helper.from_array(np.array([2**20, max(1, size)]), "huge_shape")
    graph.initializer.append(shape)
    graph.node.insert(0, onnx.helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"]))


def _inner_graph(graph, name):
    inner = onnx.GraphProto(name=name)
    inner.output.add().CopyFrom(graph.output[0])
    inner.node.add(op_type="Identity", input=[graph.input[0].name], output=[graph.output[0].name])
    return inner


def _branch(model, graph, node, weight, size, mark):
    inner = _inner_graph(graph, "inner")
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    branches = {"then_branch": inner, "else_branch": inner}
    graph.node.append(onnx.helper.make_node("If", ["yes"], ["chosen"], **branches))


def _endless_loop(model, graph, node, weight, size, mark):
    body = onnx.GraphProto(name="body")
    body.input.extend(
        onnx.helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("step", onnx.TensorProto.INT64), ("go", onnx.TensorProto.BOOL))
    )
    body.output.add().CopyFrom(body.input[1])
    body.output[0].name = "going"
    body.node.add(op_type="Identity", input=["go"], output=["going"])
    times = onnx.numpy_helper.from_array(np.array(2**62), "times")
    graph.initializer.append(times)
    graph.node.insert(0, onnx.helper.make_node("Loop", ["times", ""], [], body=body))


def _function(model, graph, node, weight, size, mark):
    inner = onnx.helper.make_node("Neg", ["a"], ["b"])
    imports = [onnx.helper.make_opsetid("", 18)]
    model.functions.append(onnx.helper.make_function("here", "f", ["a"], ["b"], [inner], imports))


def _training(model, graph, node, weight, size, mark):
    model.training_info.add().algorithm.CopyFrom(_inner_graph(graph, "training"))


def _sparse(model, graph, node, weight, size, mark):
    graph.sparse_initializer.add().values.CopyFrom(weight)


def _free_size(model, graph, node, weight, size, mark):
    graph.output[0].type.tensor_type.shape.dim[-1].Clear()


def _free_output(model, graph, node, weight, size, mark):
    graph.output[0].type.tensor_type.ClearField("shape")


def _fixed_batch(model, graph, node, weight, size, mark):
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3


def _opset(model, graph, node, weight, size, mark):
    model.opset_import[0].version = size


def _names(model, graph, node, weight, size, mark):
    graph.output[0].name = "z"


_ONNX = {
    function.__name__[1:].replace("_", " "): function
    for function in (
        *(_size_of_weight, _type_of_weight, _cut_weight, _no_weight, _weight_outside),
        *(_size_of_input, _size_of_output, _type_of_output, _operation, _foreign_operation),
        *(_loop, _no_input, _node_twice, _node_less, _attribute, _not_finite, _huge_constant),
        *(_opset, _names, _weight_in_this_folder, _branch, _endless_loop, _function, _training),
        *(_sparse, _free_size, _free_output, _fixed_batch),
    )
}


# Changes that no library would write: of the bytes, with the rest of the file as it was.


def _outside(model, weight, mark):
    """Take a weight out of a model; return it as one whose values are in another file."""
    outer = onnx.TensorProto()
    outer.CopyFrom(weight)
    model.graph.initializer.remove(weight)
    outer.ClearField("raw_data")
    outer.data_location = onnx.TensorProto.EXTERNAL
    outer.external_data.add(key="location", value=mark)
    return outer.SerializeToString()


def _tag_above(model, weight, size, mark):
    above = (2**32, 2**35, 2**60)[size % 3]
    return with_graph(model, field(5, _outside(model, weight, mark), above))


def _longer_tag(model, weight, size, mark):
    outer = _outside(model, weight, mark)
    return with_graph(model, field(5, outer, extra=1 + size % 9))


def _longer_length(model, weight, size, mark):
    outer = _outside(model, weight, mark)
    tag = varint(5 << 3 | BYTES)
    return with_graph(model, tag + varint(len(outer), 1 + size % 5) + outer)


def _grouped(model, weight, size, mark):
    outer = _outside(model, weight, mark)
    return with_graph(model, varint(5 << 3 | GROUP) + outer + varint(5 << 3 | GROUP_END))


def _unknown_field(model, weight, size, mark):
    return with_graph(model, field(17 + size % 1000, b"\x08\x01"), field(30, 1))


def _eight_bytes(model, weight, size, mark):
    return with_graph(model, varint(10 << 3 | EIGHT_BYTES) + bytes(8))


def _second_graph(model, weight, size, mark):
    outer = _outside(model, weight, mark)
    return model.SerializeToString() + field(7, field(5, outer))


def _second_name(model, weight, size, mark):
    return with_graph(model, field(2, b"again"))


def _second_version(model, weight, size, mark):
    return model.SerializeToString() + field(1, size % 20)


_ONNX_BYTES = {
    function.__name__[1:].replace("_", " "): function
    for function in (
        *(_tag_above, _longer_tag, _longer_length, _grouped, _unknown_field, _eight_bytes),
        *(_second_graph, _second_name, _second_version),
    )
}
