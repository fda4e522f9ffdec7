"""The score "joined" of rows: the larger of the model's score and the distance to a few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from zoo.anomaly.neighbors import Neighbors
from zoo.inference.compiled import run_in_batches


@dataclass(frozen=True)
class Joined:
    """The larger of two scores, each scaled by its spread on the training rows.

        joined(x) = max((a(x) - m_a) / d_a, (s(x) - m_s) / d_s),

    with a the model's own score, s the distance to a few rows, m the median and d the distance from
    the median to the 90 % quantile, over the training rows. So a row is unusual if one of the two
    scores is high, and about a tenth of the training rows or more exceed a score of 1.

    Attributes:
        neighbors: the rows that define s.
        centers, scales: (m_a, m_s) and (d_a, d_s), numbers.

    Source: Aggarwal and Sathe 2015 (SIGKDD Explorations 17), for the maximum of scores in common
    units.
    """

    neighbors: Neighbors
    centers: tuple[float, float]
    scales: tuple[float, float]

    @classmethod
    def fitted(cls, neighbors: Neighbors, a: np.ndarray, s: np.ndarray) -> Joined:
        """Return the score, scaled by a(x) and s(x) of the training rows, [n] each."""
        centers, scales = zip(_center_and_scale(a), _center_and_scale(s), strict=True)
        return cls(neighbors, centers, scales)

    def larger(self, a: Any, s: Any) -> Any:
        """Return joined(x) for given a(x) and s(x), arrays or tensors [batch]."""
        units = zip((a, s), self.centers, self.scales, strict=True)
        return ops.maximum(*((values - center) / scale for values, center, scale in units))

    def scored(self, a: Any, x: Any) -> Any:
        """Return joined(x), tensors [batch], for a(x) and standardized rows [batch, features]."""
        return self.larger(a, self.neighbors.distances(x))


def fit(detector: Any, x: np.ndarray, kept: np.ndarray) -> tuple[Joined, np.ndarray]:
    """Return the score "joined" of a detector with a trained model, and joined(x), float32 [n].

    If the training data are normal, the distance of a training row excludes the row itself, as it
    would for a new row, so that a threshold set on these scores holds.

    Args:
        x: the training rows, checked and not standardized, [n, features].
        kept: which of them to draw from, bool [n].
    """
    a = run_in_batches(detector.scored_by_model, x, batch_size=1024)
    rows, normal = _rows(detector, x), detector.rule != "contamination"
    missing = detector.model.likelihood.takes_missing
    filled = _rows(detector, detector.model.impute(x, proposals=0)) if missing else rows
    neighbors = Neighbors.drawn(filled, detector.seed, normal, kept, missing)
    s = neighbors.distances_to_others(rows) if normal else neighbors.distances_to(rows)
    found = Joined.fitted(neighbors, a, s)
    return found, ops.convert_to_numpy(found.larger(a, s))


def near(detector: Any, x: np.ndarray, trim: float) -> np.ndarray:
    """Return which rows to learn from, bool [n]: all but the share `trim` farthest from a few rows.

    The few rows have means in place of missing values, as there is no trained model yet.

    Args:
        x: as in `fit`.
    """
    rows, kept = _rows(detector, x), np.ones(len(x), bool)
    missing = detector.model.likelihood.takes_missing
    filled = np.where(np.isnan(rows), np.float32(0), rows)
    far = Neighbors.drawn(filled, detector.seed, False, kept, missing).distances_to(rows)
    kept[np.argsort(far, kind="stable")[len(x) - round(trim * len(x)) :]] = False
    return kept


def _rows(detector, x):
    return np.asarray(detector.in_deviations(x), "float32")


def _center_and_scale(values):
    center, upper = np.quantile(values.astype("float64"), (0.5, 0.9))
    least = 1e-6 * max(abs(center), abs(upper), 1e-6)  # if nearly all rows are alike
    return float(center), float(max(upper - center, least))
