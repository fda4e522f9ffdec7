"""The command `zoo reproduce`."""

from __future__ import annotations

import argparse
import gc
import time
from typing import Any

from zoo.cli.shared_options import count
from zoo.cli.standard_error import quiet

OUT, QUICK_OUT = "results", "quick_results"


def add_reproduce(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo reproduce`."""
    sub.add_argument("name", nargs="?", help="an experiment of zoo.experiments")
    sub.add_argument("--list", action="store_true", help="list all experiments")
    sub.add_argument("--all", action="store_true", help="run all experiments")
    sub.add_argument(
        "--quick",
        action="store_true",
        help="one epoch on little data, to see that it runs; the figures mean nothing",
    )
    sub.add_argument("--out", help=f"folder for table and picture [{OUT}; quick: {QUICK_OUT}]")
    sub.add_argument("--epochs", type=count, default=None, help="epochs of each training")
    sub.add_argument(
        "--only", nargs="+", default=(), help="rows to run; the other rows are kept [all]"
    )


def reproduce(options: argparse.Namespace) -> None:
    """Run `zoo reproduce`."""
    with quiet():
        from zoo import experiments
    if options.all and (options.name or options.list or options.only):
        raise ValueError("--all runs all experiments: leave out the name, --list and --only.")
    if not options.all and (options.list or options.name is None):
        width = max(map(len, experiments.EXPERIMENTS))
        for name, one in sorted(experiments.EXPERIMENTS.items()):
            print(f"{name:{width}}  {one.minutes:>4g} min  {one.line}")
        return
    out = options.out or (QUICK_OUT if options.quick else OUT)
    given = {name: getattr(options, name) for name in ("epochs", "quick", "overwrite")}
    if options.all:
        _reproduce_all(experiments, out, given)
        return
    table = experiments.reproduce(options.name, out, only=options.only, **given)
    print(table.title)
    for row in (table.columns, *table.rows):
        print("  " + "  ".join(f"{'' if cell is None else cell!s:>22}" for cell in row))
    if options.quick:
        print("a quick run, whose figures mean nothing: leave out --quick for the measurement")
    print(f"written into {out}")


def _reproduce_all(experiments: Any, out: str, given: dict) -> None:
    """Run all experiments, the short ones first, and say at the end which ones failed."""
    import keras

    failed = []
    by_length = sorted(experiments.EXPERIMENTS.values(), key=lambda one: one.minutes)
    for number, one in enumerate(by_length, 1):
        start = time.monotonic()
        trains = experiments.trains(one.name)
        try:
            with quiet():  # TensorFlow warns of many models that are traced
                experiments.reproduce(
                    one.name, out, verbose=0, **given | ({} if trains else {"epochs": None})
                )
            said = f"{time.monotonic() - start:.0f} s"
        except Exception as error:  # the others are worth running
            failed.append(one.name)
            said = f"failed: {type(error).__name__}: {error}"
        print(f"{number}/{len(by_length)}  {one.name}: {said}", flush=True)
        keras.utils.clear_session()
        gc.collect()
    print(f"written into {out}")
    if failed:
        raise RuntimeError(f"{len(failed)} experiments failed: {', '.join(failed)}.")
