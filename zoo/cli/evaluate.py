"""The command `zoo evaluate`: measure a preset's metrics on data."""

from __future__ import annotations

import argparse
import sys

import zoo
from zoo.checks.words import kind_of_items
from zoo.cli import own_classes
from zoo.cli.shared_options import add_table_options, table_options
from zoo.cli.standard_error import quiet


def add_evaluate(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo evaluate`, except the name and the data."""
    sub.add_argument("--labels", help=".npy file with labels of these data, or column [none]")
    add_table_options(sub)
    sub.add_argument("--update", action="store_true", help="write the metrics into the card")


def evaluate(options: argparse.Namespace) -> None:
    """Run `zoo evaluate`."""
    from zoo.presets.catalog import preset_folder

    folder = preset_folder(options.name)
    card = zoo.card(options.name)
    with quiet():
        import numpy as np

        from zoo.metrics import evaluate as measured
        from zoo.presets.loading import load
        from zoo.recipes.evaluation_data import arrays_of
    read = table_options(options)
    name, train, (x, y) = arrays_of(card, options.data, options.labels, print, folder, **read)
    command = f"zoo evaluate {card['name']} --update{own_classes.options_again(options.modules)}"
    if options.data:  # cards hold no paths
        command += f" --data {options.data if options.data in zoo.data.SOURCES else 'PATH'}"
    kind = kind_of_items(card["input"]["shape"])
    print(f"measuring {options.name} on the test {kind} of {name} ...", flush=True)
    if sys.stderr.isatty():
        print(f"loading {options.name} ...", file=sys.stderr, flush=True)
    metrics = measured(
        load(options.name, custom_objects=own_classes.imported(options.modules)),
        name,
        arrays=(train, (np.asarray(x), y)),
        command=command,
        report=lambda m: print(f"  {m['name']}: {m['value']} {m['unit']}".rstrip(), flush=True),
    )
    if not metrics:
        print(f"  none of the metrics of {card['class']} can be measured on these data")
    if options.update:
        from zoo.presets.saving import update_card

        update_card(folder, metrics)
        print(f"written into {folder / 'card.json'}")
