"""How close reconstructed images are to their originals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.checks.arrays import as_array
from zoo.inference import arrays

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder

_WINDOW = 11  # pixels, the side of the window of `ssim`
_MULTI_SCALE = 161  # pixels; the smallest of five scales must hold a window


def reconstruction_error(
    model: BaseAutoencoder, x: np.ndarray, labels: np.ndarray | None = None
) -> float:
    """Squared error of reconstructions, summed over pixels and averaged over images.

    `model.reconstruction_error(x)` returns the error of each single image. Images are decoded from
    their deterministic code, for a variational model the mean of q(z | x), so that the value can be
    compared with the error of PCA.

    Args:
        model: a model of the zoo.
        x: images, float [n, *input_shape], in the range of the model's likelihood.
        labels: integers [n] for conditional models, else None.

    Returns:
        the error per image, at least 0, in squared units of a pixel; for the columns of a table
        that the likelihood standardizes, in squared standard deviations.

    Raises:
        ValueError: images or labels that do not fit the model.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> round(zoo.metrics.reconstruction_error(zoo.load("vae_digits"), x), 1)
        2.0
    """
    return float(np.mean(arrays.reconstruction_error(model, x, labels)))


def squared_error(reconstructed: np.ndarray, x: np.ndarray) -> float:
    """Squared error, summed over the pixels of an image and averaged over images.

    Args:
        reconstructed: float [n, ...].
        x: the originals, of the same shape.

    Returns:
        the error per image, at least 0, in squared units of a pixel.

    Raises:
        ValueError: the shapes differ.

    Examples:
        >>> zoo.metrics.squared_error(np.zeros((5, 2, 2)), np.full((5, 2, 2), 0.5))
        1.0
    """
    differences = _squared_differences(reconstructed, x)
    return float(np.sum(differences) / len(differences))


def psnr(reconstructed: np.ndarray, x: np.ndarray) -> float:
    """Peak signal-to-noise ratio of each image in decibels, averaged over images.

    10 log10(1 / mean squared error), for pixels in [0, 1]: higher means closer. It is infinite if
    an image equals its original.

    Args:
        reconstructed: float [n, ...], in [0, 1].
        x: the originals, of the same shape and range.

    Returns:
        the mean ratio, in dB.

    Raises:
        ValueError: the shapes differ.

    Examples:
        >>> x = zoo.data.load("digits")[1][0]
        >>> noisy = zoo.Masking(0.25).sample(x, seed=0)  # a quarter of the pixels is set to 0
        >>> round(zoo.metrics.psnr(noisy, x))
        13
    """
    errors = _squared_differences(reconstructed, x)
    errors = errors.mean(axis=tuple(range(1, errors.ndim)))  # [n]
    with np.errstate(divide="ignore"):
        return float(np.mean(-10.0 * np.log10(errors)))


def ssim(reconstructed: np.ndarray, x: np.ndarray) -> float:
    """Structural similarity of images, averaged over images: 1 for equal images.

    It compares means, deviations and correlation in a Gaussian window around each pixel;
    scikit-image computes it.

    Args:
        reconstructed: float [n, height, width, channels], in [0, 1], at least 11 pixels a side.
        x: the originals, of the same shape and range.

    Returns:
        the mean similarity, in [-1, 1].

    Raises:
        ImportError: scikit-image is missing.
        ValueError: different shapes, values out of range, images that are too small, or no images.

    Examples:
        >>> x = np.random.default_rng(0).random((2, 16, 16, 1))
        >>> zoo.metrics.ssim(x, x)
        1.0

    Source: Wang, Bovik, Sheikh and Simoncelli 2004 (doi 10.1109/TIP.2003.819861).
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise ImportError(
            "zoo.metrics.ssim needs scikit-image, the extra ssim: pip install scikit-image"
        ) from error
    reconstructed, x = _arrays(reconstructed, x)
    if x.ndim != 4 or not len(x) or min(x.shape[1:3]) < _WINDOW:
        raise ValueError(
            f"The images have the shape {x.shape}; give [n, height, width, channels], at least one "
            f"image of at least {_WINDOW} pixels a side."
        )
    for name, images in (("reconstructed images", reconstructed), ("originals", x)):
        if not (images.min() >= 0 and images.max() <= 1):
            raise ValueError(
                f"The pixels of the {name} go from {images.min():g} to {images.max():g}; give "
                "[0, 1], such as pixels from 0 to 255 divided by 255."
            )
    images = zip(reconstructed, x, strict=True)
    of_paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    found = [
        structural_similarity(*pair, data_range=1.0, channel_axis=-1, **of_paper) for pair in images
    ]
    return float(np.mean(found))


def ms_ssim(reconstructed: np.ndarray, x: np.ndarray) -> float:
    """Multi-scale structural similarity of images, averaged over images: 1 for equal images.

    Contrast and structure are compared at five scales, each half as large as the one before;
    TensorFlow computes it, for each channel.

    Args:
        reconstructed: float [n, height, width, channels], in [0, 1], at least 161 pixels a side.
        x: the originals, of the same shape and range.

    Returns:
        the mean similarity, in [0, 1].

    Raises:
        ValueError: different shapes, or images that are too small.

    Examples:
        >>> x = np.random.default_rng(0).random((2, 176, 176, 1))
        >>> zoo.metrics.ms_ssim(x, x)
        1.0

    Source: Wang, Simoncelli and Bovik 2003 (doi 10.1109/ACSSC.2003.1292216).
    """
    import tensorflow as tf

    reconstructed, x = _arrays(reconstructed, x)
    if x.ndim != 4 or not len(x) or min(x.shape[1:3]) < _MULTI_SCALE:
        raise ValueError(
            f"The images have the shape {x.shape}; give [n, height, width, channels], at least one "
            f"image of at least {_MULTI_SCALE} pixels a side."
        )
    images = zip(reconstructed.astype("float32"), x.astype("float32"), strict=True)
    with tf.device("/CPU:0"):
        found = [float(tf.image.ssim_multiscale(a, b, 1.0)) for a, b in images]
    return float(np.mean(found))


def _squared_differences(reconstructed, x) -> np.ndarray:
    """Return (reconstructed - x)^2 of two arrays of equal shape, float64."""
    reconstructed, x = _arrays(reconstructed, x)
    return (x - reconstructed) ** 2


def _arrays(reconstructed, x):
    """Return two arrays of equal shape as float64."""
    reconstructed, x = as_array(reconstructed, "reconstructed"), as_array(x, "x")
    if np.shape(reconstructed) != np.shape(x):
        raise ValueError(
            f"The reconstructed images have the shape {np.shape(reconstructed)}, but the originals "
            f"have {np.shape(x)}; give equally many images of the same shape."
        )
    return np.asarray(reconstructed, "float64"), np.asarray(x, "float64")
