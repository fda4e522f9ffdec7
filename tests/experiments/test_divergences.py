"""KL divergences on a grid, by samples, and in closed form."""

import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats

from zoo.experiments import divergences
from zoo.nn.distributions import DiagonalNormal, Normal
from zoo.nn.distributions.normal import kl_by_dimension


def test_the_density_of_the_mixture_is_that_of_scipy():
    x = np.linspace(-5, 5, 11)
    parts = [
        weight * stats.norm(mean, deviation).pdf(x)
        for weight, mean, deviation in zip(
            divergences.WEIGHTS, divergences.MEANS, divergences.DEVIATIONS, strict=True
        )
    ]
    np.testing.assert_allclose(np.exp(divergences.mixture_log_density(x)), sum(parts))


def test_divergences_on_the_grid_are_those_of_quadrature():
    def integrand(x, first, second):
        return np.exp(first(x)) * (first(x) - second(x))

    q, p = stats.norm(0.5, 1.5).logpdf, divergences.mixture_log_density
    expected = [
        integrate.quad(integrand, -12, 12, (first, second), limit=200)[0]
        for first, second in ((q, p), (p, q))
    ]
    np.testing.assert_allclose(divergences.divergences(0.5, 1.5), expected, rtol=1e-6)


def test_the_fit_that_covers_p_has_its_moments():
    weights, means, deviations = map(
        np.array, (divergences.WEIGHTS, divergences.MEANS, divergences.DEVIATIONS)
    )
    mean = np.sum(weights * means)
    variance = np.sum(weights * (deviations**2 + means**2)) - mean**2
    found = divergences.fitted("from_p", 0.0)
    assert found.mean == pytest.approx(mean, abs=1e-4)
    assert found.deviation == pytest.approx(variance**0.5, abs=1e-4)


@pytest.mark.parametrize(("start", "weight"), [(-3.0, 0.6), (3.0, 0.4)])
def test_the_fit_that_seeks_a_mode_pays_for_the_share_of_the_other_one(start, weight):
    found = divergences.fitted("from_q", start)
    assert found.mean == pytest.approx(start, abs=0.1)
    assert found.from_q == pytest.approx(-np.log(weight), abs=0.03)


def test_the_closed_form_is_that_of_the_models():
    mean, deviation = divergences.ESTIMATED
    moments = np.array([[[mean]], [[2 * np.log(deviation)]]], "float32")
    q = DiagonalNormal(*map(ops.convert_to_tensor, moments))
    expected = float(ops.convert_to_numpy(kl_by_dimension(q, Normal(1)))[0, 0])
    assert divergences.divergence(mean, deviation) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("samples", [1, 100])
def test_the_error_of_an_estimate_falls_with_the_root_of_the_samples(samples):
    found = divergences.estimation_error(samples, trials=2000)
    assert found == pytest.approx(divergences.expected_error(samples), rel=0.1)
