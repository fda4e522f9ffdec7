"""How training grows with batch, code, image and data, by backend, and what costly losses cost.

    python tests/benchmarks/scaling.py [--rounds 3] [--out table.md] [--only batch]

Every row is a process (or two, in turns) of its own that trains by `compile()` and `fit(x)`; the
first epoch is not counted, and figures are medians over rounds. An epoch is a `fit` of its own, so
that what it takes to start one (0.1 s on two cores) is in it. See `training.py` for the zoo beside
others.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import training

DENSE = {"hidden_units": [512, 256], "latent_dim": 16}
CONV = {"filters": [32, 64], "hidden_units": [128], "latent_dim": 16}
CODE = {"hidden_units": [], "latent_dim": 1000, "code_activation": "sigmoid"}
LABELS = {"num_classes": 10}
KINDS = {
    "VAE, dense": {"class": "VAE", "model": DENSE},
    "VAE, convolutional": {"class": "VAE", "model": CONV},
    "AAE, 784-1000-1000-8": {
        "class": "AAE",
        "model": {"hidden_units": [1000, 1000], "latent_dim": 8},
    },
    "CVAE, dense": {"class": "CVAE", "model": {**DENSE, **LABELS}},
    "contractive, 784-1000": {"class": "ContractiveAutoencoder", "model": CODE},
    "M2, 784-500-2x8": {"class": "M2", "model": {"hidden_units": [500], "latent_dim": 8, **LABELS}},
}
BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def rows_of_tables():
    """Return tables: a title, the first column's name, and rows of a label and what to train."""
    one = {"class": "VAE", "model": DENSE, "images": 60000}
    deep = {"hidden_units": [500], "latent_dim": 20}
    return {
        "batch": (
            "Dense VAE 784-512-256-2x16, by batch size (60,000 images an epoch)",
            [(f"{b}", {**one, "batch": b, "beside": "plain"}) for b in 2 ** np.arange(5, 14)],
        ),
        "code": (
            "Dense VAE 784-512-256, by latent size (60,000 images an epoch)",
            [(f"{d}", {**one, "model": {**DENSE, "latent_dim": d}}) for d in (2, 8, 32, 128, 512)],
        ),
        "side": (
            "Convolutional VAE 32-64 (stride 2), by image side (12,800 to 640 images an epoch)",
            [
                (f"{s}x{s}", {"class": "VAE", "model": CONV, "side": s, "images": n})
                for s, n in ((28, 12800), (64, 3200), (96, 1280), (128, 640))
            ],
        ),
        "data": (
            "Dense VAE, images that stay on disk (uint8, 28x28), by how many",
            [
                (f"{n:,}{told}", {**one, "images": n, "stored": True})
                for n, told in ((10**4, ""), (10**5, ""), (10**6, " (one epoch)"))
            ],
        ),
        "backend": (
            "By backend (12,800 images an epoch)",
            [
                (f"{name}, {backend}", {**spec, "images": 12800, "backend": backend})
                for name, spec in KINDS.items()
                for backend in BACKENDS
            ],
        ),
        "cost": (
            "Costly losses beside the plain one of the same networks (12,800 images)",
            [
                (label, {"class": cls, "model": model, "images": 12800, "beside": beside})
                for label, cls, model, beside in costs(CODE, deep, LABELS)
            ],
        ),
        "evaluation": (
            "Evaluating the dense VAE, beside an epoch of training on as many images",
            [
                (label, {**one, "images": images, "metric": metric, "beside": ("VAE", DENSE)})
                for label, metric, images in (
                    ("the bound", "elbo", 12800),
                    ("importance sampling, 100 codes an image", "likelihood", 6400),
                    ("Parzen windows around 10,000 samples", "parzen", 12800),
                )
            ],
        ),
    }


def costs(code, deep, labels):
    """Return losses with their class and arguments, and the class and arguments of a plain one."""
    smooth = {"activation": "sigmoid", "code_activation": "sigmoid", "tie_weights": True}
    for how, networks, name in (
        ("closed", code, "784-1000"),
        ("hutchinson", code, "784-1000"),
        ("hutchinson", deep, "784-500-20"),
        ("exact", deep, "784-500-20"),
    ):
        model, plain = {**networks, "jacobian": how}, ("Autoencoder", {**networks, **smooth})
        yield f"contractive penalty, {name}: {how}", "ContractiveAutoencoder", model, plain
    vae = ("VAE", DENSE)
    for k in (5, 50):
        yield f"IWAE, k = {k}", "IWAE", {**DENSE, "samples": k}, vae
    yield "VAE, 10 draws", "VAE", {**DENSE, "samples": 10}, vae
    semi = {"hidden_units": [500], "latent_dim": 8, **labels}
    yield "M2, sum over 10 labels", "M2", semi, ("CVAE", semi)


