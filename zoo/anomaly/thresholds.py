"""Thresholds: the score above which an item counts as an anomaly."""

from __future__ import annotations

import math
import warnings

import numpy as np

from zoo.anomaly.tails import Tail
from zoo.checks.arguments import number

TAIL = 0.1  # the share of the scores that the generalized Pareto distribution is fitted to
LEAST = 200  # items, so that 20 lie in the tail
LEAST_ABOVE = 3  # scores above a quantile, so that the rate is known within a factor of about three


def by_contamination(scores: np.ndarray, contamination: float) -> float:
    """Return the threshold above which this share of the scores lies, rounded to whole items.

    Args:
        scores: [n], some of them of anomalies. contamination: the share of these, in (0, 0.5].
    """
    return _cut(scores, round(contamination * len(scores)))


def by_quantile(scores: np.ndarray, quantile: float) -> float:
    """Return the quantile of the scores [n] of normal items; at most 1 - quantile lie above."""
    return _cut(scores, _above(len(scores), quantile))


def by_extreme_values(scores: np.ndarray, rate: float) -> float:
    """Return the score that a normal item exceeds with this probability, by peaks over threshold.

    Above u, the 90 % quantile of the scores, the excesses y = s - u approximately follow a
    generalized Pareto distribution G. With the share p of scores above u, P(s > t) = p (1 - G(t -
    u)), also for probabilities that are too small to be counted.

    Args:
        scores: [n] of normal items that the model was not trained on, 200 or more.
        rate: the probability, below 0.1.

    Raises:
        ValueError: most of the scores are equal, or no float32 number is large enough for the rate.

    Source: Siffer et al. 2017 (doi 10.1145/3097983.3098144), section 3, with a single best fit.
    """
    u, share, tail = _tail(scores)
    found = u + tail.excess(rate / share)
    if found > float(np.finfo("float32").max):
        raise ValueError(
            f"false_positive_rate={rate:g} is too small for {len(scores)} scores: no number is "
            f"large enough as the threshold. {len(scores)} items allow {1 / len(scores):.2g}."
        )
    return float(found)


def expected_rate(rule: str, value: float, scores: np.ndarray) -> tuple[float, float, float]:
    """Return the share of new normal items that exceeds the threshold set by a rule.

    For a quantile this holds for all continuous scores: the probability that a new score exceeds
    the k-th largest of n has a beta distribution with k and n + 1 - k. The threshold lies between
    two of them. For a false positive rate, the share comes from the fitted tail.

    Args:
        rule: "quantile" or "false_positive_rate". value: its number.
        scores: [n] of normal items that the model was not trained on.

    Returns:
        the mean, and the ends of an interval that contains the true share in nine of ten cases.

    Example:
        >>> scores = np.random.default_rng(0).normal(size=15)
        >>> mean, low, high = expected_rate("quantile", 0.99, scores)
        >>> f"{mean:.3f}, {low:.3f} to {high:.3f}"
        '0.062, 0.003 to 0.181'

    Source: David and Nagaraja 2003, Order Statistics, section 2.3.
    """
    from scipy.stats import beta

    n = len(scores)
    if rule == "quantile":
        above = _above(n, value)
        first, second = max(above, 1), above + 1  # the threshold is at, or between these largest
        low, high = beta.ppf(0.05, first, n + 1 - first), beta.ppf(0.95, second, n + 1 - second)
        return (first + second) / 2 / (n + 1), float(low), float(high)
    _, share, tail = _tail(scores)
    excess = tail.excess(value / share)
    low, high = tail.interval(excess)
    return value, share * low, share * high


def _tail(scores):
    """Return the 90 % quantile of scores [n], the share above it, and the tail of the excesses."""
    u = float(np.quantile(scores, 1.0 - TAIL))
    excesses = scores[scores > u] - u
    return u, len(excesses) / len(scores), Tail(excesses)


# By the names of the detector's settings: the function of the rule, and the range of its number.
RULES = {
    "contamination": (by_contamination, {"above": 0, "most": 0.5}),
    "quantile": (by_quantile, {"above": 0, "below": 1}),
    "false_positive_rate": (by_extreme_values, {"above": 0, "below": TAIL}),
}


def of_scores(rule: str, value: float, scores: np.ndarray) -> float:
    """Return the threshold of scores [n] by the name and the number of a rule, rounded to float32.

    It warns if the scores are too few for the false positive rate that the number promises.

    Raises:
        ValueError: too few scores for the rule, or most of them equal.
    """
    check_count(rule, len(scores))
    scores = np.asarray(scores, "float64")
    found = float(np.float32(RULES[rule][0](scores, value)))
    _warn_of_few(rule, value, scores)
    return found


def _warn_of_few(rule, value, scores):
    n = len(scores)
    if rule == "quantile" and n * (1.0 - value) + 1e-9 < LEAST_ABOVE:
        needed = math.ceil(LEAST_ABOVE / (1.0 - value) - 1e-6)
        mean, low, high = expected_rate(rule, value, scores)
        told = (
            f"too few for this: expect {_percent(mean)} of new normal items above the threshold, "
            f"and {_percent(low)} to {_percent(high)} in nine of ten cases, instead of "
            f"{_percent(1.0 - value)}"
        )
    elif rule == "false_positive_rate" and value < 1.0 / n:
        needed = math.ceil(1.0 / value - 1e-6)
        _, low, high = expected_rate(rule, value, scores)
        told = (
            f"for which {1.0 / n:.2g} is the least rate. The threshold is extrapolated beyond all "
            f"scores by the shape of their tail: expect {value:g} on average if the tail keeps its "
            f"shape, and {low:.2g} to {high:.2g} in nine of ten cases"
        )
    else:
        return
    warnings.warn(
        f"{rule}={value:g} is set on {n} scores, {told}. Give {needed:,} normal items for the "
        "threshold (validation_data=, validation_split=), or another number.",
        stacklevel=5,
    )


def _percent(share):
    return f"{100 * share:.2g} %"


def check_count(rule: str, n: int) -> None:
    """Refuse to set a threshold on too few items, before a model is trained.

    Raises:
        ValueError: fewer than 200 items for an extreme-value fit.
    """
    if rule == "false_positive_rate" and n < LEAST:
        raise ValueError(
            f"false_positive_rate= fits a distribution to the largest tenth of the scores, for "
            f"which {LEAST} items are needed, but the threshold is set on {n}: give more as "
            "validation_data=, or use quantile=."
        )


def chosen(**given) -> tuple[str, float]:
    """Return the name and the number of the given rule; contamination=0.1 if none is given.

    Raises:
        TypeError: not a number. ValueError: a number out of range, or two rules at once.
    """
    rules = {name: value for name, value in given.items() if value is not None}
    if len(rules) > 1:
        raise ValueError(f"{' and '.join(rules)} each set the threshold: give one of them.")
    ((name, value),) = (rules or {"contamination": 0.1}).items()
    return name, number(name, value, **RULES[name][1])


def _above(n, quantile):
    """Return the number of scores, out of n, above their quantile."""
    return math.floor((1.0 - quantile) * n + 1e-9)


def _cut(scores, above: int) -> float:
    """Return the midpoint of the two scores that separate the `above` largest from the others."""
    ordered = np.sort(np.asarray(scores, "float64"))
    if above == 0:
        return float(ordered[-1])
    return float((ordered[-above - 1] + ordered[-above]) / 2)
