"""Recoloring of images by palettes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks.arguments import whole, widths
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array
from zoo.data.palettes import palettes
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.pix2pix import default_filters
from zoo.models.translator import BaseTranslator, check_halvings, shape_of_images
from zoo.nn import colors as spaces
from zoo.nn import translation_networks
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register

GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
LARGEST = 128.0  # limit of a and b, beyond all colors of sRGB
LAB = 100.0  # the inputs of networks are Lab divided by this


@register
class PaletteNet(BaseTranslator):
    """PaletteNet: the generator recolors an image with another palette.

    The generator g, a U-Net, takes an image x and a palette t of a few colors, and gives the color
    channels a and b of every pixel in Lab; the lightness L of x is kept. The data do not show
    images in two colorings, so training makes them: the image x_t is x with all hues rotated by a
    random angle, and its palette t is the palette p of x rotated by the same angle (which equals
    the k-means palette of x_t in Lab). With r = g(x, t), every training step makes two updates:

    1. discriminator: d(image, palette) learns which images and palettes belong together: it
       minimizes -log d(x, p) - log(1 - d(r, t)) - log(1 - d(x, t)) - log(1 - d(r, p));
    2. generator: it minimizes `color_weight` |ab(x_t) - ab(r)|^2 - log d(r, t), averaged over
       pixels and over patches.

    `loss` and `color_error` are the first term without its weight, in squared units of Lab: 2.3
    squared is the smallest difference that people see.

    Use it to try images in other colors. `fit(x, y)` takes images and their palettes, which
    `zoo.data.palettes` computes; `recolor(x, palettes)` takes any palettes. There are no codes, so
    there is no `encode`, `decode`, `reconstruct` or `generate`.

    Args:
        input_shape: (height, width, 3) of an image.
        colors: how many colors a palette has.
        filters: widths of the U-Net's layers that halve the sides, at least one; by default as many
            as reduce the longer side to three or four pixels.
        color_weight: the weight of the squared error of a and b, in units of 100, above 0.
        discriminator_filters: widths of the layers that halve the sides in the discriminator of
            patches; by default the first two of `filters`.
        Others: see `zoo.models.translator.BaseTranslator`; there is no `likelihood`.

    Raises:
        TypeError, ValueError: a setting has a wrong type or is out of range; images do not have
            three channels; or there are more halvings than the sides allow.

    Examples:
        >>> x = np.random.default_rng(0).random((20, 8, 8, 3), "float32")
        >>> y = zoo.data.palettes(x)
        >>> model = zoo.PaletteNet((8, 8, 3), filters=(8, 16))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.recolor(x[:5], y[5:10]).shape
        (5, 8, 8, 3)

    Source: Cho, Yun, Lee and Choi 2017 (CVPR workshops), sections 3.1 to 3.3. Here hues are rotated
    in Lab, so that palettes follow exactly; in the paper they are rotated in HSV, and the lightness
    is then restored.
    """

    loss_metric = "color_error"
    metric_names = (
        "color_error",
        "discriminator",
        "generator",
        "accuracy_on_pairs",
        "accuracy_on_others",
    )
    makes_labels = True
    picture = "recolorings"
    network_names = ("generator", "discriminator")
    card_metrics = ("color error", "distance of palettes")
    updates: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        colors: int = 6,
        *,
        filters: tuple[int, ...] | None = None,
        color_weight: float = 100.0,
        discriminator_filters: tuple[int, ...] | None = None,
        activation: str = "relu",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        input_shape = shape_of_images("PaletteNet", "input_shape", input_shape)
        if input_shape[-1] != 3:
            raise ValueError(f"input_shape is {input_shape}; PaletteNet takes three channels, RGB.")
        self.colors = whole("colors", colors, least=1)
        if filters is None:
            filters = default_filters(input_shape)
        super().__init__(
            input_shape,
            filters=filters,
            activation=activation,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.color_weight = LossWeight("color_weight", color_weight, above=0)
        if discriminator_filters is None:
            discriminator_filters = self.filters[:2]
        self.discriminator_filters = widths("discriminator_filters", discriminator_filters)
        check_halvings("filters", self.filters, input_shape)
        check_halvings("discriminator_filters", self.discriminator_filters, input_shape)
        numbers = 3 * self.colors
        self.generator = translation_networks.u_net(
            input_shape,
            2,
            filters=self.filters,
            activation=self.activation,
            condition_dim=numbers,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )
        self.discriminator = translation_networks.patch_discriminator(
            input_shape,
            (*input_shape[:2], numbers),
            filters=self.discriminator_filters,
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )

    def labels_from_images(self, x: np.ndarray) -> np.ndarray:
        """Return the palettes [n, colors, 3] of images [n, *input_shape], for `fit`."""
        return palettes(x, self.colors)

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of a palette, which `fit` takes in place of labels."""
        return self.colors, 3

    # Training

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # The discriminator learns which images and palettes belong together.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # The generator learns to fool it, and to give the rotated hues.
        g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        metrics = {**d, **g, "loss": g["color_error"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return -log d(x, p) - log(1 - d(r, t)) - log(1 - d(x, t)) - log(1 - d(r, p))."""
        x, p, _, t = self.turned(batch, training)
        r = ops.stop_gradient(self.recolored_lab(x, t, training))
        real = self.logits(x, p, training)  # [batch, patches]
        others = [self.logits(*pair, training) for pair in ((r, t), (x, t), (r, p))]
        loss = ops.softplus(-real) + sum(ops.softplus(other) for other in others)
        loss = ops.mean(loss, axis=1)  # [batch]
        right = [ops.mean(ops.cast(other < 0, "float32")) for other in others]
        return Losses(
            loss,
            discriminator=loss,
            accuracy_on_pairs=ops.mean(ops.cast(real > 0, "float32")),
            accuracy_on_others=sum(right) / len(right),
        )

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        """Return color_weight |ab(x_t) - ab(r)|^2 - log d(r, t)."""
        x, _, target, t = self.turned(batch, training)
        r = self.recolored_lab(x, t, training)
        # training=False: this update does not train the discriminator.
        generator = ops.mean(ops.softplus(-self.logits(r, t, training=False)), axis=1)
        error = ops.sum(ops.square(target - r)[..., 1:], axis=-1)  # in Lab, [batch, height, width]
        error = ops.mean(error, axis=(1, 2))
        return Losses(
            generator,
            self.color_weight.value / LAB**2 * error,
            generator=generator,
            color_error=error,
        )

    def turned(self, batch: Batch, training: bool) -> tuple:
        """Return images and palettes in Lab, and both with rotated hues.

        Training uses random angles. Evaluation uses multiples of the golden angle, so that
        evaluating twice gives the same result.
        """
        x, p = spaces.rgb_to_lab(batch.x), spaces.rgb_to_lab(batch.label)
        rows = ops.shape(x)[0]
        if training:
            angle = 2.0 * math.pi * backend.uniform((rows,), self.seed_generator)
        else:
            angle = GOLDEN_ANGLE * (1.0 + ops.cast(ops.arange(rows), "float32"))
        return x, p, spaces.with_turned_hue(x, angle), spaces.with_turned_hue(p, angle)

    def recolored_lab(self, x: Tensor, palette: Tensor, training: bool = False) -> Tensor:
        """Return g(x, palette), [batch, height, width, 3], for images and palettes in Lab."""
        inputs = {"x": x / LAB, "condition": flat(palette)}
        ab = LARGEST * ops.tanh(ops.cast(self.generator(inputs, training=training), "float32"))
        return ops.concatenate([x[..., :1], ab], axis=-1)

    def logits(self, x: Tensor, palette: Tensor, training: bool = False) -> Tensor:
        """Return the discriminator's logits, [batch, patches], for images and palettes in Lab."""
        palette = translation_networks.everywhere(flat(palette), self.image_shape)
        logits = self.discriminator({"x": x / LAB, "y": palette}, training=training)
        return ops.reshape(ops.cast(logits, "float32"), (-1, math.prod(logits.shape[1:])))

    # Use

    def recolored(self, x: Tensor, palette: Tensor, training: bool = False) -> Tensor:
        """Return images in the colors of palettes, tensors [batch, *input_shape] in sRGB."""
        lab = self.recolored_lab(spaces.rgb_to_lab(x), spaces.rgb_to_lab(palette), training)
        return spaces.lab_to_rgb(lab)

    def recolor(self, x: ArrayLike, palettes: Any, *, batch_size: int = 1024) -> np.ndarray:
        """Return images in the colors of palettes.

        Args:
            x: images [n, *input_shape], sRGB in [0, 1].
            palettes: [n, colors, 3], or one for all images, [colors, 3]; sRGB in [0, 1].
            batch_size: how many images a network processes at once.

        Returns:
            float32 [n, *input_shape], sRGB in [0, 1], with the lightness of x, except where a color
            is outside sRGB.
        """
        x, _ = self.checked_images(x, None)
        palettes = as_array(palettes, "palettes")
        if palettes.shape == self.label_shape:
            palettes = np.repeat(palettes[None], len(x), axis=0)
        palettes = checks.check_label_arrays(palettes, len(x), self, "palettes")
        return run_in_batches(self.recolored, (x, palettes), batch_size=batch_size)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Recolor images: `{"x": x, "palette": palette}`."""
        return self.recolored(inputs["x"], inputs["palette"], training)

    def checked_inputs(self, inputs: Any) -> dict:
        """Return the inputs of `call` as checked arrays."""
        if not isinstance(inputs, dict) or inputs.keys() != {"x", "palette"}:
            raise ValueError('predict() of a PaletteNet takes {"x": images, "palette": palettes}.')
        x = checks.check_images(inputs["x"], self.image_shape, self.likelihood)
        palettes = checks.check_label_arrays(inputs["palette"], len(x), self, "palettes")
        return {"x": x, "palette": palettes}

    def input_specs(self) -> dict:
        """Return Keras's description of the inputs of `call`."""
        palette = keras.InputSpec(dtype="float32", shape=(None, *self.label_shape))
        return {"x": super().input_specs(), "palette": palette}

    # Export

    def parts(self) -> dict:
        """Return the exportable part: the generator, from x and a palette to y, in sRGB.

        Near the edge of sRGB, one unit of a or b changes a channel by a tenth of its range, which
        amplifies rounding errors. So the tolerance of the parity check is ten times the usual one:
        1e-4, a fortieth of one of 256 gray levels.
        """
        x = image_info(self)
        palette = TensorInfo("palette", "float32", self.label_shape, 0.0, 1.0)
        y = TensorInfo("y", "float32", self.image_shape, 0.0, 1.0)

        def recolor(tensors):
            return {"y": self.recolored(tensors["x"], tensors["palette"])}

        part = self.part("generator", recolor, (x, palette), (y,), (self.generator,))
        return {"generator": replace(part, tolerance=10.0)}


def flat(palette: Any) -> Any:
    """Return palettes in Lab [batch, colors, 3] as vectors for networks."""
    return ops.reshape(palette / LAB, (-1, math.prod(palette.shape[1:])))
