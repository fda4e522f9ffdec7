"""Naive Bayes against scikit-learn and sums over all images of few pixels."""

import itertools

import numpy as np
import pytest
from sklearn.naive_bayes import BernoulliNB

from zoo.experiments import classifiers


def fitted():
    draw = np.random.default_rng(0)
    y = np.arange(60) % 3
    means = draw.random((3, 5))
    return BernoulliNB(binarize=None).fit(classifiers.drawn_bits(means[y], 1), y)


def test_probabilities_of_all_images_sum_to_one():
    x = np.array(list(itertools.product((0, 1), repeat=5)))
    assert np.exp(classifiers.log_likelihood(fitted(), x)).sum() == pytest.approx(1)


def test_the_log_likelihood_normalizes_what_scikit_learn_predicts():
    model, x = fitted(), np.random.default_rng(2).integers(0, 2, (20, 5))
    expected = model.predict_joint_log_proba(x) - model.predict_log_proba(x)  # [20, 3], all equal
    np.testing.assert_allclose(classifiers.log_likelihood(model, x), expected[:, 0])
    np.testing.assert_allclose(expected, np.repeat(expected[:, :1], 3, axis=1))


def test_bits_are_drawn_with_their_probability():
    x = np.full((20_000, 3), (0.0, 0.3, 1.0), "float32")
    bits = classifiers.drawn_bits(x, 1)
    assert set(np.unique(bits)) == {0, 1}
    np.testing.assert_allclose(bits.mean(axis=0), (0.0, 0.3, 1.0), atol=0.015)
    np.testing.assert_array_equal(bits, classifiers.drawn_bits(x, 1))


def test_smoothed_means_are_those_of_one_class():
    x = np.random.default_rng(0).integers(0, 2, (30, 4))
    model = BernoulliNB(alpha=1.0, binarize=None).fit(x, np.zeros(30))
    np.testing.assert_allclose(classifiers.smoothed_means(x), np.exp(model.feature_log_prob_))
