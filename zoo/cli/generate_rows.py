"""What `zoo generate` does for a model of a table: write synthetic rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.cli import push
from zoo.cli.shared_options import count, table_options
from zoo.files.atomic_writes import write_file

N = 1000
_OF_PICTURES = ("picture", "cmap", "data")
_OF_TABLES = ("delimiter", "decimal", "drop")
# Options that `zoo generate` takes without --engine alone, with their defaults.
WITHOUT_ENGINE = {**dict.fromkeys((*_OF_PICTURES, *_OF_TABLES, "match", "most")), "drop": []}


def add_conditions(sub: Any) -> None:
    """Add the options for rows of a table."""
    sub.add_argument(
        "--where",
        action="extend",
        nargs="+",
        metavar="CONDITION",
        help='rows of a table for which these hold, such as "kind=b" "age<40"',
    )
    sub.add_argument(
        "--match",
        metavar="TABLE",
        help="the training table: each column of numbers gets its distribution, by ranks",
    )
    sub.add_argument(
        "--most",
        type=count,
        help="most rows to generate for --where [100 for each row asked for, at least 100,000]",
    )


def wanted(options: Any, card: dict) -> bool:
    """Return whether the options ask for rows: by their names, a .csv file, or a table's model.

    Raises:
        ValueError: they do, and the model has no columns, or an option would be ignored.
    """
    is_csv = str(options.out or "").lower().endswith(".csv")
    asked = next((f"--{n}" for n in ("where", "most", "match") if getattr(options, n)), "")
    rows = bool(asked or is_csv)
    if card.get("columns") and not (options.picture or options.data):
        rows = True
    if not rows:
        return False
    if not card.get("columns"):
        raise ValueError(
            f"{asked or options.out} is for models of tables, which generate rows; "
            f"{card['name']} makes a picture, such as --out samples.png."
        )
    others = _OF_PICTURES if options.match else (*_OF_PICTURES, *_OF_TABLES)
    given = [name for name in others if getattr(options, name)]
    if given:
        raise ValueError(f"--{given[0]} has no effect on these rows: leave it out.")
    if options.out and not is_csv:
        raise ValueError(f"Rows are written as a .csv file, and --out is {options.out}.")
    return True


def rows_file(options: Any) -> str:
    """Return the path of the file of rows that `zoo generate` writes."""
    return options.out or f"{push.short_name(options.name)}_rows.csv"


def write_rows(model: Any, card: dict, options: Any) -> str:
    """Generate rows, write them, and return what is printed."""
    from zoo.data.tables import from_table
    from zoo.inference.rows_where import rows_where

    out = rows_file(options)
    match = None
    if options.match and model.conditional:
        raise ValueError(
            f"A {type(model).__name__} generates rows by class, and --match gives them the "
            "distribution of the whole table: leave --match out."
        )
    if options.match:
        read = table_options(options)
        read["missing"] = "learn" if model.likelihood.takes_missing else "refuse"
        match = from_table(options.match, columns=model.likelihood, validation=0, **read)
    column = (card.get("recipe") or {}).get("label_file") or None
    found = rows_where(
        model,
        options.n or N,
        options.where or (),
        label=column,
        labels=options.labels,
        seed=options.seed or 0,
        most=options.most,
        match=match,
    )
    # A number of float32 has seven digits.
    write_file(Path(out), found.frame.to_csv(index=False, float_format="%.7g"))
    told = f"{out} is written: {len(found.frame):,} rows."
    if model.conditional and not (options.labels or found.by_label):
        told += " Every class is generated equally often; --labels or --where chooses."
    return f"{told} {found.told()}".rstrip()
