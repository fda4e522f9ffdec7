"""A training that is killed, again and again, ends with the weights of one that was not."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "survivor.py"
KILLS = int(os.environ.get("ZOO_KILLS", 20))
EPOCHS = 12 * KILLS  # each start gets some three to six further


def start(way, folder):
    return subprocess.Popen(
        [str(word) for word in (sys.executable, SCRIPT, way, folder, EPOCHS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=SCRIPT.parents[2],
    )


def finished(process, folder):
    """Return the final weights of a training that is left to end."""
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    with np.load(folder / "final.npz") as held:
        return dict(held)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.backend
@pytest.mark.parametrize("way", ["fit", "train"])
def test_a_training_that_is_killed_repeatedly_has_the_same_result(way, tmp_path):
    """Noise, dropout, the order of the images, and three optimizers with their states."""
    expected = start(way, tmp_path / "whole")
    chance, begun, starting = random.Random(0), [], []
    for kill in range(KILLS):
        clock, process = time.perf_counter(), start(way, tmp_path / "killed")
        if kill % 5 == 4:
            time.sleep(chance.uniform(0, min(starting)))
        else:
            begun.append(int(re.search(r"epoch (\d+)", process.stdout.readline())[1]))
            starting.append(time.perf_counter() - clock)
            time.sleep(chance.uniform(0, 0.3))
        assert process.poll() is None, f"it had ended before kill {kill}: make it longer"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert begun[0] == 1
    assert sorted(set(begun)) == begun, "an epoch that was saved was trained again"
    got = finished(start(way, tmp_path / "killed"), tmp_path / "killed")
    expected = finished(expected, tmp_path / "whole")
    assert len(expected) > 10
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
