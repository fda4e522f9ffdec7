"""One neuron, the losses as likelihoods, and backpropagation by hand."""

import numpy as np
import pytest
from scipy import stats

from zoo.experiments import neurons


def test_a_neuron_learns_as_fast_as_nielsen_reports():
    """The outputs of chapter 3: 0.09 and 0.20 by the squared error, both small otherwise."""
    squared, slow, *fast = (
        neurons.descend(loss, *start, 300, 0.15)
        for loss in ("squared error", "cross-entropy")
        for start in ((0.6, 0.9), (2.0, 2.0))
    )
    assert squared[0] == pytest.approx(0.82, abs=0.005)
    assert squared[-1] == pytest.approx(0.09, abs=0.005)
    assert slow[0] == pytest.approx(0.98, abs=0.005)
    assert slow[-1] == pytest.approx(0.20, abs=0.005)
    assert slow[100] > 0.96
    assert all(outputs[-1] < 0.013 for outputs in fast)


@pytest.mark.parametrize(("loss", "of_output"), [("squared error", 1), ("cross-entropy", 0)])
def test_a_step_of_the_neuron_is_a_finite_difference(loss, of_output):
    def value(w):
        a = neurons.sigmoid(w + 0.9)
        return a**2 / 2 if of_output else -np.log(1 - a)

    slope = (value(0.6 + 1e-5) - value(0.6 - 1e-5)) / 2e-5
    after = neurons.descend(loss, 0.6, 0.9, 1, 0.15)[1]
    assert after == pytest.approx(neurons.sigmoid(1.5 - 2 * 0.15 * slope), abs=1e-9)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("loss", neurons.OUTPUT_ERRORS)
def test_backpropagation_by_hand_agrees_with_automatic_differentiation(activation, loss):
    assert neurons.largest_difference(activation, loss) < 1e-5


def test_backpropagation_agrees_with_finite_differences():
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=(2, 3)), generator.normal(size=(3, 1))]
    biases = [generator.normal(size=3), generator.normal(size=1)]
    x, y = generator.normal(size=(4, 2)), generator.random((4, 1))

    def loss():
        a = neurons.sigmoid(neurons.sigmoid(x @ weights[0] + biases[0]) @ weights[1] + biases[1])
        return np.mean(neurons.LOSSES["cross-entropy"](a, y))

    found = neurons.backpropagate(weights, biases, x, y)
    for parameter, gradient in zip([weights[0], biases[0], weights[1]], found[:3], strict=True):
        at = (0,) * parameter.ndim
        parameter[at] += 1e-6
        above = loss()
        parameter[at] -= 2e-6
        below = loss()
        parameter[at] += 1e-6
        assert gradient[at] == pytest.approx((above - below) / 2e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("loss", "log_likelihood", "targets"),
    [
        ("squared error", lambda a, y: stats.norm(a).logpdf(y), np.linspace(-2, 2, 9)),
        ("absolute error", lambda a, y: stats.laplace(a).logpdf(y), np.linspace(-2, 2, 9)),
        ("cross-entropy", lambda a, y: stats.bernoulli(a).logpmf(y), np.array([0.0, 1.0])),
    ],
)
def test_a_loss_is_a_negative_log_likelihood_but_for_a_constant(loss, log_likelihood, targets):
    a = np.linspace(0.1, 0.9, 5)[:, None]
    sums = neurons.LOSSES[loss](a, targets) + log_likelihood(a, targets)
    np.testing.assert_allclose(sums, sums[0, 0], atol=1e-12)


def test_the_minimizers_are_the_mean_and_the_median():
    y = np.random.default_rng(0).exponential(size=1001)
    assert neurons.minimizer("squared error", y) == pytest.approx(y.mean(), abs=1e-5)
    assert neurons.minimizer("absolute error", y) == pytest.approx(np.median(y), abs=1e-3)
    ones = (y > 1).astype("float64")
    assert neurons.minimizer("cross-entropy", ones) == pytest.approx(ones.mean(), abs=1e-5)
