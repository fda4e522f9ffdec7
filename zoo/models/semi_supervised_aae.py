"""The adversarial autoencoder that learns to classify from few labels."""

from __future__ import annotations

from typing import Any, ClassVar

from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import whole
from zoo.models.aae import AAE
from zoo.models.base import Batch, Losses
from zoo.models.clustering_aae import ClusteringAAE
from zoo.training.labeled_images import LabeledImages, keep_labeled
from zoo.training.registry import register


@register
class SemiSupervisedAAE(ClusteringAAE):
    """The semi-supervised adversarial autoencoder: it learns to classify from few labels.

    It is a `ClusteringAAE` whose clusters are the classes of a few labeled images. A step makes a
    fourth update:

    4. classification: trunk and classifier minimize the cross-entropy on labeled images.

    `fit(x, y)` takes y = -1 for "unlabeled". A step takes a batch of images without a label, and
    samples `labeled_batch_size` labeled ones in addition.

    Use it to classify with few labels, and to generate images of a class.

    Args:
        num_classes: how many labels there are.
        labeled_batch_size: how many labeled images each step samples.
        Others: see `ClusteringAAE`; `conditional_discriminator` is True by default here.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # the others are -1
        >>> model = zoo.SemiSupervisedAAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 5; section 7 for `head_distance`.
    """

    metric_names = (*ClusteringAAE.metric_names, "classification")
    updates: ClassVar = {**ClusteringAAE.updates, "classification": ("trunk", "classifier")}
    learns_labels = True
    card_metrics = (*AAE.card_metrics, "generated class accuracy", "classification error")
    semi_supervised = True

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        labeled_batch_size: int = 100,
        kernel_size: int = 3,
        decoder_hidden_units: tuple[int, ...] = (500, 500),
        discriminator_hidden_units: tuple[int, ...] = (256, 256),
        corruption: Any = None,
        instance_noise: float = 0.2,
        label_weight: float = 1.0,
        conditional_discriminator: bool = True,
        head_distance: float | None = None,
        probabilities: Any = None,
        prior: Any = None,
        label_smoothing: float = 0.0,
        generator_steps: int = 1,
        generator_weight: float = 1.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            input_shape,
            latent_dim,
            kernel_size=kernel_size,
            decoder_hidden_units=decoder_hidden_units,
            discriminator_hidden_units=discriminator_hidden_units,
            corruption=corruption,
            instance_noise=instance_noise,
            label_weight=label_weight,
            conditional_discriminator=conditional_discriminator,
            head_distance=head_distance,
            probabilities=probabilities,
            prior=prior,
            label_smoothing=label_smoothing,
            generator_steps=generator_steps,
            generator_weight=generator_weight,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            num_classes=num_classes,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.labeled_batch_size = whole("labeled_batch_size", labeled_batch_size, least=1)
        self.labeled = LabeledImages()

    def data_of_batches(self, data: Any) -> Any:
        """Return the images without a label; the labeled ones are set apart."""
        return keep_labeled(self, data)

    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        # Reconstruction phase: trunk, output networks and decoder minimize -log p(x | y, z).
        r = self.minimize(lambda: self.reconstruction_losses(batch, True), batch, "reconstruction")
        # Regularization phase: both discriminators learn to distinguish prior samples from codes.
        d = self.minimize(lambda: self.discriminator_losses(batch, True), batch, "discriminator")
        # Trunk and output networks, as the generator of codes, learn to fool them.
        for _ in range(self.generator_steps):
            g = self.minimize(lambda: self.generator_losses(batch, True), batch, "generator")
        # Classification phase: trunk and classifier learn from the labeled images.
        c = self.minimize(lambda: self.classification_losses(batch, True), batch, "classification")
        metrics = {**r, **d, **g, **c, "loss": r["reconstruction"]}
        self.after_step(batch, metrics)
        return self.track(metrics)

    def classification_losses(self, batch: Batch, training: bool) -> Losses:
        """Return the cross-entropy of labeled images: those set apart, or those in the batch."""
        if training and self.labeled.per_unlabeled:
            x, label, weight = self.labeled.draw(self.labeled_batch_size, self.seed_generator)
            logits, _ = self.codes(x, training)
            errors = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
            classification = backend.batch_mean(weight * errors)  # a scalar
        else:
            logits, _ = self.codes(batch.x, training)
            known, label = ops.cast(batch.label >= 0, "float32"), ops.maximum(batch.label, 0)
            errors = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
            classification = known * errors  # [batch]
        return Losses(classification, classification=classification)
