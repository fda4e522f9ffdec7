"""Layers that Keras lacks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from zoo.backend import backend
from zoo.nn.configured import made_of


@keras.saving.register_keras_serializable(package="zoo")
class Dropout(layers.Layer):
    """Dropout as in Keras, with a random generator that is also fast with XLA.

    Args:
        rate: the fraction of values that training sets to 0, in [0, 1); the others are scaled up.
        seed: the seed of the random numbers.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = float(rate), seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        kept = backend.uniform(ops.shape(x), self.seed_generator) >= self.rate
        return x * ops.cast(kept, x.dtype) / (1.0 - self.rate)

    def save_own_variables(self, store: Any) -> None:
        """Save the state of the random generator, which Keras does not save."""
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: Any) -> None:
        if "seed_state" in store:  # files from version 0.1 lack it
            self.seed_generator.state.assign(store["seed_state"][()])

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="zoo")
class WithoutActivation(layers.Layer):
    """A given layer without its activation; it returns, for example, the logits before a sigmoid.

    The two layers share their weights.

    Args:
        layer: a layer with an `activation`; the layer itself stays unchanged.
    """

    def __init__(self, layer: layers.Layer, **kwargs):
        super().__init__(**kwargs)
        if isinstance(layer, dict):
            layer = made_of(layer, layers.Layer, "layer")
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, x: Any) -> Any:
        activation, self.layer.activation = self.layer.activation, keras.activations.linear
        try:
            return self.layer(x)
        finally:
            self.layer.activation = activation

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}


class TiedDense(layers.Layer):
    """A dense layer with its own bias b and the transposed kernel W of another dense layer.

    It computes activation(x W^T + b).

    Args:
        dense: a built `keras.layers.Dense`; both layers share its kernel.
        activation: as in `keras.layers.Dense`.
    """

    def __init__(self, dense: layers.Dense, activation: Any = None, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        inputs, units = self.dense.kernel.shape
        if input_shape[-1] != units:
            raise ValueError(
                f"Tied weights do not fit: {self.dense.name} gives {units} values, but "
                f"{self.name} takes {input_shape[-1]}."
            )
        self.bias = self.add_weight(shape=(inputs,), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        return self.activation(ops.matmul(x, ops.transpose(self.dense.kernel)) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape[:-1], self.dense.kernel.shape[0])


@keras.saving.register_keras_serializable(package="zoo")
class Standardize(keras.layers.Layer):
    """Subtracts a mean from each column, and divides by a standard deviation, in float32.

    Keras's `Normalization` stores these numbers as tensors, which exported graphs would treat as
    inputs, and replaces deviations below 1e-7 by 1e-7. Here they are constants of the graph, in
    full precision, and not weights.

    Args:
        mean, deviation: the mean and the standard deviation of each column, numbers [features].
    """

    def __init__(self, mean: Any, deviation: Any, **options):
        super().__init__(**{**options, "dtype": "float32"})
        self.mean, self.deviation = list(mean), list(deviation)

    def call(self, x: Any) -> Any:
        both = self.mean, self.deviation
        mean, deviation = (ops.convert_to_tensor(np.asarray(v, "float32")) for v in both)
        return (x - mean) / deviation

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "deviation": self.deviation}


@keras.saving.register_keras_serializable(package="zoo")
class StandardizeSeen(Standardize):
    """Standardizes columns in which NaN means "not seen", and adds the mask of what was seen.

    From x [batch, features] to [batch, 2 features]: standardized values, 0 where x is NaN, and then
    1 for each value that was seen and 0 for the others.
    """

    def call(self, x: Any) -> Any:
        lost = ops.isnan(x)
        values = super().call(ops.where(lost, ops.zeros_like(x), x))
        seen = ops.cast(ops.logical_not(lost), "float32")
        return ops.concatenate([values * seen, seen], axis=-1)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (*shape[:-1], 2 * shape[-1])


@keras.saving.register_keras_serializable(package="zoo")
class StandardizeModes(StandardizeSeen):
    """Standardizes columns, and adds what tells the mode of a value, and its place in the mode.

    For a column with modes, of weights w_k, centers c_k and widths d_k, these are the posterior
    probabilities r_k of the modes given the value v, and sum_k r_k (v - c_k) / d_k, limited to
    [-4, 4]; all are 0 for a value that was not seen.

    Args:
        mean, deviation: as in `Standardize`.
        modes: for each column with modes its number and its modes, (j, [(w, c, d), ...]), in units
            of standardized values.
        masked: whether NaN means "not seen" and the mask is added, as in `StandardizeSeen`.
    """

    def __init__(self, mean: Any, deviation: Any, modes: Any, masked: bool, **options):
        super().__init__(mean, deviation, **options)
        self.modes = [[int(j), [list(mode) for mode in some]] for j, some in modes]
        self.masked = bool(masked)

    def call(self, x: Any) -> Any:
        found = [super().call(x) if self.masked else Standardize.call(self, x)]
        for j, modes in self.modes:
            weights, centers, widths = np.asarray(modes, "float32").T
            offset = ops.convert_to_tensor(np.log(weights) - np.log(widths))
            scale, shift = (ops.convert_to_tensor(a) for a in (1 / widths, -centers / widths))
            place = found[0][:, j : j + 1] * scale + shift  # [batch, modes]
            share = ops.softmax(offset - 0.5 * ops.square(place), axis=-1)
            inside = ops.clip(ops.sum(share * place, axis=-1, keepdims=True), -4.0, 4.0)
            added = ops.concatenate([share, inside], axis=-1)
            if self.masked:
                at = len(self.mean) + j
                added = added * found[0][:, at : at + 1]
            found.append(added)
        return ops.concatenate(found, axis=-1)

    def compute_output_shape(self, shape: tuple) -> tuple:
        more = sum(len(some) + 1 for _, some in self.modes)
        return (*shape[:-1], (1 + self.masked) * shape[-1] + more)

    def get_config(self) -> dict:
        return {**super().get_config(), "modes": self.modes, "masked": self.masked}


@keras.saving.register_keras_serializable(package="zoo")
class LogOfCounts(keras.layers.Layer):
    """Takes ln(1 + x) of counts, in float32."""

    def __init__(self, **options):
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Any) -> Any:
        return ops.log(1.0 + x)  # ONNX has no log1p

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape


@keras.saving.register_keras_serializable(package="zoo")
class RelativeRoots(keras.layers.Layer):
    """Takes sqrt(x / max(x)) of rows of counts, numbers from 0 to 1, in float32."""

    def __init__(self, **options):
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, x: Any) -> Any:
        relative = x / ops.maximum(ops.max(x, axis=-1, keepdims=True), 1e-12)
        return ops.sqrt(relative + 1e-8)  # so that the slope at 0 is finite

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape
