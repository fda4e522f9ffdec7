"""Compute the missing shards of a job, in this process or by Ray; write all rows into one file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.files.atomic_writes import publish_file
from zoo.inference.sharded.folder import ShardFolder, write_shard
from zoo.inference.sharded.jobs import Job, Shard

_SECONDS = 10  # between two lines about the progress


class Done(NamedTuple):
    """What was done.

    Attributes:
        rows: the rows in the file. empty: those without a result.
        seconds: how long this call computed. computed: how many rows it computed.
    """

    rows: int
    empty: int
    seconds: float
    computed: int


def run(
    job: Job,
    shards: Sequence[Shard],
    folder: ShardFolder,
    out: str | os.PathLike,
    *,
    engine: str = "process",
    workers: int | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Done:
    """Compute the shards that are not in the folder yet, and write the rows of all into a file.

    The rows have the order of the shards, whatever was computed first. The folder is removed once
    the file is written; if this call ends before, the next one computes only what is missing.

    Args:
        job, shards: the work. folder: where the results of each shard are kept.
        out: the Parquet file to write.
        engine: "process" for this process, "ray" for several.
        workers: how many Ray processes work at the same time; None takes one for each CPU.
        overwrite: replace an existing file.
        say: is called with each line about the progress.

    Raises:
        ImportError: Ray is not installed. OSError: the file cannot be written.
        RuntimeError: a Ray worker was killed again and again.
        Exception: what the job raises; results of whole shards are kept.
    """
    missing = folder.missing(shards, job.schema)
    if len(missing) < len(shards):
        say(f"{len(shards) - len(missing)} of {len(shards)} shards are there already")
    if engine == "ray":
        from zoo.inference.sharded.on_ray import results
    else:
        results = _results
    begun = said = time.monotonic()
    computed = 0
    if missing:  # Ray need not start for nothing
        for i, rows in enumerate(results(job, missing, folder, workers), 1):
            computed += rows
            if time.monotonic() > said + _SECONDS:
                said = time.monotonic()
                rate = computed / (said - begun)
                say(f"{i} of {len(missing)} shards, {rate:,.0f} rows per second")
    seconds = time.monotonic() - begun
    with publish_file(out, overwrite) as scratch:
        empty = folder.merge(shards, job.schema, Path(scratch))
    folder.remove()
    return Done(sum(shard.rows for shard in shards), empty, seconds, computed)


def _results(job, missing, folder, workers) -> Iterator[int]:
    """Compute shards one after the other in this process; yield the rows of each."""
    compute = job.opened()
    for shard in missing:
        yield write_shard(compute, shard, job.schema, folder.file(shard))
