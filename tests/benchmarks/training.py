"""Training throughput of the zoo beside plain loops and pythae, in turns, as a table.

    python tests/benchmarks/training.py [--rounds 5] [--out table.md] [--only VAE]

Each side trains the same networks on the same images at the same batch size with Adam: the zoo by
`compile()` and `fit(x)`, Keras by the textbook's `train_step` and `fit(x)`, PyTorch by a plain loop
over a tensor, pythae by its own trainer. Every side is a process of its own that waits while
another has its turn; the first epoch (tracing, compiling) is not counted, and figures are medians
over rounds. `pip install torch` and `pip install pythae` add their sides.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import itertools
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIDES = {
    "zoo": ("sides_keras", "zoo_epoch"),
    "plain Keras": ("sides_keras", "plain_epoch"),
    "plain PyTorch": ("sides_torch", "plain_epoch"),
    "pythae": ("sides_torch", "pythae_epoch"),
}
NEEDS = {"plain PyTorch": "torch", "pythae": "pythae"}
MODELS = (
    "VAE, dense 784-512-256-2x16",
    "VAE, convolutional 32-64",
    "AAE, 784-1000-1000-8",
    "CVAE, dense 784-512-256-2x8",
    "contractive, 784-1000",
    "M2, 784-500-2x8, 100 labels",
)
OF_PYTHAE = MODELS[:3]
BATCH = 128


def work(side, model, images):
    """Be one side, in a process of its own."""
    module, maker = SIDES[side]
    sys.path.insert(0, str(Path(__file__).parent))
    answer(lambda: getattr(importlib.import_module(module), maker)(model, images, BATCH))


def answer(make):
    """Train an epoch, by the function that `make()` returns, for every line that comes in."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print
    epoch = make()
    epoch()
    answers.write("ready\n")
    for _ in sys.stdin:
        start = time.perf_counter()
        epoch()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answers.write(f"{seconds} {peak}\n")


class Side:
    """A process that trains an epoch when it is told to."""

    def __init__(self, command, backend="tensorflow"):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": backend},
        )
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"this side cannot train; try: {' '.join(command)}")

    def epoch(self):
        """Return the seconds of an epoch and the process's peak of memory so far, in MiB."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return tuple(map(float, self.process.stdout.readline().split()))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(model, rounds, images):
    """Return images/s by side, one figure a round, and peaks of memory in MiB."""
    names = [side for side in SIDES if is_there(side, model)]
    command = [sys.executable, __file__, "--images", str(images), "--work"]
    sides = {name: Side([*command, name, model]) for name in names}
    speeds, peaks = {name: [] for name in names}, {}
    for _ in range(rounds):
        for name, side in sides.items():
            seconds, peaks[name] = side.epoch()
            speeds[name].append(images / seconds)
    for side in sides.values():
        side.close()
    return speeds, peaks


def is_there(side, model):
    if side == "pythae" and model not in OF_PYTHAE:
        return False
    return side not in NEEDS or importlib.util.find_spec(NEEDS[side]) is not None


def products(sizes, learns=True, inputs="inner"):
    """Return the matrix products of a pass through dense layers and back, as (m, k, n).

    Args:
        sizes: units of the layers, the input first.
        learns: whether there are gradients of the weights.
        inputs: gradients of what layers take: of "all", of the "inner" ones, or None.
    """
    made = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        made.append((BATCH, a, b))
        made += [(a, BATCH, b)] if learns else []
        made += [(BATCH, b, a)] if inputs == "all" or (inputs == "inner" and i) else []
    return made


ENCODER, DECODER, CRITIC = (784, 1000, 1000, 8), (8, 1000, 1000, 784), (8, 1000, 1000, 1)
PRODUCTS = {
    MODELS[0]: products((784, 512, 256, 32)) + products((16, 256, 512, 784), inputs="all"),
    MODELS[2]: [
        *(products(ENCODER) + products(DECODER, inputs="all")),
        *(products(ENCODER, learns=False, inputs=None) + 2 * products(CRITIC)),
        *(products(ENCODER) + products(CRITIC, learns=False, inputs="all")),
    ],
}


def product_bound(model, rounds=200):
    """Return images/s if a step were its matrix products alone, one after the other, under XLA."""
    import tensorflow as tf

    pairs = [(tf.random.normal((m, k)), tf.random.normal((k, n))) for m, k, n in PRODUCTS[model]]

    @tf.function(jit_compile=True)
    def step():
        return [tf.matmul(first, second) for first, second in pairs]

    step()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()[-1].numpy()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times)


def machine():
    """Return a line that names the processor, the packages and the date."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    packages = ("keras", "tensorflow", "jax", "torch", "pythae")
    found = [p for p in packages if importlib.util.find_spec(p)]
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in found)
    cpu = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores of {cpu}; {versions}; {time.strftime('%Y-%m-%d')}."


def row(model, speeds, peaks):
    ours = speeds["zoo"]
    cells = [model]
    for side in SIDES:
        if side not in speeds:
            cells.append("")
            continue
        ratio = statistics.median(z / o for z, o in zip(ours, speeds[side], strict=True))
        told = "" if side == "zoo" else f" (x {ratio:.2f})"
        cells.append(f"{statistics.median(speeds[side]):,.0f}{told}")
    cells.append(", ".join(f"{peak:,.0f}" for peak in peaks.values()))
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=60000, help="of an epoch [60000]")
    parser.add_argument("--only", default="", help="models whose name begins so")
    parser.add_argument("--out", help="a file to write the table to")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work, arguments.images)
        return
    lines = [
        f"Training, images/s at batch {BATCH}, medians of {arguments.rounds} epochs of "
        f"{arguments.images:,} images in turns; in brackets how many times as fast the zoo is "
        f"(medians of ratios). {machine()}",
        "",
        "| model | " + " | ".join(SIDES) + " | peak memory, MiB, in this order |",
        "|---|" + "---|" * (len(SIDES) + 1),
    ]
    print("\n".join(lines), flush=True)
    for model in MODELS:
        if model.startswith(arguments.only):
            lines.append(row(model, *measure(model, arguments.rounds, arguments.images)))
            print(lines[-1], flush=True)
    lines.append("")
    for model in PRODUCTS:
        bound = f"{product_bound(model):,.0f}"
        lines.append(f"{model}: its matrix products alone would run at {bound} images/s.")
        print(lines[-1], flush=True)
    if arguments.out:
        Path(arguments.out).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
