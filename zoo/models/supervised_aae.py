"""The supervised adversarial autoencoder."""

from __future__ import annotations

from typing import ClassVar

from zoo.models.aae import AAE
from zoo.training.registry import register


@register
class SupervisedAAE(AAE):
    """The supervised adversarial autoencoder: its decoder takes the class, its code is the style.

    It is an `AAE` whose decoder takes a label and a code; the encoder takes the image only. The
    code need not hold what the label says. So one code with different labels gives images of one
    style.

    Use it as a `CVAE`: to generate images of a class, and for analogies.

    Args:
        num_classes: how many labels there are.
        conditional_discriminator: whether the discriminator takes the label too. Then the codes of
            each class must match the prior. If it does not, as in the paper, only the codes of all
            classes together must match it, so that a class may have a region of its own, and the
            decoder uses the label less.
        Others: see `AAE`. Your own decoder must take a dict of `z` and `label`.

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
    label_inputs = ("z",)
    card_metrics = (*AAE.card_metrics, "generated class accuracy")
    takes_no: ClassVar = {
        "tie_weights": (False, "its decoder takes a label, which its encoder does not give")
    }

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        conditional_discriminator: bool = False,
        **kwargs,
    ):
        self.conditional_discriminator = bool(conditional_discriminator)
        super().__init__(input_shape, latent_dim, **kwargs)

    @property
    def discriminator_classes(self) -> int:
        return self.num_classes if self.conditional_discriminator else 0
