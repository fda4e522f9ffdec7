"""A tiny model of each class, with what its constructor needs."""

import zoo
from support.tiny import features_of_images
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.models.translator import BaseTranslator

SHAPE = (4, 4, 1)
SMALL = {"input_shape": SHAPE, "latent_dim": 2, "hidden_units": (8,), "num_classes": 3}
OTHERS = {  # what a class needs that its arguments and attributes do not tell
    "LabelInformedAAE": lambda: {"prior": zoo.GaussianMixture.petals(3)},
    "DFCVAE": lambda: {"features": features_of_images(SHAPE)},
    "VAEGAN": lambda: {"filters": (4,)},
    "PaletteNet": lambda: {"input_shape": (4, 4, 3)},
    "TDAE": lambda: {"target_shape": (8, 8, 1)},
    "M1M2": lambda: {"lower": zoo.VAE(SHAPE, 2, hidden_units=(8,), seed=0)},
}


def make(name, /, **options):
    """Make a tiny model of a class, with what it needs and a few small settings."""
    cls = CLASSES[name]
    small = {name: value for name, value in SMALL.items() if name in arguments_of(cls)}
    if issubclass(cls, BaseTranslator):
        small["filters"] = (4,)
    return cls(**{**small, **OTHERS.get(name, dict)(), **options})
