"""The variational autoencoder of sequences of different lengths."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference.parts import Part, TensorInfo, encoder_and_decoder
from zoo.models.vae import VAE
from zoo.nn import recurrent
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.sequences import Padded, SequenceLikelihood
from zoo.training.registry import register


@register
class SequenceVAE(VAE):
    """The variational autoencoder of sequences: recurrent, for signals of different lengths.

    Minimizes E_q(z|x)[-sum_t log p(x_t | z)] + beta KL(q(z | x) || p(z)), where the sum has the
    steps that are there, or log p(x_t | z, x_1 ... x_t-1) if it is autoregressive. The encoder is a
    bidirectional recurrent network: q(z | x) follows from its last states in both directions.

    Signals are float32 [n, time, channels]. After the end of a signal that is shorter than `time`
    all values are NaN, see `zoo.data.padded`. `zoo.data.windows` cuts a long recording into pieces.

    Args:
        input_shape: (time, channels), with the time of the longest sequence.
        encoder_units: the length of the state in each direction of the encoder.
        decoder_units: the length of the decoder's state.
        autoregressive: whether the decoder also gets the step before, x_t-1: the true one in
            training (teacher forcing), its own one in `decode`. It then restores details of signals
            that are hard to predict, and may leave less to the code. False gives z and the time
            alone.
        likelihood: p of one step, such as "gaussian" or "bernoulli", or a `SequenceLikelihood`.
        Others: see `zoo.VAE` and `zoo.models.autoencoder.BaseAutoencoder`.

    Examples:
        >>> x = zoo.data.padded([np.ones((20, 1)), np.zeros((12, 1))])
        >>> model = zoo.SequenceVAE((20, 1), 2, encoder_units=8, decoder_units=8)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.encode(x).shape
        (2, 2)
        >>> np.isnan(model.reconstruct(x)).sum(axis=(1, 2))  # it ends where x ends
        array([0, 8])

    Source: Fabius and van Amersfoort 2014, Variational recurrent auto-encoders (arXiv 1412.6581);
    there the code depends on the last state of one direction, and all steps have the same length.
    """

    picture = "reconstructions"
    family = "sequences"
    takes_signals = True
    takes_pairs = False
    example_shape = (140, 1)  # for errors
    likelihood: Any  # a `SequenceLikelihood`

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        encoder_units: int = 64,
        decoder_units: int = 128,
        autoregressive: bool = False,
        beta: Any = 1.0,
        samples: int = 1,
        free_bits: float = 0.0,
        prior: Any = None,
        likelihood: Any = "gaussian",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if input_shape is not None and np.shape(input_shape) != (2,):
            raise ValueError(
                f"input_shape is {input_shape}; (time, channels) is expected, with the time "
                "of the longest sequence."
            )
        likelihood = likelihood_names.get(likelihood)
        if not isinstance(likelihood, SequenceLikelihood):
            likelihood = Padded(likelihood)
        if input_shape is not None and likelihood.channels not in (None, input_shape[1]):
            raise ValueError(
                f"input_shape is {input_shape}; a {type(likelihood).__name__} has "
                f"{likelihood.channels} channels."
            )
        self.autoregressive = bool(autoregressive)
        self.encoder_units = whole("encoder_units", encoder_units, least=1)
        self.decoder_units = whole("decoder_units", decoder_units, least=1)
        super().__init__(
            input_shape,
            latent_dim,
            beta=beta,
            samples=samples,
            free_bits=free_bits,
            prior=prior,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )

    def _make_networks(self, encoder, decoder, input_shape, latent_dim):
        self.encoder, self.decoder = self._described_networks(input_shape, latent_dim)
        self.image_shape, self.latent_dim = tuple(input_shape), latent_dim
        self.code_shape = (latent_dim,)

    def _described_networks(self, input_shape, latent_dim):
        if input_shape is None or latent_dim is None:
            raise ValueError(
                f"{type(self).__name__} needs input_shape= and latent_dim=, such as "
                f"input_shape={self.example_shape}, latent_dim=8."
            )
        parameters = self.likelihood.parameter_shape(input_shape)
        described = {"seeds": self.seeds, "dtype": self.dtype_policy}
        outputs: Any = dict.fromkeys(self.encoder_outputs, latent_dim)
        encoder = recurrent.encoder(
            input_shape,
            outputs,
            units=self.encoder_units,
            likelihood=self.likelihood,
            **described,
        )
        channels = input_shape[-1] if self.autoregressive else None
        decoder = recurrent.decoder(
            parameters, latent_dim, units=self.decoder_units, channels=channels, **described
        )
        return encoder, decoder

    # Training

    def log_likelihoods(
        self, x: Tensor, z: Tensor, label: Tensor = None, training: bool = False
    ) -> Tensor:
        """Return log p(x | z), [batch, samples], for codes z [batch, samples, latent_dim]."""
        if not self.autoregressive:
            return super().log_likelihoods(x, z, label, training)
        samples = z.shape[1]
        if samples > 1:
            x = ops.repeat(x, samples, axis=0)  # [batch * samples, time, channels]
        inputs = {"z": ops.reshape(z, (-1, self.latent_dim)), "previous": self.previous(x)}
        parameters = self.decoder(inputs, training=training)
        return ops.reshape(self.likelihood.log_prob(x, parameters), (-1, samples))

    def previous(self, x: Tensor) -> Tensor:
        """Return for each step of sequences [batch, time, channels] the step before it."""
        first = self.likelihood.start(x)[:, None]
        return ops.concatenate([first, self.likelihood.filled(x)[:, :-1]], axis=1)

    def values_in(self, x: Tensor) -> Tensor:
        steps = ops.sum(ops.cast(self.likelihood.present(x), "float32"), axis=1)
        return steps * (math.prod(self.decoder.output.shape[1:]) / self.image_shape[0])

    # One step after the other

    def initial_state(self, z: Tensor) -> Tensor:
        """Return the decoder's state before the first step, [batch, 2 decoder_units]."""
        return ops.cast(self.decoder.get_layer("initial_state")(z), "float32")

    def next_step(self, z: Tensor, previous: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parameters of p(x_t | z, ...), [batch, values], and the state after step t.

        Args:
            z: [batch, latent_dim]. previous: the step before, [batch, channels].
            state: [batch, 2 decoder_units].
        """
        cell = self.decoder.get_layer("steps").cell

        def cast(tensor):
            return ops.cast(tensor, cell.compute_dtype)

        h, c = state[:, : self.decoder_units], state[:, self.decoder_units :]
        seen = ops.concatenate([previous, z], axis=-1)
        hidden, states = cell(*(keras.tree.map_structure(cast, part) for part in (seen, [h, c])))
        parameters = self.decoder.get_layer("parameters")(hidden)
        return parameters, ops.cast(ops.concatenate(states, axis=-1), "float32")

    def steps(self, chosen: Any) -> keras.layers.RNN:
        """Return a layer in which every step follows from the ones before.

        `run_steps` calls it with z and noise, [batch, time, latent_dim + numbers], and with what is
        before the first step; it returns sequences [batch, time, channels].

        Args:
            chosen: a function from the parameters of a step, the step before and the noise of the
                step to the step, all [batch, ...].
        """

        def step(inputs, states):
            z, noise = inputs[:, : self.latent_dim], inputs[:, self.latent_dim :]
            previous, state = states
            parameters, state = self.next_step(z, previous, state)
            value = chosen(parameters, previous, noise)
            return value, [value, state]

        cell = recurrent.StepCell(step, [self.image_shape[-1], 2 * self.decoder_units])
        return keras.layers.RNN(cell, return_sequences=True, dtype="float32")

    def run_steps(self, layer: keras.layers.RNN, z: Tensor, noise: Tensor = None) -> Tensor:
        """Return the sequences of codes [batch, latent_dim], [batch, time, channels].

        Args:
            layer: from `steps`. noise: [batch, time, numbers], or None.
        """
        time, channels = self.image_shape
        inputs = ops.repeat(z[:, None], time, axis=1)
        if noise is not None:
            inputs = ops.concatenate([inputs, noise], axis=-1)
        first = self.likelihood.start(ops.zeros_like(z[:, :1, None]) + ops.zeros((channels,)))
        return layer(inputs, initial_state=[first, self.initial_state(z)])

    def mean_step(self, parameters: Tensor, previous: Tensor, noise: Tensor = None) -> Tensor:
        """Return the step that `decode` chooses, [batch, channels]: its mean."""
        return self.likelihood.mean(parameters)

    # Use

    def image(self, z: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return the mean sequences of codes, [batch, time, channels].

        In an autoregressive model, each step is the mean after the means before.
        """
        if not self.autoregressive:
            return super().image(z, label, training)
        return self.run_steps(self.steps(self.mean_step), z)

    def reconstruct(
        self, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the sequences decoded from the codes of `x`, which end where those of `x` end.

        Args:
            x: sequences [n, time, channels], with NaN after the end.

        Returns:
            float32 [n, time, channels], with NaN after the end.
        """
        x, _ = self.checked_images(x, labels)
        restored = self.decode(self.encode(x, batch_size=batch_size), batch_size=batch_size)
        return np.where(np.isnan(x), np.float32(np.nan), restored)

    def reconstruction_error(
        self, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the squared error of each reconstruction, summed over the steps of its sequence.

        Args: as for `reconstruct`.

        Returns:
            float64 [n], at least 0.
        """
        x, _ = self.checked_images(x, labels)
        errors = self.reconstruct(x, batch_size=batch_size).astype("float64") - x
        return np.sum(np.where(np.isnan(x), 0.0, np.square(errors)), axis=(1, 2))

    # Export

    def parts(self) -> dict[str, Part]:
        """Return encoder and decoder; of an autoregressive model also its state and a step."""
        parts = encoder_and_decoder(self)
        if not self.autoregressive:
            return parts
        z = TensorInfo("z", "float32", self.code_shape, prior=self.prior.describe())
        state = TensorInfo("state", "float32", (2 * self.decoder_units,))
        after = TensorInfo("next_state", "float32", state.shape)
        previous = TensorInfo("previous", "float32", self.image_shape[-1:])

        def start(tensors):
            return {"state": self.initial_state(tensors["z"])}

        def step(tensors):
            parameters, state = self.next_step(tensors["z"], tensors["previous"], tensors["state"])
            return {**self.step_outputs(parameters), "next_state": state}

        layer = self.steps(self.mean_step)

        def decode(tensors):
            return {"x": self.run_steps(layer, tensors["z"])}

        x, networks = parts["decoder"].outputs, (self.decoder, layer)
        parts["decoder"] = self.part("decoder", decode, (z,), x, networks)
        outputs = (*self.step_infos(), after)
        parts["initial_state"] = self.part("initial_state", start, (z,), (state,), (self.decoder,))
        parts["step"] = self.part("step", step, (z, previous, state), outputs, (self.decoder,))
        return parts

    def step_outputs(self, parameters: Tensor) -> dict[str, Tensor]:
        """Return the outputs of the part `step` besides the state, by name."""
        return {"x": self.likelihood.mean(parameters)}

    def step_infos(self) -> tuple[TensorInfo, ...]:
        """Return the descriptions of `step_outputs`."""
        p = self.likelihood
        return (TensorInfo("x", "float32", self.image_shape[-1:], p.low, p.high),)
