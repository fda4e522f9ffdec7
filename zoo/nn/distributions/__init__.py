"""Posteriors, priors and likelihoods, with `log_prob`, and KL divergences between them.

`sample` returns arrays, and takes a seed. `draw` returns tensors inside a training step, and takes
the model's seed generator.
"""

from zoo.nn.distributions.columns import GaussianColumns
from zoo.nn.distributions.counts import NegativeBinomial, Poisson
from zoo.nn.distributions.custom_prior import CustomPrior
from zoo.nn.distributions.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    LearnedGaussian,
    Likelihood,
    SquaredError,
)
from zoo.nn.distributions.mixed_columns import MixedColumns
from zoo.nn.distributions.mixtures import GaussianMixture, SwissRoll
from zoo.nn.distributions.modal_columns import ModalColumns
from zoo.nn.distributions.normal import DiagonalNormal, kl_divergence
from zoo.nn.distributions.posteriors import ImplicitPosterior, PointMass
from zoo.nn.distributions.prior_names import get as get_prior
from zoo.nn.distributions.priors import CategoricalPrior, LearnedNormal, Normal, Prior, Uniform
from zoo.nn.distributions.sequences import Padded, SequenceLikelihood, SketchMixture
from zoo.nn.distributions.structural import StructuralSimilarity
from zoo.nn.distributions.student_columns import StudentColumns
from zoo.nn.distributions.vamp import VampPrior
from zoo.nn.distributions.word_counts import Multinomial

__all__ = [
    "Bernoulli",
    "Categorical",
    "CategoricalPrior",
    "CustomPrior",
    "DiagonalNormal",
    "Gaussian",
    "GaussianColumns",
    "GaussianMixture",
    "ImplicitPosterior",
    "LearnedGaussian",
    "LearnedNormal",
    "Likelihood",
    "MixedColumns",
    "ModalColumns",
    "Multinomial",
    "NegativeBinomial",
    "Normal",
    "Padded",
    "PointMass",
    "Poisson",
    "Prior",
    "SequenceLikelihood",
    "SketchMixture",
    "SquaredError",
    "StructuralSimilarity",
    "StudentColumns",
    "SwissRoll",
    "Uniform",
    "VampPrior",
    "get_prior",
    "kl_divergence",
]
