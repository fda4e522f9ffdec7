"""The learned density of coefficients."""

import numpy as np
import pytest
from keras import ops
from scipy import stats

from zoo.nn.distributions.factorized import GAIN, FactorizedDensity


def logistic(scales, means):
    """A density without hidden layers: logistic distributions."""
    density = FactorizedDensity(len(scales), units=())
    (matrix, _), (bias, _) = density.matrices[0], density.biases[0]
    matrix.assign(np.log(np.expm1(1 / np.array(scales))) / GAIN)
    bias.assign(-np.array(means) / np.array(scales) / GAIN)
    return density


@pytest.mark.backend
def test_without_hidden_layers_it_is_a_logistic_distribution():
    density = logistic([0.5, 2.0], [0.3, -1.0])
    x = np.random.default_rng(0).normal(0, 3, (40, 2)).astype("float32")
    step = np.array([0.7, 0.2], "float32")
    wanted = [
        stats.logistic.cdf(x[:, i] + step[i] / 2, mean, scale)
        - stats.logistic.cdf(x[:, i] - step[i] / 2, mean, scale)
        for i, (scale, mean) in enumerate([(0.5, 0.3), (2.0, -1.0)])
    ]
    found = ops.convert_to_numpy(density.probability(*map(ops.convert_to_tensor, (x, step))))
    np.testing.assert_allclose(found, np.transpose(wanted), rtol=2e-5)


def drawn(channels=6, seed=0):
    """A density with weights that were drawn."""
    density = FactorizedDensity(channels, seed=1)
    generator = np.random.default_rng(seed)
    for weight in density.weights:
        weight.assign(weight + generator.normal(0, 0.7, weight.shape) / GAIN)
    return density


@pytest.mark.backend
def test_it_increases_from_0_to_1():
    x = np.tile(np.linspace(-500, 500, 20001, dtype="float32"), (6, 1))
    f = stats.logistic.cdf(ops.convert_to_numpy(drawn().logits(ops.convert_to_tensor(x))))
    assert (np.diff(f) >= 0).all()
    assert (np.abs(f[:, 0]) < 1e-3).all()
    assert (np.abs(f[:, -1] - 1) < 1e-3).all()


@pytest.mark.backend
def test_probabilities_of_all_integers_sum_to_one():
    q = np.arange(-2000, 2001, dtype="float32")[:, None] * np.ones((1, 6), "float32")
    step = np.full(6, 0.25, "float32")
    p = ops.convert_to_numpy(drawn().probability(ops.convert_to_tensor(q * 0.25), step))
    np.testing.assert_allclose(p.sum(axis=0), 1.0, atol=2e-3)


def test_both_tails_are_computed_without_loss():
    """In the upper tail F is near 1, where a difference of float32 would be 0."""
    density = logistic([1.0], [0.0])
    x = np.array([[-15.0], [15.0]], "float32")
    p = ops.convert_to_numpy(
        density.probability(*map(ops.convert_to_tensor, (x, np.float32([1.0]))))
    )
    assert p[0, 0] == pytest.approx(p[1, 0], rel=1e-4)
    assert p[0, 0] == pytest.approx(stats.logistic.pdf(15.0), rel=0.05)


@pytest.mark.backend
def test_a_density_is_made_again_from_its_config():
    density = drawn(3)
    other = FactorizedDensity.from_config(density.get_config())
    assert [w.shape for w in other.weights] == [w.shape for w in density.weights]
