"""Options that several commands share: how data are read, and settings of models."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib

_OF_THE_RECIPE = ("input_shape", "name", "seed", "encoder", "decoder", "discriminator", "lower")


def count(text: str) -> int:
    """Return a number of at least 1 that was typed."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of at least 1")
    return int(text)


def add_table_options(sub: argparse.ArgumentParser) -> None:
    """Add the options of how a table is read."""
    sub.add_argument(
        "--drop",
        "--ignore",
        dest="drop",
        nargs="+",
        default=[],
        help="columns of a table to leave out",
    )
    sub.add_argument("--delimiter", help="between the cells of a .csv file; or tab [found out]")
    sub.add_argument("--decimal", choices=(".", ","), help="sign in a .csv file [found out]")


def table_options(options: argparse.Namespace) -> dict:
    """Return how a table is read, as arguments of `zoo.data.from_table`."""
    return {name: getattr(options, name) for name in ("drop", "delimiter", "decimal")}


def data_again(options: argparse.Namespace) -> str:
    """Return the options that read the same data again."""
    again = [["--data", options.data]] if options.data else []
    again += [["--labels", options.labels]] if options.labels else []
    again += [["--drop", *options.drop]] if options.drop else []
    signs = {"--delimiter": options.delimiter, "--decimal": options.decimal}
    again += [[name, value] for name, value in signs.items() if value]
    return "".join(f" {shlex.join(words)}" for words in again)


def add_shape(sub: argparse.ArgumentParser, of_what: str) -> None:
    """Add `--size` and `--channels`."""
    sub.add_argument(
        "--size", type=count, nargs="+", help=f"{of_what}, one number, or height and width [64]"
    )
    sub.add_argument("--channels", type=int, choices=(1, 3), help=f"{of_what} [3]")


def size_of(options: argparse.Namespace) -> tuple[int, int] | None:
    """Return height and width as they were asked for, or None."""
    if options.size is None:
        return None
    if len(options.size) > 2:
        raise ValueError(f"--size has {len(options.size)} numbers; give one, or height and width.")
    return options.size[0], options.size[-1]


def settings_in(words: list[str]) -> dict:
    """Return the settings that the remaining words of a command line give.

    Args:
        words: such as ["--latent-dim", "64", "--filters", "32", "64", "--tie-weights"].

    Returns:
        by name, the value as TOML has it, or as text; a list of several; True of none.

    Raises:
        ValueError: words that follow no option.

    Example:
        >>> from zoo.cli.shared_options import settings_in
        >>> settings_in(["--filters", "32", "64", "--likelihood", "gaussian", "--beta", "2"])
        {'filters': [32, 64], 'likelihood': 'gaussian', 'beta': 2}
    """
    found, name = {}, None
    for word in words:
        if re.match("--[A-Za-z]", word):
            name, equals, value = word[2:].partition("=")
            name = name.replace("-", "_")
            found[name] = [_value(value)] if equals else []
        elif name is None:
            raise ValueError(f"{word!r} belongs to no option: write --SETTING {word}.")
        else:
            found[name].append(_value(word))
    return {name: _one(values) for name, values in found.items()}


def _value(text):
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _one(values):
    return (values[0] if len(values) == 1 else values) if values else True


def check_settings(model_class: type, settings: dict) -> dict:
    """Return settings as the class takes them: one width is a list of one, none an empty list.

    Raises:
        TypeError: a setting that the class does not take.
        ValueError: one that is no matter of options.
    """
    from zoo.checks.constructors import arguments_of
    from zoo.training.settings import unknown

    takes = arguments_of(model_class)
    if wrong := [name for name in settings if name in _OF_THE_RECIPE]:
        raise ValueError(f"--{wrong[0].replace('_', '-')} is no option here: leave it out.")
    if wrong := [name for name in settings if name not in takes]:
        raise unknown(model_class, wrong)
    checked = {}
    for name, value in settings.items():
        declared = takes[name]
        several = isinstance(declared.default, tuple) or str(declared.annotation).startswith(
            "tuple"
        )
        if several and not isinstance(value, list):
            value = [] if value is True else [value]
        checked[name] = value
    return checked
