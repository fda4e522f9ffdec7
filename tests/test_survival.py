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


def start(way, folder):
    return subprocess.Popen(
        [str(word) for word in (sys.executable, SCRIPT, way, folder, EPOCHS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=SCRIPT.parent.parent,
    )


def finished(process, folder):
    """Return the final weights of a training that is left to end."""
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    with np.load(folder / "final.npz") as held:
        return dict(held)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fit", "train"])
def test_a_training_that_is_killed_twenty_times_ends_where_an_unharmed_one_does(way, tmp_path):
    """Noise, dropout, the order of the images, and three optimizers with their states."""
    expected = start(way, tmp_path / "whole")
    chance, struck = random.Random(0), 0
    while struck < KILLS:
        process = start(way, tmp_path / "killed")
        if not process.stdout.readline():
            finished(process, tmp_path / "killed")
            break
        time.sleep(chance.uniform(0, 0.6))
        struck += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert struck == KILLS, f"it had ended after {struck} kills: make it longer"
    got = finished(start(way, tmp_path / "killed"), tmp_path / "killed")
    expected = finished(expected, tmp_path / "whole")
    assert len(expected) > 10
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
