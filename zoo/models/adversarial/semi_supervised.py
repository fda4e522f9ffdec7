"""The adversarial autoencoder that learns classes from few labels."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo import engine
from zoo.models.adversarial.supervised import SupervisedAAE
from zoo.models.part import Part, TensorInfo
from zoo.models.semisupervised.classifying import FewLabels, cross_entropy
from zoo.models.training import weigh
from zoo.nn import networks, priors


@keras.saving.register_keras_serializable(package="zoo")
class SemiSupervisedAAE(FewLabels, SupervisedAAE):
    """The adversarial autoencoder that finds the classes of images, most of them without a label.

    One network, `trunk`, gives features; of these `encoder` makes the style z and `classifier` the
    probabilities q(y | x); the decoder sees both. One discriminator tells styles from draws of the
    prior, another one probabilities from one-hot draws of the label's prior: an image must decide
    for a class, and the classes must be as frequent as there. A step makes four updates:

    1. reconstruction: trunk, both heads and decoder minimize -log p(x | y, z), y ~ q(y | x) in the
       mean;
    2. discriminator: both minimize -log d(draw) - log(1 - d(code));
    3. generator: trunk and heads minimize -log d(z) - `label_weight` log d(q(y | x));
    4. classification: trunk and classifier minimize the cross-entropy on labelled images.

    `fit(x, y)` takes y = -1 for "unlabelled"; of each step's batch the images have no label, and
    `labelled_batch` labelled ones are drawn beside them. `label_entropy` is the entropy of the
    mean of q(y | x): where it falls under that of the label's prior, ln 10 for ten classes alike,
    classes were lost.

    Use it to classify with few labels, and to generate by class all the same.

    Args:
        hidden: widths of the trunk's dense layers, after its `filters`; each is normalised over the
            batch.
        decoder_hidden: widths of the decoder's dense layers, in the encoder's order.
        discriminator_hidden: of both discriminators.
        noise: standard deviation of what is added to images in training.
        label_noise: the same, to what the label's discriminator sees.
        label_weight: see above.
        labelled_batch: how many labelled images each step draws.
        masses: frequencies of the classes, [num_classes], of any sum; all alike by default.
        Others: see `AAE`; networks of your own are not taken.

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 5; sizes, noise and weights are ours.
    """

    terms = (
        *SupervisedAAE.terms,
        "label_discriminator",
        "label_generator",
        "label_entropy",
        "classification",
    )
    network_names = (*SupervisedAAE.network_names, "trunk", "classifier", "label_discriminator")

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        decoder_hidden=(500, 500),
        discriminator_hidden=(256, 256),
        noise: float = 0.3,
        label_noise: float = 0.1,
        label_weight: float = 4.0,
        labelled_batch: int = 100,
        masses=None,
        **kwargs,
    ):
        for name in ("encoder", "decoder", "discriminator"):
            if kwargs.get(name) is not None:
                raise ValueError(f"{name}= is not taken: this model describes its own networks.")
        if kwargs.get("posterior", "deterministic") != "deterministic":
            raise ValueError("posterior= is not taken: codes are deterministic here.")
        if min(noise, label_noise) < 0 or label_weight <= 0 or labelled_batch < 1:
            raise ValueError(
                f"noise is {noise}, label_noise {label_noise}, label_weight {label_weight} and "
                f"labelled_batch {labelled_batch}; give at least 0, at least 0, more than 0 and at "
                "least 1."
            )
        self.decoder_hidden = tuple(decoder_hidden)
        self.discriminator_hidden = tuple(discriminator_hidden)
        super().__init__(input_shape, latent_dim, **kwargs)
        self.noise, self.label_noise = float(noise), float(label_noise)
        self.labelled_batch = int(labelled_batch)
        self.label_prior = priors.Categorical(self.num_classes, masses)
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        logits = layers.Dense(self.num_classes, name="logits", dtype="float32")(features)
        self.classifier = keras.Model(features, logits, name="classifier")
        self.label_discriminator = self._critic(self.num_classes)
        self.term_weights |= {"label_generator": float(label_weight), "label_entropy": 0.0}

    def _described_networks(self, input_shape, latent_dim):
        options = {"activation": self.activation, "dtype": self.dtype_policy}
        self.trunk = networks.trunk(
            input_shape, filters=self.filters, hidden=self.hidden, normalize=True, **options
        )
        x = keras.Input(input_shape, name="x")
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        style = layers.Dense(latent_dim, name="z", dtype="float32")(features)
        self.style_head = keras.Model(features, style, name="style")
        encoder = keras.Model(x, self.style_head(self.trunk(x)), name="encoder")
        self.mixing = networks.decoder(
            self.likelihood.parameter_shape(tuple(input_shape)),
            latent_dim + self.num_classes,
            hidden=self.decoder_hidden,
            **options,
        )
        z = keras.Input((latent_dim,), name="z")
        label = keras.Input((), name="label", dtype="int32")
        one_hot = networks.OneHot(self.num_classes, name="one_hot", dtype="float32")(label)
        both = layers.Concatenate(name="join", dtype="float32")([one_hot, z])
        return encoder, keras.Model({"z": z, "label": label}, self.mixing(both), name="decoder")

    def _described_discriminator(self):
        return self._critic(self.latent_dim)

    def _critic(self, inputs):
        return networks.critic(
            inputs,
            hidden=self.discriminator_hidden,
            activation="leaky_relu",
            dtype=self.dtype_policy,
        )

    # Learning

    def updates(self):
        coding = [
            *self.trunk.trainable_variables,
            *self.style_head.trainable_variables,
            *self.classifier.trainable_variables,
        ]
        return {
            "reconstruction": [*coding, *self.mixing.trainable_variables],
            "discriminator": [
                *self.discriminator.trainable_variables,
                *self.label_discriminator.trainable_variables,
            ],
            "generator": coding,
            "classification": [
                *self.trunk.trainable_variables,
                *self.classifier.trainable_variables,
            ],
        }

    def steps(self):
        return {**super().steps(), "classification": self.classification_terms}

    def codes(self, x, training):
        """Return logits and styles of images, which in training are noisy."""
        if training:
            x = x + self.noise * engine.normal(ops.shape(x), self.seed_generator)
        features = self.trunk(x, training=training)
        return self.classifier(features), self.style_head(features)

    def reconstruction_terms(self, batch, training):
        logits, z = self.codes(batch.x, training)
        both = ops.concatenate([ops.softmax(logits), z], axis=1)
        parameters = self.mixing(both, training=training)
        terms = {"reconstruction": -self.likelihood.log_prob(batch.x, parameters)}
        return weigh(terms, batch.weight)

    def discriminator_terms(self, batch, training):
        logits, z = (ops.stop_gradient(code) for code in self.codes(batch.x, training))
        probability, draws = ops.softmax(logits), self.draws(batch)
        one_hot = self.label_prior.draw(ops.shape(z)[0], self.seed_generator)
        on_draws, on_codes = (self.discriminator(c, training=training)[:, 0] for c in (draws, z))
        on_labels = [
            self.label_discriminator(self.blurred(label), training=training)[:, 0]
            for label in (one_hot, probability)
        ]
        terms = {
            "discriminator": self.contest(on_draws, on_codes),
            "label_discriminator": self.contest(*on_labels),
        }
        mean = ops.mean(probability, axis=0)
        return {
            **weigh(terms, batch.weight),
            "accuracy_on_draws": ops.cast(on_draws > 0, "float32"),
            "accuracy_on_codes": ops.cast(on_codes < 0, "float32"),
            "distance": self.distance(z, draws),
            "label_entropy": -ops.sum(mean * ops.log(ops.maximum(mean, 1e-30))),
        }

    def generator_terms(self, batch, training):
        logits, z = self.codes(batch.x, training)
        on_style = self.discriminator(z, training=False)[:, 0]
        blurred = self.blurred(ops.softmax(logits))
        on_label = self.label_discriminator(blurred, training=False)[:, 0]
        terms = {"generator": ops.softplus(-on_style), "label_generator": ops.softplus(-on_label)}
        return weigh(terms, batch.weight)

    def blurred(self, probability):
        """Add noise, without which the label's discriminator tells one-hot rows at a glance."""
        noise = engine.normal(ops.shape(probability), self.seed_generator)
        return probability + self.label_noise * noise

    def classification_terms(self, batch, training):
        """Return the cross-entropy of labelled images: those set apart, or those in the batch."""
        if training and self.labelled is not None:
            x, label = self.drawn_labelled()
            logits, _ = self.codes(x, training)
            return {"classification": ops.mean(cross_entropy(logits, label))}
        logits, _ = self.codes(batch.x, training)
        known = ops.cast(batch.label >= 0, "float32")
        terms = {"classification": known * cross_entropy(logits, ops.maximum(batch.label, 0))}
        return weigh(terms, batch.weight)

    # Using

    def label_probability(self, x):
        return ops.softmax(self.classifier(self.trunk(x)))

    def classifying(self):
        return (self.trunk, self.classifier)

    def parts(self):
        probability = TensorInfo("label_probability", "float32", (self.num_classes,), 0.0, 1.0)
        logit = TensorInfo("logit", "float32", (1,))

        def discriminate(tensors):
            return {"logit": self.label_discriminator(tensors["label_probability"])}

        part = Part(
            "label_discriminator",
            discriminate,
            (probability,),
            (logit,),
            (self.label_discriminator,),
        )
        return {**super().parts(), "label_discriminator": part}

    def get_config(self):
        return {
            **super().get_config(),
            "decoder_hidden": self.decoder_hidden,
            "discriminator_hidden": self.discriminator_hidden,
            "noise": self.noise,
            "label_noise": self.label_noise,
            "label_weight": self.term_weights["label_generator"],
            "labelled_batch": self.labelled_batch,
            "masses": self.label_prior.get_config()["masses"],
        }
