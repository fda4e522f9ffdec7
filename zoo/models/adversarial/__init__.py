"""Models whose codes a discriminator shapes."""

from zoo.models.adversarial.aae import AAE
from zoo.models.adversarial.clustering import ClusteringAAE
from zoo.models.adversarial.label_informed import LabelInformedAAE
from zoo.models.adversarial.semi_supervised import SemiSupervisedAAE
from zoo.models.adversarial.supervised import SupervisedAAE
from zoo.models.adversarial.vaegan import VAEGAN

__all__ = [
    "AAE",
    "VAEGAN",
    "ClusteringAAE",
    "LabelInformedAAE",
    "SemiSupervisedAAE",
    "SupervisedAAE",
]
