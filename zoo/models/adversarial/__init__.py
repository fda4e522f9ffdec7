"""Models whose codes a discriminator shapes."""

from zoo.models.adversarial.aae import AAE
from zoo.models.adversarial.label_informed import LabelInformedAAE
from zoo.models.adversarial.semi_supervised import SemiSupervisedAAE
from zoo.models.adversarial.supervised import SupervisedAAE

__all__ = ["AAE", "LabelInformedAAE", "SemiSupervisedAAE", "SupervisedAAE"]
