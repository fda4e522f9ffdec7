"""Parzen windows against scikit-learn's kernel density, and a density that is known."""

import itertools

import numpy as np
import pytest
from scipy import special, stats
from sklearn.neighbors import KernelDensity

import zoo
from zoo import metrics
from zoo.metrics import parzen

generator = np.random.default_rng(0)


@pytest.mark.parametrize("bandwidth", [0.05, 0.3, 2.0])
def test_windows_are_a_mixture_of_gaussians(bandwidth):
    samples, x = generator.random((200, 4, 3, 1)), generator.random((37, 4, 3, 1))
    each = stats.norm.logpdf(x[:, None], samples, bandwidth).sum(axis=(2, 3, 4))
    found = parzen.parzen_log_likelihood(x, samples, bandwidth)
    np.testing.assert_allclose(found, special.logsumexp(each, axis=1) - np.log(200), rtol=1e-9)
    if bandwidth > 0.1:  # where scikit-learn's tree is exact
        density = KernelDensity(bandwidth=bandwidth).fit(samples.reshape(200, -1))
        np.testing.assert_allclose(found, density.score_samples(x.reshape(37, -1)), rtol=1e-9)


@pytest.mark.slow
def test_the_bandwidth_is_the_best_one_on_validation_images():
    """In one dimension the estimate comes near the true entropy at a width between."""
    samples, x = generator.standard_normal((2, 4000, 1))
    widths = np.array([0.001, 0.2, 5.0])
    assert parzen.choose_bandwidth(x, samples, widths) == 0.2
    estimate = parzen.parzen_log_likelihood(x, samples, 0.2).mean()
    assert estimate == pytest.approx(-stats.norm.entropy(), abs=0.05)


def test_bandwidths_are_close_enough_for_784_pixels():
    """The best bandwidth around one sample is the root of the mean squared distance."""
    sample = np.zeros((1, 784))
    for lower, upper in itertools.pairwise(parzen.BANDWIDTHS):
        best = np.sqrt(lower * upper)
        x = np.full((2, 784), best)
        found = parzen.choose_bandwidth(x, sample)
        at_best, at_found = (parzen.parzen_log_likelihood(x, sample, h)[0] for h in (best, found))
        assert 0 < at_best - at_found < 1


@pytest.mark.parametrize("conditional", [False, True])
def test_a_models_samples_are_its_windows(conditional):
    options = {"num_classes": 3} if conditional else {}
    model = (zoo.CVAE if conditional else zoo.VAE)((4, 4, 1), 2, hidden_units=(5,), **options)
    x, validation = generator.random((2, 50, 4, 4, 1)).astype("float32")
    mean, error, width = metrics.parzen_estimate(model, x, validation, samples=60, seed=1)
    drawn = model.generate(60, np.arange(60) % 3 if conditional else None, seed=1)
    values = parzen.parzen_log_likelihood(x, drawn, width)
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(stats.sem(values))
    assert width == parzen.choose_bandwidth(validation, drawn)


@pytest.mark.parametrize(
    ("shape", "bandwidth", "message"),
    [((5, 3), 0.1, "3 pixels and samples 4"), ((5, 4), 0.0, "bandwidth is 0.0")],
)
def test_invalid_windows_and_shapes_are_refused(shape, bandwidth, message):
    with pytest.raises(ValueError, match=message):
        parzen.parzen_log_likelihood(np.zeros(shape), np.zeros((6, 4)), bandwidth)
