"""Sketch-RNN: a variational autoencoder of drawings, stroke by stroke."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import arguments
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.checks.codes import check_codes
from zoo.data import strokes
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo
from zoo.models.base import Batch, Losses
from zoo.models.sequence_vae import SequenceVAE
from zoo.nn.distributions.normal import kl_divergence
from zoo.nn.distributions.sequences import SketchMixture
from zoo.training.annealing import Annealing
from zoo.training.registry import register

CANDIDATES = 256  # codes among which `complete` chooses


@register
class SketchRNN(SequenceVAE):
    """Sketch-RNN: it redraws, completes and invents drawings, point by point.

    Minimizes E_q(z|x)[-sum_t log p(x_t | z, x_1 ... x_t-1)] + beta max(KL, floor), with the KL
    divergence KL(q(z | x) || p(z)) averaged over the batch. A step x_t is an offset of the pen,
    from a mixture of Gaussians, and what the pen does after it: it stays on the paper, is lifted,
    or the drawing has ended; see `zoo.SketchMixture`. The encoder reads a drawing in both
    directions; the decoder gets z and the step before.

    Drawings are stroke-5 sequences, float32 [n, time, 5]; `zoo.data.strokes` makes them from lists
    of points, SVG files, or images of thin lines.

    Args:
        input_shape: (time, 5): one row for each point but the first, and at least one for the end.
        encoder_units, decoder_units: lengths of the states of the encoder, in each direction, and
            of the decoder; 256 and 512 in the authors' code.
        mixtures: M, how many Gaussians an offset has.
        beta: the weight of the KL divergence: a number, or a schedule, by default one that rises
            from 0.006 to 0.6. In trainings with 0.3, 0.6 and 1, codes of digits held 50, 26 and 6
            nats: less of it redraws better, more of it invents better. The paper averages the first
            term over `time`, and the second over the `latent_dim`: its w_KL is
            beta * latent_dim / time.
        kl_floor: how many nats of KL divergence have no cost, at least 0; 0.2 `latent_dim` in the
            paper.
        scaling: in training, both axes of a drawing are scaled by 1 - scaling to 1 + scaling, drawn
            uniformly, each on its own; from 0 to below 1.
        Others: see `zoo.VAE` and `zoo.models.autoencoder.BaseAutoencoder`.

    Examples:
        >>> square = [np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)])]
        >>> x = zoo.data.strokes.to_stroke5([square] * 8, length=6)
        >>> model = zoo.SketchRNN((6, 5), 2, encoder_units=8, decoder_units=8, mixtures=2)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(3, seed=0, temperature=0.5).shape
        (3, 6, 5)
        >>> drawing = zoo.data.strokes.from_stroke5(model.reconstruct(x)[0])

    Source: Ha and Eck 2017, A neural representation of sketch drawings (arXiv 1704.03477). There
    the decoder is a HyperLSTM, deviations and correlations have no bounds, and dropout of the
    recurrent states and left-out points also vary the drawings in training.
    """

    picture = "drawings"
    example_shape = (36, 5)
    card_metrics = (
        "nearest-neighbor accuracy",
        "negative ELBO",
        "KL divergence",
        "active units",
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        encoder_units: int = 64,
        decoder_units: int = 128,
        mixtures: int = 20,
        beta: Any = None,
        kl_floor: float = 0.0,
        scaling: float = 0.1,
        samples: int = 1,
        prior: Any = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if input_shape is not None and (np.shape(input_shape) != (2,) or input_shape[1] != 5):
            raise ValueError(
                f"input_shape is {input_shape}; (time, 5) is expected, for stroke-5 "
                "sequences from zoo.data.strokes.to_stroke5."
            )
        likelihood = SketchMixture(mixtures)
        self.mixtures = likelihood.mixtures
        self.kl_floor = arguments.number("kl_floor", kl_floor, least=0)
        self.scaling = arguments.number("scaling", scaling, least=0, below=1)
        super().__init__(
            input_shape,
            latent_dim,
            encoder_units=encoder_units,
            decoder_units=decoder_units,
            autoregressive=True,
            beta=Annealing(0.6) if beta is None else beta,
            samples=samples,
            prior=prior,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )

    # Training

    def losses(self, batch: Batch, training: bool) -> Losses:
        x = self.scaled(batch.x) if training and self.scaling else batch.x
        q = self.posterior(x, training=training)
        z = q.draw(self.samples, self.seed_generator)  # [batch, samples, latent_dim]
        reconstruction = -ops.mean(self.log_likelihoods(x, z, None, training), axis=1)  # [batch]
        kl = kl_divergence(q, self.prior, z)  # [batch]
        # max(KL, floor) of the batch's mean KL: below the floor it has no gradient.
        above = ops.cast(backend.batch_mean(kl) > self.kl_floor, "float32")
        bounded = above * kl + (1.0 - above) * self.kl_floor
        losses = Losses(
            reconstruction + self.beta_now * bounded,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
        )
        return losses + self.further_losses(x, z, q)

    def scaled(self, x: Tensor) -> Tensor:
        """Return drawings [batch, time, 5] whose two axes are scaled at random."""
        uniform = backend.uniform((ops.shape(x)[0], 2), self.seed_generator)
        factors = 1.0 + self.scaling * (2.0 * uniform - 1.0)
        return ops.concatenate([x[..., :2] * factors[:, None], x[..., 2:]], axis=-1)

    # Use

    def decode(
        self,
        z: ArrayLike,
        labels: Labels = None,
        *,
        temperature: float = 0.0,
        seed: int | None = None,
        batch_size: int = 1024,
    ) -> np.ndarray:
        """Return drawings of codes, stroke-5 sequences float32 [n, time, 5].

        Args:
            z: codes [n, latent_dim].
            labels: None; the model takes no labels.
            temperature: 0 gives the most probable Gaussian's mean and the most probable pen at
                every step. 1 draws from p(x | z), and values between draw more probable steps:
                logits are divided by it, and variances multiplied.
            seed: the seed of the draws.
            batch_size: how many drawings a network processes at once.
        """
        z = check_codes(z, self.code_shape)
        self.checked_labels(labels, len(z))
        temperature = arguments.number("temperature", temperature, least=0)
        if temperature == 0:
            return run_in_batches(self.image, z, batch_size=batch_size)
        nothing = np.zeros((len(z), 0, 5), "float32")
        return self._drawn(z, nothing, temperature, seed, batch_size)

    def reconstruct(
        self,
        x: ArrayLike,
        labels: Labels = None,
        *,
        temperature: float = 0.0,
        seed: int | None = None,
        batch_size: int = 1024,
    ) -> np.ndarray:
        """Return drawings that are drawn anew from the codes of `x`, float32 [n, time, 5].

        Args: as for `encode` and `decode`.
        """
        z = self.encode(x, labels, batch_size=batch_size)
        return self.decode(z, temperature=temperature, seed=seed, batch_size=batch_size)

    def generate(
        self,
        n: int | None = None,
        labels: Labels = None,
        *,
        seed: int | None = None,
        temperature: float = 0.3,
    ) -> np.ndarray:
        """Return invented drawings, float32 [n, time, 5]: draws of codes from the prior, decoded.

        Args: as for `zoo.inference.arrays.generate` and `decode`.
        """
        n = arguments.whole("n", n, least=1)
        self.checked_labels(labels, n)
        z = self.prior_samples(n, None, seed)
        return self.decode(z, temperature=temperature, seed=seed)

    def complete(
        self,
        begun: Any,
        n: int = 4,
        *,
        pen_down: bool = False,
        temperature: float = 0.3,
        seed: int | None = None,
    ) -> np.ndarray:
        """Return n ways in which a begun drawing may go on, float32 [n, time, 5].

        Codes are drawn approximately from p(z | begun), by importance resampling: of 256 codes from
        the prior, n are drawn with replacement, with probabilities proportional to p(begun | z).

        Args:
            begun: a drawing in the units of the training drawings, or its stroke-3 sequence; its
                steps are kept.
            n: how many drawings.
            pen_down: True keeps the pen on the paper after the last step. False leaves it as
                `begun` has it: lifted after a list of strokes, else as the last row says.
            temperature: see `decode`; above 0.
            seed: the seed of the draws.

        Raises:
            ValueError: it has no steps, or more than the drawings of the model.
        """
        n = arguments.whole("n", n, least=1)
        temperature = arguments.number("temperature", temperature, above=0)
        x = strokes.to_stroke5([begun], self.image_shape[0])
        steps = int(np.argmax(x[0, :, 4]))
        if pen_down:
            x[0, steps - 1, 2:] = (1.0, 0.0, 0.0)
        x = self.checked_images(x, None)[0]
        generator = np.random.default_rng(seed)
        z = self.prior_samples(CANDIDATES, None, generator)
        repeated = (np.repeat(x, CANDIDATES, axis=0), z)
        log_prob = run_in_batches(self._log_prob_of_points, repeated, batch_size=CANDIDATES)
        p = np.exp(log_prob - log_prob.max(), dtype="float64")
        z = z[generator.choice(CANDIDATES, n, p=p / p.sum())]
        return self._drawn(z, np.repeat(x[:, :steps], n, axis=0), temperature, generator, n)

    def _log_prob_of_points(self, x, z):
        """Return log p of the steps before the end, [batch]."""
        parameters = self.decoder({"z": z, "previous": self.previous(x)})
        by_step = self.likelihood.step_log_prob(x, parameters)
        return ops.sum(by_step * (1.0 - x[..., 4]), axis=1)

    def _drawn(self, z, kept, temperature, seed, batch_size):
        """Return draws from p(x | z), [n, time, 5], that begin with the steps `kept`."""
        generator = np.random.default_rng(seed)
        n, time = len(z), self.image_shape[0]
        noise = np.zeros((n, time, 11), "float32")
        noise[..., :2] = generator.random((n, time, 2))
        noise[..., 2:4] = generator.standard_normal((n, time, 2))
        noise[..., 4] = temperature
        noise[:, : kept.shape[1], 5] = 1.0
        noise[:, : kept.shape[1], 6:] = kept
        return run_in_batches(self._from_noise, (z, noise), batch_size=batch_size)

    def _from_noise(self, z, noise):
        """Return drawings of codes and noise [batch, time, 11]; see `_drawn` for its columns."""

        def chosen(parameters, previous, noise):
            drawn = self.likelihood.draw(parameters, noise[:, :4], noise[:, 4:5])
            drawn = self.likelihood.after(previous, drawn)
            return ops.where(noise[:, 5:6] > 0.5, noise[:, 6:], drawn)

        return self.run_steps(self.steps(chosen), z, noise)

    def mean_step(self, parameters: Tensor, previous: Tensor, noise: Tensor = None) -> Tensor:
        """Return the most probable step, and after the end the end, [batch, 5]."""
        return self.likelihood.after(previous, self.likelihood.mean(parameters))

    def as_images(self, x: np.ndarray) -> np.ndarray:
        """Return drawings [n, time, 5] as images of white lines, float32 [n, 56, 56, 1]."""
        return strokes.to_images(x)

    # Export

    def step_outputs(self, parameters: Tensor) -> dict[str, Tensor]:
        pen, log_weight, mu_x, mu_y, s_x, s_y, rho = self.likelihood.split(parameters)
        return {
            "pen": ops.log_softmax(pen),
            "log_weight": log_weight,
            "mean": ops.stack([mu_x, mu_y], axis=-1),
            "stddev": ops.stack([s_x, s_y], axis=-1),
            "correlation": rho,
        }

    def step_infos(self) -> tuple[TensorInfo, ...]:
        """Return descriptions: logarithms of probabilities of pens and Gaussians, and these."""
        m = self.mixtures
        return (
            TensorInfo("pen", "float32", (3,)),
            TensorInfo("log_weight", "float32", (m,)),
            TensorInfo("mean", "float32", (m, 2)),
            TensorInfo("stddev", "float32", (m, 2)),
            TensorInfo("correlation", "float32", (m,), -1.0, 1.0),
        )
