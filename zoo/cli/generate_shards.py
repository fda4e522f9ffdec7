"""`zoo generate` with an engine: many images, or rows of a table, in a Parquet file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

import zoo
from zoo.cli import own_classes
from zoo.cli.engine_options import SHARD_ROWS
from zoo.cli.sharded import finish, results_of
from zoo.cli.standard_error import quiet
from zoo.files.version import __version__
from zoo.inference.rows_where import AT_ONCE, rows_where
from zoo.inference.sharded.folder import fingerprint
from zoo.inference.sharded.jobs import Shard
from zoo.presets import hub
from zoo.presets.catalog import list_models, preset_folder
from zoo.runtime.arrow import to_arrow

_BYTES_AT_ONCE = 2**26  # of images that are in memory at the same time


@dataclass(frozen=True)
class Generation:
    """Generates images, or rows of a table, with a preset: a `zoo.inference.sharded.jobs.Job`.

    The seed of each piece of a shard depends on the seed, the shard and the piece, so that the
    same rows come out whichever process generates them.

    Attributes:
        name: of the preset. modules: of a user's own classes.
        of_table: whether rows of a table are generated. where: conditions on them.
        label: the name of the column of labels.
        labels: the classes, in turn; None draws them at random.
        seed: the seed. schema: of the results, a `pyarrow.Schema`.
    """

    name: str
    modules: tuple[str, ...]
    of_table: bool
    where: tuple[str, ...]
    label: str | None
    labels: tuple[int, ...] | None
    seed: int
    schema: Any = None

    def opened(self) -> Callable[[Shard], Iterator[Any]]:
        """Load the preset; return the function from a shard to its rows; see `jobs.Job`."""
        model = self.loaded()
        return lambda shard: self.rows_of(model, shard)

    def loaded(self) -> Any:
        """Return the model of the preset."""
        with quiet():
            return zoo.load(self.name, custom_objects=own_classes.imported(self.modules))

    def rows_of(self, model: Any, shard: Shard) -> Iterator[Any]:
        """Yield the rows of a shard, as Arrow batches."""
        size = AT_ONCE
        if not self.of_table:
            size = max(1, min(size, _BYTES_AT_ONCE // (4 * math.prod(model.image_shape))))
        for piece, start in enumerate(range(0, shard.rows, size)):
            n = min(size, shard.rows - start)
            seeds = np.random.SeedSequence([self.seed, shard.number, piece])
            seed = int(seeds.generate_state(1)[0] >> 1)
            make = self._of_table if self.of_table else self._images
            yield from make(model, n, shard.first + start, seed)

    def _of_table(self, model, n, first, seed):
        import pyarrow

        labels = None if self.labels is None else self._in_turn(n, first).tolist()
        found = rows_where(model, n, self.where, label=self.label, labels=labels, seed=seed)
        table = pyarrow.Table.from_pandas(found.frame, preserve_index=False)
        text = pyarrow.types.is_dictionary  # categories, which may have other codes in each piece
        kinds = [pyarrow.string() if text(kind) else kind for kind in table.schema.types]
        fields = zip(table.schema.names, kinds, strict=True)
        return table.cast(pyarrow.schema(list(fields))).to_batches()

    def _images(self, model, n, first, seed):
        if not model.conditional:
            return [to_arrow({"x": model.generate(n, self.labels, seed=seed)})]  # refuses labels
        if self.labels is None:
            labels = np.random.default_rng(seed).integers(model.num_classes, size=n)
        else:
            labels = self._in_turn(n, first)
        labels = np.asarray(labels, "int32")
        return [to_arrow({"label": labels, "x": model.generate(n, labels, seed=seed)})]

    def _in_turn(self, n, first):
        assert self.labels is not None
        return np.resize(np.roll(self.labels, -(first % len(self.labels))), n)


def generate(options: Any, card: dict) -> None:
    """Run `zoo generate` with an engine."""
    rows = options.n or 1000
    size = options.shard_rows or SHARD_ROWS
    folder = preset_folder(options.name)
    shipped = options.name in list_models() or hub.is_name(options.name)
    job = Generation(
        options.name if shipped else os.path.abspath(folder),
        tuple(options.modules),
        bool(card.get("columns")),
        tuple(options.where or ()),
        (card.get("recipe") or {}).get("label_file") or None,
        None if options.labels is None else tuple(options.labels),
        options.seed or 0,
    )
    if job.where and not job.of_table:
        raise ValueError(
            f"--where is for models of tables, and {card['name']} makes images: leave it out."
        )
    shards = [
        Shard(number, first, min(size, rows - first))
        for number, first in enumerate(range(0, rows, size))
    ]
    model = job.loaded()
    if model.label_shape:
        raise ValueError(
            f"{card['name']} takes labels that are arrays, which no option gives: call "
            "model.generate(n, labels) in Python."
        )
    (few, *_) = job.rows_of(model, Shard(0, 0, min(rows, 2)))
    job = replace(job, schema=few.schema)
    settings = {
        "the model": fingerprint(folder),
        "the version of the zoo": __version__,
        "the backend": keras.backend.backend(),  # whose random numbers differ
        "--n": str(rows),
        "--where": " ".join(job.where),
        "--labels": " ".join(map(str, job.labels or ())),
        "--seed": str(job.seed),
        "--shard-rows": str(size),
    }
    with results_of(options.out, settings) as results:
        finish(job, shards, results, options)
