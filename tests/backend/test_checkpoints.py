"""A checkpoint that one backend wrote is loaded by the others, which go on with the training."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.each_class import LONGER

pytestmark = [pytest.mark.backend, *LONGER]

ROOT = Path(__file__).parents[2]
HERE = keras.backend.backend()
OTHERS = [name for name in ("tensorflow", "jax", "torch") if name != HERE]


def leg(backend, first, last):
    """Run a leg of the relay; return what it measured by model."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "relay.py"), str(first), str(last)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: dict(np.load(last / f"{name}.npz")) for name in ("autoencoder", "aae")}


@pytest.fixture(scope="module")
def legs(tmp_path_factory):
    """Two legs on the backend that runs here: a start, and how it goes on."""
    if not any(map(importlib.util.find_spec, OTHERS)):
        pytest.skip("no other backend is installed")
    folder = tmp_path_factory.mktemp("relay")
    return folder, leg(HERE, "-", folder / "start"), leg(HERE, folder / "start", folder / "end")


@pytest.mark.parametrize("other", OTHERS)
def test_another_backend_continues_from_a_checkpoint(other, legs):
    if not importlib.util.find_spec(other):
        pytest.skip(f"{other} is not installed")
    folder, start, end = legs
    got = leg(other, folder / "start", folder / other)
    for name, expected in end.items():
        np.testing.assert_allclose(got[name]["received"], start[name]["left"], atol=1e-5)
        assert got[name].keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_allclose(got[name][key], value, atol=2e-5, err_msg=f"{name} {key}")
    steps = [value for key, value in got["autoencoder"].items() if key == "optimizer 0"]
    assert steps == [6]
