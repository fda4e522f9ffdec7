"""The adversarial autoencoder that is told the class."""

from __future__ import annotations

from typing import ClassVar

import keras

from zoo.models.aae import AAE


@keras.saving.register_keras_serializable(package="zoo")
class SupervisedAAE(AAE):
    """The adversarial autoencoder that is told the class, so that the code holds the style alone.

    An `AAE` whose decoder takes the label beside the code; the encoder does not. What the label
    says need not be in the code, so that a row of one code and all labels shares a style.

    Use it as a `CVAE`: to generate what was asked for, and for analogies.

    Args:
        num_classes: how many labels there are.
        conditional_discriminator: whether the discriminator sees the label too, so that the codes
            of each class by itself must look like draws. Where it does not, as in the paper, they
            must all together, and a class may keep to a region of its own; the decoder then hears
            the label less.
        Others: see `AAE`. A decoder of your own takes a dict of `z` and `label`.

    Example:
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
        input_shape=None,
        latent_dim=None,
        *,
        conditional_discriminator: bool = False,
        **kwargs,
    ):
        self.conditional_discriminator = bool(conditional_discriminator)
        super().__init__(input_shape, latent_dim, **kwargs)

    @property
    def labels_seen(self):
        return self.num_classes if self.conditional_discriminator else 0
