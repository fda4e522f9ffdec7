"""Start networks that have a linear path as PCA; training then adds nonlinear terms."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn.distributions.likelihoods import LEAST_VARIANCE, Gaussian
from zoo.nn.distributions.priors import Normal
from zoo.nn.networks import LINEAR_PATH, RESIDUAL
from zoo.nn.residual_networks import used_channels

_MOST_ROWS = 20_000


def start_at_pca(model: Any, x: Any) -> None:
    """Set the weights of a new residual model so that its reconstructions are those of PCA.

    The stream of a residual network is linear, and starts as an orthonormal transform. The dense
    layers on both sides of the code are set to the principal components of the transformed data.
    The blocks start at zero, and training adds nonlinear terms to PCA. Random weights need many
    epochs to reach the error of PCA. If a network has fewer channels than the data have values,
    such as 128 for squares of 8x8 pixels in color, some details are lost at the start.

    With network="dense_resnet" a `VAE` starts as probabilistic PCA, with its posterior: for the
    eigenvalues l_k of the covariance, k = 1, ..., latent_dim, and the mean s^2 of the others,
    p(x | z) = N(U (L - s^2 I)^(1/2) z + mean, s^2 I), and q(z | x) has the variances s^2 / l_k.

    Args:
        model: an untrained `Autoencoder` or variant of it, with `network="dense_resnet"`, "resnet"
            or "conv1d", and the likelihood "gaussian" or "squared_error", whose parameters are
            values of pixels.
        x: training data [n, *input_shape], with more rows than `latent_dim`; at most 20,000 evenly
            spaced rows are used.

    Raises:
        TypeError: the model cannot start at PCA.
        ValueError: there are too few rows, or the data have another shape.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.Autoencoder((8, 8, 1), 4, network="resnet", likelihood="squared_error")
        >>> zoo.start_at_pca(model, x)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)

    Source: Baldi and Hornik 1989 (doi 10.1016/0893-6080(89)90014-2): the best linear autoencoder is
    PCA. Tipping and Bishop 1999 (doi 10.1111/1467-9868.00196), eq. 7 and 8: probabilistic PCA.
    """
    _check(model)
    x, _ = model.checked_images(x, None)
    k, shape = model.latent_dim, model.image_shape
    if len(x) <= k:
        raise ValueError(f"x has {len(x)} rows; {k} principal components need more.")
    rows = np.asarray(x[:: -(-len(x) // _MOST_ROWS)], "float64")
    rows = rows.reshape(len(rows), -1)
    if model.network == LINEAR_PATH:  # its input is standardized columns
        rows = np.asarray(model.likelihood.standardized(rows), "float64")
    mean, components = _principal_components(rows, k)
    if model.network == LINEAR_PATH:
        _set_linear_path(model, rows, mean, components)
        return
    head, grid = model.encoder.get_layer(model.encoder_outputs[0]), model.decoder.get_layer("grid")
    stream = keras.Model(model.encoder.input, head.input)  # linear, as its blocks start at zero
    images = np.concatenate([components, mean[None]]).reshape(k + 1, *shape)
    features = ops.stop_gradient(stream(ops.convert_to_tensor(images.astype("float32"))))
    features = ops.convert_to_numpy(features).reshape(k + 1, -1, model.filters[-1]).copy()
    channels, axes = (1, 1) if len(shape) == 1 else (shape[-1], len(shape) - 1)
    features[..., used_channels(channels, model.filters, axes) :] = 0.0  # the random ones
    *basis, center = features.reshape(k + 1, -1)  # the transformed components and mean
    head.set_weights([np.transpose(basis), -np.stack(basis) @ center])
    grid.set_weights([np.stack(basis), center])


def _set_linear_path(model, rows, mean, components):
    """Set the linear path of dense networks to PCA, or to probabilistic PCA with its posterior."""
    k, d = components.shape
    scale = np.ones((2, k))  # of the encoder's axes, and of the decoder's
    if len(model.encoder_outputs) > 1:
        variances = np.var((rows - mean) @ components.T, axis=0)
        rest = (np.var(rows, axis=0).sum() - variances.sum()) / max(d - k, 1)
        rest = max(rest, LEAST_VARIANCE)
        variances = np.maximum(variances, rest)
        weights = np.sqrt(variances - rest)
        scale = np.stack([weights / variances, weights])
        log_var = model.encoder.get_layer(model.encoder_outputs[1])
        kernel = np.zeros_like(ops.convert_to_numpy(log_var.kernel))
        log_var.set_weights([kernel, np.log(rest / variances)])
        if isinstance(model.likelihood, Gaussian):
            model.likelihood.start_at(rest)
    encoding = components.T * scale[0]
    model.encoder.get_layer("linear").set_weights([encoding, -mean @ encoding])
    model.decoder.get_layer("linear").set_weights([components * scale[1][:, None], mean])


def _check(model):
    """Refuse a model that is not a linear stream with one code in between."""
    starts = model.network in RESIDUAL and not model.hidden_units and not model.prior
    if model.network == LINEAR_PATH:
        standard = isinstance(model.prior, Normal) and model.prior.scale == 1.0
        named = {layer.name for layer in model.encoder.layers}
        starts = "linear" in named and (len(model.encoder_outputs) == 1 or standard)
    if not starts or model.conditional or model.code_activation:
        raise TypeError(
            f"{type(model).__name__} cannot start at PCA: give an Autoencoder, or a variant of it, "
            "with network='dense_resnet', or 'resnet' or 'conv1d' with hidden_units=(), and no "
            "code_activation."
        )
    if model.likelihood.reads:
        raise TypeError(
            f"The likelihood {type(model.likelihood).__name__} reads {model.likelihood.reads}, and "
            'PCA gives the values of pixels: choose likelihood="gaussian" or "squared_error".'
        )


def _principal_components(rows, k):
    """Return the mean [d] of rows [n, d] and their first components [k, d]."""
    mean = rows.mean(axis=0)
    centered = rows - mean
    if rows.shape[1] < rows.shape[0]:
        _, vectors = np.linalg.eigh(centered.T @ centered)
        return mean, vectors[:, ::-1][:, :k].T
    return mean, np.linalg.svd(centered, full_matrices=False)[2][:k]
