"""From a recipe to a preset folder."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import keras

from zoo import data, plots, presets
from zoo.catalog import Card
from zoo.models import CLASSES
from zoo.pretraining import pretrain
from zoo.recipes import Recipe
from zoo.spelling import UnknownNameError

FINE_TUNING_RATE = 5e-4


def train(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    epochs: int | None = None,
    overwrite: bool = False,
    model_class: type | None = None,
    verbose: int | str = "auto",
) -> Card:
    """Train a model from its recipe and write it as a preset folder.

    An interrupted training goes on where it stopped, at the last whole epoch: its state lies in a
    folder beside `out` until the preset is written.

    Args:
        recipe: from `zoo.recipes.get(name)` or `Recipe.parse`.
        out: the folder to write.
        epochs: other than the recipe's.
        overwrite: replace an existing folder.
        model_class: a class of your own; the zoo's of the recipe's name by default.
        verbose: as in `keras.Model.fit`.

    Returns:
        the card; its figures are measured later, by `zoo evaluate`.

    Raises:
        FileExistsError: `out` exists and `overwrite` is false; said before training starts.
        UnknownNameError: the recipe's class or data set does not exist.
        ValueError: less than one epoch.
    """
    out = Path(os.path.abspath(out))
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists already. Choose another folder, or --overwrite.")
    epochs = recipe.epochs if epochs is None else epochs
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; train for at least one.")
    (x, y), _ = data.load(recipe.data)
    cut = len(x) - recipe.validation
    keras.utils.set_random_seed(recipe.seed)
    model = make_model(recipe, model_class)
    model.compile(
        optimizer=make_optimizer(model, recipe, epochs * math.ceil(cut / recipe.batch_size))
    )
    shown = None if y is None else y[cut:]
    y = y if model.learns_labels or model.semi_supervised else None
    first, last = (
        (x[part], None if y is None else y[part]) for part in (slice(cut), slice(cut, None))
    )
    if recipe.labels:
        first = first[0], data.keep_labels(first[1], recipe.labels, seed=recipe.seed)
    progress = out.with_name(f".{out.name}.{_fingerprint(recipe, epochs)}.progress")
    if recipe.pretraining and not progress.exists():
        start(model, recipe, first, verbose)
    model.fit(
        *first,
        batch_size=recipe.batch_size,
        epochs=epochs,
        validation_data=last,
        # Kept until the preset is written; twice, as a crash may leave one half-written.
        callbacks=[
            keras.callbacks.BackupAndRestore(
                progress, double_checkpoint=True, delete_checkpoint=False
            )
        ],
        verbose=verbose,
    )
    model.compile(optimizer=fine_tuning_optimizer(model))
    card = presets.save(
        model,
        out,
        overwrite=overwrite,
        storage=recipe.storage,
        about=about(recipe, epochs),
        pictures={"preview.png": plots.preview(model, x[cut:], shown)},
    )
    shutil.rmtree(progress, ignore_errors=True)
    return card


def _fingerprint(recipe, epochs) -> str:
    """Tell trainings apart, so that none goes on from another one's state."""
    text = json.dumps([asdict(recipe), epochs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def make_model(recipe: Recipe, model_class: type | None = None):
    """Return the recipe's model, untrained."""
    model_class = model_class or _class(recipe.class_name)
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in recipe.model.items()
    }
    return model_class(**arguments, seed=recipe.seed, name=recipe.name)


def _class(name):
    if name not in CLASSES:
        raise UnknownNameError("class", name, CLASSES)
    return CLASSES[name]


def start(model, recipe: Recipe, arrays, verbose):
    """Pre-train a model, or its layers one by one, as its recipe says.

    Args:
        arrays: images [n, ...], and labels or None.
    """
    options = dict(recipe.pretraining)
    layer, epochs = options.pop("class", None), options.pop("epochs")
    adam = keras.optimizers.Adam(options.pop("learning_rate", 1e-3))
    if layer is None:
        first = make_model(replace(recipe, model={**recipe.model, **options}), type(model))
        first.compile(adam)
        first.fit(*arrays, batch_size=recipe.batch_size, epochs=epochs, verbose=verbose)
        model.set_weights(first.get_weights())
        return
    x, _ = arrays
    pretrain(
        model,
        x,
        _class(layer),
        epochs=epochs,
        batch_size=recipe.batch_size,
        optimizer=adam,
        verbose=verbose,
        **options,
    )


def make_optimizer(model, recipe: Recipe, steps: int):
    """Return Adam with a falling rate; for models with several updates, one for each."""
    updates = model.updates()
    if not updates:
        return _adam(steps, **recipe.optimizer)
    shared = {k: v for k, v in recipe.optimizer.items() if k not in updates}
    return {name: _adam(steps, **{**shared, **recipe.optimizer.get(name, {})}) for name in updates}


def _adam(steps, learning_rate=1e-3, final=0.02, beta_1=0.9):
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=final)
    return keras.optimizers.Adam(schedule, beta_1=beta_1)


def fine_tuning_optimizer(model):
    """Return what a loaded preset is compiled with."""
    beta_1 = 0.5 if model.updates() else 0.9
    return keras.optimizers.Adam(FINE_TUNING_RATE, beta_1=beta_1)


def about(recipe: Recipe, epochs: int) -> dict:
    """Return what a card says of where the weights come from."""
    source = data.SOURCES[recipe.data]
    return {
        "name": recipe.name,
        "description": recipe.description,
        "paper": recipe.paper,
        "data": {"title": source.title, "licence": source.licence, "credit": source.credit},
        "classes": list(source.classes),
        "licence": "Apache-2.0",
        "recipe": {
            "data": recipe.data,
            "epochs": epochs,
            "batch_size": recipe.batch_size,
            "seed": recipe.seed,
            "validation": recipe.validation,
            **({"labels": recipe.labels} if recipe.labels else {}),
            "optimizer": recipe.optimizer,
            "pretraining": recipe.pretraining,
            "model": recipe.model,
        },
    }
