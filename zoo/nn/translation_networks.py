"""Networks for image translation: a U-Net, and a discriminator of patches."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from zoo.nn.seeds import KERAS_OWN, Seeds

_KERNEL = 4  # twice the stride


def u_net(
    input_shape: tuple[int, ...],
    output_channels: int,
    *,
    filters: tuple[int, ...],
    activation: Any = "relu",
    condition_dim: int = 0,
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a U-Net: an encoder and a decoder whose levels of the same size are connected.

    The smallest grid represents the content of the image; edges pass through the connections.

        halve -> halve -> halve
          |        |        |
        double <- double <- double     each joined to the features before that halving

    Args:
        input_shape: (height, width, channels); half of an odd side is rounded up.
        output_channels: the number of channels of the images that it gives.
        filters: the number of channels after each halving, at least one.
        activation: the activation of the hidden layers.
        condition_dim: if above 0, the network also takes a vector `condition` of this length, which
            is appended at every position of every level of the second half.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy; the output is always float32.

    Returns:
        A model from `x` [batch, *input_shape], or `{"x", "condition"}`, to float32 [batch, height,
        width, output_channels].

    Example:
        >>> from zoo.nn.translation_networks import u_net
        >>> u_net((28, 28, 1), 3, filters=(8, 16)).output_shape
        (None, 28, 28, 3)

    Source: Ronneberger, Fischer and Brox 2015 (arXiv 1505.04597); Isola et al. 2017 (arXiv
    1611.07004), section 3.2.1, for strided convolutions.
    """
    x = features = keras.Input(input_shape, name="x")
    inputs, condition, levels = x, None, []
    if condition_dim:
        condition = keras.Input((condition_dim,), name="condition")
        inputs = {"x": x, "condition": condition}
    for i, width in enumerate(filters):
        levels.append(features)
        features = seeds.layer(
            layers.Conv2D, width, _KERNEL, 2, "same", name=f"halving_{i}", dtype=dtype
        )(features)
        features = activated(features, activation, f"halving_{i}", dtype)
    for i in reversed(range(len(filters))):
        beside = levels[i]
        features = _with_condition(features, condition, f"condition_{i}", dtype)
        width = filters[max(i - 1, 0)]
        features = seeds.layer(
            layers.Conv2DTranspose, width, _KERNEL, 2, "same", name=f"doubling_{i}", dtype=dtype
        )(features)
        features = features[:, : beside.shape[1], : beside.shape[2]]  # crop odd sides
        features = activated(features, activation, f"doubling_{i}", dtype)
        features = layers.Concatenate(name=f"beside_{i}", dtype=dtype)([features, beside])
    features = _with_condition(features, condition, "condition_of_pixels", dtype)
    pixels = seeds.layer(
        layers.Conv2D, output_channels, 3, padding="same", name="pixels", dtype="float32"
    )
    return keras.Model(inputs, pixels(features), name="generator")


def patch_discriminator(
    input_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *,
    filters: tuple[int, ...],
    seeds: Seeds = KERAS_OWN,
    dtype: Any = None,
) -> keras.Model:
    """Build a discriminator that gives a logit for each patch of a pair of images.

    Args:
        input_shape, target_shape: the shapes of the two images, (height, width, channels), of equal
            sides.
        filters: the number of channels after each halving, at least one; more of them make larger
            patches, see `patch_size`.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy.

    Returns:
        A model from `{"x", "y"}` to logits, float32 [batch, rows, columns, 1], one for each patch.

    Example:
        >>> from zoo.nn.translation_networks import patch_discriminator
        >>> patch_discriminator((28, 28, 1), (28, 28, 3), filters=(8, 16)).output_shape
        (None, 7, 7, 1)

    Source: Isola et al. 2017 (arXiv 1611.07004), section 3.2.2.
    """
    inputs = {"x": keras.Input(input_shape, name="x"), "y": keras.Input(target_shape, name="y")}
    features = layers.Concatenate(name="pair", dtype=dtype)([*inputs.values()])
    for i, width in enumerate(filters):
        features = seeds.layer(
            layers.Conv2D, width, _KERNEL, 2, "same", name=f"conv_{i}", dtype=dtype
        )(features)
        features = activated(features, "leaky_relu", f"conv_{i}", dtype, normalize=i > 0)
    logits = seeds.layer(layers.Conv2D, 1, _KERNEL, padding="same", name="logits", dtype="float32")(
        features
    )
    return keras.Model(inputs, logits, name="discriminator")


def patch_size(halvings: int) -> int:
    """Return the side, in pixels, of the patch that one logit of `patch_discriminator` depends on.

    Example:
        >>> from zoo.nn.translation_networks import patch_size
        >>> [patch_size(n) for n in (1, 2, 3)]
        [10, 22, 46]
    """
    side = _KERNEL  # of the last convolution, in its own pixels
    for _ in range(halvings):
        side = 2 * (side - 1) + _KERNEL
    return side


def everywhere(vector: Any, shape: tuple[int, ...]) -> Any:
    """Repeat a vector [batch, d] at every position of a grid, [batch, height, width, d].

    Args:
        shape: (height, width, ...) of the grid.
    """
    return ops.tile(ops.expand_dims(vector, (1, 2)), (1, *shape[:2], 1))


def _with_condition(features, condition, name, dtype):
    if condition is None:
        return features
    repeated = everywhere(condition, features.shape[1:3])
    return layers.Concatenate(name=name, dtype=dtype)([features, repeated])


def activated(features: Any, activation: Any, name: str, dtype: Any, normalize: bool = True) -> Any:
    """Apply group normalization, unless `normalize` is False, and an activation."""
    if normalize:
        groups = max(1, math.gcd(features.shape[-1], 32) // 4)  # at most 8, of at least 4 channels
        norm = layers.GroupNormalization(groups, name=f"{name}_norm", dtype=dtype)
        features = norm(features)
    return layers.Activation(activation, name=f"{name}_activation", dtype=dtype)(features)
