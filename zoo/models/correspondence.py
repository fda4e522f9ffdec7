"""The correspondence autoencoder: codes that items of two kinds share, to find one by the other."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks import streams
from zoo.checks.arguments import shape, widths
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import check_images
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, encoder_and_decoder
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.nn import networks, own_networks
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.distributions.requirements import check_likelihood
from zoo.nn.network_properties import fitting_shapes
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register

VARIANTS = ("own", "cross", "full")


@register
class CorrespondenceAutoencoder(BaseAutoencoder):
    """The correspondence autoencoder: two autoencoders whose codes are brought close together.

    Every item has two views, x and y, such as an image and its words, or two halves of an image.
    With codes f(x) and g(y), minimizes

        (1 - alpha) (L_x + L_y) + alpha |f(x) - g(y)|^2,

    where L_x and L_y are -log p(x | z) and -log p(y | z), with `variant`

        "own":    of the view's own code (Corr-AE): x from f(x) and y from g(y);
        "cross":  of the other view's code (Corr-Cross-AE): x from g(y) and y from f(x);
        "full":   of both codes, added (Corr-Full-AE).

    Use it to find one view by the other: `fit(x, y)` takes pairs, `encode(x)` and
    `encode_second(y)` give codes that `zoo.search.Index` compares, and `decode_second(encode(x))`
    gives the y that belongs to x.

    Args:
        second_shape: the shape of y, (height, width, channels), (time, channels) or (features,);
            `input_shape` by default.
        variant: "own", "cross" or "full".
        alpha: the weight of the distance of codes, from 0 to 1. The larger the reconstruction terms
            (sums over all pixels), the nearer to 1 it may be.
        second_hidden_units: widths of the dense layers of y's networks; by default `hidden_units`.
        second_likelihood: p(y | z), see `likelihood`; by default the same.
        second_encoder, second_decoder: your own networks for y; y's networks that are built from
            settings are dense.
        code_activation: the activation of both codes. Codes without bounds could become close just
            by becoming small.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`; there is no `tie_weights`.

    Raises:
        ValueError: an unknown variant, or networks that do not fit.

    Examples:
        >>> (images, _), (test, _) = zoo.data.load("digits")
        >>> x, y = images[:, :4], images[:, 4:]  # upper and lower halves
        >>> model = zoo.CorrespondenceAutoencoder((4, 8, 1), 8, second_shape=(4, 8, 1),
        ...     hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.encode(test[:, :4]).shape, model.encode_second(test[:, 4:]).shape
        ((360, 8), (360, 8))
        >>> model.decode_second(model.encode(test[:, :4])).shape  # lower halves for upper ones
        (360, 4, 8, 1)

    Source: Feng, Wang and Li 2014, Cross-modal retrieval with correspondence autoencoder (doi
    10.1145/2647868.2654902). There both codes are hidden units of restricted
    Boltzmann machines, and inputs are features.
    """

    learns_labels = True
    picture = "views"
    label_dtype = "float32"
    learns_pairs = True
    shape_of_pairs = "second_shape"
    learns_variance = False
    takes_further_losses = True
    metric_names = ("reconstruction", "second_reconstruction", "code_distance")
    network_names = ("encoder", "decoder", "second_encoder", "second_decoder")
    card_metrics = ("reconstruction error", "second view found", "first view found")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        second_shape: tuple[int, ...] | None = None,
        variant: str = "cross",
        alpha: float = 0.5,
        second_hidden_units: tuple[int, ...] | None = None,
        second_likelihood: Any = None,
        second_encoder: keras.Layer | None = None,
        second_decoder: keras.Layer | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = "tanh",
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}; choose {', '.join(map(repr, VARIANTS))}.")
        super().__init__(
            input_shape,
            latent_dim,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            likelihood=likelihood_names.of_unit_variance(likelihood),
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        second = likelihood if second_likelihood is None else second_likelihood
        self.second_likelihood = likelihood_names.of_unit_variance(second).of_model(self)
        self.custom_second_networks = second_decoder is not None
        if (second_encoder is None) != (second_decoder is None):
            raise ValueError("Give both second_encoder= and second_decoder=, or neither.")
        if second_shape is not None:
            expected = "second_shape=(height, width, channels), (time, channels) or (features,)"
            second_shape = shape("second_shape", second_shape, expected)
        elif not self.custom_second_networks:
            second_shape = self.image_shape
        units = self.hidden_units if second_hidden_units is None else second_hidden_units
        self.second_hidden_units = widths("second_hidden_units", units)
        made = self._second_networks(second_encoder, second_decoder, second_shape)
        self.second_encoder, self.second_decoder, self.second_shape = made
        self.variant = variant
        self.alpha = LossWeight("alpha", alpha, least=0, most=1)
        if variant == "full":
            self.add_metric_name("cross_reconstruction")
            self.add_metric_name("second_cross_reconstruction")

    def _second_networks(self, encoder: Any, decoder: Any, second_shape: Any) -> tuple:
        """Return the encoder and the decoder of second views, and the shape of one."""
        if self.custom_second_networks:
            encoder, decoder, _ = own_networks.taken(
                encoder,
                decoder,
                encoder_outputs=("z",),
                label_inputs=(),
                likelihood=self.second_likelihood,
                input_shape=second_shape,
                latent_dim=self.latent_dim,
            )
        else:
            described = {
                "network": "dense",
                "hidden_units": self.second_hidden_units,
                "activation": self.activation,
                "seeds": self.seeds,
                "dtype": self.dtype_policy,
            }
            encoder = networks.encoder(
                second_shape,
                {"z": self.latent_dim},
                code_activation=self.code_activation,
                normalization=self.second_likelihood.normalization(),
                **described,
            )
            parameters = self.second_likelihood.parameter_shape(second_shape)
            decoder = networks.decoder(parameters, self.latent_dim, **described)
        found, codes = fitting_shapes(encoder, decoder, (), self.second_likelihood)
        if codes != self.latent_dim:
            raise ValueError(
                f"The second networks have codes of {codes} values, the first ones of "
                f"{self.latent_dim}: both must have the same."
            )
        if second_shape is not None and tuple(second_shape) != found:
            raise ValueError(f"second_shape is {second_shape}, but the networks have {found}.")
        check_likelihood(self.second_likelihood, found, decoder.output.shape[1:])
        return encoder, decoder, found

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of y, which `fit` takes in place of labels."""
        return self.second_shape

    @property
    def label_likelihood(self) -> Likelihood:
        """The likelihood of y, which determines its range."""
        return self.second_likelihood

    # Training

    def losses(self, batch: Batch, training: bool) -> Losses:
        x, y = batch.x, batch.label
        f, g = self.encoder(x, training=training), self.second_encoder(y, training=training)
        distance = ops.sum(ops.square(f - g), axis=-1)  # [batch]
        z_of_x, z_of_y = (g, f) if self.variant == "cross" else (f, g)
        metrics = {
            "reconstruction": self.error(x, z_of_x, training),
            "second_reconstruction": self.second_error(y, z_of_y, training),
        }
        if self.variant == "full":
            metrics["cross_reconstruction"] = self.error(x, g, training)
            metrics["second_cross_reconstruction"] = self.second_error(y, f, training)
        alpha = self.alpha.value
        loss = (1.0 - alpha) * sum(metrics.values()) + alpha * distance
        losses = Losses(loss, **metrics, code_distance=distance)
        return losses + self.further_losses(x, f)

    def error(self, x: Tensor, z: Tensor, training: bool) -> Tensor:
        """Return -log p(x | z), [batch]."""
        return -self.likelihood.log_prob(x, self.decoder(z, training=training))

    def second_error(self, y: Tensor, z: Tensor, training: bool) -> Tensor:
        """Return -log p(y | z), [batch]."""
        return -self.second_likelihood.log_prob(y, self.second_decoder(z, training=training))

    # Use

    @streams.by_batch
    def encode_second(self, y: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return the codes g(y) of second views.

        Args:
            y: [n, *second_shape], in the range of `second_likelihood`; or a stream of batches.
            batch_size: how many the network processes at once.

        Returns:
            float32 [n, latent_dim].
        """
        y = check_images(y, self.second_shape, self.second_likelihood, "y")
        return run_in_batches(self.second_code, y, batch_size=batch_size)

    @streams.by_batch
    def decode_second(self, z: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return the mean second views of codes [n, latent_dim], float32 [n, *second_shape]."""
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"z has shape {z.shape}; (n, {self.latent_dim}) is expected.")
        return run_in_batches(self.second_image, z, batch_size=batch_size)

    def second_code(self, y: Tensor) -> Tensor:
        """Return the codes of second views, tensors [batch, latent_dim]."""
        return self.second_encoder(y, training=False)

    def second_image(self, z: Tensor) -> Tensor:
        """Return the mean second views of codes, tensors [batch, *second_shape]."""
        return self.second_likelihood(self.second_decoder(z, training=False)).mean

    # Export

    def parts(self) -> dict:
        """Return the exportable parts: an encoder and a decoder of each view."""
        q = self.second_likelihood
        y = TensorInfo("y", "float32", self.second_shape, q.low, q.high, prior=q.describe_rows())
        z = TensorInfo("z", "float32", self.code_shape)

        def encode(tensors):
            return {"z": self.second_code(tensors["y"])}

        def decode(tensors):
            return {"y": self.second_image(tensors["z"])}

        return {
            **encoder_and_decoder(self),
            "second_encoder": self.part(
                "second_encoder", encode, (y,), (z,), (self.second_encoder,)
            ),
            "second_decoder": self.part(
                "second_decoder", decode, (z,), (y,), (self.second_decoder,)
            ),
        }

    def setting(self, name: str) -> Any:
        if name in ("second_encoder", "second_decoder"):
            return getattr(self, name) if self.custom_second_networks else None
        return super().setting(name)
