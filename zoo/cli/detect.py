"""The commands `zoo detect` and `zoo renew`: options, and checks before a backend starts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import zoo
from zoo.cli import own_classes
from zoo.cli.engine_options import add_column, add_engine, check, exported_part
from zoo.cli.shared_options import add_shape, add_table_options, count, seed
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_target

PART = "detector"
# Options for data in memory, or for making and training a detector, with their defaults.
_UNUSED = ("delimiter", "decimal", "cache", "array", "unknown", "missing", "save", "train_data")
_UNUSED += ("labels", "normal", "score", "contamination", "quantile", "false_positive_rate")
_UNUSED += ("standardize", "names", "units", "seed", "epochs", "size", "channels", "by", "compare")
_WITHOUT_ENGINE = {**dict.fromkeys(_UNUSED), "drop": [], "every": "month", "top": 24}
_WITHOUT_ENGINE["settings"] = []


def add_detect(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo detect`."""
    sub.add_argument(
        "name",
        help="a preset, a folder written by Detector.save, or a class, such as VAE, which is "
        "trained first; with --engine also a folder of `zoo export`",
    )
    _add_data(sub)
    sub.add_argument("--id", dest="id_column", help="column of a table that names its rows")
    sub.add_argument(
        "--unknown", choices=("refuse", "score"), help="for unknown values of a category [refuse]"
    )
    sub.add_argument(
        "--missing",
        choices=("refuse", "learn"),
        help="for empty cells of a table, for a class: learn with them [refuse]",
    )
    sub.add_argument(
        "--out", required=True, help="folder to write; with --engine a .parquet file of the scores"
    )
    sub.add_argument("--save", help="folder for the detector, which can be exported [none]")
    sub.add_argument(
        "--train-data",
        help="file or folder to train a class and to set the threshold [the data]",
    )
    sub.add_argument(
        "--labels", help="file, column or from_subfolders: 1 is an anomaly; or classes"
    )
    sub.add_argument(
        "--normal", action="extend", nargs="+", help="classes, or subfolders, that are normal"
    )
    sub.add_argument("--score", help="see zoo.anomaly.Detector [the model's default]")
    sub.add_argument("--contamination", type=float, help="share of anomalies [0.1]")
    sub.add_argument("--quantile", type=float, help="quantile of normal scores as the threshold")
    sub.add_argument(
        "--false-positive-rate", type=float, help="sets the threshold by an extreme-value fit"
    )
    sub.add_argument(
        "--standardize",
        action="store_true",
        default=None,
        help="subtract the mean of each column or channel, and divide by its standard deviation",
    )
    sub.add_argument(
        "--names", action="extend", nargs="+", help="names of the columns or channels [the table's]"
    )
    sub.add_argument(
        "--units", action="extend", nargs="+", help="units of the columns or channels [none]"
    )
    sub.add_argument("--seed", type=seed, help="seed of all random numbers [0]")
    sub.add_argument("--epochs", type=count, help="epochs to train a class [its own number]")
    add_shape(sub, "the images in a folder, for a class")
    sub.add_argument(
        "--by", help="column of dates, .npy file of dates, or from_subfolders, to show the drift"
    )
    sub.add_argument(
        "--every",
        choices=("month", "week", "day", "year", "value"),
        default="month",
        help="periods of --by; value: one period for each value, such as a batch [month]",
    )
    sub.add_argument("--compare", help="folder of an earlier detector, to compare with [none]")
    sub.add_argument("--top", type=count, default=24, help="how many items to list [24]")
    add_column(sub)
    add_engine(sub, None)
    sub.epilog = (
        "For a class, any other option is one of its settings, with a value as in TOML: "
        "--latent-dim 8 --hidden-units 64 32"
    )


def add_renew(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo renew`."""
    sub.add_argument("name", help="a folder written by Detector.save")
    _add_data(sub)
    sub.add_argument("--out", required=True, help="folder for the new detector")
    sub.add_argument("--train", action="store_true", help="also train the model further")
    sub.add_argument("--epochs", type=count, default=None, help="epochs of this training")
    sub.set_defaults(labels=None, id_column=None, unknown=None, by=None, missing=None)


def _add_data(sub) -> None:
    sub.add_argument("data", help="folder of images, .npy or .npz file, or a table")
    add_table_options(sub)
    sub.add_argument("--cache", help="folder to store decoded images [a temporary one]")
    sub.add_argument("--array", help="name of the array in .npz files with several")


def is_detector(name: str) -> bool:
    """Return whether a folder holds a detector."""
    return os.path.isfile(os.path.join(name, "detector.json"))


def is_class(name: str) -> bool:
    """Return whether this is the name of a class of the zoo, which `zoo detect` trains."""
    return name[:1].isupper() and name in zoo.__all__


def detect(options: argparse.Namespace) -> None:
    """Run `zoo detect`."""
    check(options, _WITHOUT_ENGINE)
    if options.engine:
        _score(options)
        return
    for target in filter(None, (options.out, options.save)):
        check_target(target, options.overwrite)
    if not is_detector(options.name) and not is_class(options.name):
        zoo.card(options.name)  # show mistakes before a backend starts
    if options.compare:
        _check_detector(options.compare)
    with quiet():
        from zoo.cli.detection import detect as run
    run(options, own_classes.imported(options.modules))


def _score(options):
    """Score in shards, without the report, which needs all items in memory."""
    model = exported_part(options.name, PART)
    if model is None:
        if not is_detector(options.name):
            raise ValueError(
                f"{options.name} is no detector with a threshold, which --engine needs: write one "
                f"by `zoo detect {options.name} SOME_DATA --out REPORT --save FOLDER`, and give "
                "FOLDER."
            )
        model = Path(options.name)

    def load():
        with quiet():
            from zoo.anomaly import load
        return load(options.name, custom_objects=own_classes.imported(options.modules))

    from zoo.cli.sharded import score

    score(options, PART, model, load, ("score", "is_anomaly"))


def renew(options: argparse.Namespace) -> None:
    """Run `zoo renew`."""
    check_target(options.out, options.overwrite)
    _check_detector(options.name)
    if options.epochs and not options.train:
        raise ValueError("--epochs is for training: add --train, or leave it out.")
    with quiet():
        from zoo.cli.detection import renew as run
    run(options, own_classes.imported(options.modules))


def _check_detector(name):
    if not is_detector(name):
        raise FileNotFoundError(
            f"{name} is not the folder of a detector: give one that `zoo detect --save` or "
            "Detector.save wrote."
        )
