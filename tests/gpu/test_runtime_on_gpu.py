"""What exported files compute on a GPU, and how fast."""

import functools
import statistics
import time

import numpy as np
import onnxruntime
import pytest
from support import gpu_exports

import export
from export.parity import VARIANT_BOUNDS

PARTS = [(name, part) for name in gpu_exports.PRESETS for part in ("encoder", "decoder")]
ROWS = (1, 64, 1024, 16384)


@pytest.fixture
def folder(exports):
    return lambda name, part: exports / name / part


def inputs_of(session, rows, seed=0):
    """Return arrays that a part takes: draws from priors, pixels and labels in their range."""
    generator = np.random.default_rng(seed)
    made = {}
    for tensor in session.inputs:
        shape = (rows, *tensor.shape)
        if tensor.dtype == "int32":
            made[tensor.name] = generator.integers(tensor.low, tensor.high + 1, shape, "int32")
        elif tensor.low is not None:
            made[tensor.name] = generator.uniform(tensor.low, tensor.high, shape).astype("float32")
        else:
            made[tensor.name] = generator.standard_normal(shape, "float32")
    return made


def on_both(folder, rows=256, **options):
    """Return what the GPU and the CPU compute of the same inputs in full precision."""
    there, here = export.load(folder, device="cuda", **options), export.load(folder)
    assert (there.device, here.device) == ("cuda", "cpu")
    inputs = inputs_of(here, rows)
    return there(**inputs), here(**inputs), here.outputs


def off(got, wanted, tensor):
    """Return the root mean square of the difference, by the range or by the size of what is due."""
    span = np.sqrt(np.mean(wanted.astype("float64") ** 2))
    if tensor.low is not None:
        span = tensor.high - tensor.low
    return np.sqrt(np.mean((got.astype("float64") - wanted) ** 2)) / span


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_gpu_computes_what_keras_did(name, part, folder, report):
    """Golden outputs, which Keras gave, within the bounds of parity: no TF32."""
    differences = export.self_test(folder(name, part), device="cuda")
    worst = f"{max(differences.values()):.1e}"
    report.add(
        "Largest difference to Keras's golden outputs", ("part", "off"), (f"{name}, {part}", worst)
    )


@pytest.mark.parametrize(("name", "part"), PARTS)
@pytest.mark.parametrize("variant", gpu_exports.VARIANTS)
def test_variants_stay_within_their_bounds(name, part, variant, folder, report):
    got, wanted, outputs = on_both(folder(name, part), variant=variant)
    for tensor in outputs:
        bound = VARIANT_BOUNDS[variant][0 if tensor.low is not None else 1]
        error = off(got[tensor.name], wanted[tensor.name], tensor)
        assert error < bound
        title = "Variants on the GPU against float32 on the CPU, root mean squares"
        row = (f"{name}, {part}, {tensor.name}", variant, f"{error:.1e}", bound)
        report.add(title, ("output", "variant", "off", "bound"), row)


@pytest.mark.parametrize("cuda_graph", [False, True])
@pytest.mark.parametrize("name", gpu_exports.PRESETS)
def test_bound_buffers_and_graphs_compute_the_same(name, cuda_graph, folder):
    """At every run anew, of what was written last; each size of batch with buffers of its own."""
    session = export.load(folder(name, "decoder"), device="cuda", cuda_graph=cuda_graph)
    plain = export.load(folder(name, "decoder"), device="cuda")
    buffers = {rows: session.bind(rows) for rows in (1, 64)}
    for seed in range(4):
        for rows, bound in buffers.items():
            inputs = inputs_of(session, rows, seed)
            for got, wanted in (
                (bound(**inputs), plain(**inputs)),
                (session(**inputs), plain(**inputs)),
            ):
                for output, values in wanted.items():
                    np.testing.assert_allclose(got[output], values, rtol=1e-4, atol=1e-5)


def test_large_batches_run_in_pieces_on_a_gpu_too(folder):
    there = folder("vae_mnist_conv", "decoder")
    whole = export.load(there, device="cuda")
    pieces = export.load(there, device="cuda", memory=2**20)
    inputs = inputs_of(whole, 1000)
    assert pieces.rows_at_once < 1000 <= whole.rows_at_once
    np.testing.assert_allclose(pieces(**inputs)["x"], whole(**inputs)["x"], atol=1e-5)


def test_auto_takes_the_gpu(folder):
    assert export.load(folder("vae_mnist", "decoder"), device="auto").device == "cuda"


def milliseconds(call, seconds=0.3):
    call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


@pytest.mark.parametrize("name", ["vae_mnist", "vae_mnist_conv"])
def test_decoding_is_measured(name, folder, report):
    """With the copies to the device and back, as `session(z=z)` has them; no time is asserted."""
    there = folder(name, "decoder")
    ways = {"CPU, float32": export.load(there)}
    for variant in (None, "float16"):
        ways[f"CUDA, {variant or 'float32'}"] = export.load(there, device="cuda", variant=variant)
    for variant in (None, "float16"):
        for graph in (False, True):
            session = export.load(there, device="cuda", variant=variant, cuda_graph=graph)
            kind = f"CUDA, {variant or 'float32'}, bound" + (", CUDA graph" if graph else "")
            ways[kind] = functools.cache(session.bind)
    title = f"Decoding by {name}, onnxruntime {onnxruntime.__version__}, medians"
    columns = ("way", "1 row, ms", *(f"{rows:,}, images/s" for rows in ROWS[1:]))
    for kind, way in ways.items():
        cells = []
        for rows in ROWS:
            inputs = inputs_of(ways["CPU, float32"], rows)
            run = way(rows) if "bound" in kind else way
            spent = milliseconds(functools.partial(run, **inputs))
            cells.append(f"{spent:.3f}" if rows == 1 else f"{1000 * rows / spent:,.0f}")
        report.add(title, columns, (kind, *cells))
