"""The adversarial autoencoder that finds clusters without labels."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras import layers, ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks.arguments import number, whole, whole_or_none, widths
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.inference import arrays
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, classifier_part, image_info
from zoo.models.aae import AAE
from zoo.models.base import Batch, Losses
from zoo.nn import corruption as corruptions
from zoo.nn import networks
from zoo.nn.distributions.priors import CategoricalPrior
from zoo.nn.distributions.requirements import check_corruption
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class ClusteringAAE(AAE):
    """The clustering adversarial autoencoder: it sorts images into clusters without labels.

    A network, `trunk`, computes features. From these, two output networks compute the style z and
    the probabilities q(y | x) of clusters (`classifier`); the decoder takes both. One discriminator
    distinguishes styles from samples of the prior, and another one distinguishes probabilities from
    one-hot samples of the label's prior. So each image must clearly belong to one cluster, and
    clusters must have the frequencies of that prior. A step makes three updates:

    1. reconstruction: trunk, both output networks and decoder minimize -log p(x | y, z), with
       q(y | x) in the place of y;
    2. discriminator: both discriminators minimize -log d(sample) - log(1 - d(code));
    3. generator: trunk and output networks minimize -log d(z) - `label_weight` log d(q(y | x)).

    The metric `label_entropy` is the entropy of the mean of q(y | x). If it is below the entropy of
    the label's prior, which is ln K for K equally frequent clusters, then some clusters are unused.

    With `head_distance` the decoder takes one short code, z + w_y, instead of two codes: the head
    w_y [latent_dim] of the cluster y is learned. The loss term `head_repulsion` sums, over pairs of
    heads, how much closer than `head_distance` they are. `represent` returns z + w_y, which in two
    dimensions is a map of the data.

    Use it to find clusters, and to reduce dimensions without splitting clusters.

    Args:
        num_classes: how many clusters; choose some more than there are classes in the data.
        hidden_units: widths of the trunk's dense layers, after its `filters`; all have batch
            normalization.
        kernel_size: the side of the convolutions' kernels.
        decoder_hidden_units: widths of the decoder's dense layers, in the encoder's order.
        discriminator_hidden_units: the widths of the dense layers of both discriminators.
        corruption: the corruption of the images that the trunk sees in training, as in
            `zoo.DenoisingAutoencoder`; the loss is the likelihood of the clean image. {"gaussian":
            0.3} by default.
        instance_noise: standard deviation of the noise on the inputs of the label's discriminator.
        label_weight: weight of the label's term of the generator loss, above 0.
        conditional_discriminator: whether the style's discriminator also takes the predicted class.
            Then the styles of each class must match the prior, so that a style tells nothing of the
            class. If not, as in the paper, only the styles of all classes together must match it.
        head_distance: the distance, above 0, below which heads are pushed apart; None for no heads.
        probabilities: the probabilities of the clusters, [num_classes], above 0, divided by their
            sum; equal by default.
        Others: see `AAE`; there is no `posterior`, `dropout`, `input_dropout`, `code_activation` or
            `tie_weights`, and your own networks are not possible.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.ClusteringAAE((8, 8, 1), 4, num_classes=16, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> clusters = model.predict_labels(x_test)
        >>> clusters.shape
        (360,)

    Source: Makhzani et al. 2015 (arXiv 1511.05644), sections 6 and 7; the sizes, noise and weights
    are ours.
    """

    metric_names = (
        *AAE.metric_names,
        "label_discriminator",
        "label_generator",
        "label_entropy",
    )
    network_names = (*AAE.network_names, "trunk", "classifier", "label_discriminator")
    updates: ClassVar = {
        "reconstruction": (
            *("trunk", "style_head", "classifier", "join", "mixing"),
            *("likelihood", "corruption"),
        ),
        "discriminator": ("discriminator", "label_discriminator"),
        "generator": ("trunk", "style_head", "classifier"),
    }
    takes_further_losses = False  # an image has both a code and probabilities
    conditional = True
    picture = "style_grid"
    label_inputs = ("z",)
    label_before_code = True
    learns_labels = False
    # Clusters are not classes, so the model cannot generate images of a given class.
    card_metrics = (*AAE.card_metrics, "clustering error")
    semi_supervised = False

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        kernel_size: int = 3,
        decoder_hidden_units: tuple[int, ...] = (500, 500),
        discriminator_hidden_units: tuple[int, ...] = (256, 256),
        corruption: Any = None,
        instance_noise: float = 0.2,
        label_weight: float = 1.0,
        conditional_discriminator: bool = False,
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
        if head_distance is not None:
            head_distance = number("head_distance", head_distance, above=0)
        self.kernel_size = whole("kernel_size", kernel_size, least=1)
        self.head_distance = head_distance
        self.decoder_hidden_units = widths("decoder_hidden_units", decoder_hidden_units)
        self.discriminator_hidden_units = widths(
            "discriminator_hidden_units", discriminator_hidden_units
        )
        self.num_classes = whole_or_none("num_classes", num_classes, least=1)
        self.conditional_discriminator = bool(conditional_discriminator)
        super().__init__(
            input_shape,
            latent_dim,
            prior=prior,
            label_smoothing=label_smoothing,
            generator_steps=generator_steps,
            generator_weight=generator_weight,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.corruption = corruptions.get({"gaussian": 0.3} if corruption is None else corruption)
        check_corruption(self.corruption, self.likelihood, self.image_shape)
        self.instance_noise = number("instance_noise", instance_noise, least=0)
        self.label_prior = CategoricalPrior(self.num_classes, probabilities)
        self.probabilities = self.label_prior.get_config()["probabilities"]
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        classify = self.seeds.layer(layers.Dense, self.num_classes, name="logits", dtype="float32")
        logits = classify(features)
        self.classifier = keras.Model(features, logits, name="classifier")
        self.label_discriminator = self._build_discriminator(self.num_classes)
        self.label_weight = LossWeight("label_weight", label_weight, above=0)
        if self.head_distance:
            self.add_metric_name("head_repulsion")

    def _described_networks(self, input_shape, latent_dim):
        options = {"activation": self.activation, "seeds": self.seeds, "dtype": self.dtype_policy}
        self.trunk = networks.trunk(
            input_shape,
            network=self.network,
            filters=self.filters,
            hidden_units=self.hidden_units,
            kernel_size=self.kernel_size,
            normalize=True,
            normalization=self.likelihood.normalization(),
            **options,
        )
        x = keras.Input(input_shape, name="x")
        features = keras.Input(self.trunk.output.shape[1:], name="features")
        style = self.seeds.layer(layers.Dense, latent_dim, name="z", dtype="float32")(features)
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
        one_hot = ops.one_hot(label, self.num_classes, dtype="float32")
        image = self.mixing(self.join({"z": z, "probability": one_hot}))
        return encoder, keras.Model({"z": z, "label": label}, image, name="decoder")

    def _described_join(self, latent_dim):
        """Return the network from a style and probabilities to the input of the decoder."""
        z = keras.Input((latent_dim,), name="z")
        probability = keras.Input((self.num_classes,), name="probability")
        if not self.head_distance:
            joined = layers.Concatenate(name="both", dtype="float32")([probability, z])
        else:
            heads = self.seeds.layer(
                layers.Dense, latent_dim, use_bias=False, name="heads", dtype="float32"
            )
            joined = layers.Add(name="sum", dtype="float32")([z, heads(probability)])
        return keras.Model({"z": z, "probability": probability}, joined, name="join")

    def _described_discriminator(self):
        return self._build_discriminator(self.latent_dim, self.discriminator_classes)

    @property
    def discriminator_classes(self) -> int:
        return self.num_classes if self.conditional_discriminator else 0

    def _build_discriminator(self, inputs, num_classes=0):
        return networks.discriminator(
            inputs,
            num_classes=num_classes,
            hidden_units=self.discriminator_hidden_units,
            activation="leaky_relu",
            seeds=self.seeds,
            dtype=self.dtype_policy,
        )

    # Training: the steps are those of `AAE`

    def codes(self, x: Tensor, training: bool) -> Tensor:
        """Return the logits [batch, num_classes] and styles of images, which training corrupts."""
        if training:
            x = self.likelihood.corrupted(x, self.corruption, self.seed_generator)
        features = self.trunk(x, training=training)
        return self.classifier(features), self.style_head(features)

    def reconstruction_losses(self, batch: Batch, training: bool) -> Losses:
        logits, z = self.codes(batch.x, training)
        joined = self.join({"z": z, "probability": ops.softmax(logits)})
        parameters = self.mixing(joined, training=training)
        reconstruction = -self.likelihood.log_prob(batch.x, parameters)  # [batch]
        losses = Losses(reconstruction, reconstruction=reconstruction)
        if not self.head_distance:
            return losses
        repulsion = self.head_repulsion()
        return losses.plus(repulsion, head_repulsion=repulsion)

    def head_repulsion(self) -> Any:
        """Return the sum, over pairs of heads, of how much closer than `head_distance` they are."""
        heads = self.join.get_layer("heads").kernel
        squared = ops.sum(ops.square(heads[:, None] - heads[None]), axis=2)
        distances = ops.sqrt(squared + 1e-12)  # [num_classes, num_classes]
        short = ops.relu(self.head_distance - distances) * (1.0 - ops.eye(self.num_classes))
        return 0.5 * ops.sum(short)

    def discriminator_losses(self, batch: Batch, training: bool) -> Losses:
        logits, z = (ops.stop_gradient(code) for code in self.codes(batch.x, training))
        probability, samples = ops.softmax(logits), self.prior_samples_like(batch)
        one_hot = self.label_prior.draw(ops.shape(z)[0], self.seed_generator)
        label = ops.argmax(logits, axis=1)  # that of the samples, too, if the discriminator sees it
        on_samples, on_codes = (self.logits(codes, label, training) for codes in (samples, z))
        on_labels = [
            self.label_discriminator(self.with_instance_noise(labels), training=training)[:, 0]
            for labels in (one_hot, probability)
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

    def generator_losses(self, batch: Batch, training: bool) -> Losses:
        logits, z = self.codes(batch.x, training)
        on_style = self.logits(z, ops.argmax(logits, axis=1), training=False)
        noisy = self.with_instance_noise(ops.softmax(logits))
        on_label = self.label_discriminator(noisy, training=False)[:, 0]
        generator, label_generator = ops.softplus(-on_style), ops.softplus(-on_label)
        return Losses(
            self.generator_weight.value * generator + self.label_weight.value * label_generator,
            generator=generator,
            label_generator=label_generator,
        )

    def with_instance_noise(self, probability: Any) -> Any:
        """Add noise; without it, the label's discriminator recognizes one-hot rows too easily."""
        noise = backend.normal(ops.shape(probability), self.seed_generator)
        return probability + self.instance_noise * noise

    # Use

    predict_proba, predict_labels = arrays.predict_proba, arrays.predict_labels

    def label_probability(self, x: Tensor) -> Tensor:
        return ops.softmax(self.classifier(self.trunk(x)))

    def reconstruct(
        self, x: ArrayLike, labels: Labels = None, *, batch_size: int = 1024
    ) -> np.ndarray:
        """Return the images decoded from the styles and labels of `x`, [n, *input_shape].

        Args:
            labels: integers [n]; if None, the model predicts them.
        """
        labels = self.predict_labels(x, batch_size=batch_size) if labels is None else labels
        return super().reconstruct(x, labels, batch_size=batch_size)

    def represent(self, x: ArrayLike, *, batch_size: int = 1024) -> np.ndarray:
        """Return the input of the decoder for images: float32 [n, latent_dim] with heads.

        Without heads it is [n, num_classes + latent_dim]: first the probabilities, then the style.
        """
        x = checks.check_images(x, self.image_shape, self.likelihood)
        return run_in_batches(self.representation, checks.in_numpy(x), batch_size=batch_size)

    def representation(self, x: Tensor) -> Tensor:
        """Return `represent` for tensors."""
        features = self.trunk(x)
        probability = ops.softmax(self.classifier(features))
        return self.join({"z": self.style_head(features), "probability": probability})

    def parts(self) -> dict:
        x = image_info(self)
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
