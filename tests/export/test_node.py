"""An application in JavaScript, really run: onnxruntime-node on the golden files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import export

PATH = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
NPM = shutil.which("npm", path=PATH)
APPLICATION = Path(__file__).with_name("golden.mjs")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NPM is None, reason="needs Node.js with npm"),
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]


def called(*command, folder):
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with onnxruntime-node in it; its binary for CPUs is part of the package."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text("{}")
    called(
        NPM, "install", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node",
        folder=folder,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_javascript_application_computes_the_golden_outputs(part, project, exported):
    node = shutil.which("node", path=PATH)
    found = json.loads(called(node, APPLICATION, exported[0] / part, folder=project))
    outputs = export.load(exported[0] / part).outputs
    assert list(found) == [tensor.name for tensor in outputs]
    for tensor in outputs:
        assert found[tensor.name]["passed"]
        assert found[tensor.name]["shape"] == [16, *tensor.shape]


def test_the_application_detects_another_output(project, exported, tmp_path):
    node = shutil.which("node", path=PATH)
    folder = shutil.copytree(exported[0] / "decoder", tmp_path / "decoder")
    raw = bytearray((folder / "golden" / "output0.bin").read_bytes())
    raw[3] ^= 0x41  # the sign and the exponent of the first number
    (folder / "golden" / "output0.bin").write_bytes(raw)
    assert not json.loads(called(node, APPLICATION, folder, folder=project))["x"]["passed"]
