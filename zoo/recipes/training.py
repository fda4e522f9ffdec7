"""Training a preset from a recipe."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo import data, plots
from zoo.backend import backend
from zoo.checks.names import UnknownNameError
from zoo.files.atomic_writes import check_target
from zoo.models import CLASSES
from zoo.nn.distributions.likelihood_names import COUNTS
from zoo.presets import saving
from zoo.presets.card import Card
from zoo.presets.catalog import list_models
from zoo.presets.other_sizes import start_from
from zoo.presets.reference_classifier import REFERENCE_CLASSIFIERS
from zoo.pretraining.mean_start import start_at_mean
from zoo.pretraining.stacks import pretrain
from zoo.recipes import Recipe, data_note, own_data
from zoo.recipes.length import steps_per_epoch
from zoo.recipes.unlearned import unlearned
from zoo.runtime.json_file import shortened
from zoo.training import devices
from zoo.training.callbacks import KeepBest, Progress, epochs_between, kept_backup
from zoo.training.monitors import check_finite, not_finite

FINE_TUNING_RATE = 5e-4
KEEP = ("last", "best")


def train(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    overwrite: bool = False,
    images: Any = None,
    labels: Any = None,
    strategy: str | None = None,
    licence: str | None = None,
    model_class: type | None = None,
    other: Any = None,
    verbose: bool = True,
) -> Card | None:
    """Train a model from its recipe and write it as a preset folder.

    An interrupted training continues after its last complete epoch, or after one of the last epochs
    if there are very many: its state is in a folder next to `out` until the preset is written.

    Args:
        recipe: from `zoo.recipes.get(name)` or `Recipe.parse`.
        out: the folder to write.
        epochs, batch_size: numbers that replace those of the recipe.
        overwrite: whether to replace an existing preset, if its folder holds nothing else.
        images: training images in place of the recipe's data set: an array of images; a folder of
            images, which get the size in the recipe (see `zoo.data.from_folder`); or an .npy or
            .npz file, whose images stay on disk. They determine the model's `input_shape`. A sixth
            of them, or the number in the recipe if it is smaller, is chosen with the recipe's seed
            and kept for validation. For few images, batches are smaller and epochs more, to make
            the recipe's number of steps. For photographs `binarize` is left out, and the likelihood
            is Gaussian unless the recipe has one. Printed lines describe such changes.
        labels: labels of these images, integers [n] or the path of an .npy file, for models that
            learn from labels; semi-supervised models take -1 for unknown labels. For a folder, the
            subfolders are the labels.
        strategy: how to train on several devices; see `zoo.strategy`.
        licence: the licence of your weights; by default the card says "not stated".
        model_class: your model class; by default the zoo's class with the name in the recipe.
        other: a trained model to start from, in place of new weights and of a pre-training: every
            weight that fits is kept, see `zoo.presets.other_sizes.start_from`. The card names it.
        verbose: whether to print progress lines, with the speed and the remaining time, and what
            the model did not learn.

    Returns:
        the card, without metrics, which `zoo evaluate` measures later. Only the first of several
        workers writes the preset; the others return None.

    Raises:
        FileExistsError: `out` exists and `overwrite` is false, or it holds other files; raised
            before training starts.
        UnknownNameError: the recipe's class or data set, or the strategy, does not exist.
        ValueError: less than one epoch; images and labels that do not fit together; a training that
            diverged, whose state is deleted.
    """
    with devices.strategy(strategy):
        length = {"epochs": epochs, "batch_size": batch_size}
        given = images, labels
        return _train(recipe, out, length, overwrite, given, other, licence, model_class, verbose)


def _train(recipe, out, length, overwrite, given, other, licence, model_class, verbose):
    out = Path(os.path.abspath(out))
    check_target(out, overwrite)
    for name, number in length.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}; give at least 1.")
    if recipe.keep not in KEEP:
        raise ValueError(f"keep is {recipe.keep!r}; choose {' or '.join(map(repr, KEEP))}.")
    steps = recipe.epochs * steps_per_epoch(recipe)
    recipe, source, x, y, own = _data_of(recipe, given, length, out.name, model_class, verbose)
    cut, epochs = len(x) - recipe.validation, recipe.epochs
    if recipe.validation < 1:
        raise ValueError(f"validation is {recipe.validation}; give at least 1 image.")
    if cut < 1:
        raise ValueError(
            f"The recipe keeps {recipe.validation:,} images for validation, but there are only "
            f"{len(x):,}: set validation to a smaller number."
        )
    keras.utils.set_random_seed(recipe.seed)
    model = make_model(recipe, model_class)
    if other is not None:
        kept = start_from(model, other)
        model.based_on = other.based_on
        if verbose:
            print(f"started from {other.based_on or 'the given model'}: {kept}")
    model.compile(
        optimizer=make_optimizer(model, recipe, epochs * math.ceil(cut / recipe.batch_size))
    )
    if model.makes_labels:
        y = model.labels_from_images(np.asarray(x))
    some = np.asarray(x[cut : cut + 5000]), None if y is None else y[cut : cut + 5000]
    y = y if model.learns_labels or model.semi_supervised else None
    first, last = (
        (x[part], None if y is None else y[part]) for part in (slice(cut), slice(cut, None))
    )
    if recipe.labels:
        first = first[0], data.keep_labels(first[1], recipe.labels, seed=recipe.seed)
    weights = [] if other is None else [w for w in other.get_weights() if w.ndim]
    progress = out.with_name(f".{out.name}.{_fingerprint(recipe, epochs, x, y, *weights)}.progress")
    if other is None and not (progress / "latest.weights.h5").exists():
        with telling_of_state(progress):
            start(model, recipe, first, verbose, progress / "pretraining")
    best = KeepBest(progress) if recipe.keep == "best" else None
    with telling_of_state(progress):
        history = model.fit(
            *first,
            batch_size=recipe.batch_size,
            epochs=epochs,
            validation_data=last,
            callbacks=[
                *([best] if best else []),
                kept_backup(progress, epochs_between(epochs)),
                *([Progress(len(first[0]), every=epochs_between(epochs))] if verbose else []),
            ],
            verbose=0,
        ).history
    if not_finite(model):
        shutil.rmtree(progress, ignore_errors=True)  # a training cannot continue from this state
        check_finite(model)
    if best and best.epoch and verbose:
        print(f"kept: the weights of epoch {best.epoch}, whose val_loss {best.loss:.5g} is lowest")
    if verbose:
        made = epochs * math.ceil(cut / recipe.batch_size)
        for fault in unlearned(model, first, last, history, made, steps, recipe):
            print(f"note: {fault}")
    model.compile(optimizer=fine_tuning_optimizer(model))
    told = about(recipe, epochs, source, len(x), best.epoch if best else None)
    settings = {
        "storage": recipe.storage,
        "about": told | {"licence": licence},
        "texts": _texts(recipe),
        "pictures": _pictures(model, *some),
    }
    if not backend.is_chief(model):  # all workers must save, but only one folder is kept
        with tempfile.TemporaryDirectory() as folder:
            saving.save(model, Path(folder, out.name), **settings)
        return None
    with telling_of_state(progress):
        card = saving.save(model, out, overwrite=overwrite, **settings)
        data_note.write_note(out, card, own)
    shutil.rmtree(progress, ignore_errors=True)
    return card


@contextlib.contextmanager
def telling_of_state(progress: Path) -> Iterator[None]:
    """Add to errors where the states of interrupted trainings are kept, and their size.

    Args:
        progress: the folder of a state, or one that holds such folders.
    """
    try:
        yield
    except BaseException as error:  # also Ctrl-C
        size = sum(path.stat().st_size for path in progress.rglob("*") if path.is_file())
        if any(progress.rglob("training_metadata.json")):
            error.add_note(
                f"The state of the last backup, after a complete epoch, is kept in {progress} "
                f"({size / 1e6:.1f} MB): the same command continues from there. Delete the folder "
                "if you do not want this."
            )
        raise


def _texts(recipe):
    """Return the recipe as a file for the preset, unless it is a shipped one."""
    own = recipe.data not in data.SOURCES
    return {"recipe.toml": recipe.to_toml()} if own else {}


def _pictures(model, x, y):
    """Return the picture for a preset's folder; none for vectors and unusual channels."""
    shape = model.image_shape
    if len(shape) == 1 or (len(shape) == 3 and shape[-1] not in (1, 3, 4)):
        return {}
    return {"preview.png": plots.preview(model, x, y)}


