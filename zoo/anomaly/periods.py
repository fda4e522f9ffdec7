"""Drift: how the scores of a detector in use change from period to period, such as by month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zoo.anomaly.folders import images_of
from zoo.checks import data as checks
from zoo.plots.picture import Picture

EVERY = {"year": "Y", "month": "M", "week": "W", "day": "D"}
MOST = 500  # periods
_DATE = re.compile(r"(\d{4}-\d{2})(-\d{2})?([T ].*)?")
_FEW = 0.25  # share of the usual number of items; intervals of fewer may exceed the axis
_NAMED = 6  # periods in a sentence
_MANY = 24  # periods on an axis; with more, not all names are written


class Period(NamedTuple):
    """The scores and flags of the items of one period.

    Attributes:
        name: the name of the period, such as "2026-03".
        items, anomalies: the number of items, and of those with a score above the threshold.
        share: the share of anomalies. share_low, share_high: its Clopper-Pearson interval.
        median: the median score. median_low, median_high: its interval; the smallest and the
            largest score if there are too few for an interval.
    """

    name: str
    items: int
    anomalies: int
    share: float
    share_low: float
    share_high: float
    median: float
    median_low: float
    median_high: float


@dataclass(frozen=True)
class Drift:
    """The periods in order, and the values that they are compared with.

    Attributes:
        periods: a tuple of `Period`.
        every: "month", "week", "day" or "year"; or "value".
        level: the confidence level of the intervals.
        promised: the share of items above the threshold that the detector's rule promises.
        threshold: the threshold of the detector.
    """

    periods: tuple[Period, ...]
    every: str
    level: float
    promised: float
    threshold: float

    @property
    def unlike(self) -> tuple[Period, ...]:
        """The periods whose interval of the share does not contain the promised share."""
        return tuple(p for p in self.periods if not p.share_low <= self.promised <= p.share_high)

    def described(self) -> str:
        """Return the result in one or two sentences."""
        kind = "period" if self.every == "value" else self.every
        names = [f"{p.name} ({p.share:.2%} of {p.items:,})" for p in self.unlike]
        some = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
        told = f": {some}" if names else ""
        return (
            f"The detector promises {self.promised:.2%} of items above its threshold. The interval "
            f"of {len(names)} of {len(self.periods)} {kind}s does not contain this share{told}."
        )

    def figure(self) -> Picture:
        """Draw the share of anomalies and the median score by period, with their intervals."""
        figure = Picture(figsize=(8, 5), dpi=100, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        places = np.arange(len(self.periods))
        unlike = np.isin(places, [i for i, p in enumerate(self.periods) if p in self.unlike])
        for axes, name, scale in ((upper, "share", 100.0), (lower, "median", 1.0)):
            middle, low, high = (
                scale * np.array([getattr(p, name + end) for p in self.periods])
                for end in ("", "_low", "_high")
            )
            for chosen, color in ((~unlike, "C0"), (unlike, "C3")):
                bars = (middle - low, high - middle)
                bars = [np.maximum(bar[chosen], 0) for bar in bars]
                options = {"fmt": "o", "capsize": 3, "markersize": 4, "color": color}
                axes.errorbar(places[chosen], middle[chosen], bars, **options)
            axes.grid(axis="y", alpha=0.3)
        told = f"promised {self.promised:.2%}; red: the interval does not contain it"
        upper.axhline(100 * self.promised, color="k", linestyle="--", label=told)
        lower.axhline(self.threshold, color="k", linestyle="--", label="threshold")
        items = np.array([p.items for p in self.periods])
        large = [p for p in self.periods if p.items >= _FEW * np.median(items)]
        upper.set_ylim(0, 110 * max(max(p.share_high for p in large), self.promised))
        upper.set(ylabel="above the threshold, %")
        lower.set(ylabel="median score")
        for axes in (upper, lower):  # above the axes, so that it hides no data
            place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderpad": 0}
            axes.legend(**place, fontsize=8, frameon=False)
        step = -(-len(self.periods) // _MANY)
        names = [p.name if len(p.name) <= 20 else f"{p.name[:19]}…" for p in self.periods]
        lower.set_xticks(places[::step])
        lower.set_xticklabels(names[::step], rotation=45, ha="right", parse_math=False)
        return figure


def drift(detector: Any, x: Any, when: Any, *, every: str = "month", level: float = 0.95) -> Drift:
    """Return the share of anomalies and the median score by month, with their intervals.

    The share has a Clopper-Pearson interval: if anomalies are independent, it contains the true
    share in at least 95 of 100 periods. The interval of the median lies between two of the sorted
    scores; the binomial distribution determines which, whatever the distribution of the scores. Of
    20 periods of a detector that works as promised, one may lie outside.

    Args:
        detector: a fitted `Detector`.
        x: items [n, *input_shape].
        when: dates [n]: text such as "2026-03-14" or "2026-03-14 12:00", datetime64, or dates of
            Python or pandas. With `every="value"`, names of any groups: batches, machines.
        every: "month", "week", "day", "year" or "value". A week is named by its Monday.
        level: the confidence level of the intervals, in (0, 1).

    Raises:
        TypeError, ValueError: data that do not fit the detector, or values that are not dates.

    Example:
        >>> x = zoo.data.load("digits")[1][0]
        >>> detector = zoo.anomaly.Detector(zoo.load("vae_digits")).fit(x)
        >>> when = np.datetime64("2026-01-01") + np.arange(360)
        >>> found = zoo.anomaly.drift(detector, x, when)
        >>> len(found.periods), found.periods[0].name, found.periods[0].items
        (12, '2026-01', 31)

    Source: Clopper and Pearson 1934 (doi 10.1093/biomet/26.4.404); David and Nagaraja 2003, Order
    Statistics, section 7.1, for quantiles.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it lies between 0 and 1, such as 0.95.")
    n = checks.count_rows(images_of(x))
    names, periods = periods_of(when, every)
    if len(periods) != n:
        raise ValueError(f"There are {len(periods)} dates for {n} items; give one for each item.")
    scores = np.asarray(detector.scores(x), "float64")
    flagged = scores > detector.threshold
    found = []
    for i, name in enumerate(names):
        own = periods == i
        count, above = int(own.sum()), int(flagged[own].sum())
        shares = (above / count, *share_interval(above, count, level))
        medians = (float(np.median(scores[own])), *median_interval(scores[own], level))
        found.append(Period(str(name), count, above, *shares, *medians))
    return Drift(tuple(found), every, level, promised_share(detector), detector.threshold)


