"""The command `zoo search`: options, and checks before a backend starts."""

from __future__ import annotations

import argparse
import os

import zoo
from zoo.cli import own_classes
from zoo.cli.shared_options import count
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_target


def add_search(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo search`."""
    sub.add_argument(
        "data",
        help="what is searched: a folder of images, or of text files for a model of words; an .npy "
        "or .npz file; or an index that --save wrote",
    )
    sub.add_argument(
        "query",
        help="an image, a text file or a folder of these, an .npy or .npz file; a number, for an "
        "item of the data, from 0; or words in quotes",
    )
    sub.add_argument("--k", type=count, default=10, help="how many hits for each query [10]")
    sub.add_argument("--out", default="zoo_search", help="folder to write [zoo_search]")
    sub.add_argument("--save", help="folder for the index, for later searches [none]")
    sub.add_argument(
        "--metric",
        choices=("cosine", "euclidean", "hamming"),
        help="how codes are compared [hamming for bits, else cosine]",
    )
    sub.add_argument("--array", help="name of the array in .npz files with several")
    sub.add_argument("--cache", help="folder to store decoded images [a temporary one]")
    sub.add_argument("--encoding", default="utf-8", help="of text files [utf-8]")


def search(options: argparse.Namespace) -> None:
    """Run `zoo search`."""
    read = [os.path.realpath(path) for path in (options.name, options.data, options.query)]
    written = [os.path.realpath(path) for path in (options.out, options.save) if path]
    if len({*written}) < len(written) or {*read} & {*written}:
        raise ValueError(
            "--out and --save are two folders that are written anew: name other ones than those of "
            "the preset, the data and the query."
        )
    zoo.card(options.name)  # show mistakes before a backend starts
    for target in filter(None, (options.out, options.save)):
        check_target(target, options.overwrite)
    with quiet():
        from zoo.cli.searching import search as run
    run(options, own_classes.imported(options.modules))
