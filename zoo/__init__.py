"""The zoo of autoencoders for Keras 3.

Names are resolved when they are first used, so that listing the models needs neither Keras nor a
backend.
"""

import importlib
from typing import TYPE_CHECKING

from zoo import importing

if TYPE_CHECKING:
    import export as export
    from zoo import callbacks as callbacks
    from zoo import data as data
    from zoo import evaluation as evaluation
    from zoo import models as models
    from zoo import nn as nn
    from zoo import plots as plots
    from zoo.callbacks import SavePicture as SavePicture
    from zoo.distribution import strategy as strategy
    from zoo.models.adversarial import AAE as AAE
    from zoo.models.adversarial import VAEGAN as VAEGAN
    from zoo.models.adversarial import ClusteringAAE as ClusteringAAE
    from zoo.models.adversarial import LabelInformedAAE as LabelInformedAAE
    from zoo.models.adversarial import SemiSupervisedAAE as SemiSupervisedAAE
    from zoo.models.adversarial import SupervisedAAE as SupervisedAAE
    from zoo.models.autoencoder import Autoencoder as Autoencoder
    from zoo.models.autoencoder import ContractiveAutoencoder as ContractiveAutoencoder
    from zoo.models.autoencoder import DenoisingAutoencoder as DenoisingAutoencoder
    from zoo.models.autoencoder import SparseAutoencoder as SparseAutoencoder
    from zoo.models.boltzmann import RBM as RBM
    from zoo.models.cvae import CVAE as CVAE
    from zoo.models.energy import TargetPropAutoencoder as TargetPropAutoencoder
    from zoo.models.iwae import IWAE as IWAE
    from zoo.models.semisupervised import M1 as M1
    from zoo.models.semisupervised import M1M2 as M1M2
    from zoo.models.semisupervised import M2 as M2
    from zoo.models.vae import VAE as VAE
    from zoo.nn.corruption import Composition as Composition
    from zoo.nn.corruption import GaussianNoise as GaussianNoise
    from zoo.nn.corruption import Masking as Masking
    from zoo.nn.corruption import SaltAndPepper as SaltAndPepper
    from zoo.nn.corruption import Translation as Translation
    from zoo.nn.likelihoods import Bernoulli as Bernoulli
    from zoo.nn.likelihoods import Gaussian as Gaussian
    from zoo.nn.likelihoods import LearnedGaussian as LearnedGaussian
    from zoo.nn.likelihoods import SquaredError as SquaredError
    from zoo.nn.priors import Categorical as Categorical
    from zoo.nn.priors import CustomPrior as CustomPrior
    from zoo.nn.priors import GaussianMixture as GaussianMixture
    from zoo.nn.priors import Normal as Normal
    from zoo.nn.priors import SwissRoll as SwissRoll
    from zoo.nn.priors import Uniform as Uniform
    from zoo.presets import recipes as recipes
    from zoo.presets.catalog import card as card
    from zoo.presets.catalog import list_models as list_models
    from zoo.presets.loading import load as load
    from zoo.presets.saving import save as save
    from zoo.pretraining import Classifier as Classifier
    from zoo.pretraining import classifier as classifier
    from zoo.pretraining import pretrain as pretrain

__version__ = "0.1.0"

_HOMES = {
    "list_models": "zoo.presets.catalog",
    "card": "zoo.presets.catalog",
    "load": "zoo.presets.loading",
    "save": "zoo.presets.saving",
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
    "Bernoulli": "zoo.nn.likelihoods",
    "Gaussian": "zoo.nn.likelihoods",
    "LearnedGaussian": "zoo.nn.likelihoods",
    "SquaredError": "zoo.nn.likelihoods",
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
_MODULES = {
    "callbacks": "zoo.callbacks",
    "data": "zoo.data",
    "evaluation": "zoo.evaluation",
    "models": "zoo.models",
    "nn": "zoo.nn",
    "plots": "zoo.plots",
    "recipes": "zoo.presets.recipes",
}

__all__ = ["__version__", "export", *_HOMES, *_MODULES]


if not TYPE_CHECKING:  # which would take it for any name at all

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module 'zoo' has no attribute {name!r}")
        with importing.in_words():
            if name == "export":
                value = importing.export_package()
            elif name in _HOMES:
                value = getattr(importlib.import_module(_HOMES[name]), name)
            else:
                value = importlib.import_module(_MODULES[name])
        importing.register_classes()
        globals()[name] = value
        return value


def __dir__():
    return sorted(__all__)


importing.register_classes_with_keras()
