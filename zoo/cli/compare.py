"""The command `zoo compare`: generated rows of a table beside real ones, on a page."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo.cli.shared_options import add_table_options, seed
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_file


def add_compare(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo compare`."""
    sub.add_argument("real", help="the table that the model learned from: .csv, .tsv or .parquet")
    sub.add_argument("rows", nargs="+", help="tables of generated rows")
    sub.add_argument("--held-out", help="a table of further real rows: for privacy and --target")
    sub.add_argument("--target", help="a column to predict, by what was learned from these rows")
    sub.add_argument("--out", default="rows.html", help="the page to write [rows.html]")
    sub.add_argument("--seed", type=seed, default=0, help="of the copula and the forests [0]")
    add_table_options(sub)


def compare(options: argparse.Namespace) -> None:
    """Run `zoo compare`."""
    if Path(options.out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"The page is written as a .html file, and --out is {options.out}: give a name that "
            "ends in .html."
        )
    check_file(options.out, options.overwrite)
    with quiet():
        from zoo.metrics.synthetic_report import summary, write_synthetic_report
    paths = options.rows
    names = [Path(path).stem for path in paths]
    names = names if len(set(names)) == len(names) else paths
    if len(set(names)) < len(names):
        raise ValueError(f"The same table is given twice: {', '.join(paths)}.")
    found = write_synthetic_report(
        options.real,
        dict(zip(names, paths, strict=True)),
        options.out,
        held_out=options.held_out,
        target=options.target,
        drop=options.drop,
        signs={"delimiter": options.delimiter, "decimal": options.decimal},
        seed=options.seed,
        overwrite=options.overwrite,
    )
    titles, lines = summary(found)
    widths = [max(map(len, column)) for column in zip(titles, *lines, strict=True)]
    for line in (titles, *lines):
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join([line[0].ljust(widths[0]), *cells[1:]]))
    print(f"{options.out} is written.")