def epoch_of(spec):
    """Return a function that trains for an epoch, or measures a metric."""
    import keras

    import zoo

    side, images, batch = spec.get("side", 28), spec["images"], spec.get("batch", 128)
    model = getattr(zoo, spec["class"])((side, side, 1), **spec["model"])
    arrays = given(spec, side, images, model)
    if spec.get("metric"):
        return metric_of(spec["metric"], model, *arrays)
    if spec.get("plain"):
        import sides_keras

        model = sides_keras.PlainVAE(model)
        model.compile("adam")
    else:
        model.compile()
        model.steps_asked_for = 10**6  # as in an epoch of a long training
    keras.utils.set_random_seed(0)
    return lambda: model.fit(*arrays, batch_size=batch, verbose=0)


def metric_of(name, model, x):
    """Return a function that measures a metric on images."""
    from zoo import metrics

    return {
        "elbo": lambda: metrics.negative_elbo(model, x),
        "likelihood": lambda: metrics.negative_log_likelihood(model, x, samples=100),
        "parzen": lambda: metrics.parzen_log_likelihood(x, model.generate(10_000, seed=0), 0.2),
    }[name]


def given(spec, side, images, model):
    """Return images, and labels where the model learns them: 100, for semi-supervised ones."""
    import zoo

    if spec.get("stored"):
        return (zoo.data.StoredImages(spec["file"]),)
    generator = np.random.default_rng(0)
    x = generator.random((images, side, side, 1), np.float32)
    if not model.learns_labels:
        return (x,)
    y = generator.integers(0, 10, images)
    if model.semi_supervised:
        y = np.where(np.arange(images) < 100, np.arange(images) % 10, -1)
    return x, y


def start(spec):
    command = [sys.executable, __file__, "--work", json.dumps(spec, default=int)]
    return training.Side(command, spec.get("backend", "tensorflow"))


def measure(spec, rounds, folder):
    """Return the speed in images/s, the peak in MiB, and the ratio to what is beside, or None."""
    spec, beside = dict(spec), spec.get("beside")
    if spec.get("stored"):
        spec["file"] = str(write(folder, spec["images"]))
        rounds = 1 if spec["images"] > 10**5 else rounds
    specs = [spec]
    if beside == "plain":
        specs.append({**spec, "plain": True})
    elif beside:
        specs.append({**spec, "class": beside[0], "model": beside[1], "metric": None})
    sides = [start(each) for each in specs]
    times = [[] for _ in sides]
    for _ in range(rounds):
        for side, taken in zip(sides, times, strict=True):
            seconds, side.peak = side.epoch()
            taken.append(seconds)
    for side in sides:
        side.close()
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True)) if beside else None
    return spec["images"] / statistics.median(times[0]), sides[0].peak, ratio


def tell_one_backend(backend, rounds, images):
    """Print what the tests on a GPU put into their report, a line for each network and batch."""
    for name in ("VAE, dense", "VAE, convolutional", "AAE, 784-1000-1000-8"):
        for batch in (128, 2048):
            spec = {**KINDS[name], "images": images, "batch": batch, "backend": backend}
            speed, peak, _ = measure(spec, rounds, None)
            print(f"{name}\t{batch:,}\t{speed:,.0f}\t{peak:,.0f}", flush=True)


def write(folder, images):
    """Write a file of noise, piece by piece, and return its path."""
    path = Path(folder) / f"{images}.npy"
    shape = (images, 28, 28)
    generator = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, "w+", "uint8", shape)
    for i in range(0, images, 10000):
        file[i : i + 10000] = generator.integers(0, 256, (min(10000, images - i), 28, 28), "uint8")
    file.flush()
    return path


HEADS = {
    "batch": "times as fast as plain Keras",
    "cost": "share of the plain loss's speed",
    "evaluation": "share of training's speed",
}


def main():
    tables = rows_of_tables()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=tables, help="one table")
    parser.add_argument("--out", help="a file to write the tables to")
    parser.add_argument("--backend-alone", choices=BACKENDS, help="print its rows, without heads")
    parser.add_argument("--images", type=int, default=12800, help="of its epochs [12800]")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.backend_alone:
        tell_one_backend(arguments.backend_alone, arguments.rounds, arguments.images)
        return
    if arguments.work:
        training.answer(lambda: epoch_of(json.loads(arguments.work)))
        return
    lines = [f"Training, medians of {arguments.rounds} epochs. {training.machine()}"]
    print(lines[0], flush=True)

    def say(*new):
        lines.extend(new)
        print("\n".join(new), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for name, (title, rows) in tables.items():
            if arguments.only not in (None, name):
                continue
            head = HEADS.get(name)
            say("", f"| {title} | images/s | peak memory, MiB |" + (f" {head} |" if head else ""))
            say("|---|---|---|" + ("---|" if head else ""))
            for label, spec in rows:
                if not importlib.util.find_spec(BACKENDS[spec.get("backend", "tensorflow")]):
                    continue
                speed, peak, ratio = measure(spec, arguments.rounds, folder)
                last = f" {ratio:.2f} |" if head else ""
                say(f"| {label} | {speed:,.0f} | {peak:,.0f} |{last}")
    if arguments.out:
        Path(arguments.out).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
