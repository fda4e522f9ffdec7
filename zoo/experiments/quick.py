"""Experiments on little data, to see in minutes that all run; their figures mean nothing."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import keras
import numpy as np

from zoo import data, recipes
from zoo.data import in_files, newsgroups, variants
from zoo.data.downloaded import gray_images
from zoo.data.source import checked
from zoo.data.strokes import data_sets
from zoo.experiments.registry import EXPERIMENTS
from zoo.models.base import BaseModel

ITEMS = (300, 80)  # of the training set and of the test set of each data set
PHOTOGRAPHS = (32, 16)  # the same for images with sides above 64 pixels
SEQUENCES = (60, 20)  # the same for sequences: fewer, as recurrent layers run step by step
LABELS = 100
LEAST_BATCH = 64  # of a recipe, for few steps
MOST_UNITS = {"filters": 8, "hidden_units": 64}  # of each layer of a recipe's networks


@contextmanager
def little_data() -> Iterator[None]:
    """Let experiments in the context have few items of each data set, and small settings.

    The settings are the constants that a module of an experiment names in its `QUICK`. Steps of
    models run eagerly, as tracing and compiling them would take longer than a few steps.
    Everything is as before when the context ends.
    """
    load, get, keep_labels = data.load, recipes.get, data.keep_labels
    with ExitStack() as replaced:
        for target, name, value in [
            (data, "load", lambda name: _few_of(load, name)),
            (
                data,
                "keep_labels",
                lambda y, n, *, seed=0: keep_labels(y, min(n, LABELS), seed=seed),
            ),
            (data_sets, "gray_images", _few_digits),  # which become strokes, one by one
            (data_sets, "checked", _few_drawings),  # which are simplified, one by one
            (recipes, "get", lambda name: _small(get(name))),
            (data_sets, "SHEEP_LENGTH", 64),  # recurrent layers run each row as a step
            (variants, "TRAINING", dict.fromkeys(variants.TRAINING, 600)),
            (variants, "TESTING", 1000),
            (newsgroups, "postings", _few_postings(newsgroups.postings)),
            (in_files, "_decoded", _few_decoded(in_files._decoded)),
            (keras.Model, "compile", _compile_eagerly(keras.Model.compile)),
            (BaseModel, "compile", _compile_eagerly(BaseModel.compile)),
        ]:
            replaced.enter_context(mock.patch.object(target, name, value))
        small_settings(replaced)
        yield


def small_settings(replaced: ExitStack) -> None:
    """Give the constants of all experiments their small values, until the stack is closed."""
    for module in {sys.modules[one.run.__module__] for one in EXPERIMENTS.values()}:
        for name, value in getattr(module, "QUICK", {}).items():
            replaced.enter_context(mock.patch.object(module, name, value))


def _compile_eagerly(compile_as_asked: Callable) -> Callable:
    """Return `compile` with steps that run eagerly, whatever is asked for."""
    eagerly = {"run_eagerly": True, "jit_compile": False, "steps_per_execution": 1}

    @functools.wraps(compile_as_asked)
    def compile(self, *args, **options):
        return compile_as_asked(self, *args, **options | eagerly)

    return compile


@functools.cache
def _few_of(load: Callable, name: str) -> tuple:
    """Return items of a training and a test set, with the shares that classes have in all."""
    return _few(load(name))


def _few_digits(name: str) -> list:
    x, y, x_test, y_test = gray_images(name)
    return [column for columns in _few(((x, y), (x_test, y_test))) for column in columns]


def _few_drawings(*given: Any) -> list:
    """Return the points of the first drawings of each set, and the number of points of each."""
    arrays: list = []
    found = checked(*given)
    for points, lengths in zip(found[::2], found[1::2], strict=True):
        lengths = lengths[: SEQUENCES[0]]
        arrays += [points[: int(lengths.sum())], lengths]
    return arrays


def _few_postings(read: Callable) -> Callable:
    """Return `postings` that gives every twentieth, as counting words of all takes long."""

    def postings(part: str) -> tuple[list[str], np.ndarray]:
        texts, groups = read(part)
        return texts[::20], groups[::20]

    return postings


def _few_decoded(decode: Callable) -> Callable:
    """Return `_decoded` that decodes every twentieth JPEG file, and repeats it for the next 19.

    The files are sorted by class, so that labels stay right, but for a few where a class begins.
    """

    def decoded(files: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        n = len(offsets) - 1
        starts = range(0, n, 20)
        found = [
            decode(files[offsets[i] : offsets[i + 1]], [0, offsets[i + 1] - offsets[i]])
            for i in starts
        ]
        return np.repeat(np.concatenate(found), 20, axis=0)[:n]

    return decoded


def _few(sets: Any) -> tuple:
    shape = np.shape(sets[0][0])
    counts = SEQUENCES if len(shape) == 3 else ITEMS
    if len(shape) == 4 and shape[1] > 64:
        counts = PHOTOGRAPHS
    return tuple(_rows_of(columns, n) for columns, n in zip(sets, counts, strict=True))


def _rows_of(columns: tuple, n: int) -> tuple:
    """Return at most n rows of x and y, in their order; y may be None, or no classes."""
    x, y = columns
    places = np.arange(len(x))
    if y is not None and np.ndim(y) == 1:
        places = np.argsort(y, kind="stable")
    kept = np.sort(places[np.linspace(0, len(x) - 1, min(len(x), n)).round().astype(int)])
    return tuple(column if column is None else column[kept] for column in columns)


def _small(recipe: recipes.Recipe) -> recipes.Recipe:
    """Return a recipe with narrow layers and few steps that trains on all items."""
    narrow: dict[str, Any] = {
        name: [min(units, most) for units in recipe.model[name]]
        for name, most in MOST_UNITS.items()
        if name in recipe.model
    }
    if "pretraining_epochs" in recipe.model:
        narrow["pretraining_epochs"] = 1
    pretraining = {**recipe.pretraining, "epochs": 1} if recipe.pretraining else {}
    return replace(
        recipe,
        model={**recipe.model, **narrow},
        pretraining=pretraining,
        batch_size=max(recipe.batch_size, LEAST_BATCH),
        validation=0,
    )
