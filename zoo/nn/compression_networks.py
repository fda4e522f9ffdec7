"""Convolutions between images and coefficients, for compression."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from zoo.nn.seeds import Seeds

BLOCK = 8
"""How many pixels wide and high a block is, for which there is one row of coefficients."""

STRIDES = (4, 2)  # of the encoder's first layers, the decoder's last ones; of the others 1
FIRST_KERNEL, KERNEL = 9, 5
LEAST = 1e-3  # is added to squared norms


def code_shape(image_shape: tuple[int, ...], channels: int) -> tuple[int, int, int]:
    """Return the shape of the coefficients of an image; a part of a block counts as a block."""
    return -(-image_shape[0] // BLOCK), -(-image_shape[1] // BLOCK), channels


def margin(filters: tuple[int, ...]) -> int:
    """Return how many blocks around a block its coefficients depend on; its pixels, as many."""
    # From its center the first kernel reaches 4 pixels, the second 2 values that are 4 pixels
    # apart, and each further one 2 values that are 8 pixels apart.
    reach = FIRST_KERNEL // 2 + KERNEL // 2 * (4 + 8 * (len(filters) - 1))
    return -(-reach // BLOCK)


def _stride(index: int) -> int:
    return STRIDES[index] if index < len(STRIDES) else 1


@keras.saving.register_keras_serializable(package="zoo")
class DivisiveNormalization(layers.Layer):
    """Generalized divisive normalization: divides each channel by a norm of all channels.

    y_i = x_i / sqrt(b_i + sum_j g_ji x_j^2), or with `inverse` x_i * sqrt(b_i + sum_j g_ji x_j^2),
    at each pixel. g are squares of weights, and b are squares of weights plus 0.001, so that no
    norm is 0. Unlike batch normalization it treats every image alone. It makes the coefficients of
    photographs nearly independent.

    Args:
        inverse: multiply, for decoders.

    Source: Balle, Laparra and Simoncelli 2017, End-to-end optimized image compression
    (arXiv 1611.01704).
    """

    def __init__(self, inverse: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.inverse = bool(inverse)

    def build(self, input_shape: Any) -> None:
        n = input_shape[-1]
        self.root_b = self.add_weight((n,), initializer="ones", name="root_b")
        self.root_g = self.add_weight((n, n), initializer=_ScaledIdentity(), name="root_g")

    def call(self, x: Any) -> Any:
        g = ops.square(self.root_g)[None, None]  # a 1 x 1 convolution
        squared = ops.conv(ops.square(x), g) + ops.square(self.root_b) + LEAST
        return x * (ops.sqrt(squared) if self.inverse else ops.rsqrt(squared))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "inverse": self.inverse}


class _ScaledIdentity(keras.initializers.Initializer):
    """Starts g at 0.1 times the identity, and at 1e-5 elsewhere, as a root of 0 has no gradient."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        identity = ops.eye(shape[0], dtype=dtype)
        return identity * 0.1**0.5 + (1.0 - identity) * 1e-5**0.5


def encoder(
    input_shape: tuple[int, int, int],
    channels: int,
    *,
    filters: tuple[int, ...],
    seeds: Seeds,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from images to coefficients.

    Args:
        input_shape: (height, width, channels).
        channels: how many coefficients there are for a block of 8x8 pixels.
        filters: the widths of the hidden layers.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy; the coefficients are always float32.

    Returns:
        A model from `x` to float32 [batch, rows * columns * channels].
    """
    x = keras.Input(input_shape, name="x")
    shape = code_shape(input_shape, channels)
    features = layers.Rescaling(1.0, offset=-0.5, dtype=dtype)(x)
    missing = [n * BLOCK - size for n, size in zip(shape, input_shape[:2], strict=False)]
    if any(missing):
        padding = ((0, missing[0]), (0, missing[1]))
        features = layers.ZeroPadding2D(padding, dtype=dtype)(features)
    for index, width in enumerate((*filters, channels)):
        last = index == len(filters)
        features = seeds.layer(
            layers.Conv2D,
            width,
            KERNEL if index else FIRST_KERNEL,
            strides=_stride(index),
            padding="same",
            name=f"analysis_{index}",
            dtype="float32" if last else dtype,
        )(features)
        if not last:
            features = DivisiveNormalization(name=f"gdn_{index}", dtype=dtype)(features)
    z = layers.Reshape((math.prod(shape),), name="z", dtype="float32")(features)
    return keras.Model(x, z, name="encoder")


def decoder(
    output_shape: tuple[int, int, int],
    channels: int,
    *,
    filters: tuple[int, ...],
    seeds: Seeds,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from coefficients to a likelihood's parameters, the reverse of an encoder.

    Args: as for `encoder`; `filters` in the order of the encoder.

    Returns:
        A model from `z`, [batch, rows * columns * channels], to float32 [batch, *output_shape].
    """
    shape = code_shape(output_shape, channels)
    z = keras.Input((math.prod(shape),), name="z")
    features = layers.Reshape(shape, dtype=dtype)(z)
    for index, width in enumerate((*filters[::-1], output_shape[-1])):
        last = index == len(filters)
        features = seeds.layer(
            layers.Conv2DTranspose,
            width,
            FIRST_KERNEL if last else KERNEL,
            strides=_stride(len(filters) - index),
            padding="same",
            name=f"synthesis_{index}",
            dtype="float32" if last else dtype,
        )(features)
        if not last:
            normalization = DivisiveNormalization(True, name=f"igdn_{index}", dtype=dtype)
            features = normalization(features)
    extra = [size - wanted for size, wanted in zip(features.shape[1:3], output_shape, strict=False)]
    if any(extra):
        features = layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32")(features)
    features = layers.Rescaling(1.0, offset=0.5, name="x", dtype="float32")(features)
    return keras.Model(z, features, name="decoder")
