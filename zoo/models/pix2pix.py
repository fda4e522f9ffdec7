"""Image-to-image translation with a conditional adversarial network."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.checks import streams
from zoo.checks.arguments import number, widths
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.translator import BaseTranslator, check_halvings, shape_of_images
from zoo.nn import own_discriminators, own_networks, translation_networks
from zoo.nn.network_properties import check_shapes
from zoo.nn.proportions import suited_filters
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class Pix2Pix(BaseTranslator):
    """Image-to-image translation: from outlines to photographs, from maps to aerial views, ...

    The generator g, a U-Net, turns an image x into an image g(x), which should look like the other
    image y of the pair. The discriminator d takes x together with y or g(x), and gives a logit for
    every patch of `patch_size` pixels. Every training step makes two updates:

    1. discriminator: it minimizes -log d(x, y) - log(1 - d(x, g(x))), averaged over patches;
    2. generator: it minimizes -log d(x, g(x)) + `l1_weight` |y - g(x)|, averaged over patches and
       over pixels.

    The absolute error alone gives the median of all images y that are possible for x: it has the
    right shape, but no texture. The discriminator, which also sees x, makes g(x) look like one of
    these images.

    `loss` is the absolute error of a pixel; the adversarial losses do not show which model is
    better.

    Use it if you have pairs of images of the same size. `fit(x, y)` takes the images and their
    targets, and `translate(x)` returns translations. One image gives one translation: if many are
    right, let a `zoo.CVAE` first draw the part that varies. There are no codes, so there is no
    `encode`, `decode`, `reconstruct` or `generate`.

    Args:
        input_shape: the shape of x, (height, width, channels).
        target_shape: the shape of y, with the same height and width; `input_shape` by default.
        filters: widths of the U-Net's layers that halve the sides, at least one; by default as many
            as reduce the longer side to three or four pixels, if the shorter side allows it.
        l1_weight: the weight of the absolute error, at least 0.
        label_smoothing: s in [0, 0.5): the discriminator's target for real pairs is 1 - s.
        discriminator_filters: widths of the discriminator's layers that halve the sides; by default
            the first two of `filters`. One more makes patches about twice as large.
        generator: your own network from `x` to the likelihood's parameters.
        discriminator: your own functional model from `{"x", "y"}` to logits [batch, ..., 1].
        likelihood: determines the range of both images; "bernoulli" for [0, 1], "squared_error" for
            any.
        Others: see `zoo.models.translator.BaseTranslator`.

    Raises:
        TypeError, ValueError: a setting has a wrong type or is out of range; shapes are not those
            of images, or have different sides; there are more halvings than the sides allow; or
            networks have other shapes.

    Examples:
        >>> (y, _), (y_test, _) = zoo.data.load("digits")
        >>> x, x_test = (np.round(images) for images in (y, y_test))  # black and white, no gray
        >>> model = zoo.Pix2Pix((8, 8, 1), filters=(8, 16))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.translate(x_test).shape
        (360, 8, 8, 1)

    Source: Isola, Zhu, Zhou and Efros 2017 (arXiv 1611.07004), sections 3.1 to 3.3. Here all
    hidden layers have group normalization, the last level gets x itself, patches are smaller, the
    discriminator's loss is not halved, and the generator is deterministic: in the paper, noise by
    dropout changed little.
    """

    loss_metric = "absolute_error"
    metric_names = (
        "absolute_error",
        "discriminator",
        "generator",
        "accuracy_on_pairs",
        "accuracy_on_translations",
    )
    learns_pairs = True
    network_names = ("generator", "discriminator")
    card_metrics = ("absolute error", "Fréchet distance of translations", "class of translations")
    updates: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        target_shape: tuple[int, ...] | None = None,
        *,
        filters: tuple[int, ...] | None = None,
        l1_weight: float = 100.0,
        label_smoothing: float = 0.0,
        discriminator_filters: tuple[int, ...] | None = None,
        generator: keras.Layer | None = None,
        discriminator: keras.Layer | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        input_shape = shape_of_images("Pix2Pix", "input_shape", input_shape)
        target_shape = input_shape if target_shape is None else target_shape
        self.target_shape = shape_of_images("Pix2Pix", "target_shape", target_shape)
        if self.target_shape[:2] != input_shape[:2]:
            raise ValueError(
                f"input_shape is {input_shape} and target_shape {self.target_shape}: both images "
                "of a pair must have the same height and width; resize one of them."
            )
        if filters is None:
            filters = default_filters(input_shape)
        super().__init__(
            input_shape,
            filters=filters,
            activation=activation,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if self.likelihood.in_own_units or self.likelihood.values > 1:
            raise ValueError(
                "Pix2Pix gives one number for each channel of a pixel, but the likelihood "
                f"{type(self.likelihood).__name__} needs other parameters: choose 'bernoulli' for "
                "pixels in [0, 1], or 'squared_error' for any."
            )
        self.l1_weight = LossWeight("l1_weight", l1_weight, least=0)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=0.5)
        if discriminator_filters is None:
            discriminator_filters = self.filters[:2]
        self.discriminator_filters = widths("discriminator_filters", discriminator_filters)
        self.custom_generator = generator is not None
        self.custom_discriminator = discriminator is not None
        if self.custom_generator:
            self.generator = own_networks.translator(generator, input_shape, self.likelihood)
        else:
            check_halvings("filters", self.filters, input_shape)
            self.generator = translation_networks.u_net(
                input_shape,
                self.target_shape[-1],
                filters=self.filters,
                activation=self.activation,
                seeds=self.seeds,
                dtype=self.dtype_policy,
            )
        if self.custom_discriminator:
            self.discriminator = own_discriminators.pair_discriminator(discriminator)
        else:
            check_halvings("discriminator_filters", self.discriminator_filters, input_shape)
            self.discriminator = translation_networks.patch_discriminator(
                input_shape,
                self.target_shape,
                filters=self.discriminator_filters,
                seeds=self.seeds,
                dtype=self.dtype_policy,
            )
        check_shapes(self.generator, "generator", self.image_shape, self.target_shape)
        pair = {"x": self.image_shape, "y": self.target_shape}
        check_shapes(self.discriminator, "discriminator", pair, None)

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of y, which `fit` takes in place of labels."""
        return self.target_shape

    @property
    def patch_size(self) -> int:
        """The side, in pixels, of the patches of the default discriminator."""
        return translation_networks.patch_size(len(self.discriminator_filters))

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # The discriminator learns to distinguish pairs of the data from translated ones.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The generator learns to fool it, and to come close to the other image of the pair.
        g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        metrics = {**d, **g, "loss": g["absolute_error"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(x, y) - log(1 - d(x, g(x)))."""
        x, y = batch.x, batch.label  # images [batch, height, width, channels]
        real = self.logits(x, y, training)  # [batch, patches]
        fake = self.logits(x, ops.stop_gradient(self.translated(x, training)), training)
        loss = ops.softplus(-real) + self.label_smoothing * real + ops.softplus(fake)
        loss = ops.mean(loss, axis=1)  # [batch]
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_pairs=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_translations=ops.mean(ops.cast(fake < 0, "float32")),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(x, g(x)) + l1_weight |y - g(x)|."""
        x, y = batch.x, batch.label
        translated = self.translated(x, training)
        # training=False: this update does not train the discriminator.
        generator = ops.mean(ops.softplus(-self.logits(x, translated, training=False)), axis=1)
        error = ops.mean(ops.abs(y - translated), axis=(1, 2, 3))  # [batch], of a pixel
        weighted = self.l1_weight.value * error
        return Losses(generator, weighted, generator=generator, absolute_error=error)

    def translated(self, x: Tensor, training: bool = False) -> Tensor:
        """Return g(x) for images, tensors float32 [batch, *target_shape]."""
        return ops.cast(self.likelihood(self.generator(x, training=training)).mean, "float32")

    def logits(self, x: Tensor, y: Tensor, training: bool = False) -> Tensor:
        """Return the discriminator's logits, [batch, patches]; above 0 means pairs of the data."""
        logits = ops.cast(self.discriminator({"x": x, "y": y}, training=training), "float32")
        return ops.reshape(logits, (-1, math.prod(logits.shape[1:])))

    # Use

    @streams.by_batch
    def translate(self, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return the translations g(x) of images.

        Args:
            x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *target_shape]; in [0, 1] for a Bernoulli likelihood.
        """
        x, _ = self.checked_images(x, None)
        return run_in_batches(self.translated, x, batch_size=batch_size)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Translate images, to [batch, *target_shape]."""
        return self.translated(inputs, training)

    # Export

    def parts(self) -> dict:
        """Return the exportable parts: the generator, from x to y, and the discriminator."""
        x = image_info(self)
        y = TensorInfo("y", "float32", self.target_shape, x.low, x.high)
        patches = tuple(self.discriminator.output.shape[1:])

        def translate(tensors):
            return {"y": self.translated(tensors["x"])}

        def discriminate(tensors):
            pair = {name: tensors[name] for name in ("x", "y")}
            return {"logits": ops.cast(self.discriminator(pair, training=False), "float32")}

        logits = TensorInfo("logits", "float32", patches)
        return {
            "generator": self.part("generator", translate, (x,), (y,), (self.generator,)),
            "discriminator": self.part(
                "discriminator", discriminate, (x, y), (logits,), (self.discriminator,)
            ),
        }

    def setting(self, name: str) -> Any:
        if name == "generator":
            return self.generator if self.custom_generator else None
        if name == "discriminator":
            return self.discriminator if self.custom_discriminator else None
        return super().setting(name)


def default_filters(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the default widths of the halvings, at most as many as the shorter side allows."""
    return (*suited_filters(shape), 128)[: min(shape[:2]).bit_length() - 1]
