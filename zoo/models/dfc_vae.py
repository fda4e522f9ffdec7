"""The deep feature consistent VAE, which compares images by the features of a trained network."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from zoo.checks.array_types import Tensor
from zoo.models.base import Batch, Losses
from zoo.models.vae import VAE
from zoo.nn import own_networks
from zoo.nn.distributions.normal import kl_divergence
from zoo.nn.saved_configs import refuse_name
from zoo.presets.reference_classifier import reference_features
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class DFCVAE(VAE):
    """The deep feature consistent VAE: it compares images by the features of a trained network.

    A squared error of pixels penalizes an edge that is shifted by one pixel as much as a missing
    edge, and gives blurred images. The features f_l of the layers of a network that was trained for
    another task, such as a classifier, depend less on the position of an edge. With z ~ q(z | x)
    and the decoder's image g(z), the model minimizes

        beta KL(q(z | x) || p(z)) + sum_l w_l mean (f_l(x) - f_l(g(z)))^2 / 2,

    where the mean is over the values of a layer. The network of features is frozen.
    `reconstruction`, the negative log-likelihood of pixels, and `elbo` are measured, but not
    minimized.

    Use it if it is more important that reconstructions look like the original than that pixels are
    equal. Unlike a `VAEGAN` it has no discriminator, and trains as steadily as a `VAE`; its images
    are not sharper.

    Args:
        features: a Keras model from images, float32 [n, *input_shape] in the range of the data, to
            a tensor or a list of tensors [n, ...], one for each layer. If the values of a layer are
            k times as large, its term is k^2 times as large. The model is copied, and the copy is
            frozen. Or "mnist" or "fashion_mnist", which stand for `zoo.metrics.reference_features`.
        feature_weight: w_l above 0, one number for all layers, or one for each layer; it is beta in
            the paper, whose alpha is our `beta`. If the KL divergence falls to 0, choose larger
            weights; if images have a checkerboard pattern, choose larger weights for the first
            layers, and network="resnet".
        Others: see `VAE`; there is no `samples`, `free_bits`, `binarize` or `corruption`.

    Raises:
        TypeError: `features` is missing, or is not a Keras model or layer.
        ValueError: the features are for other images, there is no reference classifier for the data
            set, or Keras cannot copy the model; a weight is not above 0, or there is not one for
            each layer; or the likelihood is for tables.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> classifier = keras.Sequential([
        ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(8, 3, activation="relu", name="low"),
        ...     keras.layers.Conv2D(16, 3, activation="relu", name="high"),
        ...     keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
        >>> classifier.compile("adam", "sparse_categorical_crossentropy")
        >>> history = classifier.fit(x, y, epochs=1, verbose=0)
        >>> layers = [classifier.get_layer(name).output for name in ("low", "high")]
        >>> features = keras.Model(classifier.inputs, layers)
        >>> model = zoo.DFCVAE((8, 8, 1), 4, features=features, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Source: Hou, Shen, Sun and Qiu 2017 (arXiv 1610.00291), section 3.2.
    """

    metric_names = (*VAE.metric_names, "features")
    untrained = ("likelihood",)  # it is measured only
    opened_by_name = ("features",)  # in Python; a saved configuration contains the whole model
    settings_to_choose: ClassVar = {
        "features": "compares the features of a trained network: give --features mnist or "
        "fashion_mnist for gray images of 28x28 pixels, or train it in Python with your own "
        "network."
    }

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        features: keras.Model | str | None = None,
        feature_weight: float | tuple[float, ...] = 250.0,
        beta: Any = 1.0,
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
        super().__init__(
            input_shape,
            latent_dim,
            beta=beta,
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
        if self.likelihood.in_own_units:
            raise ValueError("DFCVAE compares images; for rows of a table use zoo.VAE.")
        self.features = _frozen(features, self.image_shape)
        self.feature_weight = _checked_weights(feature_weight, len(self.features.outputs))

    def losses(self, batch: Batch, training: bool) -> Losses:
        q = self.posterior(batch.x, training=training)
        z = q.draw(1, self.seed_generator)  # [batch, 1, latent_dim]
        observation = self.observation(z[:, 0], training=training)
        reconstruction = -observation.log_prob(batch.x)  # [batch], measured, not minimized
        kl = kl_divergence(q, self.prior, z)  # [batch]
        features = self.feature_error(batch.x, observation.mean)  # [batch]
        losses = Losses(
            self.beta_now * kl + features,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
            features=features,
        )
        return losses + self.further_losses(batch.x, z, q)

    def feature_error(self, x: Tensor, image: Tensor) -> Tensor:
        """Return sum_l w_l / 2 mean (f_l(x) - f_l(image))^2, [batch], of images [batch, ...]."""
        real, made = (keras.tree.flatten(self.features(images)) for images in (x, image))
        weights, error = self.feature_weight, 0.0
        if isinstance(weights, float):
            weights = (weights,) * len(real)
        for weight, f, g in zip(weights, real, made, strict=True):
            squares = ops.reshape(ops.square(f - g), (ops.shape(x)[0], -1))
            error += weight.value / 2 * ops.mean(squares, axis=1)
        return error


def _checked_weights(weights, layers):
    """Return a number above 0, or a tuple with one for each layer."""
    if not isinstance(weights, list | tuple):
        return LossWeight("feature_weight", weights, above=0)
    if len(weights) != layers:
        raise ValueError(
            f"feature_weight has {len(weights)} numbers, and features= gives {layers} layers: give "
            "one number for all, or one for each."
        )
    return tuple(LossWeight("feature_weight", weight, above=0) for weight in weights)


def _frozen(features, image_shape) -> keras.Model:
    """Return a frozen copy of a feature network, which must take images of the given shape.

    Raises:
        TypeError: `features` is None, or is not a Keras model or layer.
        ValueError: it takes other images, or cannot be copied.
    """
    if features is None:
        raise TypeError(
            "DFCVAE needs features=: a Keras model of images to the features to compare, or "
            '"mnist" or "fashion_mnist" for those of a reference classifier of 28x28 images.'
        )
    if isinstance(features, str):
        refuse_name("features", features)
        features = reference_features(features)
    network = own_networks.functional(features, "features", "x", image_shape)
    takes = tuple(network.inputs[0].shape[1:])
    if len(network.inputs) > 1 or takes != tuple(image_shape):
        raise ValueError(
            f"features= takes {' and '.join(str(tuple(t.shape[1:])) for t in network.inputs)}; the "
            f"images of this model are {tuple(image_shape)}. Resize them inside the network, for "
            "example with keras.layers.Resizing, or give another network."
        )
    try:
        copy = keras.models.clone_model(network)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(f"features= cannot be copied by Keras: {error}") from error
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy
