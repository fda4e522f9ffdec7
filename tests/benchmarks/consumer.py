"""What a deployed decoder costs: a whole process, and calls.

    python tests/benchmarks/consumer.py [--preset cvae_mnist] [--runs 10]

Exports the preset's decoder, then starts processes that import onnxruntime and NumPy, load the
decoder and decode one batch: wall-clock seconds and the largest resident memory, as medians. Then
it times calls at three batch sizes in this process, beside a compiled TensorFlow function and
`model.predict`. Needs the TensorFlow backend and psutil.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import psutil

import export
import zoo

APPLICATION = """
import numpy as np, export
session = export.load("decoder")
inputs = {"z": session.sample_prior(10, seed=0)}
if len(session.inputs) > 1:
    inputs["label"] = np.arange(10)
session(**inputs)
"""


def process_cost(folder):
    """Return seconds and megabytes of one consumer process."""
    start = time.perf_counter()
    with psutil.Popen([sys.executable, "-c", APPLICATION], cwd=folder) as process:
        peak = 0
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.001)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "the consumer")
    return time.perf_counter() - start, peak / 2**20


def milliseconds(call, seconds=1.0):
    call()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="cvae_mnist")
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    model = zoo.load(arguments.preset)
    print(f"{psutil.cpu_count()} cores, {export.__name__}ed {arguments.preset}")
    with tempfile.TemporaryDirectory() as folder:
        report = export.export_model(model, Path(folder, "out"))
        for part, proof in report.items():
            worst = max(r["error"] / r["bound"] for r in proof["results"])
            print(f"parity of the {part}: {worst:.1%} of its bound at worst")
        costs = [process_cost(Path(folder, "out")) for _ in range(arguments.runs)]
        seconds, megabytes = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"consumer process: {seconds:.2f} s, {megabytes:.0f} MB")
        session = export.load(Path(folder, "out", "decoder"))
        for batch in (1, 64, 1024):
            z = model.prior.sample(batch, seed=0)
            label = np.arange(batch) % 10 if model.conditional else None
            inputs = {"z": z} if label is None else {"z": z, "label": label}
            network = model.decoder_input(z, label)
            calls = {
                "export.load": lambda inputs=inputs: session(**inputs),
                "model.decode": lambda z=z, label=label: model.decode(z, label),
                "predict": lambda network=network: model.decoder.predict(network, verbose=0),
            }
            row = "  ".join(f"{name} {milliseconds(call):8.3f}" for name, call in calls.items())
            print(f"ms a call at batch {batch:5}: {row}")
    print(f"Keras {keras.__version__}")


if __name__ == "__main__":
    main()
