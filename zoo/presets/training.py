"""Training a preset from a recipe."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from zoo import data, distribution, plots
from zoo.atomic_writes import check_target
from zoo.backend import backend
from zoo.callbacks import Backup, Progress
from zoo.checks.data import check_finite, not_finite
from zoo.data.stored import array_in
from zoo.models import CLASSES
from zoo.presets import saving
from zoo.presets.card import Card
from zoo.presets.recipes import Recipe
from zoo.pretraining import pretrain
from zoo.suggestions import UnknownNameError

FINE_TUNING_RATE = 5e-4
OWN = data.Source("images of one's own", "not stated", "not stated", ())


def train(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    epochs: int | None = None,
    overwrite: bool = False,
    images=None,
    labels=None,
    strategy: str | None = None,
    licence: str | None = None,
    model_class: type | None = None,
    verbose: bool = True,
) -> Card | None:
    """Train a model from its recipe and write it as a preset folder.

    An interrupted training continues after its last complete epoch: its state is in a folder next
    to `out` until the preset is written.

    Args:
        recipe: from `zoo.recipes.get(name)` or `Recipe.parse`.
        out: the folder to write.
        epochs: the number of epochs, instead of the recipe's.
        overwrite: replace an existing preset, if its folder holds nothing else.
        images: train on these instead of the recipe's data set: an array of images, or the path of
            an .npy file, whose images stay on disk; see `zoo.data.StoredImages`. They determine the
            model's `input_shape`. A sixth of them, or the number in the recipe if it is smaller, is
            chosen with the recipe's seed and kept for validation.
        labels: of these images, integers [n] or the path of an .npy file, for models that learn
            from labels; semi-supervised models take -1 for unknown labels.
        strategy: how to train on several devices; see `zoo.strategy`.
        licence: of your weights; by default the card says "not stated".
        model_class: your own class; by default the zoo's class with the name in the recipe.
        verbose: whether to print a line per epoch, with the speed and the remaining time.

    Returns:
        the card, without metrics, which `zoo evaluate` measures later. None for all workers except
        the first, which writes.

    Raises:
        FileExistsError: `out` exists and `overwrite` is false, or it holds anything else; raised
            before training starts.
        UnknownNameError: the recipe's class or data set, or the strategy, does not exist.
        ValueError: less than one epoch; images and labels that do not fit together; a training that
            diverged, whose state is then deleted.
    """
    with distribution.strategy(strategy):
        return _train(recipe, out, epochs, overwrite, images, labels, licence, model_class, verbose)


def _train(recipe, out, epochs, overwrite, images, labels, licence, model_class, verbose):
    out = Path(os.path.abspath(out))
    check_target(out, overwrite)
    epochs = recipe.epochs if epochs is None else epochs
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; train for at least one.")
    recipe, source, x, y = _given(recipe, images, labels, out.name)
    cut = len(x) - recipe.validation
    keras.utils.set_random_seed(recipe.seed)
    model = make_model(recipe, model_class)
    model.compile(
        optimizer=make_optimizer(model, recipe, epochs * math.ceil(cut / recipe.batch_size))
    )
    some = np.asarray(x[cut : cut + 5000]), None if y is None else y[cut : cut + 5000]
    y = y if model.learns_labels or model.semi_supervised else None
    first, last = (
        (x[part], None if y is None else y[part]) for part in (slice(cut), slice(cut, None))
    )
    if recipe.labels:
        first = first[0], data.keep_labels(first[1], recipe.labels, seed=recipe.seed)
    progress = out.with_name(f".{out.name}.{_fingerprint(recipe, epochs, x, y)}.progress")
    if recipe.pretraining and not (progress / "latest.weights.h5").exists():
        start(model, recipe, first, verbose)
    model.fit(
        *first,
        batch_size=recipe.batch_size,
        epochs=epochs,
        validation_data=last,
        callbacks=[
            # Kept until the preset is written; in two copies, in case one is lost.
            Backup(progress, double_checkpoint=True, delete_checkpoint=False),
            *([Progress(len(first[0]))] if verbose else []),
        ],
        verbose=0,
    )
    if not_finite(model):
        shutil.rmtree(progress, ignore_errors=True)  # nothing can continue from there
        check_finite(model)
    model.compile(optimizer=fine_tuning_optimizer(model))
    settings = {
        "storage": recipe.storage,
        "about": about(recipe, epochs, source) | {"licence": licence},
        "pictures": _pictures(model, *some),
    }
    if not backend.is_chief(model):  # saving needs all workers, but only one folder is kept
        with tempfile.TemporaryDirectory() as folder:
            saving.save(model, Path(folder, out.name), **settings)
        return None
    card = saving.save(model, out, overwrite=overwrite, **settings)
    shutil.rmtree(progress, ignore_errors=True)
    return card


def _pictures(model, x, y):
    """Return the picture for a preset's folder, or none if the data are not images."""
    shape = model.image_shape
    if len(shape) != 3 or shape[-1] not in (1, 3, 4):
        return {}
    return {"preview.png": plots.preview(model, x, y)}


