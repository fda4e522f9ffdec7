"""Options of the commands that compute in shards, and their checks before a backend starts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.cli.shared_options import count
from zoo.files.atomic_writes import check_file
from zoo.inference.sharded.jobs import ENGINES

SHARD_ROWS = 50_000


def add_engine(sub: argparse.ArgumentParser, default: str | None) -> None:
    """Add `--engine`, `--workers` and `--shard-rows`."""
    usual = default or "none: everything is in memory"
    sub.add_argument(
        "--engine",
        choices=ENGINES,
        default=default,
        help="compute in shards and write a .parquet file: in this process, or in several by Ray "
        f"[{usual}]",
    )
    sub.add_argument("--workers", type=count, help="Ray processes [one for each CPU]")
    sub.add_argument(
        "--shard-rows",
        type=count,
        help="rows of a shard, whose results are kept if a later one fails; for .parquet files "
        f"rounded up to whole row groups [{SHARD_ROWS}]",
    )


def add_column(sub: argparse.ArgumentParser) -> None:
    """Add `--column`."""
    sub.add_argument(
        "--column", help="column of lists of numbers that the model takes [the only one]"
    )


def check(options: argparse.Namespace, others: Mapping[str, Any] | None = None) -> None:
    """Refuse options that do not go together with `--engine`, or that need it.

    Args:
        options: of the command line. others: the names of those that only the command without an
            engine takes, with their defaults.

    Raises:
        FileExistsError: the file exists. ImportError: pyarrow is needed.
        ValueError: an option does not fit; the message names it.
    """
    if options.engine is None:
        for name in ("workers", "shard_rows", "column"):
            if getattr(options, name, None):
                option = name.replace("_", "-")
                raise ValueError(
                    f"--{option} is for --engine, which is not given: add --engine process or "
                    f"--engine ray, or leave --{option} out."
                )
        if str(options.out or "").endswith(".parquet"):
            raise ValueError(
                f"--out is {options.out}: a .parquet file is written with an engine; add --engine "
                "process, or give another name."
            )
        return
    given = [name for name, usual in (others or {}).items() if getattr(options, name) != usual]
    if given:
        option = given[0].replace("_", "-")
        raise ValueError(
            f"--{option} does not go together with --engine: leave one of the two out."
        )
    if options.workers and options.engine != "ray":
        raise ValueError(
            "--workers is for --engine ray, which is not given: add it, or leave --workers out."
        )
    if not str(options.out or "").endswith(".parquet"):
        raise ValueError(
            f"The result is a Parquet file, and --out is {options.out}: give a name that ends in "
            ".parquet."
        )
    check_file(options.out, options.overwrite)
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            "Parquet files need pyarrow: pip install 'autoencoder-zoo[parquet]'."
        ) from error


def exported_part(name: str | os.PathLike, part: str) -> Path | None:
    """Return the folder of an exported part, which is `name` or `name/part`; None if neither is."""
    from zoo.runtime.signature_file import SIGNATURE_FILE  # here, as it imports NumPy

    places = (Path(name), Path(name) / part)
    return next((place for place in places if (place / SIGNATURE_FILE).is_file()), None)
