"""The adversarial autoencoder whose discriminator uses labels."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.checks import data as checks
from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference import arrays
from zoo.models.aae import AAE
from zoo.training.fitting import compile_steps_anew
from zoo.training.labeled_images import check_every_class_has_a_label
from zoo.training.registry import register


@register
class LabelInformedAAE(AAE):
    """The label-informed adversarial autoencoder: each class fills its own component of the prior.

    It is an `AAE` whose discriminator also takes the label c: it distinguishes samples
    z' ~ p(z | c) from codes of images of class c, so that each class must fill its own component
    of the prior. For images without a label, y = -1, the samples come from the whole prior. Encoder
    and decoder do not take labels.

    Use it to choose where the codes of each class lie, and to classify and generate by their
    position.

    Args:
        prior: a prior with components, such as `zoo.GaussianMixture.petals()` or `zoo.SwissRoll()`.
            A component should have the probability of its class in the data; if the prior has no
            given probabilities, `fit` on arrays computes them from the labels.
        num_classes: how many labels there are; the prior must have equally many components.
        discriminator: your own network from a dict of `z` and `label`, integers from 0 to
            num_classes, where the last means "unlabeled", to one logit [batch, 1].
        Others: see `AAE`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.LabelInformedAAE(
        ...     (8, 8, 1), 2, prior=zoo.SwissRoll(10), num_classes=10, hidden_units=(64,)
        ... )
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 2.3.
    """

    suited_settings: ClassVar = {"latent_dim": 2, "prior": {"petals": {}}}
    picture = "class_walks"
    semi_supervised = True
    learns_labels = True
    card_metrics = (*AAE.card_metrics, "classification error")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        prior: Any,
        num_classes: int,
        posterior: str = "deterministic",
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
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.num_classes = whole("num_classes", num_classes, least=2)
        super().__init__(
            input_shape,
            latent_dim,
            prior=prior,
            posterior=posterior,
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
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if self.prior.num_classes != self.num_classes:
            raise ValueError(
                f"num_classes is {num_classes}, but the prior has {self.prior.num_classes or 'no'} "
                "components; give a prior with a component for each class, such as "
                f"zoo.GaussianMixture.petals({num_classes})."
            )

    @property
    def discriminator_classes(self) -> int:
        return (self.prior.num_classes or 0) + 1  # the last label means "unlabeled"

    def fit(
        self, x: ArrayLike = None, y: Labels = None, *args, **kwargs
    ) -> keras.callbacks.History:
        """Train as other models do; y = -1 means "unlabeled"."""
        if y is not None and checks.is_array(x) and not self.prior.probabilities_given:
            labels = checks.check_labels(
                y, checks.count_rows(x), self.num_classes, "y", unlabeled=True
            )
            check_every_class_has_a_label(labels, self.num_classes)
            self._weigh_components(np.bincount(labels[labels >= 0]))
        return super().fit(x, y, *args, **kwargs)

    def _weigh_components(self, counts):
        config = self.prior.get_config() | {"probabilities": counts.tolist()}
        # A setting, which users cannot change.
        self.__dict__["prior"] = type(self.prior).from_config(config)
        compile_steps_anew(self)  # they hold the old probabilities as constants

    def prior_samples_like(self, batch: Any) -> Tensor:
        return self.prior.draw(ops.shape(batch.x)[0], self.seed_generator, batch.label)

    def logits(self, z: Tensor, label: Tensor, training: bool) -> Tensor:
        return super().logits(z, ops.where(label >= 0, label, self.num_classes), training)

    # Use

    def predict_labels(self, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return the classes of images, int32 [n]: the prior's component at each code."""
        return self.prior.component_of(self.encode(x, batch_size=batch_size))

    generate = arrays.generate_by_component
