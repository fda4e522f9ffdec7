"""M1: a VAE learns codes from all images, and a classifier of codes learns from few labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks import data as checks
from zoo.checks.arguments import whole, widths
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference import arrays, label_propagation
from zoo.inference.parts import classifier_part
from zoo.models.vae import VAE
from zoo.nn.seeds import Seeds
from zoo.training.labeled_images import check_every_class_has_a_label
from zoo.training.monitors import not_finite
from zoo.training.registry import register


@register
class M1(VAE):
    """The latent-feature model M1: similar images have similar codes, so few labels suffice.

    The model is a `VAE`, and `fit(x, y)` first trains it on all images; y = -1 means "unlabeled".
    Then `learn_labels` propagates the labels to the codes of all images, by a method of
    scikit-learn, and trains `classifier`, a small network on codes, with the resulting labels. This
    network classifies new images, and can be exported.

    Use it for the codes, on which `M1M2` builds, or if the classes are well separated. A logistic
    regression on the labels alone is often better (`results/few_labels`).

    Args:
        num_classes: how many labels there are.
        method: the method of label propagation, a name in
            `zoo.inference.label_propagation.METHODS`: "spreading" over neighbors, "self_training"
            or "svm".
        classifier_hidden_units: widths of the classifier's hidden layers.
        classifier_epochs: for how many epochs the classifier is trained on all codes.
        Others: see `VAE`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # the others are -1
        >>> model = zoo.M1((8, 8, 1), 4, num_classes=10, hidden_units=(64,), classifier_epochs=1)
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)

    Source: Kingma et al. 2014 (arXiv 1406.5298), section 2, with a transductive support vector
    machine as the classifier.
    """

    family = "semisupervised"
    semi_supervised = True
    card_metrics = (*VAE.card_metrics, "classification error")
    network_names = (*VAE.network_names, "classifier")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        num_classes: int,
        method: str = "spreading",
        classifier_hidden_units: tuple[int, ...] = (256,),
        classifier_epochs: int = 30,
        beta: Any = 1.0,
        samples: int = 1,
        free_bits: float = 0.0,
        binarize: str | None = None,
        corruption: Any = None,
        prior: Any = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
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
            beta=beta,
            samples=samples,
            free_bits=free_bits,
            binarize=binarize,
            corruption=corruption,
            prior=prior,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if method not in label_propagation.METHODS:
            raise ValueError(
                f"method is {method!r}; choose one of {', '.join(label_propagation.METHODS)}."
            )
        self.method = method
        self.classifier_hidden_units = widths("classifier_hidden_units", classifier_hidden_units)
        self.classifier_epochs = whole("classifier_epochs", classifier_epochs)
        self.classifier = self._described_classifier(self.seeds)
        self.classifier.trainable = False  # the ELBO does not depend on it

    def _described_classifier(self, seeds):
        z = features = keras.Input((self.latent_dim,), name="z")
        for i, width in enumerate(self.classifier_hidden_units):
            layer = seeds.layer(
                keras.layers.Dense,
                width,
                activation="relu",
                name=f"dense_{i}",
                dtype=self.dtype_policy,
            )
            features = layer(features)
        logits = seeds.layer(keras.layers.Dense, self.num_classes, name="logits", dtype="float32")(
            features
        )
        return keras.Model(z, logits, name="classifier")

    def fit(
        self, x: ArrayLike = None, y: Labels = None, *args, validation_data: Any = None, **kwargs
    ) -> keras.callbacks.History:
        """Train on all images, then train the classifier if labels are given; see `VAE.fit`.

        Args:
            y: integers [n], -1 for images without a label; for arrays of images.
            validation_data: images, or a pair of images and labels; the labels are not used.

        Raises:
            ValueError: the labels are invalid, or a class has none; raised before training.
        """
        if y is not None:
            y = self._checked_known_labels(x, y)
        if isinstance(validation_data, tuple | list):
            validation_data = (validation_data[0],)
        history = super().fit(x, None, *args, validation_data=validation_data, **kwargs)
        if y is not None and not not_finite(self):
            self.learn_labels(x, y)
        return history

    def _checked_known_labels(self, x, y):
        if not checks.is_array(x):
            raise ValueError("M1 needs all images at once to label them: give arrays, fit(x, y).")
        y = checks.check_labels(y, checks.count_rows(x), self.num_classes, "y", unlabeled=True)
        check_every_class_has_a_label(y, self.num_classes)
        return y

    def learn_labels(self, x: ArrayLike, y: Labels, *, seed: int = 0) -> np.ndarray:
        """Label all images by their codes, and train a new classifier on these labels.

        Args:
            x: images [n, *input_shape]. y: integers [n], -1 for images without a label.
            seed: the seed of the classifier's initial weights, and of the order of the codes.

        Returns:
            the labels that the method gives, int32 [n].
        """
        y = self._checked_known_labels(x, y)
        codes = self.encode(x)
        codes = codes.reshape(len(codes), -1)
        labels = label_propagation.METHODS[self.method](codes, y)
        new = self._described_classifier(Seeds(seed))
        self.classifier.set_weights(new.get_weights())
        self.classifier.trainable = True
        trainer = keras.Sequential([self.classifier])
        trainer.compile(
            keras.optimizers.Adam(1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        orders = np.random.default_rng(seed)
        for _ in range(self.classifier_epochs):
            order = orders.permutation(len(codes))
            trainer.fit(codes[order], labels[order], batch_size=128, shuffle=False, verbose=0)
        self.classifier.trainable = False
        return labels

    def label_probability(self, x: Tensor) -> Tensor:
        """Return the classifier's probabilities for mean codes, a tensor [batch, num_classes]."""
        return ops.softmax(self.classifier(self.code(x)))

    predict_proba, predict_labels = arrays.predict_proba, arrays.predict_labels

    def parts(self) -> dict:
        """Return the exportable parts: those of a VAE, and `classifier`."""
        classifier = classifier_part(self, (self.encoder, self.classifier))
        return {**super().parts(), "classifier": classifier}
