"""The zoo of autoencoders for Keras 3.

Names are resolved when they are first used, so that listing the models needs neither Keras nor a
backend.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "list_models": "zoo.catalog",
    "card": "zoo.catalog",
    "load": "zoo.presets",
    "save": "zoo.presets",
    "Autoencoder": "zoo.models.autoencoder",
    "SparseAutoencoder": "zoo.models.autoencoder",
    "DenoisingAutoencoder": "zoo.models.autoencoder",
    "ContractiveAutoencoder": "zoo.models.autoencoder",
    "RBM": "zoo.models.boltzmann",
    "TargetPropAutoencoder": "zoo.models.energy",
    "VAE": "zoo.models.vae",
    "CVAE": "zoo.models.cvae",
    "IWAE": "zoo.models.iwae",
    "M1": "zoo.models.semisupervised",
    "M2": "zoo.models.semisupervised",
    "M1M2": "zoo.models.semisupervised",
    "AAE": "zoo.models.adversarial",
    "LabelInformedAAE": "zoo.models.adversarial",
    "SupervisedAAE": "zoo.models.adversarial",
    "SemiSupervisedAAE": "zoo.models.adversarial",
    "ClusteringAAE": "zoo.models.adversarial",
    "VAEGAN": "zoo.models.adversarial",
    "Normal": "zoo.nn.priors",
    "Uniform": "zoo.nn.priors",
    "Categorical": "zoo.nn.priors",
    "GaussianMixture": "zoo.nn.priors",
    "SwissRoll": "zoo.nn.priors",
    "CustomPrior": "zoo.nn.priors",
    "Masking": "zoo.nn.corruption",
    "SaltAndPepper": "zoo.nn.corruption",
    "GaussianNoise": "zoo.nn.corruption",
    "Translation": "zoo.nn.corruption",
    "Composition": "zoo.nn.corruption",
    "pretrain": "zoo.pretraining",
    "classifier": "zoo.pretraining",
    "Classifier": "zoo.pretraining",
    "SavePicture": "zoo.callbacks",
    "strategy": "zoo.distribution",
}
_MODULES = ("callbacks", "data", "evaluation", "models", "nn", "plots", "recipes")

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name):
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"zoo.{name}")
    else:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
