"""Comparisons of models from lectures and papers; one command trains, measures, writes a table.

`zoo reproduce NAME` writes `results/NAME.json`, with reported and obtained values, and for some
experiments a picture. `results/README.md` shows all of them.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from zoo import plots
from zoo.backend import versions
from zoo.checks.names import UnknownNameError
from zoo.experiments.quick import little_data
from zoo.experiments.registry import EXPERIMENTS
from zoo.experiments.registry import Experiment as Experiment
from zoo.experiments.resuming import NOT_KEPT, States
from zoo.experiments.table import SEED, Table, with_earlier_rows
from zoo.files.atomic_writes import check_file, write_file
from zoo.recipes.training import telling_of_state

QUICK_PROTOCOL = (
    "A quick run on a few hundred items, with small settings: its figures mean nothing, and the "
    "numbers of items that follow are those of a whole run."
)

for _module in pkgutil.iter_modules(__path__):  # each registers its experiments
    importlib.import_module(f"{__name__}.{_module.name}")


def reproduce(
    name: str,
    out: Any = "results",
    *,
    epochs: int | None = None,
    quick: bool = False,
    only: Sequence[str] = (),
    overwrite: bool = False,
    verbose: int | str = 2,
) -> Table:
    """Run an experiment and write its table (and picture) into a folder.

    Some experiments have trainings that take hours. They save the state of each training about a
    hundred times, in the folder `.NAME.progress` beside the table, and delete it when the table is
    written. After a stop, the same call goes on from there.

    Args:
        name: a name in `EXPERIMENTS`.
        out: the folder to write to.
        epochs: the length of each training, instead of the experiment's number.
        quick: whether to run it on little data, with small settings and one epoch: it shows that
            the experiment runs, and its figures mean nothing.
        only: names of rows, for experiments whose rows can be run alone; the other rows are kept
            from the table of an earlier run.
        overwrite: whether to replace the table and the picture of an earlier run.
        verbose: as in `keras.Model.fit`.

    Raises:
        FileExistsError: the table exists, and `overwrite` is false; raised before training starts.
        UnknownNameError: there is no such experiment or row; the error suggests the nearest names.
        ValueError: `epochs` for an experiment that trains nothing, or `only` for one that runs all
            rows together.
    """
    rows = rows_of(name)
    experiment = EXPERIMENTS[name].run
    if quick and trains(name):
        epochs = epochs or 1
    options = {"verbose": verbose, **({"epochs": epochs} if epochs else {})}
    options |= {"only": tuple(only)} if only else {}
    unknown = options.keys() - inspect.signature(experiment).parameters.keys()
    if "epochs" in unknown:
        raise ValueError(f"{name} trains nothing: leave out epochs.")
    if only and not rows:
        raise ValueError(f"{name} runs all rows together: leave out only.")
    for one in only:
        if one not in rows:
            raise UnknownNameError("row", one, rows, listing=f"`zoo reproduce {name} --list`")
    folder = Path(out)
    for path in (folder / f"{name}{end}" for end in (".json", ".png", ".gif")):
        check_file(path, overwrite)
    keras.utils.set_random_seed(SEED)
    states = NOT_KEPT if quick else States(folder / f".{name}.progress")
    if "states" in inspect.signature(experiment).parameters:
        options["states"] = states
    told = telling_of_state(states.folder) if states.folder else nullcontext()
    with little_data() if quick else nullcontext(), told:
        table = experiment(**{key: options[key] for key in options.keys() - unknown})
    before, earlier = folder / f"{name}.json", []
    if only and before.is_file():  # read now: another run may have written rows
        earlier = json.loads(before.read_text(encoding="utf-8"))["rows"]
    table = replace(table, rows=with_earlier_rows(table.rows, earlier))
    if quick:
        table = replace(table, protocol=f"{QUICK_PROTOCOL} {table.protocol}")
    command = f"zoo reproduce {name}" + (f" --epochs {epochs}" if epochs else "")
    command += " --quick" if quick else ""
    write_table(table, name, folder, command)
    states.end()
    return table


def trains(name: str) -> bool:
    """Return whether an experiment trains models, so that it has a number of epochs.

    Args:
        name: a name in `EXPERIMENTS`.
    """
    return "epochs" in inspect.signature(EXPERIMENTS[name].run).parameters


def rows_of(name: str) -> list[str]:
    """Return the names of the rows that can be run alone; [] if all rows are run together.

    Args:
        name: a name in `EXPERIMENTS`.

    Raises:
        UnknownNameError: there is no such experiment; the error suggests the nearest names.
    """
    if name not in EXPERIMENTS:
        raise UnknownNameError("experiment", name, EXPERIMENTS, listing="`zoo reproduce --list`")
    rows = EXPERIMENTS[name].rows
    return list(rows()) if rows else []


def write_table(table: Table, name: str, out: Any, command: str) -> None:
    """Write the table of an experiment, NAME.json, and its pictures into a folder.

    They are NAME.png, and NAME.gif if one moves.

    Args:
        table: the result of the experiment. name: the name of the files. out: the folder.
        command: the command that makes the table.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "title": table.title,
        "protocol": table.protocol,
        "seed": SEED,
        "command": command,
        "versions": versions(),
        "columns": table.columns,
        "rows": table.rows,
        "picture": f"{name}.png" if table.figure else None,
    }
    if table.animation:
        record["animation"] = f"{name}.gif"
        table.animation.save(folder / f"{name}.gif", overwrite=True)
    if table.figure:
        plots.save_small(table.figure, folder / f"{name}.png")
    write_file(folder / f"{name}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