def promised_share(detector: Any) -> float:
    """Return the share of items above the threshold that the rule of a detector promises."""
    value = float(detector.rule_value)
    return 1.0 - value if detector.rule == "quantile" else value


def share_interval(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval for a share, if `count` of `n` items were observed."""
    from scipy.stats import binomtest

    found = binomtest(count, n).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)


def median_interval(scores: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return an interval of the median of scores [n] that depends only on their order.

    The k-th smallest and the k-th largest score enclose the true median unless fewer than k scores
    lie on one side of it; the number on one side is binomial with probability 1/2. If there are
    too few scores for this level, the interval goes from the smallest to the largest.
    """
    from scipy.stats import quantile_test

    found = quantile_test(scores, p=0.5).confidence_interval(level)
    if np.isnan([found.low, found.high]).any():
        return float(np.min(scores)), float(np.max(scores))
    return float(found.low), float(found.high)


def periods_of(when: Any, every: str = "month") -> tuple[list[str], np.ndarray]:
    """Return the names of the periods, in order, and the number of the period of each date.

    Args:
        when, every: as in `drift`.

    Raises:
        ValueError: values that are not dates, a missing date, or more than 500 periods.
    """
    if every not in (*EVERY, "value"):
        raise ValueError(f"every is {every!r}; give one of {', '.join(EVERY)}, value.")
    when = np.asarray(when)
    if when.ndim != 1:
        raise ValueError(f"The dates have shape {when.shape}; give one for each item, [n].")
    if when.dtype.kind == "O" or (every != "value" and when.dtype.kind != "M"):
        when = when.astype(str)
    distinct, numbers = np.unique(when, return_inverse=True)
    if every == "value":
        names = [str(value) for value in distinct]
    else:
        days = (
            _weeks(distinct) if every == "week" else _days(distinct).astype(f"M8[{EVERY[every]}]")
        )
        starts, inside = np.unique(days, return_inverse=True)
        names, numbers = [str(start) for start in starts], inside[numbers]
    if len(names) > MOST:
        raise ValueError(
            f"There are {len(names)} periods, such as {', '.join(names[:3])}, but at most {MOST} "
            'are allowed: use longer ones, such as every="month" (--every month).'
        )
    return names, numbers


def _weeks(dates):
    """Return the Monday of each date."""
    days = _days(dates)
    since_monday = (days.astype("int64") + 3) % 7  # 1970-01-01 was a Thursday
    return days - since_monday


def _days(dates) -> np.ndarray:
    """Return dates as days, datetime64[D]."""
    if dates.dtype.kind == "M":
        days = dates.astype("M8[D]")
    else:
        days = np.array([_day(text) for text in dates.tolist()], "M8[D]")
    if np.isnat(days).any():
        raise ValueError("A date is missing (NaT): leave out its item.")
    return days


def _day(text):
    """Return the day of a date in ISO 8601, in the time zone in which it was written."""
    parts = _DATE.fullmatch(text.strip())
    try:
        return np.datetime64((parts[1] + (parts[2] or "-01")) if parts else text + "?", "D")
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a date such as 2026-03-14: write dates like this, in Python with "
            "pandas.to_datetime(column, dayfirst=True). For names of batches or machines use "
            'every="value" (--every value).'
        ) from error
