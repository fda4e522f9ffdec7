"""Graphs without needless nodes, that compute the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.simplify import simplify


def model_of(nodes, outputs, inputs=("x",)):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 4]) for name in inputs]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list("abc")) for name in outputs
    ]
    graph = helper.make_graph(nodes, "graph", values, results)
    imports = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def node(kind, source, result, **attributes):
    return helper.make_node(kind, [source], [result], **attributes)


def run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    return session.run(None, {"x": x})


TURN, BACK = {"perm": [1, 2, 0]}, {"perm": [2, 0, 1]}
CASES = {
    "an Identity between nodes": (
        [node("Relu", "x", "a"), node("Identity", "a", "b"), node("Exp", "b", "y")],
        ["y"],
        ["Relu", "Exp"],
    ),
    "an Identity that names the output": (
        [node("Relu", "x", "a"), node("Identity", "a", "y"), node("Exp", "a", "w")],
        ["y", "w"],
        ["Relu", "Exp"],
    ),
    "an output that is an input": ([node("Identity", "x", "y")], ["y"], ["Identity"]),
    "an output that is another output": (
        [node("Relu", "x", "y"), node("Identity", "y", "w")],
        ["y", "w"],
        ["Relu", "Identity"],
    ),
    "Transposes that undo each other": (
        [
            node("Transpose", "x", "a", **TURN),
            node("Transpose", "a", "b", **BACK),
            node("Exp", "b", "y"),
        ],
        ["y"],
        ["Exp"],
    ),
    "the first of them is read by another": (
        [
            node("Transpose", "x", "a", **TURN),
            node("Transpose", "a", "b", **BACK),
            node("Exp", "b", "y"),
            node("Relu", "a", "w"),
        ],
        ["y", "w"],
        ["Transpose", "Exp", "Relu"],
    ),
    "Transposes that do not": (
        [
            node("Transpose", "x", "a", **TURN),
            node("Transpose", "a", "b", **TURN),
            node("Exp", "b", "y"),
        ],
        ["y"],
        ["Transpose", "Transpose", "Exp"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_needless_nodes_are_removed_and_results_stay(name):
    nodes, outputs, left = CASES[name]
    model = model_of(nodes, outputs)
    expected = run(model)
    simplify(model.graph)
    assert [made.op_type for made in model.graph.node] == left
    onnx.checker.check_model(model, full_check=True)
    for got, wanted in zip(run(model), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
