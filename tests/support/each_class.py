"""A tiny model of each class, with what its constructor needs; and which classes are tested when.

At every turn one class of each kind is tested, and all of them in the longer run. A new class is in
all lists by itself: they follow from `zoo.models.CLASSES` and from what classes say of themselves.
"""

import functools
import types

import keras
import numpy as np
import pytest

import zoo
from support.tiny import features_of_images
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.models.base import BaseModel
from zoo.models.translator import BaseTranslator

SHAPE = (4, 4, 1)
# Marks of what belongs to the longer run. On another backend than TensorFlow a run is a longer one
# in any case, and nothing is left out.
LONGER = (pytest.mark.slow,) if keras.backend.backend() == "tensorflow" else ()


def longer(test):
    """Mark a test as one of the longer run."""
    return functools.reduce(lambda marked, mark: mark(marked), LONGER, test)


SMALL = {"input_shape": SHAPE, "latent_dim": 2, "hidden_units": (8,), "num_classes": 3}
OTHERS = {  # what a class needs that its arguments and attributes do not tell
    "LabelInformedAAE": lambda: {"prior": zoo.GaussianMixture.petals(3)},
    "DFCVAE": lambda: {"features": features_of_images(SHAPE)},
    "VAEGAN": lambda: {"filters": (4,)},
    "CompressiveAutoencoder": lambda: {"filters": (4,)},
    "SequenceVAE": lambda: {"input_shape": (4, 4), "encoder_units": 6, "decoder_units": 8},
    "SketchRNN": lambda: {"input_shape": (4, 5), "encoder_units": 6, "decoder_units": 8},
    "PaletteNet": lambda: {"input_shape": (4, 4, 3)},
    "CorrespondenceAutoencoder": lambda: {"second_shape": SHAPE},
    "TDAE": lambda: {"target_shape": (8, 8, 1)},
    "VaDE": lambda: {"pretraining_epochs": 0},
    "M1M2": lambda: {"lower": zoo.VAE(SHAPE, 2, hidden_units=(8,), seed=0)},
}


def make(name, /, **options):
    """Make a tiny model of a class, with what it needs and a few small settings."""
    cls = CLASSES[name]
    small = {name: value for name, value in SMALL.items() if name in arguments_of(cls)}
    if issubclass(cls, BaseTranslator):
        small["filters"] = (4,)
    return cls(**{**small, **OTHERS.get(name, dict)(), **options})


def data_of(name, x):
    """Return images [n, ...] as what a model of a class takes: images, signals or drawings."""
    if name == "SequenceVAE":
        return x.reshape(len(x), *OTHERS[name]()["input_shape"])
    return drawings_of(x, 4) if name == "SketchRNN" else x


def data_like(model, x):
    """Return arrays of the model's shape as they are, or for a model of drawings, as drawings."""
    return drawings_of(x, model.image_shape[0]) if isinstance(model, zoo.SketchRNN) else x


def drawings_of(x, length):
    """Return images as drawings in stroke-5 format, of 1 to `length` - 1 steps."""
    found, rows = [], length - 1
    for i, image in enumerate(x.reshape(len(x), -1)):
        offsets = 4.0 * image[: 2 * rows].reshape(rows, 2) - 1.0
        lifted = image[2 * rows : 3 * rows] > 0.5
        found.append(np.column_stack([offsets, lifted])[: 1 + i % rows])
    return zoo.data.strokes.to_stroke5(found, length)


def base_of(cls) -> type:
    """Return the base of all models of its sort: of autoencoders, generators or translators."""
    return cls.__mro__[cls.__mro__.index(BaseModel) - 1]


@functools.cache
def one_of_each_kind() -> list[str]:
    """Return one class for each family and base: the one with the fewest classes above it.

    Of several of these it is one that has a loss or a training step of its own.
    """
    kinds = {}
    for name, cls in CLASSES.items():
        kinds.setdefault((cls.family, base_of(cls)), []).append(name)
    return [min(names, key=_how_special) for names in kinds.values()]


def _how_special(name) -> tuple[int, bool]:
    cls = CLASSES[name]
    return len(cls.__mro__), not ({"losses", "train_step"} & vars(cls).keys())


def every_class(names=None, without=()):
    """Return names of classes as parameters of a test: slow, but for one of each kind.

    Args:
        names: the classes that the test is about; by default all.
        without: the names of classes that it leaves out.
    """
    names = [name for name in (names or CLASSES) if name not in without]
    often = {*one_of_each_kind()}
    return [pytest.param(n, marks=() if n in often else LONGER, id=n) for n in names]


# What a class has of its own, and what no check of data, weights or optimizers is about.
OF_A_CLASS = {"losses", "train_step", "test_step", "further_losses", "after_step", "parts", "part"}
OF_A_CLASS |= {"setting", "variables"}


def shared_code(cls) -> tuple:
    """Return what decides which lines `fit`, `evaluate`, `encode` and the like run of a class.

    Classes with equal tuples inherit all of these methods from the same classes and differ only in
    losses and steps. A check that is not about those says the same of both.
    """
    of_all = {
        name
        for base in (BaseModel, base_of(cls))
        for name, value in vars(base).items()
        if isinstance(value, types.FunctionType) and name.strip("_") == name
    } - OF_A_CLASS
    homes = tuple((name, _home(cls, name)) for name in sorted(of_all))
    labels = (cls.conditional, cls.learns_labels, cls.semi_supervised)
    return (homes, labels, bool(cls.updates))


def _home(cls, name) -> str:
    return next(c.__name__ for c in cls.__mro__ if name in vars(c))
