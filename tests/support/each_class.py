"""A tiny model of each class, with what its constructor needs."""

import zoo
from support.tiny import features_of_images
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES

SHAPE = (4, 4, 1)
NEEDED = {
    "CVAE": {"num_classes": 3},
    "M1": {"num_classes": 3},
    "M2": {"num_classes": 3},
    "SupervisedAAE": {"num_classes": 3},
    "CAAE": {"num_classes": 3},
    "SemiSupervisedAAE": {"num_classes": 3},
    "ClusteringAAE": {"num_classes": 3},
    "LabelInformedAAE": {"num_classes": 3, "prior": zoo.GaussianMixture.petals(3)},
    "DFCVAE": {"features": features_of_images(SHAPE)},
    "VAEGAN": {"filters": (4,)},
    "RBM": {},
}


def make(name, /, **options):
    """Make a tiny model of a class, with what it needs and a few small settings."""
    cls = CLASSES[name]
    small = {"hidden_units": (8,)} if "hidden_units" in arguments_of(cls) else {}
    sizes = {"input_shape": SHAPE, "latent_dim": 2}
    if name in ("Pix2Pix", "PaletteNet", "TDAE"):
        shape = (4, 4, 3) if name == "PaletteNet" else SHAPE
        sizes = {"input_shape": shape, "filters": (4,)}
    if name == "TDAE":
        sizes["target_shape"] = (8, 8, 1)
    if name == "M1M2":
        lower = zoo.VAE(SHAPE, 2, hidden_units=(8,), seed=0)
        sizes = {"lower": lower, "latent_dim": 2, "num_classes": 3}
    return cls(**{**sizes, **small, **NEEDED.get(name, {}), **options})
