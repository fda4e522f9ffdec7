"""Networks that enlarge or shrink images, with spatial transformers that align them."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.checks.arguments import widths
from zoo.nn.seeds import KERAS_OWN, Seeds
from zoo.nn.spatial_transformer import SpatialTransformer
from zoo.nn.translation_networks import activated

LARGEST = 16  # side of the feature maps of spatial transformers
_KERNEL = 4  # twice the stride
_MAPS, _UNITS = 8, 256  # of the dense layers whose input is all pixels


def upsampler(
    input_shape: tuple[int, ...],
    output_channels: int,
    *,
    filters: tuple[int, ...],
    activation: Any = "relu",
    name: str = "upsampler",
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from small images to larger ones, whose sides double with every filter.

    Args:
        input_shape: (height, width, channels).
        output_channels: the number of channels of the large images.
        filters: the number of channels before each doubling, starting with the largest maps.
        activation: the activation of the hidden layers.
        name: the name of the network.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy; the output is always float32.

    Returns:
        A model from `x` [batch, *input_shape] to float32 [batch, height * 2^n, width * 2^n,
        output_channels] for n filters. Feature maps of up to 16 pixels a side pass through spatial
        transformers, and images of up to 16 pixels a side also pass through dense layers.

    Raises:
        ValueError: there are no filters.

    Example:
        >>> from zoo.nn.super_resolution_networks import upsampler
        >>> upsampler((8, 8, 1), 3, filters=(4, 8, 8)).output_shape
        (None, 64, 64, 3)

    Source: Yu and Porikli 2017 (CVPR), section 3.2.
    """
    _check_filters(filters)
    x = keras.Input(input_shape, name="x")
    seen = x
    if max(input_shape[:2]) <= LARGEST:
        seen = _with_all_pixels(x, activation, seeds, dtype)
    features = seeds.layer(
        layers.Conv2D, filters[-1], 3, padding="same", name="features", dtype=dtype
    )(seen)
    features = activated(features, activation, "features", dtype)
    for i in reversed(range(len(filters))):
        features = _aligned(features, f"transformer_{i}", seeds, dtype)
        doubling = seeds.layer(
            layers.Conv2DTranspose,
            filters[max(i - 1, 0)],
            _KERNEL,
            2,
            "same",
            name=f"doubling_{i}",
            dtype=dtype,
        )
        features = activated(doubling(features), activation, f"doubling_{i}", dtype)
    pixels = seeds.layer(
        layers.Conv2D, output_channels, 3, padding="same", name="pixels", dtype="float32"
    )
    return keras.Model(x, pixels(features), name=name)


def downsampler(
    input_shape: tuple[int, ...],
    output_channels: int,
    *,
    filters: tuple[int, ...],
    activation: Any = "relu",
    name: str = "downsampler",
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from large images to small ones, whose sides halve with every filter.

    Args, Returns, Raises: as for `upsampler`, with the sides halved instead of doubled.

    Example:
        >>> from zoo.nn.super_resolution_networks import downsampler
        >>> downsampler((64, 64, 3), 1, filters=(4, 8, 8)).output_shape
        (None, 8, 8, 1)

    Source: Yu and Porikli 2017 (CVPR), section 3.2.
    """
    _check_filters(filters)
    x = features = keras.Input(input_shape, name="x")
    for i, width in enumerate(filters):
        halving = seeds.layer(
            layers.Conv2D, width, _KERNEL, 2, "same", name=f"halving_{i}", dtype=dtype
        )
        features = activated(halving(features), activation, f"halving_{i}", dtype)
        features = _aligned(features, f"transformer_{i}", seeds, dtype)
    pixels = seeds.layer(
        layers.Conv2D, output_channels, 3, padding="same", name="pixels", dtype="float32"
    )
    return keras.Model(x, pixels(features), name=name)


def _check_filters(filters):
    if not widths("filters", filters):
        raise ValueError("filters is empty; give a width for every doubling or halving.")


def _with_all_pixels(x, activation, seeds, dtype):
    """Append feature maps that depend on all pixels; a convolution's maps depend on only a few.

    This helps where single pixels are noisy.
    """
    positions = x.shape[1] * x.shape[2]
    flat = layers.Reshape((positions * x.shape[3],), name="flat", dtype=dtype)(x)
    for i, units in enumerate((_UNITS, _MAPS * positions)):
        flat = seeds.layer(layers.Dense, units, activation, name=f"all_pixels_{i}", dtype=dtype)(
            flat
        )
    maps = layers.Reshape((*x.shape[1:3], _MAPS), name="all_pixels", dtype=dtype)(flat)
    return layers.Concatenate(name="seen", dtype=dtype)([x, maps])


def _aligned(features, name, seeds, dtype):
    if max(features.shape[1:3]) > LARGEST:
        return features
    return SpatialTransformer(seeds=seeds, name=name, dtype=dtype)(features)
