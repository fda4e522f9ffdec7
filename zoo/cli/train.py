"""The commands `zoo train` and `zoo recipe`."""

from __future__ import annotations

import argparse
import inspect
import os
from dataclasses import replace

from zoo.cli import own_classes
from zoo.cli.shared_options import (
    add_shape,
    add_table_options,
    check_settings,
    count,
    data_again,
    seed,
    settings_in,
    size_of,
    table_options,
)
from zoo.cli.standard_error import quiet
from zoo.files.atomic_writes import check_target


def add_train(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo train`."""
    sub.add_argument(
        "name", help="a recipe, named like its preset; your own .toml file; or a class"
    )
    sub.add_argument("--out", required=True, help="preset folder to write")
    sub.add_argument("--epochs", type=count, default=None, help="instead of the recipe's")
    sub.add_argument(
        "--data",
        "--images",
        dest="data",
        help="a folder of images, or an .npy or .npz file of images; or a table, .csv, .tsv or "
        ".parquet [the recipe's data]",
    )
    sub.add_argument(
        "--labels",
        help=".npy file with labels, or a table's column, for models that learn them "
        "[the subfolders]",
    )
    add_table_options(sub)
    sub.add_argument(
        "--missing",
        choices=("refuse", "learn"),
        help="what to do with empty cells of a table: refuse them, or learn from the others",
    )
    add_shape(sub, "the images in a folder")
    sub.add_argument("--cache", help="folder to store decoded images [a temporary one]")
    sub.add_argument("--batch-size", type=count, help="instead of the recipe's")
    sub.add_argument("--learning-rate", type=float, help="instead of the recipe's")
    sub.add_argument("--seed", type=seed, help="seed of weights, noise and validation images")
    sub.add_argument(
        "--keep",
        choices=("last", "best"),
        help="the weights of the last epoch, or of the epoch with the lowest val_loss [as in the "
        "recipe; for a class the best, if val_loss shows which is best]",
    )
    sub.add_argument(
        "--from",
        dest="other",
        metavar="PRESET",
        help="start from all of its weights that fit, also with other classes, codes or images",
    )
    sub.add_argument("--licence", help="licence of the weights, for the card [not stated]")
    sub.add_argument("--strategy", help="mirrored, workers or data_parallel: on several devices")
    sub.epilog = (
        "Any other option is a setting of the class, with a value as in TOML: "
        "--latent-dim 64 --likelihood gaussian --filters 32 64 --beta 2 "
        "--network dense|conv|resnet|conv1d"
    )


def add_recipe(sub: argparse.ArgumentParser) -> None:
    """Add the arguments of `zoo recipe`."""
    sub.add_argument("name", nargs="?", help="a recipe, or a class")
    sub.add_argument("--list", action="store_true", help="list all recipes and classes")
    add_shape(sub, "images, for a class")


def train(options: argparse.Namespace) -> None:
    """Run `zoo train`."""
    from zoo import recipes

    named = options.name in recipes.names() or options.name.endswith(".toml")
    recipe = recipes.get(options.name) if named else None
    check_target(options.out, options.overwrite)
    with quiet():
        from zoo.presets.loading import load
        from zoo.presets.other_sizes import settings_of
        from zoo.recipes.training import check_names
        from zoo.recipes.training import train as run
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
    # Write a path, as a plain name would mean a shipped preset first.
    path = options.out if os.path.dirname(options.out) else os.path.join(os.curdir, options.out)
    again = f"zoo evaluate {path} --update{own_classes.options_again(options.modules)}"
    print(f"{path} is written. Measure it: {again}{data_again(options)}")


def _list():
    """Print the names of all recipes and of all classes, with what they are for."""
    from zoo import recipes

    with quiet():
        from zoo.models import CLASSES
    lines = {name: recipes.get(name).description for name in recipes.names()}
    lines |= {name: (inspect.getdoc(of) or "").partition("\n")[0] for name, of in CLASSES.items()}
    width = max(map(len, lines))
    for name, line in lines.items():
        print(f"{name:{width}}  {line}")


def _class_of(name, own_models):
    """Return a user's or the zoo's class by its name."""
    from zoo import recipes
    from zoo.checks.names import UnknownNameError
    from zoo.models import CLASSES

    known = {**CLASSES, **{k: v for k, v in own_models.items() if hasattr(v, "card_metrics")}}
    if name not in known:
        listing = "`zoo recipe --list`"
        raise UnknownNameError("recipe or class", name, [*recipes.names(), *known], listing=listing)
    return known[name]


def _read(options, recipe, model_class, network, shape):
    from zoo.data.own import read
    from zoo.data.tables import is_table
    from zoo.recipes.own_data import learns_labels_of_data

    size, channels = size_of(options), options.channels
    if os.path.isdir(options.data) and len(shape) == 3 and shape[2] in (1, 3):
        size, channels = size or tuple(shape[:2]), channels or shape[2]
    if os.path.isdir(options.data):
        print(f"reading the images in {options.data} ...", flush=True)
    labels, table = options.labels, {**table_options(options), "missing": options.missing}
    if recipe and is_table(options.data):  # a recipe for a table names columns
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
        signals=network == "conv1d" or model_class.takes_signals,
        **table,
    )
    if own.recognized:
        print(own.recognized, flush=True)
    return own


def _from_class(options, model_class, settings, own):
    from zoo.recipes.own_data import recipe_of_class

    if own is None:
        raise ValueError(
            f"{options.name} is a class: give --data with a folder or a file of images, a "
            "table, or the name of a recipe that has data."
        )
    return recipe_of_class(model_class, own.x.shape[1:], len(own.x), settings)


def recipe(options: argparse.Namespace) -> None:
    """Run `zoo recipe`."""
    from zoo import recipes

    if options.list or options.name is None:
        _list()
        return
    if options.name in recipes.names():
        if options.size or options.channels:
            raise ValueError(f"--size and --channels are for classes; {options.name} is a recipe.")
        print(recipes.text(options.name), end="")
        return
    with quiet():
        from zoo.recipes.own_data import recipe_of_class
    shape = (*(size_of(options) or (64, 64)), options.channels or 3)
    model_class = _class_of(options.name, {})
    print(recipe_of_class(model_class, shape, 0).to_toml(), end="")
