"""Compares two detectors on the same items: flags that are gained or lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.plots.picture import Picture


@dataclass(frozen=True)
class Comparison:
    """The scores and flags of two detectors for the same n items.

    Attributes:
        gained: numbers of the items that only the new detector flags, sorted from the largest new
            score.
        lost: numbers of the items that only the old one flags, sorted from the largest old score.
        kept: the number of items that both flag.
        old_share, new_share: the share of items above the threshold of each detector.
        rank_correlation: Spearman's rank correlation of the scores; 1 if both have the same order,
            NaN if one detector gives all items the same score.
        old_scores, new_scores: float32 [n]. Their units differ.
        old_threshold, new_threshold: the thresholds of the detectors.
    """

    gained: np.ndarray
    lost: np.ndarray
    kept: int
    old_share: float
    new_share: float
    rank_correlation: float
    old_scores: np.ndarray
    new_scores: np.ndarray
    old_threshold: float
    new_threshold: float

    def described(self) -> str:
        """Return the result in one or two sentences."""
        n = len(self.new_scores)
        rank = self.rank_correlation
        order = "" if np.isnan(rank) else f" The rank correlation of the scores is {rank:.3f}."
        return (
            f"Of {n:,} items the old detector flags {self.old_share:.2%} and the new one "
            f"{self.new_share:.2%}: {self.kept} flags are the same, {len(self.gained)} are gained "
            f"and {len(self.lost)} lost.{order}"
        )

    def figure(self) -> Picture:
        """Draw for each item the share of items with higher old and new scores, and thresholds."""
        figure = Picture(figsize=(5, 5), dpi=100, layout="constrained")
        axes = figure.add_subplot()
        old, new = _percent(self.old_scores), _percent(self.new_scores)
        rest = np.setdiff1d(np.arange(len(new)), np.concatenate([self.gained, self.lost]))
        kinds = {
            "as before": (rest, "0.6"),
            f"gained: {len(self.gained)}": (self.gained, "C3"),
            f"lost: {len(self.lost)}": (self.lost, "C0"),
        }
        for name, (items, color) in kinds.items():
            axes.scatter(old[items], new[items], s=6, color=color, label=name)
        line = {"color": "k", "linestyle": "--", "linewidth": 1}
        if self.old_share > 0:
            axes.axvline(100 * self.old_share, **line, label="thresholds")
        if self.new_share > 0:
            axes.axhline(100 * self.new_share, **line)
        axes.set(xscale="log", yscale="log", aspect="equal")
        axes.set(xlabel="items with higher old scores, %", ylabel="items with higher new scores, %")
        ends = (120, 40 / len(new))  # the most unusual items at the right and at the top
        axes.set(xlim=ends, ylim=ends)
        axes.legend(loc="upper left", fontsize=8)
        return figure


def compare(old: Any, new: Any, x: Any) -> Comparison:
    """Compare two fitted detectors on the same items, such as one in use and its successor.

    Args:
        old, new: fitted detectors.
        x: items [n, *input_shape]; each detector sorts the columns of a table by its own names.

    Raises:
        ValueError: no threshold, or items that do not fit one of the detectors.

    Example:
        >>> x = zoo.data.load("digits")[1][0]
        >>> old = zoo.anomaly.Detector(zoo.load("vae_digits"), quantile=0.95).fit(x)
        >>> new = zoo.anomaly.Detector(zoo.load("vae_digits"), quantile=0.9).fit(x)
        >>> found = zoo.anomaly.compare(old, new, x)
        >>> len(found.gained), len(found.lost), found.kept
        (18, 0, 18)
    """
    for name, detector in (("old", old), ("new", new)):
        if detector.threshold is None:
            raise ValueError(f"The {name} detector has no threshold yet: call fit(x) first.")
    return comparison(old.scores(x), new.scores(x), old.threshold, new.threshold)


def comparison(
    old_scores: np.ndarray, new_scores: np.ndarray, old_threshold: float, new_threshold: float
) -> Comparison:
    """Compare scores [n] of the same items by two detectors, each with its threshold."""
    before = old_scores > np.float32(old_threshold)
    after = new_scores > np.float32(new_threshold)
    gained, lost = np.flatnonzero(after & ~before), np.flatnonzero(before & ~after)
    return Comparison(
        gained=gained[np.argsort(-new_scores[gained], kind="stable")],
        lost=lost[np.argsort(-old_scores[lost], kind="stable")],
        kept=int((before & after).sum()),
        old_share=float(before.mean()),
        new_share=float(after.mean()),
        rank_correlation=rank_correlation(old_scores, new_scores),
        old_scores=old_scores,
        new_scores=new_scores,
        old_threshold=old_threshold,
        new_threshold=new_threshold,
    )


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation of two arrays [n]; NaN if one of them is constant."""
    from scipy.stats import spearmanr

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)


def _percent(scores) -> np.ndarray:
    """Return for each score the percentage of higher scores [n]; equal scores count half."""
    from scipy.stats import rankdata

    return 100 * (rankdata(-scores) - 0.5) / len(scores)
