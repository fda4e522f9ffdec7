"""The command `zoo encode`: the codes of many rows or images, in shards."""

from __future__ import annotations

import argparse

import zoo
from zoo.cli import own_classes
from zoo.cli.engine_options import add_column, add_engine, check, exported_part
from zoo.cli.standard_error import quiet
from zoo.presets.catalog import preset_folder

PART = "encoder"


def add_encode(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo encode`."""
    sub.add_argument("name", help="a preset, its folder, or a folder of `zoo export`")
    sub.add_argument(
        "data",
        help=".parquet file, or folder of these or of images: a path, or a URL that fsspec opens",
    )
    sub.add_argument("--out", required=True, help=".parquet file to write")
    sub.add_argument(
        "--id", dest="id_column", help="column that names the rows [they are numbered from 0]"
    )
    sub.add_argument(
        "--outputs", action="extend", nargs="+", help="outputs of the encoder, such as z_mean [all]"
    )
    sub.add_argument("--label", help="column of labels, for a model that takes labels")
    add_column(sub)
    add_engine(sub, "process")


def encode(options: argparse.Namespace) -> None:
    """Run `zoo encode`."""
    check(options)
    model = exported_part(options.name, PART)
    if model is None:
        zoo.card(options.name)  # show mistakes before a backend starts
        model = preset_folder(options.name)

    def load():
        with quiet():
            return zoo.load(options.name, custom_objects=own_classes.imported(options.modules))

    from zoo.cli.sharded import score

    score(options, PART, model, load, options.outputs)
