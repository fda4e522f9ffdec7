"""Recurrent networks: encoders of sequences, and decoders that give one step after the other."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from zoo.nn.seeds import Seeds


@keras.saving.register_keras_serializable(package="zoo")
class LayerNormLSTMCell(layers.Layer):
    """An LSTM cell with layer normalization of the gates and of the cell state.

    [i, f, g, o] = LN_k(W x + V h + b) for each gate k, c' = sigmoid(f + 1) c + sigmoid(i) tanh(g),
    and h' = sigmoid(o) tanh(LN_c(c')). LN_k standardizes the values of one gate over its units,
    then scales and shifts them by weights. b starts at random: else the gates of a signal of zeros
    would be 0, where the gradient of the standardization is some hundreds, at every step.

    Args:
        units: the length of h and of c.
        seeds: of the initial W, V and b.

    Source: Ba, Kiros and Hinton 2016 (arXiv 1607.06450), supplement, with one normalization for
    the sum of both products; Sketch-RNN's (Ha and Eck 2017) forget gate with 1 added.
    """

    def __init__(self, units: int, seeds: tuple = (None, None, None), **kwargs):
        super().__init__(**kwargs)
        self.units, self.seeds = int(units), tuple(seeds)
        self.state_size = [self.units, self.units]
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        n = self.units
        glorot = keras.initializers.GlorotUniform(self.seeds[0])
        orthogonal = keras.initializers.Orthogonal(seed=self.seeds[1])
        small = keras.initializers.RandomUniform(-0.1, 0.1, self.seeds[2])
        self.kernel = self.add_weight((input_shape[-1], 4 * n), initializer=glorot, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (n, 4 * n), initializer=orthogonal, name="recurrent_kernel"
        )
        self.bias = self.add_weight((4 * n,), initializer=small, name="bias")
        self.scale = self.add_weight((4, n), initializer="ones", name="scale")
        self.shift = self.add_weight((4, n), initializer="zeros", name="shift")
        self.cell_scale = self.add_weight((n,), initializer="ones", name="cell_scale")
        self.cell_shift = self.add_weight((n,), initializer="zeros", name="cell_shift")

    def call(self, x: Any, states: Any, training: bool = False) -> Any:
        h, c = states
        gates = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        gates = ops.reshape(gates, (-1, 4, self.units))
        gates = _standardized(gates) * self.scale + self.shift
        i, f, g, o = (gates[:, k] for k in range(4))
        c = ops.sigmoid(f + 1.0) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(_standardized(c) * self.cell_scale + self.cell_shift)
        return h, [h, c]

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "seeds": self.seeds}


def _standardized(values):
    mean = ops.mean(values, axis=-1, keepdims=True)
    centered = values - mean
    return centered * ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + 1e-5)


def encoder(
    input_shape: tuple[int, int],
    outputs: dict[str, int],
    *,
    units: int,
    likelihood: Any,
    seeds: Seeds,
    dtype: Any = None,
) -> keras.Model:
    """Build a bidirectional recurrent network from sequences to codes.

    Args:
        input_shape: (time, channels).
        outputs: names and sizes of the outputs, such as {"z_mean": 16, "z_log_var": 16}.
        units: of each direction.
        likelihood: a `SequenceLikelihood`, which says which steps are there; the others are
            skipped.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy; the outputs are always float32.

    Returns:
        A model from `x` to a dict of outputs; the outputs are linear functions of both last states.
    """
    x = keras.Input(input_shape, name="x")
    present, filled = Present(likelihood, name="present")(x)
    last = [
        _recurrent(units, seeds, dtype, name, go_backwards=back)(filled, mask=present)
        for name, back in (("forward", False), ("backward", True))
    ]
    both = layers.Concatenate(name="both_directions", dtype=dtype)(last)
    codes = {
        name: seeds.layer(layers.Dense, size, name=name, dtype="float32")(both)
        for name, size in outputs.items()
    }
    return keras.Model(x, codes, name="encoder")


def decoder(
    parameter_shape: tuple[int, int],
    latent_dim: int,
    *,
    units: int,
    channels: int | None,
    seeds: Seeds,
    dtype: Any = None,
) -> keras.Model:
    """Build a recurrent network from codes to the parameters of every step.

    The initial state is tanh(W z + b), and every step also gets z, and the step before or the time.

    Args:
        parameter_shape: (time, values), of the output.
        latent_dim: the length of z.
        units: of the recurrent layer.
        channels: of the step before, for an autoregressive decoder, which takes
            `{"z": z, "previous": [batch, time, channels]}`; None for one that takes z, and the time
            from -1 to 1.
        seeds: the seeds of the initial weights.
        dtype: a Keras dtype policy; the output is always float32.
    """
    time, values = parameter_shape
    z = keras.Input((latent_dim,), name="z")
    state = seeds.layer(layers.Dense, 2 * units, "tanh", name="initial_state", dtype=dtype)(z)
    h, c = state[:, :units], state[:, units:]
    repeated = layers.RepeatVector(time, name="repeated", dtype=dtype)(z)
    if channels is None:
        inputs, beside = z, Time(name="time", dtype=dtype)(repeated)
    else:
        beside = keras.Input((time, channels), name="previous")
        inputs = {"z": z, "previous": beside}
    seen = layers.Concatenate(name="seen", dtype=dtype)([beside, repeated])
    steps = _recurrent(units, seeds, dtype, "steps", return_sequences=True)
    hidden = steps(seen, initial_state=[h, c])
    output = seeds.layer(layers.Dense, values, name="parameters", dtype="float32")(hidden)
    return keras.Model(inputs, output, name="decoder")


def _recurrent(units, seeds, dtype, name, **options):
    three = (seeds.next(), seeds.next(), seeds.next())
    cell = LayerNormLSTMCell(units, three, name=f"cell_of_{name}", dtype=dtype)
    return layers.RNN(cell, name=name, dtype=dtype, **options)


class StepCell(layers.Layer):
    """A function from inputs [batch, n] and states to an output and states, as a recurrent cell.

    Args:
        step: the function. state_size: the lengths of the states; the output is as long as the
            first one.
    """

    def __init__(self, step: Any, state_size: list[int], **kwargs):
        super().__init__(**kwargs)
        self.step, self.state_size, self.output_size = step, state_size, state_size[0]
        self.built = True

    def call(self, inputs: Any, states: Any) -> Any:
        return self.step(inputs, states)


@keras.saving.register_keras_serializable(package="zoo")
class Present(layers.Layer):
    """From sequences to which steps are there, bool [batch, time], and sequences without NaN."""

    def __init__(self, likelihood: Any, **kwargs):
        super().__init__(**kwargs)
        self.likelihood = likelihood

    def call(self, x: Any) -> Any:
        return self.likelihood.present(x), self.likelihood.filled(x)

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape[:2], "bool"), keras.KerasTensor(x.shape, x.dtype)


@keras.saving.register_keras_serializable(package="zoo")
class Time(layers.Layer):
    """From [batch, time, n] to the time of each step, -1 for the first and 1 for the last one."""

    def call(self, x: Any) -> Any:
        time = ops.linspace(-1.0, 1.0, x.shape[1], dtype=x.dtype)[None, :, None]
        return ops.zeros_like(x[:, :, :1]) + time

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape[:2], 1)
