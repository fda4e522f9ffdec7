"""Parquet files to score in shards, and jobs that are killed; also a program, which is killed.

    python tests/support/shards.py PART DATA OUT ENGINE SECONDS

scores DATA with an exported part, in no less than SECONDS for each shard.
"""

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from zoo.inference.sharded import engines, folder, scoring, sources
from zoo.runtime import load
from zoo.runtime.arrow import to_arrow

X = np.random.default_rng(0).random((90, 14, 14, 1), "float32")
GROUP = 10  # rows of a row group


def write_parquet(path, x=X, **columns):
    """Write images as lists of a fixed size, with names of rows, in row groups of 10."""
    table = pyarrow.Table.from_batches([to_arrow({"pixels": x})])
    columns = {"name": [f"row {i}" for i in range(len(x))], **columns}
    for name, values in columns.items():
        table = table.append_column(name, pyarrow.array(values))
    pyarrow.parquet.write_table(table, path, row_group_size=GROUP)
    return path


def work(part, data, shard_rows=20, **options):
    """Return the job and the shards for a part and Parquet files."""
    files, _ = sources.files_of(str(data))
    shards, columns = sources.parquet_shards(str(data), files, shard_rows)
    session = load(part, threads=1)
    reading = scoring.reading_of(session, columns, id_column="name", **options)
    return scoring.Scoring.of(session, str(data), reading, columns), shards


@dataclasses.dataclass
class Wrapped:
    """A job that calls another job; subclasses add to what it does."""

    job: Any

    @property
    def schema(self):
        return self.job.schema

    def opened(self):
        return self.run

    def run(self, shard):
        yield from self.job.opened()(shard)


@dataclasses.dataclass
class Slow(Wrapped):
    """A job whose shards take a while."""

    seconds: float

    def run(self, shard):
        yield from super().run(shard)
        time.sleep(self.seconds)


@dataclasses.dataclass
class Killed(Wrapped):
    """A job whose process is killed at one shard: once, if there is a mark, or every time."""

    number: int
    mark: Path | None

    def run(self, shard):
        yield from super().run(shard)
        if shard.number == self.number and (self.mark is None or not self.mark.exists()):
            if self.mark is not None:
                self.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)


class Unloadable(Wrapped):
    """A job whose model is not where the worker looks for it."""

    def opened(self):
        raise FileNotFoundError("there is no model")


def main(part, data, out, engine, seconds):
    job, shards = work(part, data)
    results = folder.ShardFolder(out, {"the data": "the same"})
    slow = Slow(job, float(seconds))
    engines.run(slow, shards, results, out, engine=engine, workers=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
