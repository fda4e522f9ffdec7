"""Thresholds against closed forms."""

import warnings

import numpy as np
import pytest
from scipy import stats

from zoo.anomaly import thresholds
from zoo.anomaly.tails import Tail


@pytest.mark.parametrize(("share", "above"), [(0.05, 5), (0.5, 50), (0.001, 0)])
def test_contamination_is_the_share_above(share, above):
    scores = np.random.default_rng(0).normal(size=100)
    assert (scores > thresholds.by_contamination(scores, share)).sum() == above


def test_a_threshold_lies_between_scores_where_rounding_cannot_turn_it():
    scores = np.array([1.0, 2.0, 3.0, 5.0])
    assert thresholds.by_contamination(scores, 0.25) == 4.0
    assert thresholds.by_quantile(scores, 0.5) == 2.5


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99, 0.999])
def test_at_most_one_minus_the_quantile_lie_above(quantile):
    scores = np.random.default_rng(1).normal(size=200)
    threshold = thresholds.by_quantile(scores, quantile)
    assert (scores > threshold).mean() == pytest.approx(1 - quantile, abs=0.5 / 200)


@pytest.mark.parametrize("rate", [0.05, 1e-3, 1e-5])
def test_the_tail_of_an_exponential_distribution_is_extrapolated(rate):
    scores = np.random.default_rng(2).exponential(size=200_000)
    threshold = thresholds.by_extreme_values(scores, rate)
    assert threshold == pytest.approx(-np.log(rate), rel=0.05)  # P(s > t) = exp(-t)


def test_the_tail_of_a_bounded_distribution_stays_within_it():
    scores = np.random.default_rng(3).uniform(size=20_000)
    assert thresholds.by_extreme_values(scores, 1e-4) == pytest.approx(1 - 1e-4, abs=3e-4)


HEAVY = {
    "squared, of Student": stats.f(1, 3),  # the square of t with 3 degrees of freedom
    "lognormal": stats.lognorm(1.5),
    "exponential": stats.expon(),
}


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("rate", [5e-3, 5e-4])
def test_the_promised_rate_is_held_on_average_by_few_rows_with_heavy_tails(name, rate):
    generator, found = np.random.default_rng(4), []
    for _ in range(120):
        scores = HEAVY[name].rvs(size=200, random_state=generator)
        found.append(HEAVY[name].sf(thresholds.by_extreme_values(scores, rate)))
    assert 0.3 < np.mean(found) / rate < 1.7  # one best fit of the tail: 1.5, and 4 to 8


def test_the_interval_of_a_tail_holds_the_true_rate_in_nine_of_ten_cases():
    generator, true = np.random.default_rng(5), stats.expon()
    held = []
    for _ in range(150):
        scores = true.rvs(size=300, random_state=generator)
        rate = true.sf(thresholds.by_extreme_values(scores, 2e-3))
        _, low, high = thresholds.expected_rate("false_positive_rate", 2e-3, scores)
        held.append(low <= rate <= high)
    assert 0.83 <= np.mean(held) <= 0.99


@pytest.mark.slow
def test_the_average_of_a_tail_is_the_integral_over_its_parameters():
    excesses = stats.genpareto(0.3, scale=2.0).rvs(size=30, random_state=6)
    shape, scale = np.meshgrid(np.linspace(-0.9, 4, 700), np.exp(np.linspace(-3, 4, 700)))
    logs = sum(stats.genpareto.logpdf(y, shape, scale=scale) for y in excesses)
    weights = np.exp(logs - logs.max())  # a prior that is uniform in shape and log(scale)
    for excess in (1.0, 8.0, 40.0):
        expected = (weights * stats.genpareto.sf(excess, shape, scale=scale)).sum() / weights.sum()
        assert Tail(excesses).probability(excess) == pytest.approx(expected, rel=0.02)
    assert Tail(excesses).probability(Tail(excesses).excess(1e-3)) == pytest.approx(1e-3)


