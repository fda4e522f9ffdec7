"""Posteriors q(z | x) that are not Gaussian: a single code, and any function of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from zoo.backend import backend


@dataclass(frozen=True)
class PointMass:
    """A posterior with one code for each image: it always gives this code.

    Attributes:
        mean: the codes, a tensor [batch, n].

    Examples:
        >>> q = zoo.nn.distributions.PointMass(np.ones((3, 2), "float32"))
        >>> tuple(q.draw(5, keras.random.SeedGenerator(0)).shape)
        (3, 5, 2)
    """

    mean: Any

    def draw(self, samples: int, seed_generator: Any) -> Any:
        """Return the codes [batch, samples, n], all equal for one image."""
        del seed_generator
        return ops.stack([self.mean] * samples, axis=1)

    def reparameterize(self, noise: Any) -> Any:
        """Return the codes for noise [batch, samples, n], which has no effect."""
        return ops.stack([self.mean] * noise.shape[1], axis=1)


@dataclass(frozen=True)
class ImplicitPosterior:
    """A posterior with samples z = f(x, noise), for standard normal noise; any distribution.

    Attributes:
        function: a function from noise to codes, both [batch, n], for the images of one batch.
        rows: how many images the batch has. latent_dim: n.

    Examples:
        >>> q = zoo.nn.distributions.ImplicitPosterior(lambda noise: 2 * noise + 1, 3, 2)
        >>> tuple(q.draw(5, keras.random.SeedGenerator(0)).shape)
        (3, 5, 2)
    """

    function: Callable[[Any], Any]
    rows: Any
    latent_dim: int

    def draw(self, samples: int, seed_generator: Any) -> Any:
        """Return samples of every row, [batch, samples, n], differentiably."""
        shape = (self.rows, samples, self.latent_dim)
        return self.reparameterize(backend.normal(shape, seed_generator))

    def reparameterize(self, noise: Any) -> Any:
        """Return z = f(x, noise), for standard normal noise [batch, samples, n]."""
        samples = [self.function(noise[:, i]) for i in range(noise.shape[1])]
        return ops.stack(samples, axis=1)
