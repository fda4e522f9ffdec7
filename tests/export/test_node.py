"""An application in JavaScript, really run: onnxruntime-node on the golden files."""

import json
import shutil
from pathlib import Path

import keras
import pytest
from support.node_project import NPM, PATH, called

import export

APPLICATION = Path(__file__).with_name("golden.mjs")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NPM is None, reason="needs Node.js with npm"),
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_javascript_application_computes_the_golden_outputs(part, node_modules, exported):
    node = shutil.which("node", path=PATH)
    found = json.loads(called(node, APPLICATION, exported[0] / part, folder=node_modules))
    outputs = export.load(exported[0] / part).outputs
    assert list(found) == [tensor.name for tensor in outputs]
    for tensor in outputs:
        assert found[tensor.name]["passed"]
        assert found[tensor.name]["shape"] == [16, *tensor.shape]


def test_the_application_detects_another_output(node_modules, exported, tmp_path):
    node = shutil.which("node", path=PATH)
    folder = shutil.copytree(exported[0] / "decoder", tmp_path / "decoder")
    raw = bytearray((folder / "golden" / "output0.bin").read_bytes())
    raw[3] ^= 0x41  # the sign and the exponent of the first number
    (folder / "golden" / "output0.bin").write_bytes(raw)
    assert not json.loads(called(node, APPLICATION, folder, folder=node_modules))["x"]["passed"]
