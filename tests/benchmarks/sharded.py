"""Rows per second of `zoo encode`: one process beside Ray workers on one machine.

    python tests/benchmarks/sharded.py [--preset vae_mnist_conv] [--rows 40000] [--rounds 3]

Random images in one Parquet file, with row groups of a tenth of the rows, each of which is a shard,
are encoded and written as `zoo encode` does it. Each round runs all ways, one after the other, and
figures are medians over rounds. Ray is started before, so that the time to start it is not counted;
that of its actors, which open the part, is. The table says how busy the machine was.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).parents[2]))
from zoo.inference.sharded import engines, folder, scoring, sources
from zoo.runtime import load
from zoo.runtime.arrow import to_arrow

SHARDS = 10


def exported(preset, place):
    import zoo
    from zoo import export

    export.export_model(zoo.load(preset), place, formats=("onnx",), parts=["encoder"])
    return place / "encoder"


def written(part, rows, path):
    shape = load(part).inputs[0].shape
    x = np.random.default_rng(0).random((rows, *shape), np.float32)
    table = pyarrow.Table.from_batches([to_arrow({"x": x})])
    pyarrow.parquet.write_table(table, path, row_group_size=-(-rows // SHARDS))
    return path


def seconds(part, data, out, engine, workers, threads):
    """Return how long all rows take, from the Parquet file to the file of codes."""
    files, _ = sources.files_of(str(data))
    shards, columns = sources.parquet_shards(str(data), files, 1)
    session = load(part, threads=threads)
    job = scoring.Scoring.of(session, str(data), scoring.reading_of(session, columns), columns)
    results = folder.ShardFolder(out, {})
    begun = time.perf_counter()
    options = {"engine": engine, "workers": workers, "overwrite": True}
    engines.run(job, shards, results, out, say=lambda text: None, **options)
    return time.perf_counter() - begun


def start_ray():
    """Start Ray, if it is installed, and return the seconds that it took."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    try:
        import ray
    except ModuleNotFoundError:
        return None
    begun = time.perf_counter()
    options = {"include_dashboard": False, "log_to_driver": False}
    ray.init(num_cpus=2, object_store_memory=100 * 2**20, **options)
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="vae_mnist_conv")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    ways = {
        "one process, onnxruntime's own number of threads": ("process", None, None),
        "one process, one thread": ("process", None, 1),
    }
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        part = exported(options.preset, place / "out")
        data = written(part, options.rows, place / "data.parquet")
        started = start_ray()
        if started is not None:
            ways["Ray, one worker"] = ("ray", 1, 1)
            ways["Ray, two workers"] = ("ray", 2, 1)
        found = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, arguments in ways.items():
                found[way].append(seconds(part, data, place / "codes.parquet", *arguments))
    shown = "not installed" if started is None else f"started in {started:.1f} s"
    table = [
        f"The encoder of `{options.preset}`, {options.rows:,} rows in {SHARDS} shards; medians of "
        f"{options.rounds} rounds (slowest and fastest), {os.cpu_count()} cores; load at the end: "
        f"{os.getloadavg()[0]:.1f}; Ray: {shown}.",
        "",
        "| way | rows/s | slowest | fastest |",
        "|---|---|---|---|",
    ]
    for way, times in found.items():
        rates = [options.rows / t for t in (statistics.median(times), max(times), min(times))]
        table.append(f"| {way} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")
    print("\n".join(table))
    if options.out:
        options.out.write_text("\n".join(table) + "\n", "utf-8")


if __name__ == "__main__":
    main()
