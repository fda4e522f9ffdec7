"""The structural similarity (SSIM) of images as a loss, alone or with the L1 error."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import number
from zoo.checks.array_types import Tensor
from zoo.nn.distributions.likelihoods import Likelihood

ALPHA = 0.84  # of "l1_ssim": Zhao et al. 2017
_TRUNCATE = 3.5  # standard deviations from the center of a window to its borders
_WIDEST = 100  # pixels of a standard deviation; a preset's file must not ask for endless windows
_K1, _K2 = 0.01, 0.03  # of the range of values: Wang et al. 2004


@keras.saving.register_keras_serializable(package="zoo")
class StructuralSimilarity(Likelihood):
    """-log_prob compares local means, standard deviations and correlations, not single pixels.

    It is a loss and no density: alpha sum(1 - SSIM) + (1 - alpha) sum|x - x'|, over all values. The
    image x' is the decoder's output, cut off at the ends of [0, L]; what is cut off is added to the
    loss, because SSIM(x, -x) = 1. With the means, variances and the covariance of x and x' in a
    Gaussian window around a pixel,

        SSIM = (2 m m' + a) (2 c + b) / ((m^2 + m'^2 + a) (v + v' + b)),

    a = (0.01 L)^2 and b = (0.03 L)^2. It is 1 for equal images, and computed for each channel;
    at its borders an image is padded with its mirror image. A texture that is lost has a large
    loss, even if the texture has little contrast and so a small squared error.

    The names "ssim" and "l1_ssim" stand for alpha = 1 and alpha = 0.84.

    Args:
        alpha: the weight of 1 - SSIM in [0, 1]; the L1 error has the rest.
        sigma: standard deviation of the window in pixels, at most 100; it is cut off at 3.5 sigma.
        data_range: L, above 0; images have values in [0, L].

    Examples:
        >>> x = np.random.default_rng(0).random((20, 16, 16, 1), np.float32)
        >>> model = zoo.Autoencoder((16, 16, 1), 4, hidden_units=(16,), likelihood="l1_ssim")
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.likelihood
        StructuralSimilarity(alpha=0.84, sigma=1.5, data_range=1.0)

    Source: Wang et al. 2004 (doi 10.1109/TIP.2003.819861), eq. 13. Bergmann et al. 2019 (arXiv
    1807.02011), for autoencoders that find defects. Zhao et al. 2017 (doi 10.1109/TCI.2016.2644865)
    for the mixture, there with several scales and a weighted L1 error.
    """

    low = 0.0
    unit = "structural dissimilarity"

    def __init__(self, alpha: float = 1.0, sigma: float = 1.5, data_range: float = 1.0):
        self.alpha = number("alpha", alpha, least=0, most=1)
        self.sigma = number("sigma", sigma, above=0, most=_WIDEST)
        self.data_range = self.high = number("data_range", data_range, above=0)

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        if len(image_shape) != 3:
            raise ValueError(
                f"The likelihood {self!r} is for images, whose pixels have neighbors, but "
                f"input_shape is {tuple(image_shape)}: choose likelihood='gaussian'."
            )
        return super().parameter_shape(image_shape)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        parameters = ops.cast(parameters, "float32")
        image = self.mean(parameters)
        errors = self.dissimilarities(x, image) + ops.abs(parameters - image)
        return -ops.sum(errors, axis=tuple(range(1, len(errors.shape))))

    def mean(self, parameters: Tensor) -> Tensor:
        return ops.clip(parameters, 0.0, self.data_range)

    def dissimilarities(self, x: Tensor, restored: Tensor) -> Tensor:
        """Return alpha (1 - SSIM) + (1 - alpha) |x - x'| of each value, of the shape of x."""
        found = (1.0 - self.alpha) * ops.abs(x - restored)
        if self.alpha:
            similar = similarity(x, restored, self.sigma, self.data_range)
            found = found + self.alpha * (1.0 - similar)
        return found

    def get_config(self) -> dict:
        return {"alpha": self.alpha, "sigma": self.sigma, "data_range": self.data_range}


def similarity(x: Tensor, y: Tensor, sigma: float = 1.5, data_range: float = 1.0) -> Tensor:
    """Return the structural similarity of each value of two images, in [-1, 1].

    Args:
        x, y: float32 tensors [batch, height, width, channels].
        sigma: standard deviation of the Gaussian window. data_range: the range of values.

    Returns:
        a tensor of the shape of x.
    """
    m_x, m_y, v_x, v_y, c = local_moments(x, y, sigma)
    a, b = ((k * data_range) ** 2 for k in (_K1, _K2))
    means = (2.0 * m_x * m_y + a) / (ops.square(m_x) + ops.square(m_y) + a)
    return means * (2.0 * c + b) / (v_x + v_y + b)


def local_moments(x: Tensor, y: Tensor, sigma: float) -> tuple[Tensor, ...]:
    """Return means, variances and the covariance of two images in a window around each pixel.

    The window is the product of one along rows and one along columns. So a variance is the mean of
    the variances along rows plus the variance of their means. The usual form, the mean of squares
    minus the squared mean, would lose digits in float32 where an image is bright and even.
    """
    radius = int(_TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = ops.convert_to_tensor((weights / weights.sum()).reshape(-1, 1, 1, 1, 1), "float32")
    both, channels = ops.concatenate([x, y], axis=-1), x.shape[-1]
    spread: Any = 0.0
    for axis in (2, 1):
        views = _shifted(both, axis, radius)  # [window, batch, height, width, 2 channels]
        both = ops.sum(weights * views, axis=0)
        away = views - both
        a, b = away[..., :channels], away[..., channels:]
        new = ops.sum(weights * ops.concatenate([a * a, b * b, a * b], axis=-1), axis=0)
        if axis == 1:
            new = new + ops.sum(weights * _shifted(spread, axis, radius), axis=0)
        spread = new
    return both[..., :channels], both[..., channels:], *ops.split(spread, 3, axis=-1)


def _shifted(x: Tensor, axis: int, radius: int) -> Tensor:
    """Return an image moved by -radius, ..., radius pixels along an axis, mirrored at its borders.

    Returns:
        a tensor [2 radius + 1, *shape of x].
    """
    size = x.shape[axis]
    places = np.pad(np.arange(size), radius, mode="symmetric").astype("int32")
    wide = ops.take(x, places, axis=axis)
    parts = [slice(start, start + size) for start in range(2 * radius + 1)]
    return ops.stack([wide[:, part] if axis == 1 else wide[:, :, part] for part in parts])