def _data_of(recipe, given, length, name, model_class, verbose):
    """Return the recipe, the source of its data, images, labels or None, and a user's `OwnData`."""
    images, labels = given
    if images is None and labels is not None:
        raise ValueError("labels are given without images; give both, or neither.")
    if images is None:
        if not recipe.data:
            raise ValueError(f"The recipe {recipe.name} names no data: give images (--data).")
        if recipe.data not in data.SOURCES and os.path.exists(recipe.data):
            # A recipe may come from a stranger, so paths in it are never opened.
            raise ValueError(
                f"The recipe {recipe.name} names {recipe.data}, which is not a data set of the "
                "zoo; a recipe opens no files. To train on it, give it as images (--data PATH), "
                "and its labels as labels (--labels)."
            )
        (x, y), _ = data.load(recipe.data)
        recipe = replace(recipe, **{k: number for k, number in length.items() if number})
        source = data.SOURCES[recipe.data]
        if source.columns and recipe.model.get("likelihood") in COUNTS:
            train = x[: len(x) - recipe.validation]
            likelihood = own_data.likelihood_of_counts(recipe, train, source.columns())
            recipe = replace(recipe, model={**recipe.model, "likelihood": likelihood})
        return recipe, source, x, y, None
    model_class = model_class or _class(recipe.class_name)
    recipe, own, changes = own_data.adapted(recipe, images, labels, name, model_class, **length)
    for line in changes if verbose else ():
        print(line, flush=True)
    title = data_note.described(own)
    source = data.Source(title, "not stated", "not stated", own.class_names)
    return recipe, source, own.x, own.y, own


