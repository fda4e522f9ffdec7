"""M2: the label is a latent variable where it is unknown."""

from __future__ import annotations

import math
from typing import ClassVar

import keras
from keras import ops

from zoo import engine
from zoo.models.cvae import CVAE
from zoo.models.semisupervised.classifying import FewLabels, cross_entropy
from zoo.nn import networks
from zoo.nn.divergences import bounded_log_variance, gaussian_kl
from zoo.nn.given import number, whole, widths

RAMP_STEPS = 500


@keras.saving.register_keras_serializable(package="zoo")
class M2(FewLabels, CVAE):
    """The generative semi-supervised model: the label is a latent variable where it is unknown.

    A `CVAE` with a classifier q(y | x). With L(x, y) = E_q(z|x,y)[log p(x | y, z)] -
    KL(q(z | x, y) || p(z)) + log p(y), p(y) uniform, it minimizes

        -L(x, y)                                          for images with a label,
        -sum_y q(y | x) (L(x, y) - log q(y | x))          for those without,

    and `alpha` times the classifier's cross-entropy on the labels. Encoder and classifier share
    their first layers, `trunk`, which see every image once; what depends on the label is computed
    for each. `fit(x, y)` takes y = -1 for "unlabelled"; of each step's batch the images have no
    label, and `labeled_batch_size` labelled ones are drawn beside them.

    In its plainest form the model may settle on classes of its own before the labels had a say.
    Against that are `warm_up` steps and a ramp of 500 after them: at first the classifier learns
    from labels alone and on the trunk's features as they are, which few labels would spoil. Epochs
    of `fit` that lie in the warm-up draw one label from q(y | x) instead of summing over all, which
    is several times faster. None of it is in the paper. A short code helps too: with 50 dimensions
    the label is hardly missed, and errors stay.

    Use it to classify with few labels, and to generate by class all the same.

    Args:
        alpha: weight of the classifier's cross-entropy, averaged over the labelled images of a
            step. The paper's 0.1 N is 0.1 times the number of labelled images here.
        labeled_batch_size: how many labelled images each step draws.
        warm_up: see above, in steps.
        dropout: of the trunk's features where the classifier learns from labels.
        hidden_units: the first is the trunk's last layer; the others follow it in the encoder.
        Others: see `CVAE`; networks of your own are not taken.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # -1 where there is none
        >>> model = zoo.M2((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_proba(x_test).shape
        (360, 10)

    Source: Kingma et al. 2014 (arXiv 1406.5298), equations 6 to 9.
    """

    terms = (*CVAE.terms, "label", "labeled_bound", "classification")
    card_metrics = (*CVAE.card_metrics, "classification error")
    network_names = (*CVAE.network_names, "classifier")
    takes_no: ClassVar = {
        "encoder": (None, "it describes networks that share layers"),
        "decoder": (None, "it describes networks that share layers"),
        "corruption": (None, "it is not made for damaged images"),
        "free_bits": (0.0, "its bound is a mean over labels"),
    }

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        hidden_units=(500,),
        alpha: float = 10.0,
        labeled_batch_size: int = 100,
        warm_up: int = 0,
        dropout: float = 0.0,
        **kwargs,
    ):
        if not widths("hidden_units", hidden_units):
            raise ValueError("hidden_units is empty; M2 shares at least one hidden layer.")
        super().__init__(input_shape, latent_dim, hidden_units=hidden_units, **kwargs)
        self.alpha, self.warm_up = number("alpha", alpha, least=0), whole("warm_up", warm_up)
        self.labeled_batch_size = whole("labeled_batch_size", labeled_batch_size, least=1)
        self.dropout = number("dropout", dropout, least=0, below=1)
        self.classifier = self._described_classifier()
        self.term_weights |= {
            "label": self.term_weights["kl"],
            "labeled_bound": 1.0,
            "classification": self.alpha,
        }
        self.drawing = False
        self.steps_taken = self.add_state((), "zeros", name="steps_taken")

    def _described_networks(self, input_shape, latent_dim):
        _, decoder = super()._described_networks(input_shape, latent_dim)
        options = {"activation": self.activation, "dtype": self.dtype_policy}
        shared, own = self.hidden_units[:1], self.hidden_units[1:]
        self.trunk = networks.trunk(
            input_shape, filters=self.filters, hidden_units=shared, **options
        )
        heads = dict.fromkeys(self.heads, latent_dim)
        self.following = networks.heads_of_features(
            shared[0], heads, self.num_classes, hidden_units=own, **options
        )
        x = keras.Input(input_shape, name="x")
        inputs = {"x": x, "label": keras.Input((), name="label", dtype="int32")}
        outputs = self.following({"features": self.trunk(x), "label": inputs["label"]})
        return keras.Model(inputs, outputs, name="encoder"), decoder

    def _described_classifier(self):
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        kept = keras.layers.Dropout(self.dropout, seed=self.seed or 0, name="dropout")(features)
        logits = keras.layers.Dense(self.num_classes, name="logits", dtype="float32")(kept)
        return keras.Model(features, logits, name="classifier")

    # Learning

    def loss_terms(self, batch, training):
        x = self.drawn_input(batch.x)
        features = self.trunk(x, training=training)
        logits = self.classifier(features, training=False)
        known = batch.label >= 0
        q = ops.where(
            known[:, None],
            ops.one_hot(ops.maximum(batch.label, 0), self.num_classes),
            self.ramped(ops.softmax(logits)),
        )
        if training and self.drawing:
            terms = self.drawn_terms(x, features, q)
        else:
            terms = self.expected_terms(x, features, q, training)
        if training and self.labelled is not None:
            return {**terms, **self.labelled_terms()}
        errors = cross_entropy(logits, ops.maximum(batch.label, 0))
        return {
            **terms,
            "labeled_bound": ops.zeros(()),
            "classification": ops.where(known, errors, 0.0),
        }

    def expected_terms(self, x, features, q, training) -> dict:
        """Return the terms of the bound in the mean over labels y ~ q, each [batch].

        Args:
            x: images [batch, ...]. features: the trunk's, [batch, units]; one pass for all labels.
            q: probabilities [batch, num_classes]; one-hot where the label is known.
        """
        classes = self.num_classes
        labels = ops.tile(ops.arange(classes, dtype="int32"), (ops.shape(x)[0],))
        x, features = (ops.repeat(t, classes, axis=0) for t in (x, features))
        reconstruction, kl = (
            ops.reshape(term, (-1, classes)) for term in self.bound(x, features, labels, training)
        )
        return self.with_labels(q, ops.sum(q * reconstruction, axis=1), ops.sum(q * kl, axis=1))

    def drawn_terms(self, x, features, q) -> dict:
        """Return unbiased estimates of the same, from one label y ~ q for each image."""
        uniform = engine.uniform(ops.shape(q), self.seed_generator)
        gumbel = -ops.log(-ops.log(ops.clip(uniform, 1e-7, 1 - 1e-7)))
        labels = ops.argmax(ops.log(ops.maximum(q, 1e-30)) + gumbel, axis=1)
        terms = self.bound(x, features, ops.cast(labels, "int32"), training=True)
        return self.with_labels(q, *terms)

    def with_labels(self, q, reconstruction, kl) -> dict:
        """Complete the terms of the bound by KL(q(y | x) || p(y)), and sum them up."""
        log_q = ops.log(ops.maximum(q, 1e-30))
        label = ops.sum(q * log_q, axis=1) + math.log(self.num_classes)
        terms = {"reconstruction": reconstruction, "kl": kl, "label": label}
        return {**terms, "elbo": -sum(terms.values())}

    def bound(self, x, features, labels, training):
        """Return -log p(x | y, z) and the divergence of images under given labels, both [batch]."""
        codes = self.following({"features": features, "label": labels}, training=training)
        moments = codes["z_mean"], bounded_log_variance(codes["z_log_var"])
        noise = engine.normal((ops.shape(x)[0], self.samples, self.latent_dim), self.seed_generator)
        _, log_prob = self.sampled(x, labels, moments, noise, training)
        kl = gaussian_kl(*moments, *self.prior_moments(labels))
        return -ops.mean(log_prob, axis=1), kl

    def labelled_terms(self) -> dict:
        """Return the terms of labelled images, drawn from those that `fit` got, as scalars."""
        images, label = self.drawn_labelled()
        x, share = self.drawn_input(images), self.labelled[2]
        features = self.trunk(x, training=True)
        reconstruction, kl = self.bound(x, features, label, training=True)
        weight = self.term_weights["kl"]
        bound = engine.batch_mean(reconstruction + weight * (kl + math.log(self.num_classes)))
        logits = self.classifier(self.ramped(features), training=True)
        return {
            "labeled_bound": share * bound,
            "classification": engine.batch_mean(cross_entropy(logits, label)),
        }

    def ramped(self, values):
        """Let the gradient through as far as the ramp has come; the values stay."""
        if not self.warm_up:
            return values
        ramp = ops.clip((self.steps_taken - self.warm_up) / RAMP_STEPS, 0.0, 1.0)
        fixed = ops.stop_gradient(values)
        return fixed + ramp * (values - fixed)

    def advance(self):
        super().advance()
        self.steps_taken.assign(self.steps_taken + 1.0)

    def choose_phase(self, steps: int | None):
        """Draw labels in an epoch of so many steps if all are in the warm-up, else sum over them.

        On a change the step is made anew.
        """
        taken = float(ops.convert_to_numpy(self.steps_taken))
        drawing = steps is not None and taken + steps <= self.warm_up
        if drawing != self.drawing:
            self.drawing = drawing
            self.make_train_function(force=True)

    def own_callbacks(self):
        return [*super().own_callbacks(), _Phases()]

    def fit(self, x=None, y=None, *args, **kwargs):
        try:
            return super().fit(x, y, *args, **kwargs)
        finally:
            if self.drawing:
                self.drawing, self.train_function = False, None

    # Using

    def label_probability(self, x):
        """Return q(y | x) as a tensor, [batch, num_classes]."""
        return ops.softmax(self.classifier(self.trunk(self.input_of(x))))

    def classifying(self):
        return (self.trunk, self.classifier)

    def _checked_images(self, x, labels):
        if labels is None:
            labels = self.predict_labels(x)
        return super()._checked_images(x, labels)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "labeled_batch_size": self.labeled_batch_size,
            "warm_up": self.warm_up,
            "dropout": self.dropout,
        }


class _Phases(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.choose_phase(self.params["steps"])
