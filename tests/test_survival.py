"""A training that is killed, again and again, ends with the weights of one that was not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("survivor.py")
KILLS = 20
EPOCHS = 250


def start(folder, name):
    command = [sys.executable, SCRIPT, folder / f"{name}.backup", folder / f"{name}.npz", EPOCHS]
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=SCRIPT.parent.parent,
    )


def finished(process):
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


@pytest.mark.slow
def test_a_training_that_is_killed_twenty_times_ends_where_an_unharmed_one_does(tmp_path):
    """Noise, dropout, the order of the images, and three optimizers with their states."""
    whole = start(tmp_path, "whole")
    chance, struck = random.Random(0), 0
    while struck < KILLS:
        process = start(tmp_path, "killed")
        if process.stdout.readline() != "training\n":
            finished(process)
            break
        time.sleep(chance.uniform(0, 0.6))
        struck += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert struck == KILLS, f"it had ended after {struck} kills: make it longer"
    finished(start(tmp_path, "killed"))
    finished(whole)
    with np.load(tmp_path / "whole.npz") as expected, np.load(tmp_path / "killed.npz") as got:
        assert len(expected) > 10
        for name in expected:
            np.testing.assert_array_equal(got[name], expected[name], err_msg=name)