def _fingerprint(recipe, epochs, *arrays) -> str:
    """Return the fingerprint of a recipe, the number of epochs and some data."""
    return fingerprint(json.dumps([asdict(recipe), epochs], sort_keys=True), *arrays)


def fingerprint(settings: str, *arrays: Any) -> str:
    """Return a hash of settings and of some data, so that no other training uses the state.

    Args:
        settings: the settings as a text.
        arrays: the data, [n, ...] each, of which about a hundred rows count; or None.
    """
    digest = hashlib.sha256(settings.encode())
    for array in arrays:
        if array is not None:
            some = np.asarray(array[:: max(1, len(array) // 100)])
            digest.update(f"{len(array)} {some.shape}".encode() + some.tobytes())
    return digest.hexdigest()[:8]


def make_model(recipe: Recipe, model_class: type | None = None) -> Any:
    """Return the untrained model of a recipe."""
    model_class = model_class or _class(recipe.class_name)
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in recipe.model.items()
    }
    return model_class(**arguments, seed=recipe.seed, name=recipe.name)


def check_names(recipe: Recipe, model_class: type) -> None:
    """Refuse a recipe from a file if it names a model that is not shipped with the zoo.

    The file may come from a stranger, and the model would be opened or downloaded.

    Raises:
        ValueError: the name of a folder, a file, a repository or an address.
    """
    for setting in getattr(model_class, "opened_by_name", ()):
        for name in (recipe.model.get(setting), recipe.pretraining.get(setting)):
            if isinstance(name, str) and name not in (*list_models(), *REFERENCE_CLASSIFIERS):
                raise ValueError(
                    f"The recipe {recipe.name} has {setting}={shortened(name)}, but a recipe in a "
                    "file can only name models that are shipped with the zoo. If you trust it, "
                    "train in Python: "
                    f"zoo.{model_class.__name__}({setting}=zoo.load({name!r}), ...)."
                )


def _class(name):
    if name not in CLASSES:
        raise UnknownNameError("class", name, CLASSES)
    return CLASSES[name]


def start(
    model: Any, recipe: Recipe, arrays: tuple, verbose: int | str, backup_dir: Path | None = None
) -> None:
    """Start a model at the mean, and pre-train it or its layers, if its recipe says so.

    Args:
        arrays: images [n, ...], and labels or None.
        backup_dir: where the states of a pre-training are kept, so that it continues after a stop;
            by default it cannot.
    """
    if recipe.start:
        start_at_mean(model, arrays[0])
    if recipe.pretraining:
        _pretrain(model, recipe, arrays, verbose, backup_dir)


def _pretrain(model, recipe, arrays, verbose, backup_dir):
    """Train the whole model with other arguments, or its layers one by one."""
    options = dict(recipe.pretraining)
    layer, epochs = options.pop("class", None), options.pop("epochs")
    rate, final = options.pop("learning_rate", 1e-3), options.pop("final", 1.0)
    adam = _adam(epochs * math.ceil(len(arrays[0]) / recipe.batch_size), rate, final)
    if layer is None:
        first = make_model(replace(recipe, model={**recipe.model, **options}), type(model))
        if recipe.start:
            start_at_mean(first, arrays[0])
        first.compile(adam)
        first.fit(
            *arrays,
            batch_size=recipe.batch_size,
            epochs=epochs,
            callbacks=[kept_backup(backup_dir, epochs_between(epochs))] if backup_dir else [],
            verbose=verbose,
        )
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
        backup_dir=backup_dir,
        **options,
    )


def make_optimizer(model: Any, recipe: Recipe, steps: int) -> keras.Optimizer | dict:
    """Return Adam with a decaying rate, one for each update of the model."""
    updates = model.updates
    if not updates:
        return _adam(steps, **recipe.optimizer)
    shared = {k: v for k, v in recipe.optimizer.items() if k not in updates}
    return {name: _adam(steps, **{**shared, **recipe.optimizer.get(name, {})}) for name in updates}


def _adam(steps, learning_rate=1e-3, final=0.02, beta_1=0.9, global_clipnorm=None):
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=final)
    return keras.optimizers.Adam(schedule, beta_1=beta_1, global_clipnorm=global_clipnorm)


