"""How commands start: what needs no network starts none, and no library writes to the terminal."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

LIGHT = (
    "import sys, zoo, zoo.data, zoo.inference, zoo.lessons, zoo.presets, zoo.recipes, zoo.runtime\n"
    "assert 'keras' not in sys.modules"
)


def run(*arguments, folder=None):
    """Run Python in a process of its own, as a user's shell has it."""
    quieted = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    environment = {name: v for name, v in os.environ.items() if name not in quieted}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def test_what_needs_no_network_starts_no_backend():
    done = run("-c", LIGHT)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "compress own.png own.zae",
        "evaluate vae_digits",
        "export vae_digits exported --format onnx",
        "generate vae_digits --n 4",
        "reproduce energy",
        "train vae_digits --epochs 1 --out trained",
    ],
)
def test_libraries_write_nothing_to_the_terminal(command, tmp_path):
    Image.fromarray(np.zeros((20, 30, 3), "uint8")).save(tmp_path / "own.png")
    done = run("-m", "zoo", *command.split(), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
