"""What decoding costs by each way out of Keras, on this machine, as a table.

    python tests/benchmarks/inference.py [--preset vae_mnist] [--out table.md]

Exports the preset's decoder in full and in half precision and in eight bits, and times it by Keras,
by SavedModel, by onnxruntime on the CPU and where there is one on the GPU, and for dense decoders
by PyTorch with the same weights where it is installed. All take turns, in one process: the figures
are medians over rounds. Every way is compared with Keras before it is timed. Needs the TensorFlow
backend; `pip install torch` for the rows of PyTorch.
"""

import argparse
import functools
import importlib.util
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import export
import zoo

BATCHES = (1, 64, 1024, 16384)
MOST_OFF = 0.1  # as a root mean square, which eight bits reach; the others are far below


def ways(model, folder):
    """Return the ways to decode codes, by name: functions of float32 codes [n, latent_dim]."""
    served = tf.saved_model.load(str(folder / "saved_model"))  # must outlive its function
    serve = served.signatures["serving_default"]
    z = keras.Input((model.latent_dim,))
    images = keras.Model(z, model.likelihood.mean(model.decoder(z)))
    found = {
        "Keras, predict": lambda z: images.predict(z, batch_size=len(z), verbose=0),
        "Keras, model.decode": model.decode,
        "SavedModel": lambda z: served and serve(z=tf.constant(z))["x"].numpy(),
    }
    for variant in (None, "float16", "int8"):
        session = export.load(folder, variant=variant)
        found[f"onnxruntime, CPU, {variant or 'float32'}"] = by_name(session)
    found["onnxruntime, CPU, float32, bound"] = bound(export.load(folder))
    try:
        for variant in (None, "float16"):
            kind = f"onnxruntime, CUDA, {variant or 'float32'}"
            session = export.load(folder, variant=variant, device="cuda")
            found[kind] = by_name(session)
            found[f"{kind}, bound"] = bound(session)
            session = export.load(folder, variant=variant, device="cuda", cuda_graph=True)
            found[f"{kind}, bound, CUDA graph"] = bound(session)
    except RuntimeError as error:
        print(f"No figures of a GPU: {error}", flush=True)
    if importlib.util.find_spec("torch") and is_dense(model.decoder):
        found["PyTorch, CPU, same weights"] = in_pytorch(model)
    return found


def by_name(session):
    return lambda z: session(z=z)["x"]


def bound(session):
    """Run a session with buffers that it keeps, for each number of rows its own."""
    buffers = functools.cache(session.bind)
    return lambda z: buffers(len(z))(z=z)["x"]


def is_dense(network):
    return all(type(layer).__name__ != "Conv2DTranspose" for layer in network.layers)


def in_pytorch(model):
    """Rebuild a dense decoder of a Bernoulli likelihood in PyTorch."""
    import torch

    steps = []
    for layer in model.decoder.layers:
        if isinstance(layer, keras.layers.Dense):
            linear = torch.nn.Linear(*layer.kernel.shape)
            kernel, bias = (torch.from_numpy(w) for w in layer.get_weights())
            linear.weight.data, linear.bias.data = kernel.T.contiguous(), bias
            steps += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*steps[:-1], torch.nn.Sigmoid()).eval()

    def decode(z):
        with torch.inference_mode():
            return network(torch.from_numpy(z)).numpy().reshape(-1, *model.image_shape)

    return decode


def milliseconds(call, seconds):
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def measure(found, latent_dim, rounds, seconds):
    """Return medians over rounds in milliseconds, by way and batch size."""
    rng = np.random.default_rng(0)
    medians = {name: {} for name in found}
    for batch in BATCHES:
        z = rng.standard_normal((batch, latent_dim), np.float32)
        expected = found["Keras, model.decode"](z)
        for name, decode in found.items():
            off = np.sqrt(np.mean((decode(z) - expected) ** 2))
            assert off < MOST_OFF, f"{name} is off by {off}"
        turns = {name: [] for name in found}
        for _ in range(rounds):
            for name, decode in found.items():
                turns[name].append(milliseconds(partial(decode, z), seconds))
        for name, values in turns.items():
            medians[name][batch] = statistics.median(values)
        print(f"batch {batch} is done", flush=True)
    return medians


def machine():
    """Return a line that names the processor and, where there is one, the GPU."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    named = "no GPU"
    if shutil.which("nvidia-smi"):  # TensorFlow may be one without CUDA where onnxruntime has it
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        named = ", ".join(said.splitlines()) or named
    return f"{os.cpu_count()} cores of {cpu}; {named}"


def table(preset, medians):
    import onnxruntime

    lines = [
        f"Decoding by `{preset}`: milliseconds at batch 1, images a second at larger batches. "
        f"{machine()}. Keras {keras.__version__}, TensorFlow {tf.__version__}, onnxruntime "
        f"{onnxruntime.__version__}.",
        "",
        "| way | 1, ms | " + " | ".join(f"{batch:,}, images/s" for batch in BATCHES[1:]) + " |",
        "|---|" + "---|" * len(BATCHES),
    ]
    for name, times in medians.items():
        speeds = [f"{1000 * batch / times[batch]:,.0f}" for batch in BATCHES[1:]]
        lines.append("| " + " | ".join([name, f"{times[1]:.3f}", *speeds]) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="vae_mnist")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each way in each round")
    parser.add_argument("--out", help="a file to write the table to")
    arguments = parser.parse_args()
    model = zoo.load(arguments.preset)
    if model.conditional:
        parser.error(f"{arguments.preset} takes labels; choose a preset without.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "out")
        export.export_model(model, folder, parts="decoder", variants=("float16", "int8"))
        found = ways(model, folder / "decoder")
        medians = measure(found, model.latent_dim, arguments.rounds, arguments.seconds)
    text = table(arguments.preset, medians)
    print(text)
    if arguments.out:
        Path(arguments.out).write_text(text)


if __name__ == "__main__":
    main()
