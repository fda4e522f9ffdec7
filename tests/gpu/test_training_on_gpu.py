"""Training on a GPU, by each backend that is installed with its libraries for one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SUPPORT = Path(__file__).parents[1] / "support"
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BACKENDS = ("tensorflow", "jax", "torch")
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
# Set for the tests, of which several run at a time; what is measured has all threads.
FEW_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
# Its own share of the memory for each process, as several train at the same time.
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def ran(script, *arguments, backend, **environment):
    """Run a program with a backend and return what it said."""
    root = str(SUPPORT.parents[1])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": backend, **SHARING, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(params=BACKENDS, scope="module")
def trained(request, tmp_path_factory):
    """A backend, and the weights that it trained on the GPU."""
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"{request.param} is not installed")
    out = tmp_path_factory.mktemp(request.param) / "gpu.npz"
    said = ran(SUPPORT / "gpu_training.py", out, backend=request.param)
    if said.strip() == "CPU":
        pytest.skip(f"{request.param} sees no GPU: it is installed without CUDA, or for another")
    return request.param, dict(np.load(out))


def test_a_gpu_learns_what_a_cpu_does(trained, tmp_path, report):
    backend, got = trained
    out = tmp_path / "cpu.npz"
    said = ran(SUPPORT / "gpu_training.py", out, backend=backend, **WITHOUT_GPU)
    assert said.strip() == "CPU"
    worst = 0.0
    with np.load(out) as held:
        assert held.keys() == got.keys()
        for name, wanted in held.items():
            np.testing.assert_allclose(got[name], wanted, rtol=1e-3, atol=1e-4, err_msg=name)
            worst = max(worst, float(np.abs(got[name] - wanted).max()))
    title = "Weights after three epochs on the GPU, against those of the CPU"
    report.add(title, ("backend", "largest difference"), (backend, f"{worst:.1e}"))


@pytest.mark.parametrize("name", ["vae", "aae", "m2"])
@pytest.mark.parametrize("way", ["mirrored", "data_parallel"])
def test_a_strategy_of_one_device_trains_as_it_does_alone(name, way, trained, tmp_path):
    backend, _ = trained
    if backend != {"mirrored": "tensorflow", "data_parallel": "jax"}[way]:
        pytest.skip(f"{way} is not of {backend}")
    results = {}
    for each in ("alone", way):
        ran(
            SUPPORT / "distributed.py", name, each, tmp_path / f"{each}.npz", backend=backend,
            JAX_DEFAULT_MATMUL_PRECISION="highest", NVIDIA_TF32_OVERRIDE="0",
        )  # fmt: skip
        results[each] = dict(np.load(tmp_path / f"{each}.npz"))
    assert results["alone"].keys() == results[way].keys()
    for key, wanted in results["alone"].items():
        if "sliced_wasserstein" not in key:  # measured on each part by itself
            np.testing.assert_allclose(results[way][key], wanted, rtol=1e-3, atol=1e-4, err_msg=key)


def test_training_is_measured(trained, report, monkeypatch):
    """Images a second by `fit(x)` as users call it, by batch; no speed is asserted."""
    backend, _ = trained
    for name in FEW_THREADS:
        monkeypatch.delenv(name, raising=False)
    said = ran(BENCHMARKS / "scaling.py", "--backend-alone", backend, backend=backend)
    for line in said.splitlines():
        name, batch, speed, peak = line.split("\t")
        columns = ("backend", "model", "batch", "images/s", "peak memory of the process, MiB")
        report.add(
            "Training, medians of three epochs", columns, (backend, name, batch, speed, peak)
        )
