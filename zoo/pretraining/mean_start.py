"""Start a decoder at the mean of the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import layers

from zoo.checks import arrays as checks
from zoo.nn.layers import TiedDense

_LAST_LAYER = "pixels"  # of the zoo's own decoders
_WITH_BIAS = (layers.Dense, TiedDense, layers.Conv2DTranspose, layers.Conv1DTranspose)
_LEAST = 0.001  # of a mean in [0, 1], and of its distance from 1


def start_at_mean(model: Any, x: Any) -> None:
    """Set the last biases of a new model so that its decoder starts near the mean of the data.

    Biases of 0 let each pixel start near 0, or near 0.5 with the likelihood "bernoulli", and the
    first epochs learn which pixels are black in most images. Here each bias starts at the mean of
    its pixel, m. With the likelihood "bernoulli" it starts at the log-odds, ln(m / (1 - m)), where
    m is clipped to [0.001, 0.999]. A decoder of convolutions has one bias for each channel.

    Args:
        model: an untrained autoencoder whose decoder has the networks of the zoo, dense or with
            transposed convolutions, and the likelihood "bernoulli", "gaussian" or "squared_error".
        x: training data [n, *input_shape].

    Raises:
        TypeError: the decoder has no such biases, or the data are integers.
        ValueError: the data have another shape or range.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VAE((8, 8, 1), 4, hidden_units=(64,))
        >>> zoo.start_at_mean(model, x)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)

    Source: the program of Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519).
    """
    layer = _last_layer(model)
    x = checks.check_images(x, model.image_shape, model.likelihood)
    mean = np.mean(checks.in_numpy(x), axis=0, dtype="float64")
    biases = math.prod(layer.bias.shape)
    if biases != mean.size:  # one for each channel
        mean = mean.reshape(-1, biases).mean(axis=0)
    if model.likelihood.applies == "sigmoid":
        mean = np.clip(mean, _LEAST, 1.0 - _LEAST)
        mean = np.log(mean / (1.0 - mean))
    layer.bias.assign(mean.reshape(-1))


def _last_layer(model):
    """Return the layer whose biases are the decoder's outputs for features of 0."""
    decoder = getattr(model, "decoder", None)
    last = [
        layer
        for layer in getattr(decoder, "layers", ())
        if layer.name == _LAST_LAYER and isinstance(layer, _WITH_BIAS)
    ]
    if not last or not _decodes_means(model):
        raise TypeError(
            f"{type(model).__name__} cannot start at the mean: give an autoencoder with one "
            "decoder, of hidden_units= or filters=, and the likelihood 'bernoulli', 'gaussian' or "
            "'squared_error'. Networks with a linear path start at PCA: zoo.start_at_pca."
        )
    return last[0]


def _decodes_means(model):
    """Return whether the decoder gives, for each pixel, its mean or the logit of its mean."""
    likelihood = model.likelihood
    return (
        (likelihood.reads is None or likelihood.applies == "sigmoid")
        and not likelihood.in_own_units
        and tuple(model.decoder.output.shape[1:]) == tuple(model.image_shape)
        and "second_decoder" not in model.network_names
    )
