"""The zoo of autoencoders for Keras 3.

Names are resolved at first use, so that listing the models needs neither Keras nor a backend. Keras
can load the classes of a `.keras` file once the models are imported. `import zoo` after `import
keras` imports them, and so does any use of `zoo.load` or of a class, such as `zoo.VAE`.
"""

import importlib
import sys
from typing import TYPE_CHECKING

from zoo.checks import installation
from zoo.checks.registered import homes_of_classes
from zoo.files.version import __version__

if TYPE_CHECKING:
    import export as export
    from zoo import anomaly as anomaly
    from zoo import compression as compression
    from zoo import data as data
    from zoo import density as density
    from zoo import lessons as lessons
    from zoo import metrics as metrics
    from zoo import models as models
    from zoo import nn as nn
    from zoo import plots as plots
    from zoo import recipes as recipes
    from zoo import search as search
    from zoo import sklearn as sklearn

    # begin of what is written by `python docs/generated_pages.py`: the classes of models
    from zoo.models.aae import AAE as AAE
    from zoo.models.began import BEGAN as BEGAN
    from zoo.models.binary import BinaryAutoencoder as BinaryAutoencoder
    from zoo.models.caae import CAAE as CAAE
    from zoo.models.classical import Autoencoder as Autoencoder
    from zoo.models.classical import ContractiveAutoencoder as ContractiveAutoencoder
    from zoo.models.classical import DenoisingAutoencoder as DenoisingAutoencoder
    from zoo.models.classical import SparseAutoencoder as SparseAutoencoder
    from zoo.models.clustering_aae import ClusteringAAE as ClusteringAAE
    from zoo.models.compressive import CompressiveAutoencoder as CompressiveAutoencoder
    from zoo.models.correspondence import CorrespondenceAutoencoder as CorrespondenceAutoencoder
    from zoo.models.cvae import CVAE as CVAE
    from zoo.models.dfc_vae import DFCVAE as DFCVAE
    from zoo.models.ebgan import EBGAN as EBGAN
    from zoo.models.gan import GAN as GAN
    from zoo.models.iwae import IWAE as IWAE
    from zoo.models.label_informed_aae import LabelInformedAAE as LabelInformedAAE
    from zoo.models.m1 import M1 as M1
    from zoo.models.m1m2 import M1M2 as M1M2
    from zoo.models.m2 import M2 as M2
    from zoo.models.palette_net import PaletteNet as PaletteNet
    from zoo.models.pix2pix import Pix2Pix as Pix2Pix
    from zoo.models.rbm import RBM as RBM
    from zoo.models.semi_supervised_aae import SemiSupervisedAAE as SemiSupervisedAAE
    from zoo.models.sequence_vae import SequenceVAE as SequenceVAE
    from zoo.models.sketch_rnn import SketchRNN as SketchRNN
    from zoo.models.supervised_aae import SupervisedAAE as SupervisedAAE
    from zoo.models.target_prop import TargetPropAutoencoder as TargetPropAutoencoder
    from zoo.models.tdae import TDAE as TDAE
    from zoo.models.vade import VaDE as VaDE
    from zoo.models.vae import VAE as VAE
    from zoo.models.vaegan import VAEGAN as VAEGAN

    # end of what is written
    from zoo.nn.corruption import Composition as Composition
    from zoo.nn.corruption import GaussianNoise as GaussianNoise
    from zoo.nn.corruption import Masking as Masking
    from zoo.nn.corruption import SaltAndPepper as SaltAndPepper
    from zoo.nn.corruption import Translation as Translation
    from zoo.nn.distributions import Bernoulli as Bernoulli
    from zoo.nn.distributions import Categorical as Categorical
    from zoo.nn.distributions import CategoricalPrior as CategoricalPrior
    from zoo.nn.distributions import CustomPrior as CustomPrior
    from zoo.nn.distributions import Gaussian as Gaussian
    from zoo.nn.distributions import GaussianColumns as GaussianColumns
    from zoo.nn.distributions import GaussianMixture as GaussianMixture
    from zoo.nn.distributions import LearnedGaussian as LearnedGaussian
    from zoo.nn.distributions import MixedColumns as MixedColumns
    from zoo.nn.distributions import ModalColumns as ModalColumns
    from zoo.nn.distributions import Multinomial as Multinomial
    from zoo.nn.distributions import NegativeBinomial as NegativeBinomial
    from zoo.nn.distributions import Normal as Normal
    from zoo.nn.distributions import Padded as Padded
    from zoo.nn.distributions import Poisson as Poisson
    from zoo.nn.distributions import SketchMixture as SketchMixture
    from zoo.nn.distributions import SquaredError as SquaredError
    from zoo.nn.distributions import StructuralSimilarity as StructuralSimilarity
    from zoo.nn.distributions import StudentColumns as StudentColumns
    from zoo.nn.distributions import SwissRoll as SwissRoll
    from zoo.nn.distributions import Uniform as Uniform
    from zoo.nn.distributions import VampPrior as VampPrior
    from zoo.presets.catalog import card as card
    from zoo.presets.catalog import list_models as list_models
    from zoo.presets.loading import load as load
    from zoo.presets.pushing import push as push
    from zoo.presets.saving import save as save
    from zoo.pretraining.mean_start import start_at_mean as start_at_mean
    from zoo.pretraining.pca_start import start_at_pca as start_at_pca
    from zoo.pretraining.stacks import Classifier as Classifier
    from zoo.pretraining.stacks import classifier as classifier
    from zoo.pretraining.stacks import pretrain as pretrain
    from zoo.pretraining.stacks import top_down_samples as top_down_samples
    from zoo.training import callbacks as callbacks
    from zoo.training.annealing import Annealing as Annealing
    from zoo.training.callbacks import SavePicture as SavePicture
    from zoo.training.devices import strategy as strategy
    from zoo.training.loss_weight import LossWeight as LossWeight

