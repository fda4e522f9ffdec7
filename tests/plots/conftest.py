"""Images and untrained models that pictures are made of."""

import pytest

import zoo
from zoo import data


@pytest.fixture(scope="session")
def digits():
    (x, y), _ = data.load("digits")
    return x[:60], y[:60]


@pytest.fixture(scope="session")
def vae():
    return zoo.VAE((8, 8, 1), 2, hidden=(16,))


@pytest.fixture(scope="session")
def cvae():
    return zoo.CVAE((8, 8, 1), 3, hidden=(16,), num_classes=10)


@pytest.fixture(scope="session")
def plain():
    return zoo.Autoencoder((8, 8, 1), 2, hidden=(16,))
