"""Greedy layer-wise pre-training, samples of stacks, and classifiers on top of encoders."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.constructors import arguments_of
from zoo.inference.parts import Part, TensorInfo
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.classical import Autoencoder
from zoo.training.callbacks import epochs_between, kept_backup


def pretrain(
    model: BaseAutoencoder,
    x: Any,
    layer: Any,
    *,
    epochs: int = 10,
    batch_size: int = 128,
    optimizer: Any = "adam",
    verbose: int | str = "auto",
    backup_dir: str | os.PathLike | None = None,
    **options,
) -> list[Autoencoder]:
    """Initialize a deep autoencoder from a stack of one-layer models, trained one after the other.

    Every dense layer of the encoder is trained as the encoder of a one-layer model on the codes of
    the layer before; the decoder of this model becomes the corresponding layer of the deep decoder.
    Then `model.fit(x)` fine-tunes the deep model for reconstruction, or `zoo.classifier(model,
    ...)` fine-tunes its encoder for labels. The code of a `VAE` is the mean of its posterior; the
    layer of the log-variance stays as it is.

    Args:
        model: a dense model that encodes images alone, such as an `Autoencoder`, a `VAE`, a `VaDE`
            or an `AAE`, with `hidden_units` and without `tie_weights`; its weights are replaced.
            Its `activation` must be the activation of the layers' codes, which is "sigmoid" for
            Boltzmann machines.
        x: images [n, *input_shape]. Counts and rows of a table are standardized first, as the
            model does.
        layer: a class of one-layer models, such as `zoo.DenoisingAutoencoder`,
            `zoo.ContractiveAutoencoder` or `zoo.RBM`; or a list with a model for every layer.
        epochs, batch_size, verbose: for the training of each layer, as in `fit`.
        optimizer: a name, or a Keras optimizer; every layer gets a new one with its settings.
        backup_dir: a folder where the state of every layer's training is kept, so that the same
            call continues after a stop; by default nothing is kept. Delete the folder at the end:
            another call with it takes its states, too, and layers that are complete stay as they
            are.
        options: arguments of the class, such as `corruption={"masking": 0.25}`; codes above 1, as
            of "relu", need `likelihood="gaussian"`.

    Returns:
        the trained one-layer models, from the images to the code.

    Raises:
        ValueError: the layers do not fit the model or each other.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> deep = zoo.Autoencoder((8, 8, 1), 8, hidden_units=(64, 32), activation="sigmoid",
        ...     code_activation="sigmoid")
        >>> layers = zoo.pretrain(deep, x, zoo.RBM, epochs=1, verbose=0)
        >>> [layer.latent_dim for layer in layers]
        [64, 32, 8]

    Source: Hinton and Salakhutdinov 2006 (doi 10.1126/science.1127647) for Boltzmann machines;
    Vincent et al. 2010 (JMLR 11) for denoising autoencoders.
    """
    _check_stackable(model)
    layers = _layers_of(model, layer, options)
    every = epochs_between(epochs)
    pattern = keras.optimizers.get(optimizer)
    if model.likelihood.in_own_units:  # what the first layer sees of counts or rows of a table
        x = np.asarray(model.likelihood.standardized(np.asarray(x, "float32")), "float32")
    for i, one in enumerate(layers):
        if verbose:
            print(f"layer {i + 1} of {len(layers)}: {_sizes(one)}", flush=True)
        one.compile(type(pattern).from_config(pattern.get_config()))
        kept = [kept_backup(Path(backup_dir, f"layer_{i + 1}"), every)] if backup_dir else []
        one.fit(x, batch_size=batch_size, epochs=epochs, callbacks=kept, verbose=verbose)
        x = one.encode(x)
    for (down, up), one in zip(_opposite_layers(model), layers, strict=True):
        encoding, decoding = one.encoder.get_layer("z"), one.decoder.get_layer("pixels")
        kernel = decoding.dense.kernel.value if one.tie_weights else None
        down.set_weights(encoding.get_weights())
        up.set_weights(
            [keras.ops.transpose(kernel), decoding.bias.value]
            if one.tie_weights
            else decoding.get_weights()
        )
    return layers


def top_down_samples(layers: list, x: Any, n: int = 8, *, seed: int | None = None) -> np.ndarray:
    """Generate variations of images by a stack of layers: encode, then sample down layer by layer.

    The encoders give the probabilities of the units of the highest code. From there down, every
    layer is sampled: its units are 1 with their probability, else 0, and its decoder gives the
    probabilities of the units below. The pixels of the lowest layer are means, not samples.

    Args:
        layers: one-layer models from the images to the highest code, as `zoo.pretrain` returns
            them, whose codes are probabilities (`code_activation="sigmoid"`).
        x: images [m, *input_shape], float, in [0, 1].
        n: how many variations of each image, at least 1.
        seed: the seed of the samples; None draws different samples each time.

    Returns:
        float32 [m, n, *input_shape], in [0, 1].

    Raises:
        TypeError: `layers` is not a list of one-layer models.
        ValueError: there are no layers; they do not fit each other, or their codes are not
            probabilities; or the images have another shape or range.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> deep = zoo.Autoencoder((8, 8, 1), 8, hidden_units=(64, 32), activation="sigmoid",
        ...     code_activation="sigmoid")
        >>> layers = zoo.pretrain(deep, x, zoo.RBM, epochs=1, verbose=0)
        >>> zoo.top_down_samples(layers, x_test[:5], 8, seed=0).shape
        (5, 8, 8, 8, 1)

    Source: Vincent et al. 2010 (JMLR 11), on generating samples from stacks.
    """
    n = whole("n", n, least=1)
    _check_samplable(layers)
    codes = x
    for one in layers:
        codes = one.encode(codes)
    generator = np.random.default_rng(seed)
    probabilities = np.repeat(codes, n, axis=0)  # [m * n, latent_dim]
    for one in reversed(layers):
        units = generator.random(probabilities.shape) < probabilities
        probabilities = one.decode(units.astype("float32"))
    return probabilities.reshape(-1, n, *layers[0].image_shape)


@keras.saving.register_keras_serializable(package="zoo")
class Classifier(keras.Model):
    """A functional Keras classifier of images that can be exported; `zoo.classifier` makes it.

    Before you load one from a `.keras` file, use `zoo.Classifier` once, so that Keras knows the
    class.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> network = zoo.classifier(zoo.Autoencoder((8, 8, 1), 8, hidden_units=(64,)), 10)
        >>> network.parts()["classifier"].outputs[0].shape
        (10,)
    """

    def __init__(self, *args, image_range: tuple = (None, None), **kwargs):
        super().__init__(*args, **kwargs)
        self.image_range = tuple(image_range)

    def parts(self) -> dict[str, Part]:
        """Return what can be exported: `classifier`, from `x` to `label_probability`."""
        x = TensorInfo("x", "float32", tuple(self.input_shape[1:]), *self.image_range)
        probability = TensorInfo("label_probability", "float32", self.output_shape[1:], 0.0, 1.0)

        def classify(tensors):
            return {"label_probability": self(tensors["x"], training=False)}

        return {"classifier": Part("classifier", classify, (x,), (probability,), (self,))}

    def get_config(self) -> dict:
        return {**super().get_config(), "image_range": self.image_range}


def classifier(
    model: Any, num_classes: int, *, dropout: float = 0.0, optimizer: Any = "adam"
) -> Classifier:
    """Add a softmax layer to a copy of an encoder, for fine-tuning with labels.

    Args:
        model: a model of the zoo that is not conditional; it does not change.
        num_classes: how many labels there are.
        dropout: the fraction of a code's values that training sets to 0.
        optimizer: a name or a Keras optimizer.

    Returns:
        a compiled Keras classifier from images [batch, *input_shape] to probabilities [batch,
        num_classes]: `fit(x, y)` with integer labels, `evaluate(x, y)`, `predict(x)`, and
        `export.export_model`. If the model encodes to a distribution, the layer takes its mean.

    Raises:
        ValueError: the model is conditional, or there are less than two classes. TypeError: the
            model has no encoder.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> network = zoo.classifier(zoo.Autoencoder((8, 8, 1), 8, hidden_units=(64,)), 10)
        >>> history = network.fit(x, y, epochs=1, verbose=0)
        >>> network.predict(x_test, verbose=0).shape
        (360, 10)
    """
    if model.conditional:
        raise ValueError(f"{type(model).__name__} takes labels and cannot predict them.")
    if not hasattr(model, "encode"):
        raise TypeError(f"{type(model).__name__} has no encoder to classify with: use zoo.VAEGAN.")
    if num_classes < 2:
        raise ValueError(f"num_classes is {num_classes}; a classifier needs at least 2 classes.")
    codes = model.encoder.output
    codes = codes[model.encoder_outputs[0]] if len(model.encoder_outputs) > 1 else codes
    original = keras.Model(model.encoder.input, codes, name="encoder")
    encoder = keras.models.clone_model(original)
    encoder.set_weights(original.get_weights())
    x = keras.Input(model.image_shape, name="x")
    thresholded = getattr(model, "binarize", None) == "threshold"
    codes = encoder(keras.ops.cast(keras.ops.greater(x, 0.5), "float32") if thresholded else x)
    if dropout:
        codes = keras.layers.Dropout(dropout, seed=model.seed or 0)(codes)
    probabilities = keras.layers.Dense(
        num_classes, activation="softmax", name="label_probability", dtype="float32"
    )(codes)
    network = Classifier(
        x,
        probabilities,
        image_range=(model.likelihood.low, model.likelihood.high),
        name=f"{model.name}_classifier",
    )
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def _check_stackable(model):
    if (
        not isinstance(model, BaseAutoencoder)
        or model.conditional
        or model.custom_networks
        or model.filters
        or model.network != "dense"
        or model.tie_weights
        or not all(
            isinstance(one, keras.layers.Dense) for one in model.encoder.layers if one.weights
        )
    ):
        raise ValueError(
            f"Layers cannot be stacked into this {type(model).__name__}: it must be a dense model "
            "that encodes images alone, with hidden_units=, and without labels, filters=, "
            "tie_weights= or your own networks."
        )
    if "second_encoder" in model.network_names:
        raise ValueError(
            f"Layers cannot be stacked into this {type(model).__name__}: it has an encoder for "
            "each of two views, and layers for one of them would leave the other untrained."
        )
    found = model.decoder.output.shape[1:]
    if model.likelihood.adds_inputs or found != tuple(model.image_shape):
        raise ValueError(
            f"Layers cannot be stacked into this {type(model).__name__}: with the likelihood "
            f"{type(model.likelihood).__name__} its networks take or give other numbers of values "
            f"than an item has, {tuple(model.image_shape)}; the decoder gives {found}."
        )


def _check_samplable(layers):
    if not isinstance(layers, (list, tuple)) or not all(
        isinstance(one, Autoencoder) for one in layers
    ):
        raise TypeError(
            f"layers is {layers!r}; pass a list of one-layer models of the zoo, as zoo.pretrain "
            "returns it (not the deep model)."
        )
    if not layers:
        raise ValueError("There are no layers: pass the list that zoo.pretrain returns.")
    for one in layers:
        activation = getattr(one, "code_activation", None)
        if activation != "sigmoid" or one.likelihood.high != 1:
            raise ValueError(
                f"{_sizes(one)} has code_activation={activation!r} and the likelihood "
                f"{type(one.likelihood).__name__}; units are drawn from probabilities, which need "
                "code_activation='sigmoid' and likelihood='bernoulli' in every layer."
            )
    for below, above in pairwise(layers):
        if above.image_shape != (below.latent_dim,):
            raise ValueError(
                f"The layers do not fit: {_sizes(above)} does not take the {below.latent_dim} "
                f"values that {_sizes(below)} gives."
            )


def _layers_of(model, layer, options):
    """Return a one-layer model for every dense layer of the encoder, after checks."""
    widths = [*model.hidden_units, model.latent_dim]
    activations = [model.activation] * len(model.hidden_units)
    activations.append(model.code_activation_in_stacks)
    if isinstance(layer, type):
        if "code_activation" in options:
            raise ValueError(
                f"code_activation is {options['code_activation']!r}; leave it out: each layer "
                f"takes over the model's, activation={model.activation!r} for hidden layers and "
                f"code_activation={model.code_activation!r} for its code."
            )
        inputs = [model.image_shape, *((width,) for width in widths[:-1])]
        if "hidden_units" in arguments_of(layer):
            options = {"hidden_units": (), **options}
        try:
            layers = [
                layer(shape, width, code_activation=activation or "linear", **options)
                for shape, width, activation in zip(inputs, widths, activations, strict=True)
            ]
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{layer.__name__} cannot be used for the layers of this model, whose "
                f"activation={model.activation!r} and code_activation={model.code_activation!r} "
                f"they take over: {error}"
            ) from error
    else:
        layers = list(layer)
    found = [one.latent_dim for one in layers]
    below = [one.image_shape for one in layers]
    expected = [tuple(model.image_shape), *((width,) for width in widths[:-1])]
    if found != widths or below != expected:
        raise ValueError(
            f"The layers do not fit: they take {below} and give {found}; this model needs layers "
            f"that take {expected} and give {widths}."
        )
    for one in layers:
        if not one.has_one_layer:
            raise ValueError(f"{_sizes(one)} has more than one layer; leave out its hidden_units=.")
    return layers


def _opposite_layers(model):
    """Return pairs of dense layers: one of the encoder and its counterpart in the decoder."""
    others = model.encoder_outputs[1:]  # such as the log-variance
    down = [layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)]
    down = [layer for layer in down if layer.name not in others]
    up = [layer for layer in model.decoder.layers if isinstance(layer, keras.layers.Dense)]
    return zip(down, up[::-1], strict=True)


def _weighted(network):
    return [layer for layer in network.layers if layer.weights]


def _sizes(one):
    return f"{type(one).__name__} {one.image_shape} -> {one.latent_dim}"
