"""The adversarial autoencoder that learns classes from few labels."""

from __future__ import annotations

import keras
from keras import ops

from zoo import engine
from zoo.models.adversarial.clustering import ClusteringAAE
from zoo.models.adversarial.supervised import SupervisedAAE
from zoo.models.semisupervised.classifying import FewLabels, cross_entropy
from zoo.models.training import weigh
from zoo.nn.given import whole


@keras.saving.register_keras_serializable(package="zoo")
class SemiSupervisedAAE(FewLabels, ClusteringAAE):
    """The adversarial autoencoder that finds the classes of images, most of them without a label.

    A `ClusteringAAE` whose clusters are told, by some labels, which class they are. A step makes a
    fourth update:

    4. classification: trunk and classifier minimize the cross-entropy on labelled images.

    `fit(x, y)` takes y = -1 for "unlabelled"; of each step's batch the images have no label, and
    `labeled_batch_size` labelled ones are drawn beside them.

    Use it to classify with few labels, and to generate by class all the same.

    Args:
        num_classes: how many labels there are.
        labeled_batch_size: how many labelled images each step draws.
        Others: see `ClusteringAAE`.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # -1 where there is none
        >>> model = zoo.SemiSupervisedAAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 5; with `head_distance` section 7.
    """

    terms = (*ClusteringAAE.terms, "classification")
    card_metrics = (*SupervisedAAE.card_metrics, "classification error")
    learns_labels = True
    semi_supervised = True

    def __init__(
        self, input_shape=None, latent_dim=None, *, labeled_batch_size: int = 100, **kwargs
    ):
        super().__init__(input_shape, latent_dim, **kwargs)
        self.labeled_batch_size = whole("labeled_batch_size", labeled_batch_size, least=1)

    def updates(self):
        classifying = [*self.trunk.trainable_variables, *self.classifier.trainable_variables]
        return {**super().updates(), "classification": classifying}

    def train_step(self, data):
        batch = self.unpack(data)
        # Reconstruction phase: trunk, heads and decoder minimize -log p(x | y, z).
        terms = self.update("reconstruction", lambda: self.reconstruction_terms(batch, True))
        # Regularization phase: both discriminators learn to tell codes from draws, ...
        terms |= self.update("discriminator", lambda: self.discriminator_terms(batch, True))
        # ... and trunk and heads, as the generator of codes, learn to confuse them.
        for _ in range(self.generator_steps):
            terms |= self.update("generator", lambda: self.generator_terms(batch, True))
        # Classification phase: trunk and classifier learn from the labelled images.
        terms |= self.update("classification", lambda: self.classification_terms(batch, True))
        self.calibrate(terms, batch.weight)
        self.advance()
        return self.track(terms)

    def test_step(self, data):
        batch = self.unpack(data)
        return self.track(
            {
                **self.reconstruction_terms(batch, training=False),
                **self.discriminator_terms(batch, training=False),
                **self.generator_terms(batch, training=False),
                **self.classification_terms(batch, training=False),
            }
        )

    def classification_terms(self, batch, training):
        """Return the cross-entropy of labelled images: those set apart, or those in the batch."""
        if training and self.labelled is not None:
            x, label = self.drawn_labelled()
            logits, _ = self.codes(x, training)
            return {"classification": engine.batch_mean(cross_entropy(logits, label))}
        logits, _ = self.codes(batch.x, training)
        known = ops.cast(batch.label >= 0, "float32")
        terms = {"classification": known * cross_entropy(logits, ops.maximum(batch.label, 0))}
        return weigh(terms, batch.weight)

    def get_config(self):
        return {**super().get_config(), "labeled_batch_size": self.labeled_batch_size}
