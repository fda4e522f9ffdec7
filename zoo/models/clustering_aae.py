"""The adversarial autoencoder that finds clusters without labels."""

from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
from keras import layers, ops

from zoo import inference
from zoo.backend import backend
from zoo.checks import data as checks
from zoo.models.aae import AAE
from zoo.models.signature import TensorInfo, classifier_part
from zoo.nn import corruption as corruptions
from zoo.nn import networks
from zoo.nn.distributions.priors import Categorical
from zoo.nn.given import number, whole, widths
from zoo.trainer import Losses


@keras.saving.register_keras_serializable(package="zoo")
class ClusteringAAE(AAE):
    """The adversarial autoencoder that sorts images into clusters, without any label.

    One network, `trunk`, gives features; of these `encoder` makes the style z and `classifier` the
    probabilities q(y | x) of clusters; the decoder sees both. One discriminator tells styles from
    draws of the prior, another one probabilities from one-hot draws of the label's prior: an image
    must decide for a cluster, and the clusters must be as frequent as there. A step makes three
    updates:

    1. reconstruction: trunk, both heads and decoder minimize -log p(x | y, z), y ~ q(y | x) in the
       mean;
    2. discriminator: both minimize -log d(draw) - log(1 - d(code));
    3. generator: trunk and heads minimize -log d(z) - `label_weight` log d(q(y | x)).

    `label_entropy` is the entropy of the mean of q(y | x): where it falls under that of the label's
    prior, ln K for K clusters alike, clusters were lost.

    With `head_distance` the decoder sees one short code instead of two, z + w_y: every cluster has
    a head w_y [latent_dim] that is learned, and `head_repulsion` sums by how much
    pairs of heads lie closer than that. `represent` returns z + w_y, which for two dimensions is a
    map of the data.

    Use it to find groups, and to reduce dimensions without tearing groups apart.

    Args:
        num_classes: how many clusters; some more than the data has classes do better than as many.
        hidden_units: widths of the trunk's dense layers, after its `filters`; each is normalized
            over the batch.
        kernel_size: the side of the convolutions' kernels.
        decoder_hidden_units: widths of the decoder's dense layers, in the encoder's order.
        discriminator_hidden_units: of both discriminators.
        corruption: what is done to images before the trunk sees them in training, as for
            `zoo.DenoisingAutoencoder`; the likelihood is that of the clean image. By default
            {"gaussian": 0.3}.
        instance_noise: standard deviation of what is added to what the label's discriminator sees.
        label_weight: see above.
        head_distance: how far apart heads are pushed, above 0; None for no heads.
        masses: frequencies of the clusters, [num_classes], of any sum; all alike by default.
        Others: see `AAE`; networks of your own are not taken.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.ClusteringAAE((8, 8, 1), 4, num_classes=16, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> clusters = model.predict_labels(x_test)
        >>> clusters.shape
        (360,)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), sections 6 and 7; sizes, noise and weights are
    ours.
    """

    metric_names = (
        *AAE.metric_names,
        "label_discriminator",
        "label_generator",
        "label_entropy",
    )
    network_names = (*AAE.network_names, "trunk", "classifier", "label_discriminator")
    updates: ClassVar = {
        "reconstruction": ("trunk", "style_head", "classifier", "join", "mixing"),
        "discriminator": ("discriminator", "label_discriminator"),
        "generator": ("trunk", "style_head", "classifier"),
    }
    conditional = True
    label_inputs = ("z",)
    learns_labels = False
    # Its clusters are no classes: generated images have no class that was asked for.
    card_metrics = (*AAE.card_metrics, "clustering error")
    semi_supervised = False
    takes_no: ClassVar = {
        name: (neutral, "it describes its own networks, with one code for an image")
        for name, neutral in {
            "encoder": None,
            "decoder": None,
            "discriminator": None,
            "posterior": "deterministic",
            "dropout": 0.0,
            "input_dropout": 0.0,
            "conditional_discriminator": False,
            "code_activation": None,
            "tie_weights": False,
        }.items()
    }

    def __init__(
        self,
        input_shape=None,
        latent_dim=None,
        *,
        kernel_size: int = 3,
        decoder_hidden_units=(500, 500),
        discriminator_hidden_units=(256, 256),
        corruption=None,
        instance_noise: float = 0.2,
        label_weight: float = 1.0,
        head_distance: float | None = None,
        masses=None,
        **kwargs,
    ):
        if head_distance is not None:
            head_distance = number("head_distance", head_distance, above=0)
        self.kernel_size = whole("kernel_size", kernel_size, least=1)
        self.head_distance = head_distance
        self.decoder_hidden_units = widths("decoder_hidden_units", decoder_hidden_units)
        self.discriminator_hidden_units = widths(
            "discriminator_hidden_units", discriminator_hidden_units
        )
        super().__init__(input_shape, latent_dim, **kwargs)
        self.corruption = corruptions.get({"gaussian": 0.3} if corruption is None else corruption)
        self.instance_noise = number("instance_noise", instance_noise, least=0)
        self.label_prior = Categorical(self.num_classes, masses)
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        logits = layers.Dense(self.num_classes, name="logits", dtype="float32")(features)
        self.classifier = keras.Model(features, logits, name="classifier")
        self.label_discriminator = self._critic(self.num_classes)
        self.label_weight = number("label_weight", label_weight, above=0)
        if self.head_distance:
            self.add_metric_name("head_repulsion")

    def _described_networks(self, input_shape, latent_dim):
        options = {"activation": self.activation, "dtype": self.dtype_policy}
        self.trunk = networks.trunk(
            input_shape,
            filters=self.filters,
            hidden_units=self.hidden_units,
            kernel_size=self.kernel_size,
            normalize=True,
            **options,
        )
        x = keras.Input(input_shape, name="x")
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        style = layers.Dense(latent_dim, name="z", dtype="float32")(features)
        self.style_head = keras.Model(features, style, name="style")
        encoder = keras.Model(x, self.style_head(self.trunk(x)), name="encoder")
        self.join = self._described_join(latent_dim)
        self.mixing = networks.decoder(
            self.likelihood.parameter_shape(tuple(input_shape)),
            self.join.output.shape[-1],
            hidden_units=self.decoder_hidden_units,
            **options,
        )
        z = keras.Input((latent_dim,), name="z")
        label = keras.Input((), name="label", dtype="int32")
        one_hot = networks.OneHot(self.num_classes, name="one_hot", dtype="float32")(label)
        image = self.mixing(self.join({"z": z, "probability": one_hot}))
        return encoder, keras.Model({"z": z, "label": label}, image, name="decoder")

    def _described_join(self, latent_dim):
        """Return what makes of a style and of probabilities that which is decoded."""
        z = keras.Input((latent_dim,), name="z")
        probability = keras.Input((self.num_classes,), name="probability")
        if not self.head_distance:
            joined = layers.Concatenate(name="both", dtype="float32")([probability, z])
        else:
            heads = layers.Dense(latent_dim, use_bias=False, name="heads", dtype="float32")
            joined = layers.Add(name="sum", dtype="float32")([z, heads(probability)])
        return keras.Model({"z": z, "probability": probability}, joined, name="join")

    def _described_discriminator(self):
        return self._critic(self.latent_dim)

    def _critic(self, inputs):
        return networks.critic(
            inputs,
            hidden_units=self.discriminator_hidden_units,
            activation="leaky_relu",
            dtype=self.dtype_policy,
        )

    # Training: the steps are those of `AAE`

    def codes(self, x, training):
        """Return logits [batch, num_classes] and styles of images, which training corrupts."""
        if training:
            x = self.corruption.draw(x, self.seed_generator)
        features = self.trunk(x, training=training)
        return self.classifier(features), self.style_head(features)

    def reconstruction_losses(self, batch, training):
        logits, z = self.codes(batch.x, training)
        joined = self.join({"z": z, "probability": ops.softmax(logits)})
        parameters = self.mixing(joined, training=training)
        reconstruction = -self.likelihood.log_prob(batch.x, parameters)  # [batch]
        losses = Losses(reconstruction, reconstruction=reconstruction)
        if not self.head_distance:
            return losses
        repulsion = self.head_repulsion()
        return losses.plus(repulsion, head_repulsion=repulsion)

    def head_repulsion(self):
        """Return by how much pairs of heads lie closer than `head_distance`, summed, a scalar."""
        heads = self.join.get_layer("heads").kernel
        squared = ops.sum(ops.square(heads[:, None] - heads[None]), axis=2)
        distances = ops.sqrt(squared + 1e-12)  # [num_classes, num_classes]
        short = ops.relu(self.head_distance - distances) * (1.0 - ops.eye(self.num_classes))
        return 0.5 * ops.sum(short)

    def discriminator_losses(self, batch, training):
        logits, z = (ops.stop_gradient(code) for code in self.codes(batch.x, training))
        probability, samples = ops.softmax(logits), self.prior_samples_like(batch)
        one_hot = self.label_prior.draw(ops.shape(z)[0], self.seed_generator)
        on_samples, on_codes = (
            self.discriminator(codes, training=training)[:, 0] for codes in (samples, z)
        )
        on_labels = [
            self.label_discriminator(self.with_instance_noise(label), training=training)[:, 0]
            for label in (one_hot, probability)
        ]
        style_loss = self.adversarial_loss(on_samples, on_codes)  # [batch]
        label_loss = self.adversarial_loss(*on_labels)
        mean = backend.batch_mean(probability)  # [num_classes]
        return Losses(
            style_loss + label_loss,
            discriminator=style_loss,
            label_discriminator=label_loss,
            accuracy_on_prior_samples=ops.mean(ops.cast(on_samples > 0, "float32")),
            accuracy_on_codes=ops.mean(ops.cast(on_codes < 0, "float32")),
            sliced_wasserstein=self.sliced_wasserstein(z, samples),
            label_entropy=-ops.sum(mean * ops.log(ops.maximum(mean, 1e-30))),
        )

    def generator_losses(self, batch, training):
        logits, z = self.codes(batch.x, training)
        on_style = self.discriminator(z, training=False)[:, 0]
        noisy = self.with_instance_noise(ops.softmax(logits))
        on_label = self.label_discriminator(noisy, training=False)[:, 0]
        generator, label_generator = ops.softplus(-on_style), ops.softplus(-on_label)
        return Losses(
            self.generator_weight * generator + self.label_weight * label_generator,
            generator=generator,
            label_generator=label_generator,
        )

    def with_instance_noise(self, probability):
        """Add noise, without which the label's discriminator tells one-hot rows at a glance."""
        noise = backend.normal(ops.shape(probability), self.seed_generator)
        return probability + self.instance_noise * noise

    # Use

    predict_proba, predict_labels = inference.predict_proba, inference.predict_labels

    def label_probability(self, x):
        return ops.softmax(self.classifier(self.trunk(x)))

    def reconstruct(self, x, labels=None, *, batch_size: int = 1024):
        """Return the images that styles and labels of `x` decode to, [n, *input_shape].

        Args:
            labels: integers [n]; those that the model finds where it is None.
        """
        labels = self.predict_labels(x, batch_size=batch_size) if labels is None else labels
        return super().reconstruct(x, labels, batch_size=batch_size)

    def represent(self, x, *, batch_size: int = 1024) -> np.ndarray:
        """Return what the decoder sees of images: float32 [n, latent_dim] with heads.

        Without, [n, num_classes + latent_dim]: probabilities, then the style.
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        return self.run_in_batches("representation", checks.in_numpy(x), None, batch_size)

    def representation(self, x):
        """Return `represent`, of and as a tensor."""
        features = self.trunk(x)
        probability = ops.softmax(self.classifier(features))
        return self.join({"z": self.style_head(features), "probability": probability})

    def parts(self):
        x = TensorInfo("x", "float32", self.image_shape, self.likelihood.low, self.likelihood.high)
        probability = TensorInfo("label_probability", "float32", (self.num_classes,), 0.0, 1.0)
        logit = TensorInfo("logit", "float32", (1,))
        code = TensorInfo("representation", "float32", self.join.output.shape[1:])

        def discriminate(tensors):
            return {"logit": self.label_discriminator(tensors["label_probability"])}

        def represent(tensors):
            return {"representation": self.representation(tensors["x"])}

        classifying = (self.trunk, self.classifier)
        seen = (*classifying, self.style_head, self.join)
        return {
            **super().parts(),
            "classifier": classifier_part(self, classifying),
            "label_discriminator": self.part(
                "label_discriminator",
                discriminate,
                (probability,),
                (logit,),
                (self.label_discriminator,),
            ),
            "representation": self.part("representation", represent, (x,), (code,), seen),
        }

    def setting(self, name):
        return (
            self.label_prior.get_config()["masses"] if name == "masses" else super().setting(name)
        )
