"""Building blocks of the models: networks, distributions and corruptions."""

from zoo.nn import corruption as corruption
from zoo.nn import distributions as distributions
from zoo.nn import networks as networks
