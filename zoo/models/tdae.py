"""The transformative discriminative autoencoder, for super-resolution of unaligned faces."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from keras import ops

from zoo.checks import streams
from zoo.checks.arguments import number, widths
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.translator import BaseTranslator, check_halvings, shape_of_images
from zoo.nn import networks
from zoo.nn.super_resolution_networks import downsampler, upsampler
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class TDAE(BaseTranslator):
    """TDAE: super-resolution of unaligned, noisy images by a decoder, an encoder and a decoder.

    An image x is small, noisy, and shifted, rotated or scaled; its target y is large, clean and
    aligned. The first decoder enlarges x, y1 = g1(x). The encoder reduces y1 to a small, clean and
    aligned image s = e(y1). The second decoder gives the result, y2 = g2(s). Spatial transformers
    in all three networks align the features. Let s(y) be y reduced to the small size by averaging
    pixels, and d the discriminator. Every training step makes two updates:

    1. discriminator: it minimizes -log d(y) - log(1 - d(y2));
    2. decoders and encoder: they minimize |y - y1|^2 + |s(y) - s|^2 + |y - y2|^2
       - `generator_weight` log d(y2) + `feature_weight` |f(y) - f(y2)|^2, where f are the features
       of the discriminator; squares are averaged over pixels and over features.

    The squared errors alone give the mean of all faces that are possible for x, which is blurred;
    the other two terms make y2 sharp, at the cost of a larger squared error.

    `loss` and `squared_error` are |y - y2|^2.

    Use it for images of one kind, such as faces. The details that it adds are likely, but not true:
    do not use it to identify people. `fit(x, y)` takes small and large images; `zoo.data.unaligned`
    makes such small images. `translate(x)` returns the large ones. There are no codes, so there is
    no `encode`, `decode`, `reconstruct` or `generate`.

    Args:
        input_shape: the shape of x, (height, width, channels).
        target_shape: the shape of y. Both sides must be 2, 4, 8, ... times as long as those of x,
            by the same factor; by default 8 times.
        filters: widths of the encoder's layers that halve the sides; the decoders use them in
            reverse. One is needed for each doubling; the default is 32, 64, 128, up to 256.
        generator_weight: the weight of the adversarial loss, at least 0.
        feature_weight: the weight of the squared error of the discriminator's features, at least 0.
        label_smoothing: s in [0, 0.5): the discriminator's target for real images is 1 - s.
        discriminator_filters: widths of the discriminator's layers that halve the sides; `filters`
            by default.
        likelihood: determines the range of both images; "bernoulli" for [0, 1], "squared_error" for
            any.
        Others: see `zoo.models.translator.BaseTranslator`.

    Raises:
        TypeError, ValueError: a setting has a wrong type or is out of range; shapes are not those
            of images, or not multiples of each other; or the number of filters is not that of
            doublings.

    Examples:
        >>> y = np.random.default_rng(0).random((20, 16, 16, 1), "float32")
        >>> x = zoo.data.unaligned(y, 4, seed=0)
        >>> model = zoo.TDAE((4, 4, 1), (16, 16, 1), filters=(8, 16))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.translate(x).shape
        (20, 16, 16, 1)

    Source: Yu and Porikli 2017 (CVPR, Hallucinating Very Low-Resolution Unaligned and Noisy Face
    Images by Transformative Discriminative Autoencoders), section 3. Here all parts are trained
    together from the start, the discriminator gets y2 but not y1, and the features are those of the
    discriminator instead of a network trained on photographs.
    """

    loss_metric = "squared_error"
    metric_names = (
        "squared_error",
        "error_of_first_decoder",
        "error_of_encoder",
        "features",
        "generator",
        "discriminator",
        "accuracy_on_images",
        "accuracy_on_translations",
    )
    learns_pairs = True
    network_names = ("first_decoder", "encoder", "second_decoder", "discriminator")
    card_metrics = ("absolute error", "PSNR")
    updates: ClassVar = {
        "discriminator": ("discriminator",),
        "autoencoder": ("first_decoder", "encoder", "second_decoder"),
    }

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        target_shape: tuple[int, ...] | None = None,
        *,
        filters: tuple[int, ...] | None = None,
        generator_weight: float = 1e-3,
        feature_weight: float = 1e-2,
        label_smoothing: float = 0.0,
        discriminator_filters: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        small = shape_of_images("TDAE", "input_shape", input_shape)
        if target_shape is None:
            target_shape = (8 * small[0], 8 * small[1], small[2])
        large = self.target_shape = shape_of_images("TDAE", "target_shape", target_shape)
        self.doublings = doublings(small, large)
        if filters is None:
            filters = tuple(min(32 * 2**i, 256) for i in range(self.doublings))
        super().__init__(
            small,
            filters=filters,
            activation=activation,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if len(self.filters) != self.doublings:
            raise ValueError(
                f"filters is {self.filters}; from {small[0]} to {large[0]} pixels there are "
                f"{self.doublings} doublings: give as many widths."
            )
        if self.likelihood.in_own_units or self.likelihood.values > 1:
            raise ValueError(
                "TDAE gives one number for each channel of a pixel, but the likelihood "
                f"{type(self.likelihood).__name__} needs other parameters: choose 'bernoulli' for "
                "pixels in [0, 1], or 'squared_error' for any."
            )
        self.generator_weight = LossWeight("generator_weight", generator_weight, least=0)
        self.feature_weight = LossWeight("feature_weight", feature_weight, least=0)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=0.5)
        if discriminator_filters is None:
            discriminator_filters = self.filters
        self.discriminator_filters = widths("discriminator_filters", discriminator_filters)
        check_halvings("discriminator_filters", self.discriminator_filters, large)
        options = {
            "filters": self.filters,
            "activation": self.activation,
            "seeds": self.seeds,
            "dtype": self.dtype_policy,
        }
        channels = large[-1]
        self.first_decoder = upsampler(small, channels, name="first_decoder", **options)
        self.encoder = downsampler(large, channels, name="encoder", **options)
        small_target = (*small[:2], channels)
        self.second_decoder = upsampler(small_target, channels, name="second_decoder", **options)
        self.discriminator = networks.image_discriminator(
            large,
            filters=self.discriminator_filters,
            hidden_units=(),
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of y, which `fit` takes in place of labels."""
        return self.target_shape

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # The discriminator learns to distinguish large images of the data from generated ones.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # Decoders and encoder learn to fool it, and to come close to the data.
        a = self.minimize(lambda: self.autoencoder_losses(batch, True), batch, "autoencoder")
        metrics = {**d, **a, "loss": a["squared_error"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(y) - log(1 - d(y2))."""
        _, _, y2 = self.stages(batch.x, training)  # [batch, *target_shape]
        real, _ = self.logits_and_features(batch.label, training)  # [batch]
        fake, _ = self.logits_and_features(ops.stop_gradient(y2), training)
        loss = ops.softplus(-real) + self.label_smoothing * real + ops.softplus(fake)
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_images=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_translations=ops.mean(ops.cast(fake < 0, "float32")),
        )

    def autoencoder_losses(self, batch: Batch, training: bool) -> Losses:
        """Return |y - y1|^2 + |s(y) - s|^2 + |y - y2|^2, and the discriminator's two terms."""
        y = batch.label  # [batch, *target_shape]
        y1, s, y2 = self.stages(batch.x, training)
        errors = {
            "error_of_first_decoder": squared_error(y, y1),
            "error_of_encoder": squared_error(self.reduced(y), s),
            "squared_error": squared_error(y, y2),
        }
        # training=False: this update does not train the discriminator.
        _, true_features = self.logits_and_features(y)  # [batch, d]
        logits, features_of_y2 = self.logits_and_features(y2)
        generator = ops.softplus(-logits)  # -log d(y2), [batch]
        features = squared_error(ops.stop_gradient(true_features), features_of_y2)
        return Losses(
            *errors.values(),
            self.generator_weight.value * generator,
            self.feature_weight.value * features,
            generator=generator,
            features=features,
            **errors,
        )

    def stages(self, x: Tensor, training: bool = False) -> tuple:
        """Return y1 = g1(x), s = e(y1) and y2 = g2(s) for images, as tensors."""
        y1 = self.mean(self.first_decoder(x, training=training))  # [batch, *target_shape]
        s = self.mean(self.encoder(y1, training=training))  # [batch, height, width, channels of y]
        return y1, s, self.mean(self.second_decoder(s, training=training))

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the images, in the likelihood's range, for the output of a network."""
        return ops.cast(self.likelihood(parameters).mean, "float32")

    def reduced(self, y: Tensor) -> Tensor:
        """Return s(y): each pixel of the small image is the mean of a square of pixels of y."""
        height, width = self.image_shape[:2]
        side = 2**self.doublings
        squares = ops.reshape(y, (-1, height, side, width, side, y.shape[-1]))
        return ops.mean(squares, axis=(2, 4))

    def logits_and_features(self, y: Tensor, training: bool = False) -> tuple:
        """Return the discriminator's logits [batch] and features [batch, d] of large images.

        Logits above 0 mean images of the data.
        """
        found = self.discriminator(y, training=training)
        return found["logit"][:, 0], found["features"]

    # Use

    @streams.by_batch
    def translate(self, x: ArrayLike, *, batch_size: int = 128) -> np.ndarray:
        """Return the large images y2 for small images.

        Args:
            x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *target_shape]; in [0, 1] for a Bernoulli likelihood.
        """
        x, _ = self.checked_images(x, None)
        return run_in_batches(self.translated, x, batch_size=batch_size)

    def translated(self, x: Tensor, training: bool = False) -> Tensor:
        """Return y2 for images, tensors float32 [batch, *target_shape]."""
        return self.stages(x, training)[-1]

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Enlarge small images, to [batch, *target_shape]."""
        return self.translated(inputs, training)

    # Export

    def parts(self) -> dict:
        """Return the exportable parts: the three networks as one, and the discriminator."""
        x = image_info(self)
        y = TensorInfo("y", "float32", self.target_shape, x.low, x.high)

        def translate(tensors):
            return {"y": self.translated(tensors["x"])}

        def discriminate(tensors):
            return {"logit": self.discriminator(tensors["y"], training=False)["logit"]}

        logit = TensorInfo("logit", "float32", (1,))
        three = (self.first_decoder, self.encoder, self.second_decoder)
        return {
            "generator": self.part("generator", translate, (x,), (y,), three),
            "discriminator": self.part(
                "discriminator", discriminate, (y,), (logit,), (self.discriminator,)
            ),
        }


def doublings(small: tuple[int, ...], large: tuple[int, ...]) -> int:
    """Return how many times both sides of small images must be doubled to reach the large ones."""
    times = max(1, round(math.log2(max(1, large[0] / small[0]))))
    if large[:2] != (small[0] * 2**times, small[1] * 2**times):
        raise ValueError(
            f"input_shape is {small} and target_shape {large}: both sides must be the same 2, 4, "
            f"8, ... times as large, such as {(8 * small[0], 8 * small[1], large[2])}."
        )
    return times


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared differences of arrays [batch, ...], averaged over the other axes."""
    return ops.mean(ops.square(a - b), axis=tuple(range(1, len(a.shape))))
