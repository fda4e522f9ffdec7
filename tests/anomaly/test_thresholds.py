"""Thresholds against closed forms."""

import numpy as np
import pytest

from zoo.anomaly import thresholds


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