def _given(recipe, images, labels, name):
    """Return the recipe, the source of its data, images, and labels or None."""
    if images is None:
        if labels is not None:
            raise ValueError("labels are given without images; give both, or neither.")
        (x, y), _ = data.load(recipe.data)
        return recipe, data.SOURCES[recipe.data], x, y
    if "lower" in recipe.model:
        raise ValueError(
            f"The recipe {recipe.name} learns the codes of {recipe.model['lower']}, which are for "
            "its own data set; train a recipe without lower= on your images."
        )
    x = data.StoredImages(images) if isinstance(images, str | os.PathLike) else images
    if isinstance(labels, str | os.PathLike):
        labels = array_in(labels, "labels")
    learns_labels = "num_classes" in recipe.model or recipe.labels
    if labels is not None and not learns_labels:
        raise ValueError(f"The recipe {recipe.name} learns from images only: leave out labels.")
    if labels is None and learns_labels:
        raise ValueError(
            f"The recipe {recipe.name} learns from labels: give the labels of the images, integers "
            f"from 0{', or -1 if unknown' if recipe.labels else ''}."
        )
    if labels is not None and len(labels) != len(x):
        raise ValueError(f"There are {len(labels)} labels for {len(x)} images.")
    if len(x) < 2:
        raise ValueError(f"{len(x)} image is not enough: one is kept for validation.")
    rows = np.random.default_rng(recipe.seed).permutation(len(x))
    x, labels = x[rows], None if labels is None else np.asarray(labels)[rows]
    learned = labels is not None and "num_classes" in recipe.model
    classes = {"num_classes": int(np.max(labels)) + 1} if learned else {}
    recipe = replace(
        recipe,
        name=name,
        description=f"{recipe.class_name} on images of one's own, by the recipe {recipe.name}.",
        data="",
        labels=0,
        validation=max(1, min(recipe.validation, len(x) // 6)),
        model={**recipe.model, "input_shape": list(x.shape[1:]), **classes},
    )
    return recipe, OWN, x, labels


def _fingerprint(recipe, epochs, *arrays) -> str:
    """Return a hash of the recipe and of some data, so that no other training uses the state."""
    digest = hashlib.sha256(json.dumps([asdict(recipe), epochs], sort_keys=True).encode())
    for array in arrays:
        if array is not None:
            some = np.asarray(array[:: max(1, len(array) // 100)])
            digest.update(f"{len(array)} {some.shape}".encode() + some.tobytes())
    return digest.hexdigest()[:8]


def make_model(recipe: Recipe, model_class: type | None = None):
    """Return the untrained model of a recipe."""
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
    """Pre-train a model, or its layers one by one, according to its recipe.

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
    """Return Adam with a decaying rate, one for each update of the model."""
    updates = model.updates
    if not updates:
        return _adam(steps, **recipe.optimizer)
    shared = {k: v for k, v in recipe.optimizer.items() if k not in updates}
    return {name: _adam(steps, **{**shared, **recipe.optimizer.get(name, {})}) for name in updates}


def _adam(steps, learning_rate=1e-3, final=0.02, beta_1=0.9):
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=final)
    return keras.optimizers.Adam(schedule, beta_1=beta_1)


def fine_tuning_optimizer(model):
    """Return the optimizer with which a loaded preset is compiled."""
    beta_1 = 0.5 if model.updates else 0.9
    return keras.optimizers.Adam(FINE_TUNING_RATE, beta_1=beta_1)


def about(recipe: Recipe, epochs: int, source: data.Source) -> dict:
    """Return the entries of a card about the origin of the weights."""
    return {
        "name": recipe.name,
        "description": recipe.description,
        "paper": recipe.paper,
        "data": {"title": source.title, "licence": source.licence, "credit": source.credit},
        "classes": list(source.classes),
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