def test_a_tail_does_not_depend_on_the_unit():
    excesses = np.random.default_rng(7).exponential(size=50)
    large = Tail(1e6 * excesses)
    assert large.excess(1e-3) == pytest.approx(1e6 * Tail(excesses).excess(1e-3))
    assert large.interval(1e6) == pytest.approx(Tail(excesses).interval(1.0))


@pytest.mark.parametrize("scores", [np.ones(300), np.arange(300) // 50, np.repeat([0, 1], 150)])
def test_scores_that_are_mostly_equal_have_no_tail(scores):
    with pytest.raises(ValueError, match="different values.*Use quantile="):
        thresholds.of_scores("false_positive_rate", 0.01, scores)


def test_a_rate_that_no_number_can_hold_is_refused():
    scores = np.random.default_rng(8).standard_t(1, size=200)
    with pytest.raises(ValueError, match=r"1e-100 is too small for 200 .* allow 0.005"):
        thresholds.by_extreme_values(scores, 1e-100)


@pytest.mark.parametrize(("n", "quantile"), [(15, 0.99), (100, 0.99), (40, 0.9), (2, 0.9)])
def test_the_rate_that_a_quantile_lets_expect_is_that_of_order_statistics(n, quantile):
    generator = np.random.default_rng(9)
    mean, low, high = thresholds.expected_rate("quantile", quantile, generator.normal(size=n))
    rates = [
        stats.norm.sf(thresholds.by_quantile(scores, quantile))
        for scores in generator.normal(size=(4000, n))
    ]
    assert np.mean(rates) == pytest.approx(mean, rel=0.15)  # the middle of two depends on the tail
    assert 0.89 <= np.mean([low <= rate <= high for rate in rates]) <= 0.99


def test_the_largest_of_few_scores_is_exceeded_as_its_beta_distribution_says():
    mean, low, high = thresholds.expected_rate("quantile", 0.99, np.arange(15.0))
    assert mean == pytest.approx(1 / 16)
    assert (low, high) == pytest.approx(stats.beta(1, 15).interval(0.9))


@pytest.mark.parametrize(
    ("rule", "value", "n", "told"),
    [
        (
            "quantile",
            0.99,
            15,
            r"expect 6.2 % .* 0.34 % to 18 % .* instead of 1 %.*Give 300 normal",
        ),
        ("quantile", 0.9, 29, r"quantile=0.9 is set on 29 scores.*Give 30 normal items"),
        ("false_positive_rate", 1e-3, 500, r"0.002 is the least rate.*Give 1,000 normal items"),
    ],
)
def test_few_scores_warn_of_the_rate_to_expect(rule, value, n, told):
    with pytest.warns(UserWarning, match=told):
        thresholds.of_scores(rule, value, np.random.default_rng(10).exponential(size=n))


@pytest.mark.parametrize(
    ("rule", "value", "n"),
    [("quantile", 0.99, 300), ("false_positive_rate", 2e-3, 500), ("contamination", 0.01, 20)],
)
def test_enough_scores_do_not_warn(rule, value, n):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        thresholds.of_scores(rule, value, np.random.default_rng(11).exponential(size=n))


def test_too_few_scores_for_a_tail_are_refused():
    thresholds.check_count("false_positive_rate", 200)
    thresholds.check_count("quantile", 2)
    with pytest.raises(ValueError, match="200 items are needed.*set on 199"):
        thresholds.check_count("false_positive_rate", 199)


@pytest.mark.parametrize(
    "given",
    [
        {"contamination": 0.0},
        {"contamination": 0.51},
        {"contamination": -0.1},
        {"contamination": float("nan")},
        {"quantile": 1.0},
        {"false_positive_rate": 0.1},
    ],
)
def test_numbers_out_of_their_range_are_refused(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"{name} is "):
        thresholds.chosen(**given)


def test_one_rule_is_chosen():
    assert thresholds.chosen(contamination=None, quantile=None) == ("contamination", 0.1)
    assert thresholds.chosen(contamination=0.5) == ("contamination", 0.5)
    with pytest.raises(ValueError, match="contamination and quantile each set"):
        thresholds.chosen(contamination=0.1, quantile=0.9)
    with pytest.raises(TypeError, match="contamination is 'auto'"):
        thresholds.chosen(contamination="auto")
