"""Estimates of log p(x) from the prior and from q(z | x), against quadrature."""

import numpy as np
import pytest
from scipy import stats

import zoo
from zoo.experiments import likelihood_estimates


@pytest.fixture(scope="module")
def model():
    """A VAE with one latent dimension, whose p(x) is an integral over a line."""
    model = zoo.VAE((2, 3, 1), 1, hidden_units=(4,), seed=1)
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=np.shape(w)) for w in model.decoder.get_weights()]
    model.decoder.set_weights(weights)
    # q(z | x) becomes N(0.2, e^0.2) for every x: wider than the prior, so that weights are bounded.
    model.encoder.set_weights(
        [0.2 * (w.ndim == 1) * np.ones_like(w) for w in model.encoder.get_weights()]
    )
    return model


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).integers(0, 2, (3, 2, 3, 1)).astype("float32")


def integrals(model, x):
    """Return ln of the integral of p(x | z) N(z; 0, 1) for each image, by a fine grid."""
    z = np.linspace(-8, 8, 4001, dtype="float32")[:, None]
    logits = np.asarray(model.decoder.predict(z, verbose=0), "float64")  # [4001, 2, 3, 1]
    probabilities = 1 / (1 + np.exp(-logits))
    densities = [
        np.prod(np.where(image == 1, probabilities, 1 - probabilities), axis=(1, 2, 3))
        for image in x
    ]
    step = float(z[1, 0] - z[0, 0])
    return np.log([np.sum(p * stats.norm.pdf(z[:, 0])) * step for p in densities])


def test_draws_of_the_prior_estimate_the_integral_within_their_error(model, x):
    found = likelihood_estimates.from_prior(model, x, (1000, 20_000), seed=0)
    expected = integrals(model, x)
    for estimate in found.values():
        assert (np.abs(estimate.value - expected) < 4 * estimate.standard_error).all()
    assert (found[20_000].standard_error < 0.01).all()


def test_importance_sampling_estimates_the_same_integral(model, x):
    estimate = model.log_likelihood(x, samples=20_000)
    assert (np.abs(estimate.value - integrals(model, x)) < 4 * estimate.standard_error).all()
    assert (estimate.standard_error < 0.01).all()


def test_log_likelihoods_are_those_of_the_distribution(model, x):
    z = np.array([[-1.0], [0.5]], "float32")
    logits = model.decoder.predict(z, verbose=0)
    expected = [
        [float(zoo.Bernoulli().log_prob(image[None], code[None])[0]) for image in x]
        for code in logits
    ]
    found = likelihood_estimates.log_likelihoods(model, x, z)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_effective_draws_follow_from_the_weights(model, x):
    (estimate,) = likelihood_estimates.from_prior(model, x, (50,), seed=0).values()
    z = np.random.default_rng(0).standard_normal((50, 1), np.float32)
    weights = np.exp(likelihood_estimates.log_likelihoods(model, x, z))
    expected = weights.sum(axis=0) ** 2 / np.square(weights).sum(axis=0)
    found = likelihood_estimates.effective_draws(estimate, 50)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_pixels_are_drawn_with_the_probability_of_their_gray_value():
    gray = np.full((100, 28, 28, 1), 0.3, "float32")
    gray[:, 0] = 0
    gray[:, 1] = 1
    drawn = likelihood_estimates.binary(gray)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert (drawn[:, 0] == 0).all()
    assert (drawn[:, 1] == 1).all()
    assert drawn[:, 2:].mean() == pytest.approx(0.3, abs=0.01)
