"""Options that several commands share: for reading data, and for settings of models."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib

_OF_THE_RECIPE = ("input_shape", "name", "seed", "encoder", "decoder", "discriminator", "lower")


def count(text: str) -> int:
    """Convert text from the command line to a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """Convert text from the command line to a seed, a whole number from 0 to 2^32 - 1."""
    if not text.isdecimal() or len(text) > 10 or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {2**32 - 1:,}")
    return int(text)


def label(text: str) -> int:
    """Convert text from the command line to the number of a class."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the number of a class, such as 0 or 1; `zoo card` lists the classes "
            f'in the order of their numbers. For rows of a table: --where "COLUMN={text}"'
        ) from None


def add_data(sub: argparse.ArgumentParser, text: str) -> None:
    """Add `--data`, also called `--images`, with a text that says what it is for."""
    sub.add_argument("--data", "--images", dest="data", help=text)


def add_table_options(sub: argparse.ArgumentParser) -> None:
    """Add the options for reading a table."""
    sub.add_argument(
        "--drop",
        "--ignore",
        dest="drop",
        action="extend",
        nargs="+",
        default=[],
        help="columns of a table to leave out",
    )
    sub.add_argument("--delimiter", help="between the cells of a .csv file; or tab [detected]")
    sub.add_argument("--decimal", choices=(".", ","), help="decimal sign of a .csv file [detected]")


def table_options(options: argparse.Namespace) -> dict:
    """Return the options for reading a table, as arguments of `zoo.data.from_table`."""
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
    help_ = f"size of {of_what}: one number, or height and width [64]"
    sub.add_argument("--size", type=count, nargs="+", help=help_)
    sub.add_argument("--channels", type=int, choices=(1, 3), help=f"channels of {of_what} [3]")


def size_of(options: argparse.Namespace) -> tuple[int, int] | None:
    """Return the height and width from `--size`, or None."""
    if options.size is None:
        return None
    if len(options.size) > 2:
        raise ValueError(f"--size has {len(options.size)} numbers; give one, or height and width.")
    return options.size[0], options.size[-1]


def settings_in(words: list[str]) -> dict:
    """Parse the remaining words of a command line as settings.

    Args:
        words: such as ["--latent-dim", "64", "--filters", "32", "64", "--tie-weights"].

    Returns:
        a dict from names to values, which are parsed as in TOML, else text. Several values become a
        list; an option without a value is True.

    Raises:
        ValueError: a word does not follow an option.

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
            raise ValueError(f"{word!r} does not follow an option: write --SETTING {word}.")
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
    """Return settings in the form that the class takes: one width becomes a list with one entry.

    No width becomes an empty list.

    Raises:
        TypeError: the class does not take a setting.
        ValueError: a setting cannot be given as an option.
    """
    from zoo.checks.constructors import arguments_of
    from zoo.training.settings import unknown

    takes = arguments_of(model_class)
    if wrong := [name for name in settings if name in _OF_THE_RECIPE]:
        raise ValueError(f"--{wrong[0].replace('_', '-')} is not an option here: leave it out.")
    if wrong := [name for name in settings if name not in takes]:
        raise unknown(model_class, wrong)
    checked = {}
    for name, value in settings.items():
        if _takes_several(model_class, name) and not isinstance(value, list):
            value = [] if value is True else [value]
        checked[name] = value
    return checked


def _takes_several(model_class: type, name: str) -> bool:
    """Return whether an argument is a tuple, as the class or one of its bases declares it."""
    from zoo.checks.constructors import arguments_of

    declared = [arguments_of(c).get(name) for c in model_class.__mro__ if "__init__" in vars(c)]
    return any(
        isinstance(one.default, tuple) or str(one.annotation).startswith("tuple")
        for one in declared
        if one is not None
    )