_HOMES = {
    "list_models": "zoo.presets.catalog",
    "card": "zoo.presets.catalog",
    "load": "zoo.presets.loading",
    "push": "zoo.presets.pushing",
    "save": "zoo.presets.saving",
    "LossWeight": "zoo.training.loss_weight",
    "Bernoulli": "zoo.nn.distributions",
    "Gaussian": "zoo.nn.distributions",
    "LearnedGaussian": "zoo.nn.distributions",
    "SquaredError": "zoo.nn.distributions",
    "Normal": "zoo.nn.distributions",
    "Uniform": "zoo.nn.distributions",
    "Categorical": "zoo.nn.distributions",
    "CategoricalPrior": "zoo.nn.distributions",
    "GaussianColumns": "zoo.nn.distributions",
    "MixedColumns": "zoo.nn.distributions",
    "StructuralSimilarity": "zoo.nn.distributions",
    "StudentColumns": "zoo.nn.distributions",
    "ModalColumns": "zoo.nn.distributions",
    "Multinomial": "zoo.nn.distributions",
    "Padded": "zoo.nn.distributions",
    "Poisson": "zoo.nn.distributions",
    "SketchMixture": "zoo.nn.distributions",
    "Annealing": "zoo.training.annealing",
    "NegativeBinomial": "zoo.nn.distributions",
    "GaussianMixture": "zoo.nn.distributions",
    "SwissRoll": "zoo.nn.distributions",
    "VampPrior": "zoo.nn.distributions",
    "CustomPrior": "zoo.nn.distributions",
    "Masking": "zoo.nn.corruption",
    "SaltAndPepper": "zoo.nn.corruption",
    "GaussianNoise": "zoo.nn.corruption",
    "Translation": "zoo.nn.corruption",
    "Composition": "zoo.nn.corruption",
    "pretrain": "zoo.pretraining.stacks",
    "top_down_samples": "zoo.pretraining.stacks",
    "classifier": "zoo.pretraining.stacks",
    "Classifier": "zoo.pretraining.stacks",
    "start_at_mean": "zoo.pretraining.mean_start",
    "start_at_pca": "zoo.pretraining.pca_start",
    "SavePicture": "zoo.training.callbacks",
    "strategy": "zoo.training.devices",
    **homes_of_classes(),
}
_MODULES = {
    "anomaly": "zoo.anomaly",
    "callbacks": "zoo.training.callbacks",
    "compression": "zoo.compression",
    "data": "zoo.data",
    "density": "zoo.density",
    "lessons": "zoo.lessons",
    "search": "zoo.search",
    "metrics": "zoo.metrics",
    "models": "zoo.models",
    "nn": "zoo.nn",
    "plots": "zoo.plots",
    "recipes": "zoo.recipes",
    "sklearn": "zoo.sklearn",
}

__all__ = ["__version__", "export", *_HOMES, *_MODULES]


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module 'zoo' has no attribute {name!r}")
        with installation.in_words():
            if name == "export":
                value = installation.export_package()
            elif name in _MODULES:  # modules of the zoo import these, too
                value = importlib.import_module(_MODULES[name])
            else:
                value = getattr(importlib.import_module(_HOMES[name]), name)
                if "keras" in sys.modules:
                    importlib.import_module("zoo.models")  # so that Keras finds classes in files
        globals()[name] = value
        return value


def __dir__():
    return sorted(__all__)


if "keras" in sys.modules:
    importlib.import_module("zoo.models")
