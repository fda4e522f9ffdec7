"""Codecs as they are after training."""

import numpy as np
from keras import ops


def draw_zeros(*networks):
    """Draw the kernels of convolutions that are 0 before training."""
    generator = np.random.default_rng(0)
    for network in networks:
        for weight in network.trainable_weights:
            if len(weight.shape) == 4 and not ops.convert_to_numpy(weight).any():
                weight.assign(generator.normal(0.0, 0.05, weight.shape))
