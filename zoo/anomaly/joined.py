"""The score "joined" of rows: the larger of the model's own score and the distance to few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from zoo.anomaly.neighbors import Neighbors
from zoo.inference.compiled import run_in_batches


@dataclass(frozen=True)
class Joined:
    """Two scores in units of their own spread on the training rows, of which the larger counts.

        joined(x) = max((a(x) - m_a) / d_a, (s(x) - m_s) / d_s),

    with a the model's own score, s the distance to few rows, m the median and d the distance from
    there to the 90 % quantile, over the training rows. So a row is unusual if one of the two says
    so, and a score of 1 is exceeded by about a tenth of the training rows or more.

    Attributes:
        neighbors: of s.
        centers, scales: (m_a, m_s) and (d_a, d_s), numbers.

    Source: Aggarwal and Sathe 2015 (SIGKDD Explorations 17), for the maximum of scores in common
    units.
    """

    neighbors: Neighbors
    centers: tuple[float, float]
    scales: tuple[float, float]

    @classmethod
    def fitted(cls, neighbors: Neighbors, a: np.ndarray, s: np.ndarray) -> Joined:
        """Return the score, in units of a(x) and s(x) of the training rows, [n] each."""
        centers, scales = zip(_center_and_scale(a), _center_and_scale(s), strict=True)
        return cls(neighbors, centers, scales)

    def larger(self, a: Any, s: Any) -> Any:
        """Return joined(x) of a(x) and s(x), arrays or tensors [batch]."""
        units = zip((a, s), self.centers, self.scales, strict=True)
        return ops.maximum(*((values - center) / scale for values, center, scale in units))

    def scored(self, a: Any, x: Any) -> Any:
        """Return joined(x), tensors [batch], of a(x) and of standardized rows [batch, features]."""
        return self.larger(a, self.neighbors.distances(x))


def fit(detector: Any, x: np.ndarray, kept: np.ndarray) -> tuple[Joined, np.ndarray]:
    """Return the score "joined" of a detector whose model is trained, and joined(x), float32 [n].

    Where training data are normal, the distance of each row in joined(x) is that to the others, as
    for a new row, so that a threshold set on it holds.

    Args:
        x: the training rows, checked, [n, features] in their own units.
        kept: which of them to draw from, bool [n].
    """
    a = run_in_batches(detector.scored_by_model, x, batch_size=1024)
    rows, normal = _rows(detector, x), detector.rule != "contamination"
    neighbors = Neighbors.drawn(rows, detector.seed, normal, kept)
    s = neighbors.distances_to_others(rows) if normal else neighbors.distances_to(rows)
    found = Joined.fitted(neighbors, a, s)
    return found, ops.convert_to_numpy(found.larger(a, s))


def near(detector: Any, x: np.ndarray, trim: float) -> np.ndarray:
    """Return which rows to learn from, bool [n]: all but the share `trim` that is far from few.

    Args:
        x: as of `fit`.
    """
    rows, kept = _rows(detector, x), np.ones(len(x), bool)
    far = Neighbors.drawn(rows, detector.seed, False, kept).distances_to(rows)
    kept[np.argsort(far, kind="stable")[len(x) - round(trim * len(x)) :]] = False
    return kept


def _rows(detector, x):
    return np.asarray(detector.in_deviations(x), "float32")


def _center_and_scale(values):
    center, upper = np.quantile(values.astype("float64"), (0.5, 0.9))
    least = 1e-6 * max(abs(center), abs(upper), 1e-6)  # where nearly all rows are alike
    return float(center), float(max(upper - center, least))
