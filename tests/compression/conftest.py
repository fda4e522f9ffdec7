"""A small codec, and images for it."""

import numpy as np
import pytest
from support.codecs import draw_zeros

import zoo

SETTINGS = {"input_shape": (80, 80, 3), "latent_dim": 6, "filters": (4, 4), "seed": 1}


def drawn(height, width, channels=3, seed=0):
    """An image of smooth colors with some noise, uint8 [height, width, channels]."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows / (7 + i)) + np.cos(columns / (9 + i)) for i in range(channels)]
    noise = generator.normal(0, 0.3, (height, width, channels))
    return np.clip(127 + 50 * (np.stack(waves, -1) + noise), 0, 255).astype("uint8")


@pytest.fixture(scope="session")
def model():
    """A model with steps that make its coefficients some tens."""
    made = zoo.CompressiveAutoencoder(**SETTINGS)
    draw_zeros(made.encoder, made.decoder)
    made.log_steps.assign(made.log_steps - 0.4)
    made.update_tables()
    return made


@pytest.fixture(scope="session")
def codec(model):
    return zoo.compression.Codec(model)
