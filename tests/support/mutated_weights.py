"""Changes to the structure of HDF5 and ONNX files, by a seeded generator."""

import os
import random
import re
import struct
import zlib

import h5py
import numpy as np
import onnx

from support.protobuf import BYTES, EIGHT_BYTES, GROUP, GROUP_END, field, varint, with_graph


def change_weights(path, rng: random.Random, mark: str) -> str:
    """Change one thing in a file of weights, and return what was done; `mark` is a foreign file."""
    with h5py.File(path, "r+") as file:
        arrays, groups = [], []
        file.visititems(
            lambda name, item: (groups if isinstance(item, h5py.Group) else arrays).append(name)
        )
        name = rng.choice(arrays)
        way = rng.choice(list(_WEIGHTS))
        _WEIGHTS[way](file, name, rng.choice(groups), mark)
    return f"{way} at {name}"


def _replaced(**settings):
    def change(file, name, group, mark):
        old = file[name]
        values, shape = old[()], old.shape
        del file[name]
        chosen = {"data": values} | settings
        if "shape" in chosen or "external" in chosen:
            chosen.pop("data")
            chosen = {"shape": shape, "dtype": "float32"} | chosen
        if "external" in chosen:
            chosen["external"] = [(mark, 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, **chosen)

    return change


def _of_type(dtype):
    def change(file, name, group, mark):
        values = file[name][()]
        del file[name]
        file[name] = values.astype(dtype)

    return change


def _flat(file, name, group, mark):
    values = file[name][()]
    del file[name]
    file[name] = values.reshape(-1)


def _delete_array(file, name, group, mark):
    del file[name]


def _delete_group(file, name, group, mark):
    del file[group]


def _empty(file, name, group, mark):
    del file[name]
    file[name] = h5py.Empty("float32")


def _group(file, name, group, mark):
    del file[name]
    file.create_group(name)


def _array(file, name, group, mark):
    del file[group]
    file[group] = np.zeros(3)


def _more(file, name, group, mark):
    file.create_dataset("more", data=np.zeros(3, "float32"))


def _outer_link(file, name, group, mark):
    del file[name]
    file[name] = h5py.ExternalLink(mark, "x")


def _soft_link(file, name, group, mark):
    del file[group]
    file[group] = h5py.SoftLink("/")


def _same_group(file, name, group, mark):
    file[f"{group}/again"] = file["/"]


def _renamed(file, name, group, mark):
    file.move(group, "elsewhere")


def _bomb(file, name, group, mark):
    """Put 32 MiB of zeros into a piece of a small array; HDF5 encodes no larger piece there."""
    shape = file[name].shape or (1,)
    del file[name]
    made = file.create_dataset(name, shape, "float32", chunks=shape, compression="gzip")
    packing = zlib.compressobj(9)
    packed = packing.compress(bytes(2**25)) + packing.flush()
    made.id.write_direct_chunk((0,) * len(shape), packed)


def _wide(file, name, group, mark):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "V67108864")


def _array_type(file, name, group, mark):
    del file[name]
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (2**28,))
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create(h5py.h5s.SCALAR))


def _packed_twice(file, name, group, mark):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((2**20,))
    settings.set_deflate(9)
    settings.set_deflate(9)
    space = h5py.h5s.create_simple((2**24,))
    made = h5py.h5d.create(file.id, b"more", h5py.h5t.IEEE_F32LE, space, settings)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros(2**24, "float32"))


def _long_attribute(file, name, group, mark):
    file[name].attrs["dtype"] = "bfloat16" * 100


_WEIGHTS = {
    "a bomb": _bomb,
    "wide values": _wide,
    "values of arrays": _array_type,
    "packed twice": _packed_twice,
    "an attribute": _long_attribute,
    "huge": _replaced(shape=(2**28,), chunks=(2**20,), compression="gzip"),
    "large pieces": _replaced(
        shape=(3, 3), maxshape=(None, None), chunks=(2**14, 2**14), compression="gzip"
    ),
    "integers": _of_type("int64"),
    "complex": _of_type("complex64"),
    "bytes": _replaced(data=b"weights"),
    "texts": _replaced(data=["a"], dtype=h5py.string_dtype()),
    "records": _replaced(data=np.zeros(3, "f4,i4")),
    "outside": _replaced(external=True),
    "flat": _flat,
    "an array less": _delete_array,
    "a group less": _delete_group,
    "no values": _empty,
    "a group for an array": _group,
    "an array for a group": _array,
    "an array more": _more,
    "a link out": _outer_link,
    "a link within": _soft_link,
    "a group in itself": _same_group,
    "a group elsewhere": _renamed,
}


def lying_sizes(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return a file in which a number that may be a size is far larger, and what was done."""
    found = [
        (place.start(), size)
        for size in (4, 8)
        for place in re.finditer(rb"(?s)(?=[^\0].{1,3}\0%s)" % (b"\0" * (size - 4)), data)
    ]
    changed, done = bytearray(data), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        place, size = rng.choice(found)
        old = int.from_bytes(data[place : place + size], "little")
        new = rng.choice((2**31 - 1, 2**30, 2**32 - 2, 2**40, 2 * old, 1000 * old, 2**63))
        packed = struct.pack("<Q", new % 2**64)[:size]
        changed[place : place + size] = packed
        done.append(f"{new} for {old} at {place}")
    return bytes(changed), "; ".join(done)


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
