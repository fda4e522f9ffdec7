"""ONNX models of one addition with a large weight, as tests of strangers' files change them."""

import numpy as np
from onnx import TensorProto, helper

from zoo.runtime import onnx_bytes
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


def another(change):
    """The model after a function has changed it."""
    model = plain()
    change(model)
    return model
