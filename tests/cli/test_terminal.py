"""The `zoo` command with closed output streams."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import pytest

import zoo
from zoo.cli import terminal
from zoo.cli.standard_error import quiet

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(zoo.__file__).parent.parent)}


def test_a_closed_pipe_does_not_end_the_command(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with terminal.streams():
            print("first", flush=True)
            assert os.read(reading, 100) == b"first\n"
            os.close(reading)
            print("second", flush=True)
            sys.stdout.write("third\n")
            assert not sys.stdout.isatty()
        assert sys.stdout is pipe


def test_a_stream_that_is_closed_at_the_start_is_not_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with terminal.streams(), quiet():
        print("nowhere", flush=True)
        print("nowhere", file=sys.stderr, flush=True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device here")
@pytest.mark.parametrize("arguments", [["list"], ["card", "vae_digits"]])
def test_a_full_disk_is_an_error(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *arguments], env=ENVIRONMENT, stdout=full, stderr=-1
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"zoo: ")
    assert b"No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_warning_is_one_line_and_said_once(capsys):
    with terminal.streams():
        for _ in range(2):
            warnings.warn("take\x1b[31m care", stacklevel=1)
    assert capsys.readouterr().err == "zoo: take\\x1b[31m care\n"


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["card", "vae_digits"]])
def test_closed_standard_output_is_no_traceback(arguments):
    command = f"{sys.executable} -m zoo {' '.join(arguments)}"
    for redirected in (f"{command} >&-", f"{command} >&- 2>&-", f"{command} | true"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", redirected],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), redirected


@pytest.mark.slow
def test_a_command_in_a_fresh_process_knows_the_classes(tmp_path):
    """A process of other tests has imported the models already."""
    command = [sys.executable, "-m", "zoo", "generate", "vae_digits", "--out", "samples.png"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert os.listdir(tmp_path) == ["samples.png"]


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
def test_an_export_with_a_closed_pipe_is_complete(tmp_path):
    command = [sys.executable, "-m", "zoo", "export", "vae_digits", "out", "--format", "onnx"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
        assert (process.wait(), complaint) == (0, b"")
    assert sorted(os.listdir(tmp_path)) == ["out"]
    assert zoo.export.self_test(tmp_path / "out" / "decoder")