def fine_tuning_optimizer(model: Any) -> keras.Optimizer:
    """Return the optimizer for the fine-tuning of a loaded preset."""
    beta_1 = 0.5 if model.updates else 0.9
    return keras.optimizers.Adam(FINE_TUNING_RATE, beta_1=beta_1)


def about(
    recipe: Recipe, epochs: int, source: data.Source, images: int, best: int | None = None
) -> dict:
    """Return the entries of a card about the origin of the weights.

    Args:
        images: the number of images, including those for validation.
        best: the epoch whose weights were kept, if it may not be the last one.
    """
    own = recipe.data not in data.SOURCES
    return {
        "name": recipe.name,
        "description": recipe.description,
        "paper": recipe.paper,
        "data": {"title": source.title, "licence": source.licence, "credit": source.credit},
        "classes": list(source.classes),
        "recipe": {
            "data": recipe.data,
            **({"images": images} if own else {}),
            **({"label_file": recipe.label_file} if recipe.label_file else {}),
            **({"drop": recipe.drop} if recipe.drop else {}),
            **({"missing": recipe.missing} if recipe.missing else {}),
            "epochs": epochs,
            **({"best_epoch": best} if best else {}),
            "batch_size": recipe.batch_size,
            "seed": recipe.seed,
            "validation": recipe.validation,
            **({"labels": recipe.labels} if recipe.labels else {}),
            "optimizer": recipe.optimizer,
            **({"start": recipe.start} if recipe.start else {}),
            "pretraining": recipe.pretraining,
            "model": recipe.model,
        },
    }
