"""Default settings of a detector's model: likelihood, network, length of codes.

They were chosen by experiments: on digits and clothes with the last training images of all classes
held out, on photographs with painted defects. `results/defaults` compares them with PCA and others.
"""

from __future__ import annotations

import math
from typing import Any

from zoo.checks.constructors import arguments_of
from zoo.models.classical import Autoencoder
from zoo.models.rbm import RBM
from zoo.models.vae import VAE
from zoo.nn.networks import LINEAR_PATH

_LONGEST_CODE = 64
_VALUES_PER_DIMENSION = 49  # values of an image for each dimension of its code
# Settings that choose another network, or a network that cannot start as PCA.
_OF_NETWORKS = ("network", "filters", "encoder", "decoder", "activation", "code_activation")
_OF_NETWORKS += ("tie_weights", "prior")
# Likelihoods by name whose parameters are the values of pixels, so that a network can start as PCA.
_OF_PIXELS = ("gaussian", "squared_error", "ssim", "l1_ssim")


def settings_of(
    model_class: type[Any], shape: tuple[int, ...], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the settings of the model that a detector makes: the given ones, and defaults.

    Args:
        model_class: a class of the zoo. shape: the shape of an item.
        given: the settings of the user, which override defaults.

    The likelihood is "gaussian", because the cross-entropy of gray pixels is larger for items with
    more gray, whatever the model has learned. `Autoencoder` and `VAE` of images and signals have
    dense layers beside a linear path, which starts as PCA (`zoo.start_at_pca`): with few data, it
    is hard to do better than PCA.
    """
    made = dict(given)
    takes = arguments_of(model_class)
    bernoulli = "likelihood" in takes and takes["likelihood"].default == "bernoulli"
    if bernoulli and not issubclass(model_class, RBM) and "decoder" not in given:
        made.setdefault("likelihood", "gaussian")
    linear = model_class in (Autoencoder, VAE) and len(shape) > 1
    if any(name in given for name in _OF_NETWORKS):
        linear = False
    if linear and made["likelihood"] in _OF_PIXELS:
        made["network"] = LINEAR_PATH
    if "encoder" not in given:
        made.setdefault("latent_dim", latent_dim_of(shape))
    return made


def latent_dim_of(shape: tuple[int, ...]) -> int:
    """Return the default length of codes: 1/3 of the columns, or 1/49 of the values of images.

    Example:
        >>> from zoo.anomaly.defaults import latent_dim_of
        >>> latent_dim_of((28, 28, 1)), latent_dim_of((64, 64, 3)), latent_dim_of((30,))
        (16, 64, 10)
    """
    values = math.prod(shape)
    suited = values // 3 if len(shape) == 1 else max(values // _VALUES_PER_DIMENSION, 8)
    return max(2, min(_LONGEST_CODE, suited))
