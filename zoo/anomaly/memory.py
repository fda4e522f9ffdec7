"""A memory bank of normal features of all places, and distances to the nearest of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

POOL = 20_000  # features that the memory is chosen from, drawn by chance
NEIGHBORS = 9  # features of the memory that the score of an image is weighted by


class Memory:
    """Distances to the nearest of a few normal features, whatever their place.

        d(f) = min_m ||f - m||,  over the features m of the memory.

    The score of an image is that of its place with the largest d, with f* and m* there,

        s = (1 - exp ||f* - m*|| / sum_(m in N(m*)) exp ||f* - m||) d(f*),

    N(m*) the 9 features of the memory nearest to m*, itself among them: a place whose neighbors in
    the memory are far from it, too, is rarer, and counts more.

    Attributes:
        items: a variable [size, features]. nearby: indices of the features of N(m),
            int32 [size, 9].

    Source: Roth et al. 2022, PatchCore (arXiv 2106.08265), sections 3.2 and 3.3, equation 7.
    """

    names = ("items", "nearby")
    formula = "largest distance of features to the nearest normal ones, weighted by their rarity"

    def __init__(self, items: np.ndarray, nearby: np.ndarray):
        self.items = keras.Variable(items, trainable=False, dtype="float32", name="items")
        self.nearby = keras.Variable(nearby, trainable=False, dtype="int32", name="nearby")

    @classmethod
    def fitted(cls, f: np.ndarray, size: int, seed: int) -> Memory:
        """Choose a memory of a size from features [n, places, features]."""
        from sklearn.neighbors import NearestNeighbors

        f = f.reshape(-1, f.shape[-1])
        generator = np.random.default_rng(seed)
        if len(f) > POOL:
            f = f[np.sort(generator.choice(len(f), POOL, replace=False))]
        items = f[coreset(f, min(size, len(f)), int(generator.integers(len(f))))]
        near = NearestNeighbors(n_neighbors=min(NEIGHBORS, len(items))).fit(items)
        return cls(items, near.kneighbors(items)[1].astype("int32"))

    def variables(self) -> list:
        """Return the variables, in the order of `names`."""
        return [self.items, self.nearby]

    def nearest(self, f: Any) -> Any:
        """Return the indices of the nearest features, tensors [batch, places, features] to int."""
        products = ops.matmul(f, ops.transpose(self.items))
        sizes = ops.sum(ops.square(self.items), axis=-1)
        return ops.top_k(2.0 * products - sizes, 1)[1][..., 0]

    def distances(self, f: Any) -> Any:
        """Return d of features, tensors [batch, places, features] to [batch, places]."""
        away = f - ops.take(self.items, self.nearest(f), axis=0)  # exact, unlike products
        return ops.sqrt(ops.sum(ops.square(away), axis=-1))

    def scored(self, f: Any, distances: Any, maps: Any) -> Any:
        """Return the score s of images, a tensor [batch].

        Args:
            f: features. distances: of `distances`. maps: not used here.
        """
        place = ops.top_k(distances, 1)[1][:, 0]
        chosen = ops.expand_dims(ops.one_hot(place, distances.shape[1]), 1)  # [batch, 1, places]
        away = ops.matmul(chosen, f)  # [batch, 1, features]
        nearby = ops.take(self.nearby, self.nearest(away)[:, 0], axis=0)
        others = ops.take(self.items, nearby, axis=0) - away  # [batch, 9, features]
        others = ops.sqrt(ops.sum(ops.square(others), axis=-1))
        largest = ops.max(distances, axis=1)
        top = ops.max(others, axis=1)
        own = ops.exp(largest - top) / ops.sum(ops.exp(others - top[:, None]), axis=1)
        return (1.0 - own) * largest

    @staticmethod
    def shapes(places: int, size: int) -> dict[str, Callable[[tuple], bool]]:
        """Return checks of the shapes of stored arrays, by name."""
        return {
            "items": lambda shape: len(shape) == 2 and shape[0] > 1 and shape[1] == size,
            "nearby": lambda shape: len(shape) == 2 and 1 <= shape[1] <= NEIGHBORS,
        }


def coreset(f: np.ndarray, size: int, first: int = 0) -> np.ndarray:
    """Return the indices of `size` features that cover all others, chosen greedily (coreset).

    Each choice is the feature that is farthest from those chosen before, so that the largest
    distance to a chosen one is at most twice the smallest possible.

    Args:
        f: features [n, features]. size: how many to choose. first: the index of the first one.

    Example:
        >>> from zoo.anomaly.memory import coreset
        >>> coreset(np.array([[0.0], [1.0], [10.0], [11.0]]), 3).tolist()
        [0, 3, 1]

    Source: Gonzalez 1985 (doi 10.1016/0304-3975(85)90224-5), for the greedy choice.
    """
    f = np.asarray(f, "float32")
    sizes = np.square(f).sum(axis=1)
    chosen = np.empty(size, int)
    left = np.full(len(f), np.inf, "float32")
    for i in range(size):
        chosen[i] = first
        left = np.minimum(left, sizes - 2.0 * (f @ f[first]) + sizes[first])
        left[first] = -1.0
        first = int(left.argmax())
    return chosen
