"""Models that learn from many images and few labels."""

from zoo.models.semisupervised.m1 import M1
from zoo.models.semisupervised.m1m2 import M1M2
from zoo.models.semisupervised.m2 import M2

__all__ = ["M1", "M1M2", "M2"]
