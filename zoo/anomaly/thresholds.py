"""Thresholds: the score above which an item counts as an anomaly."""

from __future__ import annotations

import math

import numpy as np

from zoo.nn.given import number

TAIL = 0.1  # the share of the scores that the generalized Pareto distribution is fitted to
LEAST = 200  # items, so that 20 lie in the tail


def by_contamination(scores: np.ndarray, contamination: float) -> float:
    """Return the threshold above which this share of the scores lies, rounded to whole items.

    Args:
        scores: [n], of which some are anomalies. contamination: their share, in (0, 0.5].
    """
    return _cut(scores, round(contamination * len(scores)))


def by_quantile(scores: np.ndarray, quantile: float) -> float:
    """Return the quantile of the scores [n] of normal items; at most 1 - quantile lie above."""
    return _cut(scores, math.floor((1.0 - quantile) * len(scores) + 1e-9))


def by_extreme_values(scores: np.ndarray, rate: float) -> float:
    """Return the score that a normal item exceeds with this probability, by peaks over threshold.

    Above u, the 90 % quantile of the scores, the excesses y = s - u have about a generalized Pareto
    distribution G, which is fitted by maximum likelihood. With the share p of scores above u,
    P(s > t) = p (1 - G(t - u)), also for probabilities that are too small to be counted.

    Args:
        scores: [n] of normal items that the model was not trained on, 200 or more.
        rate: the probability, below 0.1.

    Source: Siffer et al. 2017 (doi 10.1145/3097983.3098144), section 3.
    """
    from scipy.stats import genpareto

    u = np.quantile(scores, 1.0 - TAIL)
    excesses = scores[scores > u] - u
    share = len(excesses) / len(scores)
    shape, _, scale = genpareto.fit(excesses, floc=0.0)
    return float(u + genpareto.isf(min(rate / share, 1.0), shape, scale=scale))


# By the names of the detector's settings: what sets the threshold, and the range of the number.
RULES = {
    "contamination": (by_contamination, {"above": 0, "most": 0.5}),
    "quantile": (by_quantile, {"above": 0, "below": 1}),
    "false_positive_rate": (by_extreme_values, {"above": 0, "below": TAIL}),
}


def of_scores(rule: str, value: float, scores: np.ndarray) -> float:
    """Return the threshold of scores [n] by the name and the number of a rule, as float32 holds it.

    Raises:
        ValueError: too few scores for the rule.
    """
    check_count(rule, len(scores))
    return float(np.float32(RULES[rule][0](scores, value)))


def check_count(rule: str, n: int) -> None:
    """Refuse to set a threshold on too few items, before a model is trained.

    Raises:
        ValueError: less than 200 items for an extreme-value fit.
    """
    if rule == "false_positive_rate" and n < LEAST:
        raise ValueError(
            f"false_positive_rate= fits a distribution to the largest tenth of the scores, for "
            f"which {LEAST} items are needed, and the threshold is set on {n}: give more as "
            "validation_data=, or take quantile=."
        )


def chosen(**given) -> tuple[str, float]:
    """Return the name and the number of the one rule that was given; contamination=0.1 for none.

    Raises:
        TypeError: no number. ValueError: out of its range, or two rules at once.
    """
    rules = {name: value for name, value in given.items() if value is not None}
    if len(rules) > 1:
        raise ValueError(f"{' and '.join(rules)} each set the threshold: give one of them.")
    ((name, value),) = (rules or {"contamination": 0.1}).items()
    return name, number(name, value, **RULES[name][1])


def _cut(scores, above: int) -> float:
    """Return the middle between the scores between which so many lie above."""
    ordered = np.sort(np.asarray(scores, "float64"))
    if above == 0:
        return float(ordered[-1])
    return float((ordered[-above - 1] + ordered[-above]) / 2)
