"""The command `zoo impute`: fills in the empty cells of a table."""

from __future__ import annotations

import argparse
from pathlib import Path

import zoo
from zoo.cli.shared_options import add_table_options, seed, table_options
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_file, write_file


def add_impute(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo impute`."""
    sub.add_argument("name", help="preset that was trained with --missing learn")
    sub.add_argument("table", help="a table with empty cells, .csv, .tsv or .parquet")
    sub.add_argument("--out", required=True, help=".csv file to write")
    add_table_options(sub)
    sub.add_argument("--seed", type=seed, default=0, help="seed of the codes that are drawn [0]")


def impute(options: argparse.Namespace) -> None:
    """Run `zoo impute`."""
    if Path(options.out).suffix.lower() != ".csv":
        raise ValueError(
            f"Rows are written as a .csv file, and --out is {options.out}: give a name that ends "
            "in .csv."
        )
    check_file(options.out, options.overwrite)
    with quiet():
        from zoo.data.frames import pandas_for
        from zoo.data.table_cells import cells_of, listed
        from zoo.data.tables import read_table

        pandas = pandas_for("zoo impute")
        load = zoo.load  # which imports the models
    model = load(options.name)
    cells = cells_of(options.table, options.delimiter, options.decimal)
    if model.conditional:
        raise ValueError(
            f"A {type(model).__name__} needs the labels of the rows, which zoo impute does not "
            "take: call model.impute(table, labels) in Python, or train a VAE with all columns."
        )
    if model.likelihood.takes_missing:  # so that errors name the lines of the file
        read_table(
            options.table, columns=model.likelihood, missing="learn", **table_options(options)
        )
    if absent := [name for name in options.drop if name not in cells.columns]:
        raise ValueError(
            f"{options.table} has no column {absent[0]!r}; it has {listed(cells.columns)}."
        )
    table = pandas.DataFrame(dict(cells.columns), dtype=object)
    full = model.impute(table.drop(columns=options.drop), seed=options.seed)
    for name in full.columns:
        table[name] = full[name]
    write_file(Path(options.out), table.to_csv(index=False))
    print(f"{options.out} is written: {len(table):,} rows without missing values.")
