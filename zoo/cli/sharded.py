"""Compute in shards for `zoo encode`, `zoo detect` and `zoo generate`; export the part to run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from zoo.checks.words import printable
from zoo.cli.engine_options import SHARD_ROWS, exported_part
from zoo.files.version import __version__
from zoo.inference.sharded.engines import Done, run
from zoo.inference.sharded.folder import ShardFolder, fingerprint
from zoo.inference.sharded.scoring import Reading, Scoring, reading_of
from zoo.inference.sharded.sources import (
    File,
    files_of,
    fingerprint_of_files,
    image_shards,
    parquet_shards,
)
from zoo.runtime import load as open_part


def score(
    options: Any, part: str, model: Path, load: Callable[[], Any], outputs: Iterable[str] | None
) -> None:
    """Run a part of a model on the files that the options name, and write its outputs.

    Args:
        options: of the command line. part: the name of the part.
        model: the file or folder of the model, or its exported part.
        load: returns the model, to export the part; not called for an exported one.
        outputs: the outputs to write; None for all.
    """
    files, of_images = files_of(options.data, options.out)
    if of_images:
        for name in ("column", "label", "id_column"):
            if getattr(options, name, None):
                option = "--id" if name == "id_column" else f"--{name}"
                raise ValueError(
                    f"{option} is for tables, and {options.data} holds images: leave it out."
                )
        shards, columns = image_shards(files, options.shard_rows or SHARD_ROWS), None
    else:
        shards, columns = parquet_shards(options.data, files, options.shard_rows or SHARD_ROWS)
    settings = _settings(options, part, model, files, outputs)
    with results_of(options.out, settings) as folder:
        at = exported_part(model, part) or _export(load, part, folder)
        session = open_part(at, threads=1 if options.engine == "ray" else None)
        if session.signature["part"] != part:
            raise ValueError(
                f"{at} is the part {session.signature['part']}, not the {part}: give the folder of "
                f"the {part}, or the folder that holds it."
            )
        reading: Reading | None = None
        if columns is not None:
            names = {
                "column": options.column,
                "label": getattr(options, "label", None),
                "id_column": options.id_column,
            }
            reading = reading_of(session, columns, **names)
            print(printable(f"reads {', '.join(reading.names[:20])}"), flush=True)
        job = Scoring.of(session, options.data, reading, columns, tuple(outputs or ()))
        finish(job, shards, folder, options)


def finish(job: Any, shards: list, folder: ShardFolder, options: Any) -> None:
    """Run a job with the options of the command line, and say what was done."""
    if options.engine == "ray" and len(shards) < (options.workers or os.cpu_count() or 1):
        print(
            f"Only {len(shards)} workers have work, one for each shard. For more shards, lower "
            "--shard-rows. A shard of a .parquet file has at least one row group: write such files "
            "with smaller row groups.",
            flush=True,
        )
    done = run(
        job,
        shards,
        folder,
        options.out,
        engine=options.engine,
        workers=options.workers,
        overwrite=options.overwrite,
        say=lambda text: print(text, flush=True),
    )
    print(printable(summary(done, options.out, job.schema.names)), flush=True)


def summary(done: Done, out: Any, names: list[str]) -> str:
    """Return in words what was done."""
    said = f"{out} is written: {done.rows:,} rows with {', '.join(names)}."
    if done.computed:
        said += f" {done.computed:,} of them were computed in {done.seconds:.1f} s."
    if done.empty:
        said += f" Images that could not be read, whose rows have only the name: {done.empty:,}."
    return said


@contextlib.contextmanager
def results_of(out: Any, settings: dict[str, str]) -> Iterator[ShardFolder]:
    """Yield the folder for the results of shards; after an error it stays if it holds results."""
    folder = ShardFolder(out, settings)
    try:
        yield folder
    except BaseException:
        if any(folder.path.glob("shard-*.parquet")):
            print(f"{folder.path} keeps what is done: run the same command to go on.", flush=True)
        else:
            folder.remove()
        raise
    finally:
        folder.close()


def _settings(options, part, model, files: list[File], outputs) -> dict[str, str]:
    return {
        "the model": fingerprint(exported_part(model, part) or model),
        "the data": fingerprint_of_files(files),
        "the part": part,
        "the version of the zoo": __version__,
        "--column": options.column or "",
        "--label": getattr(options, "label", None) or "",
        "--id": options.id_column or "",
        "--outputs": " ".join(outputs or ()),
        "--shard-rows": str(options.shard_rows or SHARD_ROWS),
    }


def _export(load, part: str, folder: ShardFolder) -> Path:
    """Return the folder of the part, exported into the folder of results if it is not there yet."""
    place = folder.part / part
    if exported_part(place, part) is None:
        print(f"exporting the {part} ...", flush=True)
        model = load()
        from zoo import export

        if part not in model.parts():
            raise ValueError(
                f"A {type(model).__name__} has no {part}; its parts are "
                f"{', '.join(model.parts())}: give a model that has one."
            )
        export.export_model(model, folder.part, formats=("onnx",), parts=[part])
    return Path(os.path.abspath(place))
