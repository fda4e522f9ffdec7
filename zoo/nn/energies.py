"""Free energies of a latent variable, with an ellipse as the example."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp


def free_energy(energies: Any, beta: float = np.inf, *, axis: int = -1) -> np.ndarray:
    """Return F(y), the minimum of E(y, z) over codes z, or a soft minimum if beta is finite.

    F(y) = -1/beta ln mean_z exp(-beta E(y, z)), over evenly distributed codes z. It approaches
    min_z E(y, z) as beta goes to infinity, and the mean of E as beta goes to 0.

    Args:
        energies: E(y, z), with the codes along `axis`.
        beta: the inverse temperature, above 0.

    Returns:
        float64, without that axis.

    Source: LeCun et al. 2006, A tutorial on energy-based learning.
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta}; give an inverse temperature above 0.")
    energies = np.asarray(energies, "float64")
    if np.isinf(beta):
        return energies.min(axis=axis)
    return -(logsumexp(-beta * energies, axis=axis) - np.log(energies.shape[axis])) / beta


def ellipse(z: Any, w1: float, w2: float) -> np.ndarray:
    """Return g(z) = (w1 cos z, w2 sin z), [..., 2], for angles z in radians."""
    return np.stack([w1 * np.cos(z), w2 * np.sin(z)], axis=-1)


def ellipse_energies(y: Any, w1: float, w2: float, *, codes: int = 400) -> np.ndarray:
    """Return E(y, z) = |y - g(z)|^2 for points y and `codes` angles z around the ellipse.

    Args:
        y: the points, [..., 2].

    Returns:
        [..., codes].
    """
    angles = np.linspace(0, 2 * np.pi, codes, endpoint=False)
    return np.sum((np.asarray(y)[..., None, :] - ellipse(angles, w1, w2)) ** 2, axis=-1)
