"""The binary autoencoder, whose codes are bits: addresses of similar items."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import streams
from zoo.checks.arguments import number
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.models.base import Batch, Losses
from zoo.models.classical import Autoencoder
from zoo.nn import corruption as corruptions
from zoo.nn.distributions.likelihoods import bernoulli_kl
from zoo.nn.distributions.requirements import check_corruption
from zoo.nn.network_properties import activation_of_code
from zoo.nn.own_networks import UNBOUNDED
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class BinaryAutoencoder(Autoencoder):
    """The binary autoencoder: the code of an item is a row of bits.

    The encoder gives a logit a_j for each bit, and the bit is 1 where a_j > 0. Minimizes
    -log p(x | z), where z is, with `binarization`

        "rounding":  the bits themselves; their gradient is taken to be that of sigmoid(a);
        "noise":     sigmoid(a + s e), e ~ N(0, 1): noise of standard deviation s hides small
                     logits from the decoder, so training makes logits large, and sigmoids of
                     large logits are 0 or 1.

    `balance` * sum_j KL(1/2 || m_j) is added, where m_j is the mean of sigmoid(a_j) over the batch,
    because a bit that is the same for most items does not distinguish them.

    Similar items get codes that differ in few bits. So a short code is an address of memory, at
    and near which similar items are found without a search ("semantic hashing"), and long codes
    are compared quickly by their number of different bits; see `zoo.search.Index`.

    `encode` gives the bits, and `evaluate`, `reconstruct` and exported files use them.

    Args:
        latent_dim: how many bits a code has.
        binarization: "rounding" or "noise".
        noise: s, at least 0, for "noise"; 4 in the paper.
        balance: the weight of the penalty on bits that are mostly 0 or mostly 1, at least 0; unless
            it is 0, the penalty is also a metric, `imbalance`. Short codes bear more of it.
        corruption: what the encoder's input loses in training, as for `DenoisingAutoencoder`, such
            as {"masking": 0.5}; None for nothing. It keeps codes of few items from being learned
            by heart.
        encoder: your own encoder gives logits, so it must not end in a bounded activation.
        Others: see `Autoencoder`; there is no `code_activation`, and `zoo.pretrain` takes the code
            as a layer of sigmoid units.

    Raises:
        ValueError: an unknown binarization, a negative noise, or an encoder that gives no logits.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.BinaryAutoencoder((8, 8, 1), 12, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> bits = model.encode(x_test)
        >>> bits.shape, sorted(set(bits.ravel().tolist()))
        ((360, 12), [0.0, 1.0])

    Source: Salakhutdinov and Hinton 2009, Semantic hashing (doi 10.1016/j.ijar.2008.11.006), for
    noise, there drawn once for every item, here anew in every step; Krizhevsky and Hinton 2011,
    Using very deep autoencoders for content-based image retrieval (ESANN), for rounding. That bits
    should be balanced is an aim of Liong et al. 2015, Deep hashing for compact binary codes
    learning (CVPR), too; the penalty is that of sparse autoencoders, with the target 1/2.
    """

    takes_pairs = True
    has_bits = True
    picture = "hits"
    card_metrics = (
        *("reconstruction error", "nearest-neighbor accuracy", "linear probe accuracy"),
        *("mean average precision", "precision at 10", "constant bits"),
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        binarization: str = "rounding",
        noise: float = 2.0,
        balance: float = 1.0,
        corruption: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if binarization not in ("rounding", "noise"):
            raise ValueError(f"binarization is {binarization!r}; choose 'rounding' or 'noise'.")
        super().__init__(
            input_shape,
            latent_dim,
            l1=l1,
            l2=l2,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        bounded = activation_of_code(self.encoder) or "linear"
        if bounded in vars(keras.activations) and bounded not in UNBOUNDED:
            raise ValueError(
                f"The encoder ends in the activation {bounded!r}, but it must give the logits of "
                "bits, which are unbounded: leave the activation out (activation=None)."
            )
        self.binarization, self.noise = binarization, number("noise", noise, least=0)
        self.balance = LossWeight("balance", balance, least=0, left_out=True)
        if not self.balance.is_left_out:
            self.add_metric_name("imbalance")
        self.corruption = None if corruption is None else corruptions.get(corruption)
        if self.corruption is not None:
            check_corruption(self.corruption, self.likelihood, self.image_shape)

    def losses(self, batch: Batch, training: bool) -> Losses:
        x = self.seen(batch.x) if training else batch.x
        logits = self.encoder(x, training=training)  # [batch, latent_dim]
        z = self.binarized(logits) if training else bits(logits)
        parameters = self.decoder(z, training=training)
        reconstruction = -self.likelihood.log_prob(batch.target, parameters)  # [batch]
        losses = Losses(reconstruction, reconstruction=reconstruction)
        if not self.balance.is_left_out:
            shares = backend.batch_mean(ops.sigmoid(logits))  # [latent_dim]
            imbalance = ops.sum(bernoulli_kl(0.5, shares))  # a scalar
            losses = losses.plus(self.balance.value * imbalance, imbalance=imbalance)
        return self.with_penalties(losses) + self.further_losses(batch.target, z)

    @property
    def code_activation_in_stacks(self) -> str | None:
        return "sigmoid"  # of the logits

    def seen(self, x: Tensor) -> Tensor:
        """Return what the encoder is trained on, for items [batch, *input_shape]."""
        if self.corruption is None:
            return x
        return self.likelihood.corrupted(x, self.corruption, self.seed_generator)

    def binarized(self, logits: Tensor) -> Tensor:
        """Return what the decoder is trained on, in [0, 1], [batch, latent_dim]."""
        if self.binarization == "noise":
            noise = backend.normal(ops.shape(logits), self.seed_generator)
            return ops.sigmoid(logits + self.noise * noise)
        smooth = ops.sigmoid(logits)
        return smooth + ops.stop_gradient(bits(logits) - smooth)

    @streams.by_batch
    def bit_probabilities(self, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return sigmoid(a) of items, which rank items more finely than their bits do.

        Args:
            x: items [n, *input_shape], in the likelihood's range; or a stream of batches.
            batch_size: how many items the encoder processes at once.

        Returns:
            float32 [n, latent_dim] in [0, 1]; the bits are 1 where it is above 1/2.
        """
        x, _ = self.checked_images(x, None)
        return run_in_batches(self.probabilities, x, batch_size=batch_size)

    def probabilities(self, x: Tensor) -> Tensor:
        """Return sigmoid(a) of items, tensors [batch, latent_dim]."""
        return ops.sigmoid(self.encoder(x, training=False))

    def code(self, x: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        """Return the bits of items, 0.0 or 1.0, tensors [batch, latent_dim]."""
        return bits(super().code(x, label, training))


def bits(logits: Tensor) -> Tensor:
    """Return 1.0 where a logit is above 0, else 0.0."""
    return ops.cast(logits > 0.0, "float32")
