"""M2: unknown labels are a latent variable."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import number, whole, whole_or_none, widths
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference import arrays
from zoo.inference.parts import classifier_part
from zoo.models.base import Batch, Losses
from zoo.models.cvae import fixed_prior, is_learned, learned_prior, learned_prior_of
from zoo.models.vae import VAE
from zoo.nn import networks
from zoo.nn.distributions.normal import DiagonalNormal, kl_divergence
from zoo.training.fitting import compile_steps_anew
from zoo.training.labeled_images import LabeledImages, keep_labeled
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register

RAMP_STEPS = 500


class PhaseOfTraining(keras.callbacks.Callback):
    """Lets the epochs of the warm-up sample labels instead of summing over them."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Sample labels if all steps of the epoch are in the warm-up, else sum over them.

        When this changes, the training function is made again.
        """
        model, steps = self.model, self.params["steps"]  # None if the number is unknown
        taken = float(ops.convert_to_numpy(model.steps_taken))
        sampling = steps is not None and taken + steps <= model.warm_up
        if sampling != model.sampling_labels:
            model.sampling_labels = sampling
            model.make_train_function(force=True)


@register
class M2(VAE):
    """The generative semi-supervised model: unknown labels are a latent variable.

    A `CVAE` with a classifier q(y | x). With L(x, y) = E_q(z|x,y)[log p(x | y, z)] -
    KL(q(z | x, y) || p(z)) + log p(y), p(y) uniform, it minimizes

        -L(x, y)                                          for images with a label,
        -sum_y q(y | x) (L(x, y) - log q(y | x))          for images without a label,

    plus `alpha` times the classifier's cross-entropy on the labels. Encoder and classifier share
    their first layers, `trunk`, which run once per image; the layers that depend on the label run
    once for each label. `fit(x, y)` takes y = -1 for "unlabeled". A step takes a batch of images
    without a label, and samples `labeled_batch_size` labeled images in addition; an epoch goes once
    through the images without a label. `evaluate` does not separate both kinds, so its `loss`
    differs from that of `fit`.

    Without a warm-up, the model may find other classes before it learns the labels. In the first
    `warm_up` steps, the classifier learns only from labels, and does not change the trunk, because
    features learned from few labels would overfit; a ramp of 500 steps follows. Epochs of `fit`
    inside the warm-up sample one label from q(y | x) instead of summing over all, which is several
    times faster. None of this is in the paper. A short code helps too: a code of 50 dimensions can
    encode the class itself, and then the decoder ignores the label.

    Use it to classify with few labels, and to generate images of a class.

    Args:
        num_classes: how many labels there are.
        alpha: weight of the classifier's cross-entropy, averaged over the labeled images that a
            step samples (over the whole batch if all images have labels). The paper's 0.1 N belongs
            to sums over all N images. Here the bounds are divided by the number N_u of images
            without a label, so the paper's weight is 0.1 N / N_u, slightly more than 0.1.
        labeled_batch_size: how many labeled images each step samples.
        warm_up: the number of steps of the warm-up.
        dropout: the dropout rate of the trunk's features when the classifier learns from the
            labeled images that were set apart.
        hidden_units: the first width is that of the trunk's last layer; the others follow it in the
            encoder.
        prior: as in `CVAE`.
        Others: see `VAE`; there is no `free_bits` and no `corruption`, and your own networks are
            not possible.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # the others are -1
        >>> model = zoo.M2((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_proba(x_test).shape
        (360, 10)

    Source: Kingma et al. 2014 (arXiv 1406.5298), equations 6 to 9.
    """

    family = "semisupervised"
    card_metrics = (*VAE.card_metrics, "generated class accuracy", "classification error")
    conditional = True
    picture = "style_grid"
    semi_supervised = True
    takes_further_losses = False  # an image has a code for every label
    label_inputs = ("x", "z")
    metric_names = (*VAE.metric_names, "label", "labeled_bound", "classification")
    network_names = (*VAE.network_names, "classifier")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        hidden_units: tuple[int, ...] = (500,),
        alpha: float = 10.0,
        labeled_batch_size: int = 100,
        warm_up: int = 0,
        dropout: float = 0.0,
        prior: Any = None,
        beta: Any = 1.0,
        samples: int = 1,
        binarize: str | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if not widths("hidden_units", hidden_units):
            raise ValueError("hidden_units is empty; M2 shares at least one hidden layer.")
        self.num_classes = whole_or_none("num_classes", num_classes, least=1)
        super().__init__(
            input_shape,
            latent_dim,
            hidden_units=hidden_units,
            prior=prior,
            beta=beta,
            samples=samples,
            binarize=binarize,
            network=network,
            filters=filters,
            activation=activation,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.alpha, self.warm_up = LossWeight("alpha", alpha, least=0), whole("warm_up", warm_up)
        self.labeled_batch_size = whole("labeled_batch_size", labeled_batch_size, least=1)
        self.dropout = number("dropout", dropout, least=0, below=1)
        self.classifier = self._described_classifier()
        self.labeled = LabeledImages()
        self.sampling_labels = False
        if self.warm_up:
            self.monitors = (*self.monitors, PhaseOfTraining)
        self.steps_taken = self.add_state((), "zeros", name="steps_taken")

    def _make_prior(self, prior):
        if not is_learned(prior):
            return super()._make_prior(fixed_prior(prior))
        return learned_prior(self, prior)

    def _described_networks(self, input_shape, latent_dim):
        # The encoder is made below.
        _, decoder = super()._described_networks(input_shape, latent_dim)
        options = {"activation": self.activation, "seeds": self.seeds, "dtype": self.dtype_policy}
        shared, own = self.hidden_units[:1], self.hidden_units[1:]
        self.trunk = networks.trunk(
            input_shape,
            network=self.network,
            filters=self.filters,
            hidden_units=shared,
            normalization=self.likelihood.normalization(),
            **options,
        )
        outputs = dict.fromkeys(self.encoder_outputs, latent_dim)
        self.latent_head = networks.latent_head(
            shared[0], outputs, self.num_classes, hidden_units=own, **options
        )
        x = keras.Input(input_shape, name="x")
        inputs = {"x": x, "label": keras.Input((), name="label", dtype="int32")}
        codes = self.latent_head({"features": self.trunk(x), "label": inputs["label"]})
        return keras.Model(inputs, codes, name="encoder"), decoder

    def _described_classifier(self):
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        kept = keras.layers.Dropout(self.dropout, seed=self.seed or 0, name="dropout")(features)
        logits = self.seeds.layer(
            keras.layers.Dense, self.num_classes, name="logits", dtype="float32"
        )(kept)
        return keras.Model(features, logits, name="classifier")

    # Loss

    def losses(self, batch: Batch, training: bool) -> Losses:
        x = self.input_pixels(batch.x, draw=True)  # [batch, *input_shape]
        features = self.trunk(x, training=training)  # [batch, units]; one pass for all labels
        logits = self.classifier(features, training=False)  # dropout is for labeled images
        # If `fit` has set the labeled images apart, `known` is False for all images.
        known = batch.label >= 0
        q_y = ops.where(  # q(y | x), one-hot where the label is known: [batch, num_classes]
            known[:, None],
            ops.one_hot(ops.maximum(batch.label, 0), self.num_classes),
            self.warmed_up(ops.softmax(logits)),
        )
        if training and self.sampling_labels:
            reconstruction, kl = self.terms_of_sampled_label(x, features, q_y)
        else:
            reconstruction, kl = self.expected_terms(x, features, q_y, training)
        log_q_y = ops.log(ops.maximum(q_y, 1e-30))
        label_kl = ops.sum(q_y * log_q_y, axis=1) + math.log(self.num_classes)  # to p(y)
        if training and self.labeled.per_unlabeled:
            labeled_bound, classification = self.losses_of_labeled_images()
        else:
            labeled_bound, y = ops.zeros(()), ops.maximum(batch.label, 0)
            cross_entropy = ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
            classification = ops.where(known, cross_entropy, 0.0)
        return Losses(
            reconstruction + self.beta_now * (kl + label_kl),
            labeled_bound,
            self.alpha.value * classification,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl - label_kl,
            label=label_kl,
            labeled_bound=labeled_bound,
            classification=classification,
        )

    def reconstruction_and_kl(
        self, x: Tensor, features: Tensor, label: Tensor, training: bool
    ) -> tuple:
        """Return -log p(x | y, z) and KL(q(z | x, y) || p(z)) for given labels, both [batch]."""
        inputs = {"features": features, "label": label}
        q_z = DiagonalNormal(**self.latent_head(inputs, training=training))
        z = q_z.draw(self.samples, self.seed_generator)  # [batch, samples, latent_dim]
        log_likelihoods = self.log_likelihoods(x, z, label, training)
        return -ops.mean(log_likelihoods, axis=1), kl_divergence(q_z, self.prior_of(label), z)

    def expected_terms(self, x: Tensor, features: Tensor, q_y: Tensor, training: bool) -> tuple:
        """Return the expectations of both terms over labels y ~ q(y | x), both [batch]."""
        classes = self.num_classes
        labels = ops.tile(ops.arange(classes, dtype="int32"), (ops.shape(x)[0],))
        x, features = (ops.repeat(t, classes, axis=0) for t in (x, features))
        reconstruction, kl = (
            ops.reshape(term, (-1, classes))
            for term in self.reconstruction_and_kl(x, features, labels, training)
        )
        return ops.sum(q_y * reconstruction, axis=1), ops.sum(q_y * kl, axis=1)

    def terms_of_sampled_label(self, x: Tensor, features: Tensor, q_y: Tensor) -> tuple:
        """Return estimates of `expected_terms` by one label y ~ q(y | x) for each image.

        No gradient reaches q(y | x); this is so in the whole warm-up.
        """
        uniform = backend.uniform(ops.shape(q_y), self.seed_generator)
        gumbel = -ops.log(-ops.log(ops.clip(uniform, 1e-7, 1 - 1e-7)))
        labels = ops.argmax(ops.log(ops.maximum(q_y, 1e-30)) + gumbel, axis=1)
        return self.reconstruction_and_kl(x, features, ops.cast(labels, "int32"), training=True)

    def losses_of_labeled_images(self) -> tuple:
        """Return the negative bound and the cross-entropy of labeled images, both scalars.

        The images are sampled from those that `fit` has set apart. The bound is scaled by the
        number of labeled images per unlabeled image.
        """
        images, label, weight = self.labeled.draw(self.labeled_batch_size, self.seed_generator)
        x = self.input_pixels(images, draw=True)
        features = self.trunk(x, training=True)
        reconstruction, kl = self.reconstruction_and_kl(x, features, label, training=True)
        bound = reconstruction + self.beta_now * (kl + math.log(self.num_classes))
        logits = self.classifier(self.warmed_up(features), training=True)
        cross_entropy = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
        mean_bound = backend.batch_mean(weight * bound)
        return self.labeled.per_unlabeled * mean_bound, backend.batch_mean(weight * cross_entropy)

    def warmed_up(self, values: Tensor) -> Tensor:
        """Scale the gradient of values by the ramp, from 0 to 1; the values stay the same."""
        if not self.warm_up:
            return values
        ramp = ops.clip((self.steps_taken - self.warm_up) / RAMP_STEPS, 0.0, 1.0)
        fixed = ops.stop_gradient(values)
        return fixed + ramp * (values - fixed)

    # Training

    def after_step(self, batch: Batch, metrics: dict) -> None:
        super().after_step(batch, metrics)
        self.steps_taken.assign(self.steps_taken + 1.0)

    def before_training(self, data: Any) -> None:
        """Start with steps that sum over the labels."""
        super().before_training(data)
        if self.sampling_labels:
            self.sampling_labels = False
            compile_steps_anew(self)

    def data_of_batches(self, data: Any) -> Any:
        """Return the images without a label; the labeled ones are set apart."""
        return keep_labeled(self, data)

    # Use

    predict_proba, predict_labels = arrays.predict_proba, arrays.predict_labels

    def label_probability(self, x: Tensor) -> Tensor:
        """Return q(y | x) as a tensor, [batch, num_classes]."""
        return ops.softmax(self.classifier(self.trunk(self.input_pixels(x))))

    def checked_images(self, x: ArrayLike, labels: Labels) -> tuple:
        """Check images and labels; if labels is None, the model predicts them."""
        if labels is None:
            labels = self.predict_labels(x)
        return super().checked_images(x, labels)

    def parts(self) -> dict:
        """Return the exportable parts: those of a VAE, and `classifier`."""
        classifier = classifier_part(self, (self.trunk, self.classifier))
        return {**super().parts(), "classifier": classifier}

    def setting(self, name: str) -> Any:
        return learned_prior_of(self) if name == "prior" else super().setting(name)
