"""The compressive autoencoder: images as few bits, at several rates."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import arguments, arrays, streams
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference.parts import Part
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.nn import compression_networks as networks
from zoo.nn.coefficient_tables import TABLES, tables_of
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.factorized import GAIN, FactorizedDensity
from zoo.runtime.entropy_tables import CONTEXTS, SYMBOLS, TABLES_FILE, Tables
from zoo.training.registry import register

MOST_EXAMPLES = 500  # images from which tables are counted


@register
class CompressiveAutoencoder(BaseAutoencoder):
    """The compressive autoencoder: coefficients are rounded, and cost the bits that they need.

    The encoder gives coefficients y = f(x), one row of them for a block of pixels. At the rate r,
    each is divided by the step D of its channel and rounded. Minimizes, for an r drawn anew for
    each image,

        -log P(round(y / D_r)) + t_r * (-log p(x | z)),   z = D_r round(y / D_r),

    the length of the compressed image in nats, and the distortion with the weight t_r. The gradient
    of rounding is taken to be 1. P(q) is the probability of the interval of width D_r around D_r q
    under a learned density of each channel; for it, rounding is replaced by adding uniform noise of
    the width D_r, which gives nearly the same length where the density is wide. Networks and
    density are shared by all rates; each rate has its own steps D_r. In training, every image
    counts relative to its own loss: gradients are those of the logarithm, so that no rate and no
    image decides alone.

    `zoo.compression.Codec(model)` writes files, and `zoo compress` does so from the command line.
    For this, training ends by turning the density into tables of integers, `tables`.

    Args:
        input_shape: (height, width, channels) of the images that it is trained on. A codec divides
            images of any size into such tiles; for it, tiles are square, and their side is a
            multiple of 8. They overlap by 64 pixels with two filters, so 128 or more is quick.
        latent_dim: how many coefficients there are for a block of 8x8 pixels.
        tradeoffs: t_r of each rate, from 0.001 to 1,000,000, in increasing order; at most 64. With
            the default likelihood, t = 1 / (2 s^2) for an error of standard deviation s, of pixels
            in [0, 1].
        filters: widths of the hidden convolutions. The first layer divides the sides of an image
            by 4, the second by 2, and the others keep them.
        likelihood: p(x | z); by default -log p(x | z) is the squared error.
        encoder, decoder: your own networks; the code has the shape (rows, columns, channels). For
            tiles, a coefficient depends on pixels at most two blocks away, and so does a pixel.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`; there are no `hidden_units`.

    Attributes:
        code_shape: (rows, columns, latent_dim of the constructor). `latent_dim` of the model is the
            number of all coefficients.
        tables: `zoo.runtime.entropy_tables.Tables`. After a training of your own, without `fit`,
            `update_tables()` makes them anew.

    Raises:
        ValueError: tradeoffs that are out of range or do not increase, or an input_shape without
            height and width.

    Examples:
        >>> (x, _), (x_test, _) = zoo.data.load("digits")
        >>> model = zoo.CompressiveAutoencoder((8, 8, 1), 8, filters=(16,), tradeoffs=(10, 100))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.encode(x_test).shape  # one block of 8x8 pixels, before rounding
        (360, 1, 1, 8)
        >>> model.reconstruct(x_test, rate=1).shape
        (360, 8, 8, 1)
        >>> bool(model.bits_per_pixel(x_test, rate=1) < model.bits_per_pixel(x_test, rate=2))
        True

    Source: Theis et al. 2017, Lossy image compression with compressive autoencoders
    (arXiv 1703.00395); there the steps of further rates are trained afterwards. The networks and
    the noise are those of Balle, Laparra and Simoncelli 2017 (arXiv 1611.01704), the density is
    that of Balle et al. 2018 (arXiv 1802.01436), appendix 6.1.
    """

    metric_names = ("reconstruction", "rate", "distortion")
    learns_variance = False
    takes_further_losses = True
    picture = "rates"
    family = "compression"
    card_metrics = (
        *("bits per pixel, first rate", "PSNR, first rate"),
        *("bits per pixel, last rate", "PSNR, last rate"),
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        tradeoffs: tuple[float, ...] = (25.0, 75.0, 225.0, 675.0),
        filters: tuple[int, ...] = (64, 64),
        likelihood: Any = "squared_error",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self._check_shape(input_shape, filters, encoder)
        super().__init__(
            input_shape,
            latent_dim,
            filters=filters,
            likelihood=likelihood_names.of_unit_variance(likelihood),
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.tradeoffs = _checked_tradeoffs(tradeoffs)
        rates, channels = len(self.tradeoffs), self.code_shape[-1]
        # Rounding adds t step^2 / 12 and -log step to the loss, which is least at sqrt(6 / t).
        log_steps = 0.5 * np.log(6.0 / np.array(self.tradeoffs))
        self.log_steps = self.add_weight((rates * channels,), "zeros", "float32", name="log_steps")
        self.log_steps.assign(np.repeat(log_steps, channels) / GAIN)
        self.density = FactorizedDensity(channels, seed=self.seed, name="density")
        each, tables = (rates, channels), min(TABLES, rates * channels * CONTEXTS)
        self._shapes = dict.fromkeys(("steps", "differences", "offsets", "shifts", "typical"), each)
        self._shapes |= {"choices": (*each, CONTEXTS), "frequencies": (tables, SYMBOLS)}
        self._tables = {  # as vectors, which no storage of presets rounds
            name: self.add_weight(
                (math.prod(shape),),
                "zeros",
                "float32" if name == "steps" else "int32",
                trainable=False,
                name=name,
            )
            for name, shape in self._shapes.items()
        }
        self.update_tables()

    @staticmethod
    def _check_shape(input_shape, filters, encoder):
        if encoder is not None:
            return
        if input_shape is not None and len(input_shape) != 3:
            raise ValueError(
                f"input_shape is {tuple(input_shape)}; (height, width, channels) is expected, as "
                "the networks are convolutions."
            )
        if not arguments.widths("filters", filters):
            raise ValueError("filters is empty; give one width or more, such as (64, 64).")

    def _described_networks(self, input_shape, latent_dim):
        if input_shape is None or latent_dim is None:
            return super()._described_networks(input_shape, latent_dim)  # says what is missing
        described = {"filters": self.filters, "seeds": self.seeds, "dtype": self.dtype_policy}
        encoder = networks.encoder(input_shape, latent_dim, **described)
        parameters: Any = self.likelihood.parameter_shape(input_shape)
        return encoder, networks.decoder(parameters, latent_dim, **described)

    def _make_networks(self, encoder, decoder, input_shape, latent_dim):
        if self.custom_networks:
            return super()._make_networks(encoder, decoder, input_shape, latent_dim)
        self.encoder, self.decoder = self._described_networks(input_shape, latent_dim)
        self.image_shape = tuple(input_shape)
        self.code_shape = networks.code_shape(input_shape, latent_dim)
        self.latent_dim = math.prod(self.code_shape)

    # Training

    def losses(self, batch: Batch, training: bool) -> Losses:
        y = self.encoder(batch.x, training=training)  # [batch, latent_dim]
        y = ops.reshape(y, (-1, self.latent_dim // self.code_shape[-1], self.code_shape[-1]))
        if not training:
            return self._losses_of_all_rates(batch.x, y)
        rate = self.drawn_rates(ops.shape(y)[0])  # [batch]
        z, step = self.rounded(y, rate)
        noise = backend.uniform(ops.shape(y), self.seed_generator) - 0.5
        nats = self.code_length(y + step * noise, step)
        error = self.reconstruction(batch.x, z, training)
        distortion = self.weights_of(rate) * error
        loss = relative(nats + distortion)
        losses = Losses(loss, reconstruction=error, rate=nats, distortion=distortion)
        return losses + self.further_losses(batch.x, ops.reshape(z, (-1, self.latent_dim)))

    def _losses_of_all_rates(self, x: Tensor, y: Tensor) -> Losses:
        """Return the losses of rounded coefficients, averaged over the rates."""
        terms = []
        for r in range(len(self.tradeoffs)):
            rate = r * ops.ones_like(y[:, 0, 0], dtype="int32")
            z, step = self.rounded(y, rate)
            error = self.reconstruction(x, z, False)
            terms.append((error, self.code_length(z, step), self.tradeoffs[r] * error))
        error, nats, distortion = (sum(term) / len(terms) for term in zip(*terms, strict=True))
        losses = Losses(nats + distortion, reconstruction=error, rate=nats, distortion=distortion)
        return losses + self.further_losses(x, ops.reshape(z, (-1, self.latent_dim)))

    def drawn_rates(self, n: Any) -> Tensor:
        """Return a rate from 0 on for each of n images: all rates in turn, from a random one on."""
        rates = len(self.tradeoffs)
        first = ops.floor(rates * backend.uniform((1,), self.seed_generator, shared=True))
        return (ops.arange(n, dtype="int32") + ops.cast(first, "int32")) % rates

    def rounded(self, y: Tensor, rate: Tensor, stored: bool = False) -> tuple[Tensor, Tensor]:
        """Return rounded coefficients and their steps; the gradient of rounding is 1.

        Args: y: [batch, blocks, channels]. rate: int32 [batch], from 0.
            stored: whether to take steps as the tables store them, in the precision of float16.
        """
        steps = ops.reshape(ops.exp(GAIN * self.log_steps), (len(self.tradeoffs), -1))
        if stored:
            steps = ops.cast(ops.cast(steps, "float16"), "float32")
        step = ops.take(steps, rate, axis=0)[:, None]  # [batch, 1, channels]
        v = y / step
        return step * (v + ops.stop_gradient(ops.round(v) - v)), step

    def code_length(self, y: Tensor, step: Tensor) -> Tensor:
        """Return -log P, in nats, [batch], of coefficients and steps [batch, blocks, channels]."""
        return -ops.sum(ops.log(self.density.probability(y, step)), axis=(1, 2))

    def reconstruction(self, x: Tensor, z: Tensor, training: bool) -> Tensor:
        """Return -log p(x | z), [batch], for rounded coefficients [batch, blocks, channels]."""
        z = ops.reshape(z, (-1, self.latent_dim))
        return -self.likelihood.log_prob(x, self.decoder(z, training=training))

    def weights_of(self, rate: Tensor) -> Tensor:
        """Return t of rates, int32 [batch] from 0."""
        return ops.take(ops.convert_to_tensor(np.array(self.tradeoffs, "float32")), rate)

    # Use

    @property
    def rates(self) -> int:
        """How many rates there are; the first gives the smallest files."""
        return len(self.tradeoffs)

    @property
    def tables(self) -> Tables:
        """The tables of the entropy coder, as NumPy arrays.

        If the steps were trained since, by `train_on_batch` or before a checkpoint, they are made
        anew from the density.
        """
        stored = ops.convert_to_numpy(self._tables["steps"])
        if not np.allclose(stored, self._steps().ravel(), rtol=0.01):
            self.update_tables()
        held = {name: ops.convert_to_numpy(value) for name, value in self._tables.items()}
        return Tables(**{name: held[name].reshape(shape) for name, shape in self._shapes.items()})

    def fit(self, x: Any = None, *args, **options) -> Any:
        """Train as every model does (`zoo.training.fitting.fit`), then make the tables."""
        try:
            history = super().fit(x, *args, **options)
        except KeyboardInterrupt:  # the training may go on, or the model be used as it is
            self.update_tables(_some_images(x))
            raise
        self.update_tables(_some_images(x))
        return history

    def update_tables(self, x: ArrayLike | None = None) -> None:
        """Make the tables of the entropy coder, as `fit` does at its end.

        Args:
            x: images [n, *input_shape]; in 500 of them it is counted which coefficients occur next
                to which others, which makes files about a seventh smaller. None takes the learned
                density alone.
        """
        examples = None
        if x is not None:
            images: Any = arrays.as_array(x)
            n = len(images)
            rows = np.unique(np.linspace(0, n - 1, min(n, MOST_EXAMPLES)).astype(int))
            chosen = np.stack([np.asarray(images[row]) for row in rows])
            examples = self._grid(self.encode(chosen, batch_size=64))
        for name, values in tables_of(self.density, self._steps(), examples)._asdict().items():
            self._tables[name].assign(values.ravel())

    def _steps(self) -> np.ndarray:
        """Return the steps, float32 [rates, channels], that float16 can hold, too."""
        steps = np.exp(GAIN * ops.convert_to_numpy(self.log_steps).astype("float64"))
        steps = np.clip(steps, 1e-4, 6e4).astype("float16").astype("float32")
        return steps.reshape(self.rates, -1)

    def save_own_variables(self, store: Any) -> None:
        """Save tables that belong to the steps."""
        _ = self.tables
        super().save_own_variables(store)

    @streams.by_batch
    def reconstruct(
        self,
        x: ArrayLike,
        labels: Labels = None,
        *,
        rate: int | None = None,
        batch_size: int = 1024,
    ) -> np.ndarray:
        """Return the images as they are after compression.

        Args:
            x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
            labels: None; the model takes no labels.
            rate: from 1 to `rates`; by default the last.
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *input_shape].
        """
        z = self.encode(x, labels, batch_size=batch_size)
        return self.decode(self.compressed_codes(z, rate), batch_size=batch_size)

    def compressed_codes(self, z: ArrayLike, rate: int | None = None) -> np.ndarray:
        """Return coefficients [n, *code_shape] as they are after compression, in the same shape."""
        tables, index = self.tables, self._index(rate)
        return tables.dequantized(tables.quantized(np.asarray(z), index), index)

    def bits_per_pixel(
        self, x: ArrayLike, *, rate: int | None = None, batch_size: int = 1024
    ) -> float:
        """Return the mean number of bits for each pixel, without the header of a file.

        Args: as for `reconstruct`.
        """
        z = self.encode(x, batch_size=batch_size)
        tables, index = self.tables, self._index(rate)
        grids = self._grid(tables.quantized(z, index))
        bits = sum(tables.bits(q, index) for q in grids)
        return bits / (len(z) * math.prod(self.image_shape[:2]))

    def _grid(self, z: np.ndarray) -> np.ndarray:
        """Return codes [n, *code_shape] as [n, rows, columns, channels]."""
        return z.reshape(len(z), *(1,) * (3 - len(self.code_shape)), *self.code_shape)

    def _index(self, rate: int | None) -> int:
        if rate is None:
            return self.rates - 1
        rate = arguments.whole("rate", rate, least=1)
        if rate > self.rates:
            raise ValueError(f"rate is {rate}, but the model has {self.rates} rates.")
        return rate - 1

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Reconstruct images at the last rate, to the same shape."""
        y = self.encoder(inputs, training=training)
        y = ops.reshape(y, (-1, self.latent_dim // self.code_shape[-1], self.code_shape[-1]))
        last = (self.rates - 1) * ops.ones_like(y[:, 0, 0], dtype="int32")
        z = ops.reshape(self.rounded(y, last, stored=True)[0], (-1, self.latent_dim))
        return self.image(z, None, training)

    # Export

    def parts(self) -> dict[str, Part]:
        """Return the encoder, to coefficients before rounding, and the decoder of rounded ones.

        Both folders also get `tables.json`, with which `export.load_codec` compresses.
        """
        if len(self.code_shape) != 3:
            return super().parts()  # a codec needs rows and columns of blocks
        files = {TABLES_FILE: self.tables_file()}
        parts = super().parts().items()
        return {name: dataclasses.replace(part, files=files) for name, part in parts}

    def tables_file(self) -> bytes:
        """Return the content of `tables.json`: the tables, and the identity of the model."""
        content = {"name": self.name, "identity": self.identity().hex()}
        content |= {"block": self.block, "margin": self.margin}
        return json.dumps({**content, **self.tables.to_json()}).encode()

    @property
    def block(self) -> int:
        """The height of a block in pixels."""
        if not self.custom_networks:
            return networks.BLOCK
        return self.image_shape[0] // self.code_shape[0]

    @property
    def margin(self) -> int:
        """How many blocks around a block its coefficients depend on, and its pixels."""
        return 2 if self.custom_networks else networks.margin(self.filters)

    def setting(self, name: str) -> Any:
        if name == "latent_dim" and not self.custom_networks:
            return self.code_shape[-1]
        return super().setting(name)

    def identity(self) -> bytes:
        """Return 8 bytes by which files of this model, with these weights, are recognized."""
        digest = hashlib.sha256(self.tables.digest())
        for weight in self.decoder.weights:
            values = ops.convert_to_numpy(weight)
            digest.update(f"{list(values.shape)}".encode())
            digest.update(values.astype("<f4").tobytes())
        return digest.digest()[:8]


def relative(loss: Tensor) -> Tensor:
    """Return losses [batch] with the gradient of their logarithm, times a thousand.

    The loss of an image at a high rate is many times that at a low one, and that of an image with
    much detail many times that of the sky. So each counts relative to its own size.
    """
    fixed = ops.stop_gradient(loss)
    return fixed + 1000.0 * (loss - fixed) / ops.maximum(ops.abs(fixed), 1.0)


def _some_images(x: Any) -> Any:
    """Return images of an array or a stream; None if the stream can be read only once."""
    if hasattr(x, "shape") or isinstance(x, (list, tuple)):
        return x
    if not hasattr(x, "__iter__") or iter(x) is x:
        return None
    found, n = [], 0
    for batch in x:
        found.append(np.asarray(keras.utils.unpack_x_y_sample_weight(batch)[0]))
        n += len(found[-1])
        if n >= MOST_EXAMPLES:
            break
    return np.concatenate(found)


def _checked_tradeoffs(tradeoffs: Any) -> tuple[float, ...]:
    try:
        found = tuple(arguments.number("tradeoffs", t, least=1e-3, most=1e6) for t in tradeoffs)
    except TypeError as error:
        raise TypeError(
            f"tradeoffs is {tradeoffs!r}; give a weight of the distortion for each rate, such as "
            "(25, 75, 225, 675)."
        ) from error
    if not 1 <= len(found) <= 64 or list(found) != sorted({*found}):
        raise ValueError(
            f"tradeoffs is {tradeoffs!r}; give 1 to 64 different weights, from the smallest on."
        )
    return found
