"""Spatial transformers: layers that rotate, shift and scale feature maps."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from zoo.checks.arguments import whole
from zoo.nn.seeds import KERAS_OWN, Seeds

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_CHANNELS = 8  # of the feature maps from which the transformation is computed


@keras.saving.register_keras_serializable(package="zoo")
class SpatialTransformer(layers.Layer):
    """Rotate, shift and scale feature maps, by one affine transformation for each image.

    A small network computes the transformation from the feature maps. At the start of training it
    is the identity. The layer is meant for small maps: its cost grows with the square of the number
    of positions.

    Args:
        units: the number of units of the hidden layer of the small network, which comes after a
            convolution.
        seeds: the seeds of the initial weights.

    Examples:
        >>> from zoo.nn.spatial_transformer import SpatialTransformer
        >>> x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        >>> bool(np.allclose(SpatialTransformer()(x), x, atol=1e-6))
        True

    Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu 2015 (arXiv 1506.02025), section 3.
    """

    def __init__(self, units: int = 32, seeds: Seeds = KERAS_OWN, **kwargs):
        super().__init__(**kwargs)
        self.units = whole("units", units, least=1)
        dtype = kwargs.get("dtype")
        self.seen = seeds.layer(
            layers.Conv2D, _CHANNELS, 3, 2, "same", activation="relu", name="seen", dtype=dtype
        )
        self.hidden = seeds.layer(
            layers.Dense, self.units, activation="relu", name="hidden", dtype=dtype
        )
        self.map = layers.Dense(
            6,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(IDENTITY),
            name="map",
            dtype="float32",
        )

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                f"The feature maps have the shape {tuple(input_shape)}; a SpatialTransformer takes "
                "[batch, height, width, channels] with known height and width."
            )
        self.seen.build(input_shape)
        values = math.prod(self.seen.compute_output_shape(input_shape)[1:])
        self.hidden.build((None, values))
        self.map.build((None, self.units))
        self.built = True

    def call(self, features: Any) -> Any:
        seen = self.seen(features)
        flat = ops.reshape(seen, (-1, math.prod(seen.shape[1:])))
        matrix = ops.reshape(self.map(self.hidden(flat)), (-1, 2, 3))
        return ops.cast(transformed(ops.cast(features, "float32"), matrix), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


def transformed(features: Any, matrix: Any) -> Any:
    """Return feature maps after affine transformations, with bilinear interpolation.

    Args:
        features: float32 [batch, height, width, channels].
        matrix: A, float32 [batch, 2, 3]: the output at (x, y) is the input at A (x, y, 1). The
            corners are at -1 and 1; outside the input everything is 0.

    Returns:
        float32 [batch, height, width, channels].

    Examples:
        >>> from zoo.nn.spatial_transformer import transformed
        >>> x = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
        >>> half_a_turn = np.array([[[-1, 0, 0], [0, -1, 0]]], "float32")
        >>> np.ravel(transformed(x, half_a_turn)).tolist()
        [3.0, 2.0, 1.0, 0.0]

    Source: Jaderberg et al. 2015, equations 1 and 5.
    """
    _, height, width, channels = features.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grid = np.stack([x.ravel(), y.ravel(), np.ones(height * width)]).astype("float32")
    positions = ops.matmul(matrix, ops.convert_to_tensor(grid))  # [batch, (x, y), positions]
    column = (positions[:, 0] + 1.0) * (width - 1) / 2  # [batch, positions], in pixels
    row = (positions[:, 1] + 1.0) * (height - 1) / 2
    by_row, by_column = _near(row, height), _near(column, width)
    weights = by_row[:, :, :, None] * by_column[:, :, None, :]  # [batch, positions, height, width]
    weights = ops.reshape(weights, (-1, height * width, height * width))
    flat = ops.reshape(features, (-1, height * width, channels))
    return ops.reshape(ops.matmul(weights, flat), (-1, height, width, channels))


def _near(position, size):
    """Return max(0, 1 - |position - k|) for the pixels k of an axis, [batch, positions, size]."""
    return ops.relu(1.0 - ops.abs(position[:, :, None] - ops.arange(0, size, dtype="float32")))
