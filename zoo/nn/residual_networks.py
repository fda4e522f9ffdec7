"""Residual networks for images and signals, between the data and the dense layers.

The residual stream from image to code and back is linear: it consists of strided convolutions
without an activation. They start as a Haar transform, so that no information is lost if there are
enough channels, and the network can express PCA. Residual blocks add nonlinear terms to this
stream, and start at zero:

    stream = stream + conv(activation(norm(conv(activation(norm(stream))))))

Only the inputs of blocks are normalized, so that the stream keeps contrast and amplitude.

Sources: He et al. 2016 (arXiv 1603.05027) for blocks without an activation on the stream; Wu and He
2018 (arXiv 1803.08494) for group normalization, which does not depend on the batch; Goyal et al.
2017 (arXiv 1706.02677), section 5.1, for blocks that start at zero.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from zoo.nn.seeds import Seeds

_CONVOLUTIONS = {1: layers.Conv1D, 2: layers.Conv2D}
_TRANSPOSED = {1: layers.Conv1DTranspose, 2: layers.Conv2DTranspose}
_KERNEL = {1: 7, 2: 3}  # of a block, by the number of axes
_RESAMPLING_KERNEL = 4  # twice the stride, so that every position gets equally many terms


def halved(
    features: Any, filters: tuple[int, ...], activation: Any, seeds: Seeds, dtype: Any
) -> Any:
    """Halve images or signals once for every filter, each time with a residual block after it.

    Args:
        features: a Keras tensor [batch, height, width, channels], or [batch, time, channels].
        filters: the number of channels after each halving.
        activation: the activation inside the blocks.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy.

    Returns:
        [batch, height / 2^n, width / 2^n, filters[-1]] for n filters, or [batch, time / 2^n, ...];
        odd sizes are rounded up.

    Example:
        >>> from zoo.nn.residual_networks import Seeds, halved
        >>> halved(keras.Input((32, 32, 3)), (16, 32), "relu", Seeds(), None).shape
        (None, 8, 8, 32)
    """
    axes, channels = len(features.shape) - 2, features.shape[-1]
    for i, width in enumerate(filters):
        halving = _CONVOLUTIONS[axes](
            width,
            _RESAMPLING_KERNEL,
            2,
            "same",
            kernel_initializer=HaarTransform(
                used_channels(channels, filters[:i], axes), seeds.next()
            ),
            name=f"halving_{i}",
            dtype=dtype,
        )
        features = _residual_block(halving(features), activation, f"block_{i}", seeds, dtype)
    return features


def doubled(
    features: Any,
    output_shape: tuple[int, ...],
    filters: tuple[int, ...],
    activation: Any,
    seeds: Seeds,
    dtype: Any,
) -> Any:
    """Turn flat features into images or signals: `halved` in reverse, with doublings.

    Args:
        features: a Keras tensor [batch, values].
        output_shape: (height, width, channels), or (time, channels).
        filters, activation, seeds, dtype: as in `halved`, in the encoder's order.

    Returns:
        float32 [batch, *output_shape].

    Example:
        >>> from zoo.nn.residual_networks import Seeds, doubled
        >>> doubled(keras.Input((10,)), (140, 2), (16, 32), "relu", Seeds(), None).shape
        (None, 140, 2)
    """
    *sides, channels = output_shape
    axes = len(sides)
    sizes = [sides]  # of every level, from the output to the smallest grid
    for _ in filters:
        sizes.append([math.ceil(side / 2) for side in sizes[-1]])
    grid = (*sizes.pop(), filters[-1])
    features = seeds.layer(layers.Dense, math.prod(grid), name="grid", dtype=dtype)(features)
    features = ops.reshape(features, (-1, *grid))
    for i in reversed(range(len(filters))):
        features = _residual_block(features, activation, f"block_{i}", seeds, dtype)
        last = i == 0
        doubling = _TRANSPOSED[axes](
            channels if last else filters[i - 1],
            _RESAMPLING_KERNEL,
            2,
            "same",
            kernel_initializer=HaarTransform(
                used_channels(channels, filters[:i], axes), seeds.next()
            ),
            name="pixels" if last else f"doubling_{i}",
            dtype="float32" if last else dtype,
        )
        features = _cropped(doubling(features), sizes.pop())
    return features


def used_channels(channels: int, filters: tuple[int, ...], axes: int) -> int:
    """Return how many channels of the stream carry data after some halvings, before training.

    Args:
        channels: the number of channels of the data.
        filters: the widths after the halvings so far.
        axes: 2 for images, 1 for signals.
    """
    for width in filters:
        channels = min(width, 2**axes * channels)
    return channels


@keras.saving.register_keras_serializable(package="zoo")
class HaarTransform(keras.initializers.Initializer):
    """Initial kernels of convolutions of stride 2: means and differences of neighbors.

    An orthonormal transform turns pairs of steps of c channels into 2c channels, or squares of four
    pixels into 4c channels: first the means of all channels, then the differences. If the layer has
    fewer channels, the last differences are lost; if it has more, the others are random features
    (Glorot uniform) of all channels. In transposed convolutions, whose kernels have their axes
    swapped, it is the inverse.

    Args:
        used: how many channels of the finer grid carry data.
        seed: the seed of the random features.

    Source: Haar 1910 (doi 10.1007/BF01456326).
    """

    def __init__(self, used: int, seed: int | None = None):
        self.used, self.seed = used, seed
        self.random = keras.initializers.GlorotUniform(seed=seed)

    def __call__(self, shape, dtype=None):
        *taps, _, coarse = shape
        axes = len(taps)
        kernel = np.array(ops.convert_to_numpy(self.random(shape, "float32")))
        transformed = min(coarse, 2**axes * self.used)
        kernel[..., :transformed] = 0.0
        middle = kernel[(slice(taps[0] // 2 - 1, taps[0] // 2 + 1),) * axes]  # [2, 2, fine, coarse]
        places = list(itertools.product((0, 1), repeat=axes))
        for channel in range(transformed):
            difference = places[channel // self.used]  # (0, 0) is the mean
            for place in places:
                sign = (-1) ** int(np.dot(difference, place))
                middle[(*place, channel % self.used, channel)] = sign / 2 ** (axes / 2)
        return ops.convert_to_tensor(kernel, dtype or "float32")

    def get_config(self) -> dict:
        return {"used": self.used, "seed": self.seed}


def _residual_block(stream, activation, name, seeds, dtype):
    """Add two convolutions of the normalized stream to the stream; the second starts at zero."""
    width, axes = stream.shape[-1], len(stream.shape) - 2
    groups = max(1, math.gcd(width, 32) // 4)  # at most 8, of at least 4 channels
    features = stream
    for i, start in enumerate((seeds.glorot(), "zeros")):
        part = f"{name}_{i}"
        norm = layers.GroupNormalization(groups, name=f"{part}_norm", dtype=dtype)
        active = layers.Activation(activation, name=f"{part}_activation", dtype=dtype)
        convolution = _CONVOLUTIONS[axes](
            width,
            _KERNEL[axes],
            padding="same",
            kernel_initializer=start,
            name=f"{part}_conv",
            dtype=dtype,
        )
        features = convolution(active(norm(features)))
    return layers.Add(name=name, dtype=dtype)([stream, features])


def _cropped(features, sides):
    """Cut off the last row, column or step where a side is odd."""
    if tuple(features.shape[1:-1]) == tuple(sides):
        return features
    return features[(slice(None), *(slice(side) for side in sides))]
