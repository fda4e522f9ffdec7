"""The tail of the distribution of scores: the probability of scores beyond the observed ones."""

from __future__ import annotations

import numpy as np

STEPS = 200  # values of the ratio shape / scale in the average
LEAST_EXCESSES = 10  # different values, so that a distribution can be fitted


class Tail:
    """A generalized Pareto distribution of excesses, averaged over its parameters.

    The density of an excess y is (r / c) (1 + r y)^(-1 / c - 1) with the shape c and the ratio
    r = shape / scale. The quantiles of a single best fit are exceeded several times as often as
    they should be, because few excesses leave the shape uncertain. So both parameters are averaged
    over, weighted by how well they explain the excesses. Given r, the values log(1 + r y) have an
    exponential distribution with the mean c, so that the average over c has a closed form, with
    the prior 1 / |r| (uniform in c, and in the logarithm of the scale):

        S = sum_i log(1 + r y_i)
        p(r | y) ~ (r / S)^(m - 1) exp(-S)
        P(Y > y | r) = (1 + log(1 + r y) / S)^(-(m - 1))

    Args:
        excesses: [m], above 0, with at least ten different values.

    Raises:
        ValueError: fewer different values.

    Sources: Pickands 1975 (doi 10.1214/aos/1176343003) for the distribution; Zhang and Stephens
    2009 (doi 10.1198/tech.2009.08017) for the average over r.
    """

    def __init__(self, excesses: np.ndarray):
        different = len(np.unique(excesses))
        if different < LEAST_EXCESSES:
            raise ValueError(
                f"The largest tenth of the scores has {different} different values, but the fit of "
                f"a tail needs at least {LEAST_EXCESSES}: many items have the same score. Use "
                "quantile= instead of false_positive_rate=."
            )
        self.mean = float(excesses.mean())
        self.values = np.asarray(excesses, "float64") / self.mean
        coarse = np.linspace(-6.0, 20.0, 131)  # of log(1 + r max(y)): from bounded to very heavy
        likely = self._log_weights(coarse)[0]
        kept = np.flatnonzero(likely > likely.max() - 15.0)
        ends = coarse[max(kept[0] - 1, 0)], coarse[min(kept[-1] + 1, len(coarse) - 1)]
        weights, self.ratios, self.sums = self._log_weights(np.linspace(*ends, STEPS))
        self.weights = np.exp(weights - weights.max())
        self.weights /= self.weights.sum()

    def _log_weights(self, steps):
        """Return the logarithm of the density of each step, up to a constant, with r and S."""
        ratios = np.expm1(steps) / self.values.max()
        ratios = np.where(np.abs(ratios) < 1e-9, 1e-9, ratios)  # 0 is an exponential distribution
        sums = np.array([np.log1p(ratio * self.values).sum() for ratio in ratios])
        m = len(self.values)
        return (m - 1) * np.log(ratios / sums) - sums + steps, ratios, sums

    def _relative(self, excess):
        """Return log(1 + r y) / S for each r; infinite beyond the end of a bounded distribution."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside = 1.0 + self.ratios * (excess / self.mean)
            return np.where(inside > 0, np.log(inside) / self.sums, np.inf)

    def probability(self, excess: float) -> float:
        """Return P(Y > excess) of a new excess Y."""
        return float(self.weights @ (1.0 + self._relative(excess)) ** (1.0 - len(self.values)))

    def excess(self, probability: float) -> float:
        """Return the excess that a new excess is above with this probability; infinite if none."""
        from scipy.optimize import brentq

        if probability >= 1:
            return 0.0
        high = self.mean
        while self.probability(high) > probability:
            high *= 2.0
            if not np.isfinite(high):
                return np.inf
        return float(brentq(lambda y: self.probability(y) - probability, 0.0, high, rtol=1e-9))

    def interval(self, excess: float, within: float = 0.9) -> tuple[float, float]:
        """Return the central interval that contains P(Y > excess) with the probability `within`.

        Given r, 1 / c has a gamma distribution with m - 1 and S, and P is (1 + r y)^(-1 / c).
        """
        from scipy.stats import gamma

        each = (np.arange(STEPS) + 0.5) / STEPS  # quantiles of 1 / c for every r
        drawn = gamma.ppf(each, len(self.values) - 1)  # [each], to be divided by S
        found = np.exp(-self._relative(excess)[:, None] * drawn)  # [r, each]
        order = np.argsort(found, axis=None)
        reached = np.cumsum(np.repeat(self.weights, STEPS)[order]) / STEPS
        ends = np.searchsorted(reached, ((1.0 - within) / 2, (1.0 + within) / 2))
        low, high = found.reshape(-1)[order][np.minimum(ends, found.size - 1)]
        return float(low), float(high)
