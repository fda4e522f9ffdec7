"""Untrained models of digits that the tests of metrics share."""

import pytest

import zoo


@pytest.fixture(scope="session")
def vae():
    return zoo.VAE((8, 8, 1), 3, hidden_units=(16,), prior=zoo.Normal(3, scale=2.0))


@pytest.fixture(scope="session")
def cvae():
    return zoo.CVAE((8, 8, 1), 2, hidden_units=(16,), num_classes=10)
