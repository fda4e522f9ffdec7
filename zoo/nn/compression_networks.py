"""Convolutions between images and coefficients, for compression."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import scipy.fft
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


@keras.saving.register_keras_serializable(package="zoo")
class CosineTransform(keras.initializers.Initializer):
    """The functions of a cosine transform of blocks and colors, [rows, columns, colors, channels].

    f(y, x, color) = c_i(y) c_j(x) c_k(color), where c_0, c_1, ... are the orthonormal functions of
    the DCT-II: along rows, along columns, and of colors, which makes brightness of red, green and
    blue, and two differences of colors. The channels are those with the largest coefficients in
    most photographs, which begin with the block's brightness; further channels are 0.

    Source: Ahmed, Natarajan and Rao 1974, Discrete cosine transform; as in JPEG.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        rows, columns, colors, channels = (np.arange(size) for size in shape)
        i, j, k = np.meshgrid(rows, columns, colors, indexing="ij")
        size = 1.0 / (np.sqrt(1.0 + i**2 + j**2) * (1.0 + 2.0 * k))  # of coefficients, roughly
        order = np.argsort(-size.ravel(), kind="stable")[: len(channels)]
        kernel = np.zeros(shape)
        chosen = [numbers.ravel()[order] for numbers in (i, j, k)]
        functions = [_cosines(size)[n] for size, n in zip(shape, chosen, strict=False)]
        kernel[..., : len(order)] = np.einsum("ny,nx,nk->yxkn", *functions)
        return ops.convert_to_tensor(kernel, dtype or "float32")


def _cosines(n: int) -> np.ndarray:
    """Return the orthonormal functions of the DCT-II of n values, [functions, n]."""
    return scipy.fft.dct(np.eye(n), norm="ortho", axis=0)


def _linear(kind, size, name):
    """Return a layer from blocks of pixels to coefficients, or back, that trains like others."""
    return kind(
        size,
        BLOCK,
        strides=BLOCK,
        use_bias=False,
        kernel_initializer=CosineTransform(),
        name=name,
        dtype="float32",
    )


def encoder(
    input_shape: tuple[int, int, int],
    channels: int,
    *,
    filters: tuple[int, ...],
    seeds: Seeds,
    dtype: Any = None,
) -> keras.Model:
    """Build a network from images to coefficients: a linear function of blocks plus convolutions.

    The linear function begins as a cosine transform. The last convolution begins at 0, so that
    training begins with a transform that already compresses, and finds what is better.

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
    linear = _linear(layers.Conv2D, channels, "linear")(features)
    for index, width in enumerate(filters):
        features = seeds.layer(
            layers.Conv2D,
            width,
            KERNEL if index else FIRST_KERNEL,
            strides=_stride(index),
            padding="same",
            name=f"analysis_{index}",
            dtype=dtype,
        )(features)
        features = DivisiveNormalization(name=f"gdn_{index}", dtype=dtype)(features)
    features = layers.Conv2D(
        channels,
        KERNEL,
        strides=_stride(len(filters)),
        padding="same",
        kernel_initializer="zeros",
        name=f"analysis_{len(filters)}",
        dtype="float32",
    )(features)
    features = layers.Add(name="coefficients", dtype="float32")([linear, features])
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

    It, too, begins as a cosine transform.

    Args: as for `encoder`; `filters` in the order of the encoder.

    Returns:
        A model from `z`, [batch, rows * columns * channels], to float32 [batch, *output_shape].
    """
    shape = code_shape(output_shape, channels)
    z = keras.Input((math.prod(shape),), name="z")
    features = layers.Reshape(shape, dtype=dtype)(z)
    linear = _linear(layers.Conv2DTranspose, output_shape[-1], "linear")(features)
    for index, width in enumerate(filters[::-1]):
        features = seeds.layer(
            layers.Conv2DTranspose,
            width,
            KERNEL,
            strides=_stride(len(filters) - index),
            padding="same",
            name=f"synthesis_{index}",
            dtype=dtype,
        )(features)
        normalization = DivisiveNormalization(True, name=f"igdn_{index}", dtype=dtype)
        features = normalization(features)
    features = layers.Conv2DTranspose(
        output_shape[-1],
        FIRST_KERNEL,
        strides=_stride(0),
        padding="same",
        kernel_initializer="zeros",
        name=f"synthesis_{len(filters)}",
        dtype="float32",
    )(features)
    features = layers.Add(name="pixels", dtype="float32")([linear, features])
    extra = [size - wanted for size, wanted in zip(features.shape[1:3], output_shape, strict=False)]
    if any(extra):
        features = layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32")(features)
    features = layers.Rescaling(1.0, offset=0.5, name="x", dtype="float32")(features)
    return keras.Model(z, features, name="decoder")
