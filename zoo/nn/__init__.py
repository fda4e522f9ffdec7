"""What models are made of: networks, likelihoods, priors, divergences."""

from zoo.nn import corruption as corruption
from zoo.nn import divergences as divergences
from zoo.nn import likelihoods as likelihoods
from zoo.nn import networks as networks
from zoo.nn import priors as priors
