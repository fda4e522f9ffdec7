"""The command `zoo reproduce`."""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

from zoo.cli.shared_options import count
from zoo.cli.standard_error import quiet

OUT, QUICK_OUT = "results", "quick_results"
QUICK_JOBS = 4


def add_reproduce(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo reproduce`."""
    sub.add_argument("name", nargs="?", help="an experiment of zoo.experiments")
    sub.add_argument(
        "--list",
        action="store_true",
        help="list all experiments; with a name, the rows of this one for --only",
    )
    sub.add_argument("--all", action="store_true", help="run all experiments")
    sub.add_argument(
        "--quick",
        action="store_true",
        help="one epoch on little data, to see that it runs; the figures mean nothing",
    )
    sub.add_argument("--out", help=f"folder for table and picture [{OUT}; quick: {QUICK_OUT}]")
    sub.add_argument("--epochs", type=count, default=None, help="epochs of each training")
    sub.add_argument(
        "--only",
        action="extend",
        nargs="+",
        default=[],
        help="rows to run; the other rows are kept [all]",
    )
    sub.add_argument(
        "--jobs",
        type=count,
        help="with --all, experiments that run at once, about 2 GB each "
        f"[1; quick: the number of cores, at most {QUICK_JOBS}]",
    )


def reproduce(options: argparse.Namespace) -> None:
    """Run `zoo reproduce`."""
    with quiet():
        from zoo import experiments
    if options.all and (options.name or options.list or options.only):
        raise ValueError("--all runs all experiments: leave out the name, --list and --only.")
    if options.jobs and not options.all:
        raise ValueError("--jobs is for --all: one experiment runs in one process.")
    if options.list and options.name:
        rows = experiments.rows_of(options.name)
        print("\n".join(rows) or f"{options.name} runs all rows together: it has no --only.")
        return
    if not options.all and (options.list or options.name is None):
        width = max(map(len, experiments.EXPERIMENTS))
        for name, one in sorted(experiments.EXPERIMENTS.items()):
            print(f"{name:{width}}  {one.minutes:>4g} min  {one.line}")
        return
    out = options.out or (QUICK_OUT if options.quick else OUT)
    given = {name: getattr(options, name) for name in ("epochs", "quick", "overwrite")}
    if options.all:
        jobs = options.jobs or (min(os.cpu_count() or 1, QUICK_JOBS) if options.quick else 1)
        _reproduce_all(experiments, out, given, jobs)
        return
    table = experiments.reproduce(options.name, out, only=options.only, **given)
    print(table.title)
    for row in (table.columns, *table.rows):
        print("  " + "  ".join(f"{'' if cell is None else cell!s:>22}" for cell in row))
    if options.quick:
        print("a quick run, whose figures mean nothing: leave out --quick for the measurement")
    print(f"written into {out}")


def _reproduce_all(experiments: Any, out: str, given: dict, jobs: int) -> None:
    """Run all experiments, the short ones first, and say at the end which ones failed."""
    by_length = sorted(experiments.EXPERIMENTS.values(), key=lambda one: one.minutes)
    failed = []
    asked = [(one.name, out, given) for one in by_length]
    for number, (name, said, error) in enumerate(_answers(asked, min(jobs, len(asked))), 1):
        print(f"{number}/{len(asked)}  {name}: {said}", flush=True)
        if error:
            failed.append(name)
    print(f"written into {out}")
    if failed:
        raise RuntimeError(f"{len(failed)} experiments failed: {', '.join(failed)}.")


def _answers(asked: list[tuple], jobs: int) -> Iterator[tuple[str, str, bool]]:
    """Yield what `_run` returns for each of these arguments, in the order in which they end."""
    if jobs == 1:
        yield from itertools.starmap(_run, asked)
        return
    # A copy of a process in which a backend runs can hang, so that each one starts anew.
    pool = futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        running = {pool.submit(_run, *one): one[0] for one in asked}
        for done in futures.as_completed(running):
            error = done.exception()  # of the process itself: it was killed
            yield (running[done], f"failed: {error}", True) if error else done.result()
    finally:
        pool.shutdown(cancel_futures=True)  # on an interrupt, none is begun any more


def _run(name: str, out: str, given: dict) -> tuple[str, str, bool]:
    """Run one experiment; return its name, how long it took or why it failed, and whether it did.

    Args:
        given: further arguments of `zoo.experiments.reproduce`.
    """
    with quiet():
        import keras

        from zoo import experiments
    start = time.monotonic()
    try:
        given = given if experiments.trains(name) else given | {"epochs": None}
        with quiet():  # TensorFlow warns of many models that are traced
            experiments.reproduce(name, out, verbose=0, **given)
    except Exception as error:  # the others are worth running
        return name, f"failed: {type(error).__name__}: {error}", True
    finally:
        keras.utils.clear_session()
        gc.collect()
    return name, f"{time.monotonic() - start:.0f} s", False
