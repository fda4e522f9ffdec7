"""The commands `zoo train` and `zoo recipe`, and settings of models as options."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import tomllib
from dataclasses import replace

from zoo import own_classes
from zoo.atomic_writes import check_target
from zoo.quiet import quiet

_OF_THE_RECIPE = ("input_shape", "name", "seed", "encoder", "decoder", "discriminator", "lower")


def count(text: str) -> int:
    """Return a number of at least 1 that was typed."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of at least 1")
    return int(text)


def add_train(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo train`."""
    sub.add_argument(
        "name", help="a recipe, named like its preset; a .toml file of your own; or a class"
    )
    sub.add_argument("--out", required=True, help="preset folder to write")
    sub.add_argument("--epochs", type=count, default=None, help="other than the recipe's")
    sub.add_argument(
        "--data",
        "--images",
        dest="data",
        help="a folder of images, or an .npy or .npz file of them; or a table, .csv, .tsv or "
        ".parquet [the recipe's data]",
    )
    sub.add_argument(
        "--labels",
        help=".npy file with labels, or a table's column, for models that learn them "
        "[the subfolders]",
    )
    add_table_options(sub)
    add_shape(sub, "of the images of a folder")
    sub.add_argument("--cache", help="folder for the images of a folder, decoded [a temporary one]")
    sub.add_argument("--batch-size", type=count, help="other than the recipe's")
    sub.add_argument("--learning-rate", type=float, help="other than the recipe's")
    sub.add_argument("--seed", type=int, help="of weights, noise and validation images")
    sub.add_argument(
        "--keep",
        choices=("last", "best"),
        help="the weights of the last epoch, or of that with the lowest val_loss [the recipe's; of "
        "a class the best, if its val_loss tells]",
    )
    sub.add_argument(
        "--from",
        dest="other",
        metavar="PRESET",
        help="start from its weights: all that fit, also with other classes, codes or images",
    )
    sub.add_argument("--licence", help="of the weights, for the card [not stated]")
    sub.add_argument("--strategy", help="mirrored, workers or data_parallel: on several devices")
    sub.epilog = (
        "Any other option is a setting of the class, with a value as TOML has it: "
        "--latent-dim 64 --likelihood gaussian --filters 32 64 --beta 2 "
        "--network dense|conv|resnet|conv1d"
    )


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


def add_recipe(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo recipe`."""
    sub.add_argument("name", help="a recipe, or a class")
    add_shape(sub, "for images of a class")


def settings_in(words: list[str]) -> dict:
    """Return the settings that the remaining words of a command line give.

    Args:
        words: such as ["--latent-dim", "64", "--filters", "32", "64", "--tie-weights"].

    Returns:
        by name, the value as TOML has it, or as text; a list of several; True of none.

    Raises:
        ValueError: words that follow no option.

    Example:
        >>> from zoo.training_commands import settings_in
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
    from zoo.models.settings import unknown

    takes = model_class.__signature__.parameters
    if wrong := [name for name in settings if name in _OF_THE_RECIPE]:
        raise ValueError(f"--{wrong[0].replace('_', '-')} is no option here: leave it out.")
    if wrong := [
        name for name in settings if name not in takes and name not in model_class.refused
    ]:
        raise unknown(model_class, wrong)
    checked = {}
    for name, value in settings.items():
        several = name in takes and (
            name == "hidden_units" or isinstance(takes[name].default, tuple)
        )
        if several and not isinstance(value, list):
            value = [] if value is True else [value]
        checked[name] = value
    return checked


def size_of(options: argparse.Namespace) -> tuple[int, int] | None:
    """Return height and width as they were asked for, or None."""
    if options.size is None:
        return None
    if len(options.size) > 2:
        raise ValueError(f"--size has {len(options.size)} numbers; give one, or height and width.")
    return options.size[0], options.size[-1]


def train(options: argparse.Namespace) -> None:
    """Run `zoo train`."""
    from zoo.presets import recipes

    named = options.name in recipes.names() or options.name.endswith(".toml")
    recipe = recipes.get(options.name) if named else None
    check_target(options.out, options.overwrite)
    with quiet():
        from zoo.presets.loading import load
        from zoo.presets.other_sizes import settings_of
        from zoo.presets.training import check_names
        from zoo.presets.training import train as run
    own_models = own_classes.imported(options.modules)
    model_class = _class_of(recipe.class_name if recipe else options.name, own_models)
    other = load(options.other, custom_objects=own_models) if options.other else None
    if recipe and options.name.endswith(".toml"):
        check_names(recipe, model_class)
    settings = check_settings(model_class, settings_in(options.settings))
    network = settings.get("network", recipe.model.get("network") if recipe else None)
    shape = recipe.model.get("input_shape", ()) if recipe else getattr(other, "image_shape", ())
    own = _read(options, recipe, model_class, network, shape) if options.data else None
    if recipe is None:
        if isinstance(other, model_class):
            settings = {**settings_of(other, model_class), **settings}
        recipe = _from_class(options, model_class, settings, own)
    else:
        recipe = replace(recipe, model={**recipe.model, **settings})
    given = {"seed": options.seed, "keep": options.keep}
    recipe = replace(recipe, **{name: v for name, v in given.items() if v is not None})
    if options.learning_rate is not None:
        rates = {**recipe.optimizer, "learning_rate": options.learning_rate}
        recipe = replace(recipe, optimizer=rates)
    card = run(
        recipe,
        options.out,
        epochs=options.epochs,
        batch_size=options.batch_size,
        overwrite=options.overwrite,
        images=own,
        labels=None if own else options.labels,
        strategy=options.strategy,
        licence=options.licence,
        model_class=own_models.get(recipe.class_name),
        other=other,
    )
    if card is None:
        return  # the first worker writes
    # As a path: a name alone would be that of a shipped preset first.
    path = options.out if os.path.dirname(options.out) else os.path.join(os.curdir, options.out)
    again = f"zoo evaluate {path} --update{own_classes.options_again(options.modules)}"
    print(f"{path} is written. Measure it: {again}{data_again(options)}")


def _class_of(name, own_models):
    """Return a class by its name, one of a user's own or one of the zoo's."""
    from zoo.models import CLASSES
    from zoo.presets import recipes
    from zoo.suggestions import UnknownNameError

    known = {**CLASSES, **{k: v for k, v in own_models.items() if hasattr(v, "card_metrics")}}
    if name not in known:
        raise UnknownNameError("recipe or class", name, [*recipes.names(), *known])
    return known[name]


def _read(options, recipe, model_class, network, shape):
    from zoo.data.own import read
    from zoo.data.tables import is_table
    from zoo.presets.own_data import learns_labels_of_data

    size, channels = size_of(options), options.channels
    if os.path.isdir(options.data) and len(shape) == 3 and shape[2] in (1, 3):
        size, channels = size or tuple(shape[:2]), channels or shape[2]
    if os.path.isdir(options.data):
        print(f"reading the images in {options.data} ...", flush=True)
    labels, table = options.labels, table_options(options)
    if recipe and is_table(options.data):  # a recipe of a table names columns
        column = "" if recipe.label_file.endswith(".npy") else recipe.label_file
        labels = labels or column or None
        table = {name: given or getattr(recipe, name) for name, given in table.items()}
    own = read(
        options.data,
        size=size,
        channels=channels,
        labels=labels,
        learns_labels=learns_labels_of_data(model_class),
        cache=options.cache,
        signals=network == "conv1d",
        **table,
    )
    if own.recognized:
        print(own.recognized, flush=True)
    return own


def _from_class(options, model_class, settings, own):
    from zoo.presets.own_data import recipe_of_class

    if own is None:
        raise ValueError(
            f"{options.name} is a class: give --data with a folder or a file of images, a "
            "table, or the name of a recipe that has data."
        )
    return recipe_of_class(model_class, own.x.shape[1:], len(own.x), settings)


def recipe(options: argparse.Namespace) -> None:
    """Run `zoo recipe`."""
    from zoo.presets import recipes

    if options.name in recipes.names():
        if options.size or options.channels:
            raise ValueError(f"--size and --channels are for classes; {options.name} is a recipe.")
        print(recipes.text(options.name), end="")
        return
    with quiet():
        from zoo.presets.own_data import recipe_of_class
    shape = (*(size_of(options) or (64, 64)), options.channels or 3)
    model_class = _class_of(options.name, {})
    print(recipe_of_class(model_class, shape, 0).to_toml(), end="")
