"""The supervised adversarial autoencoder."""

from __future__ import annotations

from typing import Any

import keras

from zoo.checks.arguments import whole_or_none
from zoo.models.aae import AAE
from zoo.training.registry import register


@register
class SupervisedAAE(AAE):
    """The supervised adversarial autoencoder: the decoder takes the class, the code is the style.

    It is an `AAE` whose decoder takes a label and a code; the encoder takes the image only. So the
    code does not have to contain the class, and one code with different labels gives images of one
    style.

    Use it as a `CVAE`: to generate images of a class, and for analogies.

    Args:
        num_classes: how many labels there are.
        conditional_discriminator: whether the discriminator takes the label too, as it does by
            default. Then the codes of each class must match the prior. If not, as in the paper,
            only the codes of all classes together must match it: a class may then occupy its own
            region, and the decoder uses the label less.
        Others: see `AAE`; there is no `tie_weights`. Your own decoder must take a dict of `z` and
            `label`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.SupervisedAAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.generate(labels=range(10), seed=0).shape
        (10, 8, 8, 1)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 4.
    """

    conditional = True
    picture = "style_grid"
    label_inputs = ("z",)
    card_metrics = (*AAE.card_metrics, "generated class accuracy")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        conditional_discriminator: bool = True,
        posterior: str = "deterministic",
        prior: Any = None,
        label_smoothing: float = 0.0,
        generator_steps: int = 1,
        generator_weight: float = 1.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        discriminator: keras.Layer | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.conditional_discriminator = bool(conditional_discriminator)
        self.num_classes = whole_or_none("num_classes", num_classes, least=1)
        super().__init__(
            input_shape,
            latent_dim,
            posterior=posterior,
            prior=prior,
            label_smoothing=label_smoothing,
            generator_steps=generator_steps,
            generator_weight=generator_weight,
            dropout=dropout,
            input_dropout=input_dropout,
            discriminator=discriminator,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )

    @property
    def discriminator_classes(self) -> int:
        return self.num_classes if self.conditional_discriminator else 0
