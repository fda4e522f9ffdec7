"""What codes along the places of the classes decode to."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.nn.distributions import GaussianMixture
from zoo.plots.picture import Picture
from zoo.plots.sheets import DPI, enlarged, name_rows, scatter, show

STEPS = 8  # decoded codes of each class


def along_classes(prior: Any, steps: int) -> np.ndarray:
    """Return codes along the component of each class, float32 [classes * steps, 2].

    Args:
        prior: a `GaussianMixture`, such as petals, whose components are passed through from the
            origin to three standard deviations outside of their means; or a `SwissRoll`, whose
            sections are passed through from the center.
        steps: codes of each class.
    """
    if isinstance(prior, GaussianMixture):
        ways = zip(prior.means, prior.factors, strict=True)
        return np.concatenate([_outward(*way, steps) for way in ways]).astype("float32")
    label = np.repeat(np.arange(prior.num_classes), steps)
    noise, uniform = np.zeros((2, len(label), 2), "float32")
    uniform[:, 1] = np.tile((np.arange(steps) + 0.5) / steps, prior.num_classes)
    noise, uniform, label = (ops.convert_to_tensor(a) for a in (noise, uniform, label))
    return ops.convert_to_numpy(prior.transform(noise, uniform, label))


def _outward(mean: np.ndarray, factor: np.ndarray, steps: int) -> np.ndarray:
    """Return points from the origin through the mean of a Gaussian, [steps, 2]."""
    radius = np.linalg.norm(mean)
    direction = mean / radius if radius else np.array([1.0, 0.0])
    deviation = np.linalg.norm(factor.T @ direction)
    return np.linspace(0.0, radius + 3.0 * deviation, steps)[:, None] * direction


def class_walks(model: Any, x: Any, labels: Any = None) -> Picture:
    """Show codes of images, and what codes along the component of each class decode to.

    Args:
        model: a `LabelInformedAAE` of images with two latent dimensions, and a mixture of Gaussians
            or a Swiss roll as its prior.
        x, labels: real images, and their classes for the colors.
    """
    figure = Picture(figsize=(12, 6.4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    scatter(figure, left, model.encode(x), labels)
    end = 1.1 * model.prior.extent
    left.set(xlim=(-end, end), ylim=(-end, end), aspect="equal", title="codes of real images")
    left.set(xlabel="$z_1$", ylabel="$z_2$")
    images = model.as_images(model.decode(along_classes(model.prior, STEPS)))
    show(right, images, STEPS)
    right.set_title("decoded, along the place of each class")
    name_rows(right, [f"class {c}" for c in range(model.num_classes)], images.shape[1])
    return enlarged(figure)
