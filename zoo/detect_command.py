"""The options of the command `zoo detect`."""

from __future__ import annotations

import argparse

from zoo.training_commands import add_shape, add_table_options, count


def add_detect(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo detect`."""
    sub.add_argument(
        "name",
        help="a preset, a folder written by Detector.save, or a class, such as VAE, which is "
        "trained first",
    )
    sub.add_argument("data", help="folder of images, .npy or .npz file, or a table")
    add_table_options(sub)
    sub.add_argument("--id", dest="id_column", help="column of a table that names its rows")
    sub.add_argument(
        "--unknown", choices=("refuse", "score"), help="values of a category not known [refuse]"
    )
    sub.add_argument("--out", required=True, help="folder to write")
    sub.add_argument("--save", help="folder for the detector, which can be exported [none]")
    sub.add_argument(
        "--train-data",
        help="file or folder that a class is trained on, and the threshold set on [the data]",
    )
    sub.add_argument("--cache", help="folder for the images of a folder, decoded [a temporary one]")
    sub.add_argument("--array", help="name of the array in .npz files with several")
    sub.add_argument(
        "--labels", help="file, column or from_subfolders: 1 is an anomaly; or classes"
    )
    sub.add_argument("--normal", nargs="+", help="classes, or subfolders, that are normal")
    sub.add_argument("--score", help="see zoo.anomaly.Detector [the model's default]")
    sub.add_argument("--contamination", type=float, help="share of anomalies [0.1]")
    sub.add_argument("--quantile", type=float, help="of normal scores, as the threshold")
    sub.add_argument("--false-positive-rate", type=float, help="by an extreme-value fit")
    sub.add_argument(
        "--standardize",
        action="store_true",
        default=None,
        help="subtract the mean and divide by the deviation of each column or channel",
    )
    sub.add_argument("--names", nargs="+", help="of the columns or channels [those of a table]")
    sub.add_argument("--units", nargs="+", help="of the columns or channels [none]")
    sub.add_argument("--seed", type=int, help="of all that is random [0]")
    sub.add_argument("--epochs", type=count, help="of a class [its own number]")
    add_shape(sub, "of the images of a folder, for a class")
    sub.add_argument("--top", type=count, default=24, help="how many items to list [24]")
    sub.epilog = (
        "For a class, any other option is one of its settings, with a value as TOML has it: "
        "--latent-dim 8 --hidden-units 64 32"
    )
